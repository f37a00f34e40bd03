//! Verification of data, and evaluation of predictions.

use clap::{Args as ClapArgs, ValueEnum};

const VERIFY_HELP: &str = "\
DATA is a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH of a server, or dataset:NAME[@VERSION].

Checks: label_errors agreement coverage proxies duplicates contamination leakage outliers spectral_signatures
activation_clusters neighbour_disagreement, and poisoning for the last three; novelty (rows of --test that are unlike DATA) and
stream_outliers (rows far from those before them, by --time). Without --checks: all that the named columns allow, but for the last two. A check that cannot be computed says why, and the others still come.

Lists of columns take names and patterns such as emb_*. --population takes a CSV with the columns column, value, share.

Ends with 0 if nothing failed, 1 if a check failed, 2 after an error.";

#[derive(Debug, ClapArgs)]
#[command(after_help = VERIFY_HELP)]
pub struct Verify {
    #[arg(value_name = "DATA")]
    pub data: String,
    /// Which checks
    #[arg(long, value_delimiter = ',', value_name = "CHECK,…")]
    pub checks: Vec<String>,
    /// The column with the class of each row
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Out-of-sample probabilities, a column a class: prob_* or a list in order of the classes
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub probabilities: Vec<String>,
    /// A model's activations; without them the features themselves
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub activations: Vec<String>,
    /// Labels of single people
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub annotators: Vec<String>,
    /// Protected attributes
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub protected: Vec<String>,
    /// Columns that are no features
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub ignore: Vec<String>,
    /// Shares of the target population
    #[arg(long, value_name = "FILE")]
    pub population: Option<String>,
    /// Test data, looked for in DATA
    #[arg(long, value_name = "DATA")]
    pub test: Option<String>,
    /// The column that identifies what a row is about
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// A column of times: test rows lie after the training rows
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// How often a check may raise a false alarm
    #[arg(long, default_value_t = 0.001)]
    pub level: f64,
    /// Groups of fewer rows are called too small
    #[arg(long, default_value_t = 30, value_name = "ROWS")]
    pub min_group: u64,
    /// Rows that a finding shows
    #[arg(long, default_value_t = 20, value_name = "ROWS")]
    pub evidence: usize,
    /// From where on a check warns and fails; may be given again
    #[arg(long = "threshold", value_name = "CHECK=WARN:FAIL")]
    pub thresholds: Vec<String>,
    /// Of everything that is random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print JSON, and nothing else
    #[arg(long)]
    pub json: bool,
}

const EVALUATE_HELP: &str = "\
PREDICTIONS is a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH of a server, or dataset:NAME[@VERSION], with a row a
prediction: the label, and the predicted class or number, the score of the positive class, or both.

Metrics: binary accuracy average_precision balanced_accuracy brier calibration_error cohen_kappa f1 log_loss mcc positive_rate
precision predicted_positive_rate recall roc_auc specificity; multiclass accuracy balanced_accuracy cohen_kappa macro_f1
macro_precision macro_recall mcc weighted_f1 weighted_precision weighted_recall; regression explained_variance mae mape max_error
median_ae r2 rmse; ranking hit_rate map mrr ndcg.
Fairness: demographic_parity_difference demographic_parity_ratio equal_opportunity_difference equal_opportunity_ratio
equalized_odds_difference equalized_odds_ratio generalized_entropy_index theil_index.

Where labels are missing, --reference (rows with labels and predictions) lets performance be estimated: of a binary model from its
scores (CBPE), of a regression from the columns that both have (direct loss estimation; mae mape mse msle rmse rmsle).

Ends with 0 if the predictions are blessed, 1 if they are refused or a wanted metric cannot be computed, 2 after an error.";

#[derive(Debug, ClapArgs)]
#[command(after_help = EVALUATE_HELP)]
pub struct Evaluate {
    #[arg(value_name = "PREDICTIONS")]
    pub data: String,
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    pub label: String,
    /// The predicted class or number
    #[arg(long, value_name = "COLUMN")]
    pub prediction: Option<String>,
    /// The score of the positive class, or what rows are ranked by
    #[arg(long, value_name = "COLUMN")]
    pub score: Option<String>,
    /// Told from the label if left out: 0 and 1 or booleans are binary; texts, and up to 20 whole numbers that are predicted
    /// by whole numbers, multiclass
    #[arg(long, value_enum)]
    pub task: Option<TaskName>,
    /// The value that is the positive class [default: 1 or true]
    #[arg(long, value_name = "VALUE")]
    pub positive: Option<String>,
    /// From this score on a row is predicted positive
    #[arg(long, default_value_t = 0.5)]
    pub at: f64,
    /// Rows with the same value are ranked together
    #[arg(long, value_name = "COLUMN")]
    pub query: Option<String>,
    /// Rank metrics look at so many first places
    #[arg(long, default_value_t = 10)]
    pub top: usize,
    /// Columns whose values cut the rows into slices
    #[arg(long = "slice", value_delimiter = ',', value_name = "COLUMN,…")]
    pub slices: Vec<String>,
    /// Also every pair of slice columns
    #[arg(long)]
    pub cross: bool,
    /// Columns whose groups are compared for fairness
    #[arg(long = "group", value_delimiter = ',', value_name = "COLUMN,…")]
    pub groups: Vec<String>,
    /// A metric is at least this; may be given again
    #[arg(long = "min", value_name = "METRIC=NUMBER")]
    pub least: Vec<String>,
    /// A metric is at most this; may be given again
    #[arg(long = "max", value_name = "METRIC=NUMBER")]
    pub most: Vec<String>,
    /// In every slice
    #[arg(long, value_name = "METRIC=NUMBER")]
    pub slice_min: Vec<String>,
    /// In every slice
    #[arg(long, value_name = "METRIC=NUMBER")]
    pub slice_max: Vec<String>,
    /// Slices and groups of fewer rows are shown, and not judged
    #[arg(long, default_value_t = 30, value_name = "ROWS")]
    pub min_rows: u64,
    /// The champion's predictions of the same rows, in the same columns
    #[arg(long, value_name = "PREDICTIONS")]
    pub champion: Option<String>,
    /// METRIC=DROP: the metric may be worse than the champion's by so much
    #[arg(long, value_name = "METRIC=NUMBER", requires = "champion")]
    pub max_drop: Option<String>,
    /// Predictions with labels, to estimate by where labels are missing: from the scores of a binary model, or from what
    /// the losses of a regression were
    #[arg(long, value_name = "PREDICTIONS")]
    pub reference: Option<String>,
    /// Columns that losses of a regression are learned from [default: all that fit]
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…", requires = "reference")]
    pub features: Vec<String>,
    /// Rows that are estimated together
    #[arg(long, default_value_t = 1_000, value_name = "ROWS")]
    pub chunk: usize,
    /// Samples that an interval is drawn from
    #[arg(long, default_value_t = 200)]
    pub rounds: usize,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print JSON, and nothing else
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TaskName {
    Binary,
    Multiclass,
    Regression,
}

//! Quality of data: drift and profiles.

use clap::{Args as ClapArgs, ValueEnum};

const DRIFT_HELP: &str = "\
DATA is a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH of a server, or dataset:NAME[@VERSION].

Methods of numbers: ks wasserstein anderson cramer_von_mises ed es t_test mannw empirical_mmd; of numbers and categories:
kl_div psi jensenshannon hellinger; of categories: chisquare z fisher_exact g_test TVD; of texts: perc_text_content_drift
abs_text_content_drift; of vectors: distance_euclidean distance_cosine distance_cityblock distance_chebyshev model ratio mmd. Of all columns together, as --method:
domain_classifier (how well trees tell rows of one from the other; up to 20,000 of each).

Ends with 0 without drift, 1 with drift, 2 after an error.";

#[derive(Debug, ClapArgs)]
#[command(after_help = DRIFT_HELP)]
pub struct Drift {
    /// What the data should look like
    #[arg(long, value_name = "DATA")]
    pub reference: String,
    /// What is looked at
    #[arg(long, value_name = "DATA")]
    pub current: String,
    /// parity: Evidently's numbers and fixed thresholds; calibrated: false alarms at the rate --alpha, whatever the size
    #[arg(long, value_enum, default_value_t = DriftMode::Parity)]
    pub mode: DriftMode,
    /// The method of all columns; chosen by type and size if left out
    #[arg(long)]
    pub method: Option<String>,
    #[arg(long, value_name = "METHOD")]
    pub num_method: Option<String>,
    #[arg(long, value_name = "METHOD")]
    pub cat_method: Option<String>,
    #[arg(long, value_name = "METHOD")]
    pub text_method: Option<String>,
    /// The method of one column; may be given again
    #[arg(long = "column", value_name = "COLUMN=METHOD")]
    pub columns: Vec<String>,
    /// The type of a column, where the inferred one is not meant: num, cat, text or vector; may be given again
    #[arg(long = "type", value_name = "COLUMN=TYPE")]
    pub types: Vec<String>,
    /// The threshold of all columns, or COLUMN=NUMBER, or TYPE:NUMBER (num:0.1); may be given again
    #[arg(long = "threshold", value_name = "NUMBER|COLUMN=NUMBER|TYPE:NUMBER")]
    pub thresholds: Vec<String>,
    /// Columns that together are one vector a row; may be given again
    #[arg(long = "vector", value_name = "NAME=COLUMN,COLUMN,…")]
    pub vectors: Vec<String>,
    /// Only these columns
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub only: Vec<String>,
    /// The part of the columns that must drift [default: 0.5 in parity mode, any column in calibrated mode]
    #[arg(long)]
    pub share: Option<f64>,
    /// The false-alarm rate of the calibrated mode
    #[arg(long, default_value_t = 0.05)]
    pub alpha: f64,
    /// Print JSON, and nothing else
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DriftMode {
    Parity,
    Calibrated,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "DATA is a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH of a server, or dataset:NAME[@VERSION]."
)]
pub struct Profile {
    #[arg(value_name = "DATA")]
    pub data: String,
    /// Print JSON, and nothing else
    #[arg(long)]
    pub json: bool,
    /// One pass in bounded memory: counts and moments are exact, quantiles and distinct counts estimated
    #[arg(long)]
    pub streaming: bool,
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid};

/// What the model predicts, which decides the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Told from the label: two values 0 and 1, or booleans: binary; text: multiclass; else regression.
    #[default]
    Auto,
    Binary,
    Multiclass,
    Regression,
}

/// Inclusive limits of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// The version in force, which the candidate must not fall behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Champion {
    pub model_version: Uid,
    pub metric: String,
    /// By how much the metric may be worse than the champion's, in the metric's own unit.
    pub max_drop: f64,
}

/// A question: is this model version good enough on these rows?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    pub model_version: Uid,
    /// The gate that asks; shown, not looked up.
    #[serde(default)]
    pub gate: Option<String>,
    /// A Parquet blob that holds the model's columns and the label.
    pub data: Digest,
    pub label: String,
    /// The model's output that holds the prediction (of the positive class, if binary); the only one if absent.
    #[serde(default)]
    pub output: Option<String>,
    #[serde(default)]
    pub task: Task,
    /// The label's value that is the positive class, as text; `1` or `true` if absent.
    #[serde(default)]
    pub positive: Option<String>,
    /// From this score on a row is predicted positive.
    #[serde(default = "half")]
    pub threshold: f64,
    #[serde(default)]
    pub metrics: BTreeMap<String, Bound>,
    /// Columns whose values cut the rows into slices; a numeric column of more than 12 values is cut at its
    /// quartiles.
    #[serde(default)]
    pub slices: Vec<String>,
    #[serde(default)]
    pub slice_metrics: BTreeMap<String, Bound>,
    /// Slices of fewer rows are shown, and not judged.
    #[serde(default = "thirty")]
    pub min_slice_rows: u64,
    #[serde(default)]
    pub champion: Option<Champion>,
}

fn half() -> f64 {
    0.5
}

fn thirty() -> u64 {
    30
}

impl Request {
    /// A question without thresholds.
    pub fn new(model_version: Uid, data: Digest, label: impl Into<String>) -> Self {
        Self {
            model_version,
            gate: None,
            data,
            label: label.into(),
            output: None,
            task: Task::Auto,
            positive: None,
            threshold: half(),
            metrics: BTreeMap::new(),
            slices: Vec::new(),
            slice_metrics: BTreeMap::new(),
            min_slice_rows: thirty(),
            champion: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check passed; slices that are too small aside.
    Blessed,
    /// A check failed.
    Refused,
    /// No check failed, but one over all rows could not be computed. A gate treats it as refused.
    NotComputable,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Blessed => "blessed",
            Self::Refused => "refused",
            Self::NotComputable => "not_computable",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    Failed,
    NotComputable,
}

/// One comparison of something observed with a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub metric: String,
    /// `column = value` for a slice, `champion` for the comparison; `None` over all rows.
    pub scope: Option<String>,
    pub outcome: Outcome,
    /// `None` where it cannot be computed.
    pub observed: Option<f64>,
    #[serde(flatten)]
    pub bound: Bound,
    /// Rows that it was computed from.
    pub n: u64,
    /// The whole in words.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    pub column: String,
    pub value: String,
    pub n: u64,
    /// Whether there are enough rows to judge it.
    pub judged: bool,
    pub metrics: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChampionResult {
    pub model_version: Uid,
    pub number: i64,
    pub metrics: BTreeMap<String, f64>,
}

/// The answer, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub uid: Uid,
    pub gate: Option<String>,
    pub model: String,
    pub number: i64,
    pub model_version: Uid,
    pub data: Digest,
    pub label: String,
    pub task: Task,
    pub verdict: Verdict,
    /// Rows with a label.
    pub n: u64,
    /// Rows left out because their label is missing.
    pub unlabelled: u64,
    pub metrics: BTreeMap<String, f64>,
    pub slices: Vec<Slice>,
    pub champion: Option<ChampionResult>,
    pub checks: Vec<Check>,
    /// The blob of the report (Markdown).
    pub report: Digest,
    pub created_at: Timestamp,
    pub created_by: String,
}

impl Evaluation {
    /// Whether a gate opens.
    pub fn blessed(&self) -> bool {
        self.verdict == Verdict::Blessed
    }

    /// The checks that did not pass, in words; empty when all did.
    pub fn failures(&self) -> Vec<&str> {
        self.checks.iter().filter(|c| c.outcome == Outcome::Failed).map(|c| c.text.as_str()).collect()
    }
}

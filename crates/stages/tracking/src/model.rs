use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{Timestamp, Uid};

/// Runs that belong together; the unit that searches and charts start from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experiment {
    /// Counts from 1 in each workspace; 0 is the built-in `Default`.
    pub number: i64,
    pub name: String,
    /// Where clients keep artifacts themselves; `None` means the server's own store.
    pub artifact_location: Option<String>,
    pub deleted: bool,
    /// `None` for `Default`, which nobody created.
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub tags: BTreeMap<String, String>,
}

/// How an experiment is named in a request.
#[derive(Clone, Debug, PartialEq)]
pub enum ExperimentRef {
    Number(i64),
    Name(String),
}

impl fmt::Display for ExperimentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Scheduled,
    Finished,
    Failed,
    Killed,
}

impl RunStatus {
    pub const ALL: [Self; 5] = [Self::Running, Self::Scheduled, Self::Finished, Self::Failed, Self::Killed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Scheduled => "scheduled",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Killed => "killed",
        }
    }

    /// Whether nothing more is expected from the run.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }
}

impl FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|s| s.name() == text)
            .ok_or_else(|| format!("`{text}` is not a run status"))
    }
}

/// One training (or other) execution and everything it logged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    pub uid: Uid,
    /// The experiment's number.
    pub experiment: i64,
    pub experiment_name: String,
    pub name: String,
    pub status: RunStatus,
    /// Who started it, as the client says; empty if it does not.
    pub owner: String,
    pub deleted: bool,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Where the client keeps artifacts itself; `None` means the server's own store, at [`Run::folder`].
    pub artifact_location: Option<String>,
    /// Every parameter as text.
    pub params: BTreeMap<String, String>,
    /// Those that are more than text, as they were given.
    pub typed_params: BTreeMap<String, serde_json::Value>,
    pub tags: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, MetricSummary>,
    pub inputs: Vec<DatasetInput>,
    pub models_in: Vec<String>,
    /// Logged models and the step at which each was logged.
    pub models_out: Vec<(String, i64)>,
}

/// A parameter's value as text: text as it is, anything else as JSON.
pub fn param_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Run {
    /// A parameter's value as it was given.
    pub fn param(&self, key: &str) -> Option<serde_json::Value> {
        let typed = self.typed_params.get(key).cloned();
        typed.or_else(|| self.params.get(key).map(|text| text.as_str().into()))
    }

    /// The folder of the server's own store that holds the run's files.
    pub fn folder(&self) -> String {
        format!("{}/{}/artifacts", self.experiment, self.uid)
    }
}

/// Milliseconds since the epoch, as the client says: any 64-bit number, so that what a client logs by mistake
/// (nanoseconds, say) comes back unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    pub fn millis(self) -> i64 {
        self.0
    }
}

impl From<Timestamp> for Millis {
    fn from(time: Timestamp) -> Self {
        Self(time.millis())
    }
}

impl From<Millis> for ledger::Value {
    fn from(time: Millis) -> Self {
        Self::Int(time.0)
    }
}

impl ledger::FromValue for Millis {
    fn from_value(value: &ledger::Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

/// What is known about one metric of one run without reading its points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MetricSummary {
    /// The value of the latest point by (step, time, value). May be NaN, never infinite.
    pub value: f64,
    pub step: i64,
    pub at: Millis,
    /// `None` while every value was NaN.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub points: i64,
}

/// One point of a metric as the store returns it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    pub step: i64,
    pub at: Millis,
    /// May be NaN, never infinite.
    pub value: f64,
}

/// One point of a metric to be logged.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPoint {
    pub key: String,
    /// NaN is kept; infinities are kept as the largest finite value of that sign.
    pub value: f64,
    pub step: i64,
    pub at: Millis,
    /// The logged model that the value is about.
    pub model: Option<String>,
    /// Name and digest of the data that it was measured on.
    pub dataset: Option<(String, Option<String>)>,
}

impl MetricPoint {
    pub fn new(key: impl Into<String>, value: f64, step: i64, at: impl Into<Millis>) -> Self {
        Self { key: key.into(), value, step, at: at.into(), model: None, dataset: None }
    }
}

/// Data that a client says a run read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DatasetInput {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// What happens when a parameter that already has another value is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParamConflict {
    /// The whole batch is refused.
    Refuse,
    #[default]
    Replace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoggedModelStatus {
    Unspecified,
    Pending,
    Ready,
    Failed,
}

impl LoggedModelStatus {
    pub const ALL: [Self; 4] = [Self::Unspecified, Self::Pending, Self::Ready, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for LoggedModelStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|s| s.name() == text)
            .ok_or_else(|| format!("`{text}` is not a model status"))
    }
}

/// A model as a run logged it, before anybody registers it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoggedModel {
    /// `m-` and 32 hexadecimal digits.
    pub uid: String,
    pub experiment: i64,
    pub name: String,
    pub model_type: String,
    pub status: LoggedModelStatus,
    pub source_run: Option<String>,
    pub artifact_location: Option<String>,
    pub deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub metrics: Vec<ModelMetric>,
}

impl LoggedModel {
    /// The folder of the server's own store that holds the model's files.
    pub fn folder(&self) -> String {
        format!("{}/models/{}/artifacts", self.experiment, self.uid)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelMetric {
    pub key: String,
    pub run: String,
    pub point: Point,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
}

/// One page of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether asking again with a larger offset gives more.
    pub more: bool,
}

impl<T> Page<T> {
    /// Makes a page of `limit` items from up to `limit` + 1 found.
    pub fn cut(mut items: Vec<T>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::DataType;

use crate::Duration;

/// What a project file declares. Serialises to the same shape as the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub version: u32,
    pub project: String,
    pub datasets: BTreeMap<String, Dataset>,
    pub environments: BTreeMap<String, Environment>,
    /// Clusters that steps may run on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub executors: BTreeMap<String, pipelines::ExecutorSpec>,
    pub pipelines: BTreeMap<String, Pipeline>,
    pub gates: BTreeMap<String, Gate>,
    pub endpoints: BTreeMap<String, Endpoint>,
    pub monitors: BTreeMap<String, Monitor>,
    pub retrain: BTreeMap<String, Retrain>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Paths relative to the project file: CSV, Parquet or JSON lines.
    pub files: Vec<String>,
    /// The column that identifies a row. Without it a row is named by its file's digest and its place in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expectations: Option<Expectations>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expectations {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowBound>,
    pub columns: BTreeMap<String, ColumnExpectation>,
    pub unknown_columns: UnknownColumns,
    /// What the rows together must be free of (curation's `verify::Plan`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowBound {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnExpectation {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<DataType>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_null: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Both ends included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_set: Option<Vec<serde_json::Value>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownColumns {
    Reject,
    #[default]
    Allow,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// A lock file with hashes (`uv pip compile --generate-hashes`).
    pub requirements: String,
    pub python: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub dataset: String,
    pub params: BTreeMap<String, serde_json::Value>,
    pub steps: Vec<Step>,
    /// Where steps run that do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// How long a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub needs: Vec<String>,
    /// A command line for the shell.
    pub run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// File names that the step writes to its output directory.
    pub outputs: Vec<String>,
    /// The experiment that its tracking run belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The model that it registers a version of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    pub retries: u32,
    /// Names of secrets, by the variable that gets the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// `process`, `zygote`, or one of `executors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// What it wants of a cluster's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<pipelines::Resources>,
}

/// A file that a step of a pipeline wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRef {
    pub pipeline: String,
    pub step: String,
    pub output: String,
}

/// Both ends included; at least one is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub model: String,
    pub data: OutputRef,
    pub label: String,
    /// The model's output that holds the prediction; without it the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The label's value that is the positive class, as text; `1` or `true` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// From this score on a row is predicted positive; 0.5 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    pub metrics: BTreeMap<String, Bound>,
    pub slices: Vec<String>,
    pub slice_metrics: BTreeMap<String, Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Champion {
    pub metric: String,
    /// By how much the metric may be worse than the champion's, in the metric's own unit.
    pub max_drop: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub model: String,
    pub alias: String,
    /// What every row is checked for before it is predicted; as it is if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<serving::Checks>,
    /// Inputs that are looked up by a key that callers send; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<serving::FeatureSettings>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    #[default]
    Psi,
    Ks,
    Jensenshannon,
    Wasserstein,
    ChiSquare,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    pub endpoint: String,
    pub baseline: OutputRef,
    pub window: Window,
    pub method: Method,
    pub threshold: f64,
    /// The part of the features that must drift before the window counts as drifted, 0 < share ≤ 1.
    pub share: f64,
    /// So many drifted windows in a row raise the alarm.
    pub consecutive: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<String, FeatureRule>,
    /// When windows raise the alarm, and what else is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<monitoring::Rules>,
}

/// What differs for one feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The feature is not judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrain {
    /// The monitor whose alarm starts it; empty where only `triggers` do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on: String,
    /// What starts it beside the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggers: Option<automation::Triggers>,
    pub pipeline: String,
    pub gate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    pub promote: Promote,
    /// What a new model must pass between the gate and the swap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<automation::RolloutRule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Labelled predictions that must have arrived since the alarm's window began.
    pub min: u64,
    /// How long to wait for them before giving up.
    pub wait: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub runs: u64,
    pub per: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promote {
    pub alias: String,
    pub endpoint: String,
}

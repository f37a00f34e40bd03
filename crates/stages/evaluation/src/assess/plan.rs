use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Bound, Task};

/// What to judge predictions by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// The column of what turned out to be true.
    pub label: String,
    /// The column of the predicted class or number.
    pub prediction: Option<String>,
    /// The column of the probability of the positive class, or of the rank's score.
    pub score: Option<String>,
    pub task: Task,
    /// The value of label and prediction that is the positive class; `1` or `true` if absent.
    pub positive: Option<String>,
    /// From this score on a row is predicted positive, where there is no prediction column.
    pub threshold: f64,
    /// The column whose rows are ranked together; makes it a ranking.
    pub query: Option<String>,
    /// Rank metrics look at so many first places.
    pub top: usize,
    pub metrics: BTreeMap<String, Bound>,
    pub slices: Vec<String>,
    /// Also every pair of slice columns, crossed.
    pub cross: bool,
    pub slice_metrics: BTreeMap<String, Bound>,
    /// Columns whose groups are compared.
    pub groups: Vec<String>,
    /// Limits of `demographic_parity_difference` and the like.
    pub fairness: BTreeMap<String, Bound>,
    /// Slices and groups of fewer rows are shown, and not judged.
    pub min_rows: u64,
    pub champion: Option<AgainstChampion>,
    /// Samples that an interval is drawn from.
    pub rounds: usize,
    /// Of intervals, 0–1.
    pub confidence: f64,
    pub seed: u64,
    /// Rows that are estimated together where labels are missing.
    pub chunk: usize,
    /// Columns that losses of a regression are learned from, to be estimated; all that fit if empty.
    pub features: Vec<String>,
}

/// What may be worse than the champion, and by how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgainstChampion {
    pub metric: String,
    /// In the metric's own unit.
    pub max_drop: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            label: "label".into(),
            prediction: None,
            score: None,
            task: Task::Auto,
            positive: None,
            threshold: 0.5,
            query: None,
            top: 10,
            metrics: BTreeMap::new(),
            slices: Vec::new(),
            cross: false,
            slice_metrics: BTreeMap::new(),
            groups: Vec::new(),
            fairness: BTreeMap::new(),
            min_rows: 30,
            champion: None,
            rounds: 200,
            confidence: 0.95,
            seed: 1,
            chunk: 1_000,
            features: Vec::new(),
        }
    }
}

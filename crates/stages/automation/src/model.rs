use std::collections::BTreeMap;
use std::str::FromStr;

use evaluation::Bound;
use pipelines::CodeSnapshot;
use serde::{Deserialize, Serialize};
use serving::ShadowFigures;
use types::{Timestamp, Uid, WorkspaceId};

use crate::{Cancellation, Decision, PendingCommits, RolloutRule, Triggers};

/// When to retrain, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    /// The monitor whose alarm starts it; empty: no alarm does.
    pub on: String,
    #[serde(default, skip_serializing_if = "Triggers::is_empty")]
    pub triggers: Triggers,
    pub labels: Option<Labels>,
    /// Seconds that must pass after one retraining that started by itself before the next does.
    pub cooldown: Option<i64>,
    pub budget: Option<Budget>,
    pub recipe: Recipe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Predictions since the alarm's first window whose label is known.
    pub min: i64,
    /// Seconds to wait for them.
    pub wait: i64,
}

/// At most `runs` retrainings that started by themselves in any `per` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub runs: i64,
    pub per: i64,
}

/// How a model is made, judged and put to work. A retraining keeps a copy, so that it ends as it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    pub pipeline: String,
    pub code: CodeSnapshot,
    /// The registered model that the pipeline makes a version of.
    pub model: String,
    /// The pipeline's dataset, which labelled predictions are added to.
    pub dataset: Option<String>,
    /// What the new version of the dataset must satisfy.
    pub expectations: Option<curation::Expectations>,
    /// The column of the dataset that labels go to; without it the dataset stays as it is.
    pub label: Option<String>,
    pub gate: Option<Gate>,
    /// What points to the new version in the end.
    pub alias: String,
    pub endpoint: String,
    /// What it must pass between gate and swap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutRule>,
}

/// What a new version must prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    #[serde(default)]
    pub name: String,
    pub data: OutputRef,
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    pub metrics: BTreeMap<String, Bound>,
    pub slices: Vec<String>,
    pub slice_metrics: BTreeMap<String, Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionRule>,
}

/// A file that a step of the retraining's pipeline run wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRef {
    pub pipeline: String,
    pub step: String,
    pub output: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChampionRule {
    pub metric: String,
    /// By how much the metric may be worse than the champion's, in the metric's own unit.
    pub max_drop: f64,
}

/// Why a retraining started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    Drift {
        monitor: String,
        window: Uid,
        /// When the first drifted window began.
        from: Timestamp,
    },
    /// A metric of a monitor's windows broke its bound.
    Performance { monitor: String, window: Uid, metric: String, value: f64 },
    /// So many labels have come since the last retraining.
    Labels { count: i64 },
    /// Data were committed; the newest commit is what the training takes.
    DataCommit {
        repository: String,
        branch: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// In hex.
        commit: String,
        /// So many came before it was answered.
        commits: i64,
    },
    Schedule {
        cron: String,
        zone: String,
        /// The moment that was due.
        at: Timestamp,
    },
    /// A project was applied whose endpoint had no model.
    Apply { project: String, by: String },
    /// Somebody asked for it.
    Manual {
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Trigger {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Drift { .. } => "drift",
            Self::Performance { .. } => "performance",
            Self::Labels { .. } => "labels",
            Self::DataCommit { .. } => crate::commits::KIND,
            Self::Schedule { .. } => "schedule",
            Self::Apply { .. } => "apply",
            Self::Manual { .. } => "manual",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Triggered,
    WaitingLabels,
    /// The new version of the dataset is made.
    Dataset,
    Training,
    Gating,
    /// The candidate gets copies of the live requests.
    Shadow,
    /// A person's word is waited for.
    Approval,
    /// The end of a freeze is waited for.
    Frozen,
    /// It answers a growing share of them.
    Canary,
    Promoting,
    Done,
    /// A gate or the shadow said no, or labels did not come: nothing changed for the endpoint.
    Refused,
    /// It did worse than what served before, which serves everything again.
    RolledBack,
    Failed,
    /// A person ended it: what it had begun was taken back.
    Cancelled,
    /// Cool-down, budget or a running retraining stood against it, once or several times in a row.
    Skipped,
}

const STATES: [(State, &str); 16] = [
    (State::Triggered, "triggered"),
    (State::WaitingLabels, "waiting_labels"),
    (State::Dataset, "dataset"),
    (State::Training, "training"),
    (State::Gating, "gating"),
    (State::Shadow, "shadow"),
    (State::Approval, "waiting_approval"),
    (State::Frozen, "frozen"),
    (State::Canary, "canary"),
    (State::Promoting, "promoting"),
    (State::Done, "done"),
    (State::Refused, "refused"),
    (State::RolledBack, "rolled_back"),
    (State::Failed, "failed"),
    (State::Cancelled, "cancelled"),
    (State::Skipped, "skipped"),
];

impl State {
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Refused | Self::RolledBack | Self::Failed | Self::Cancelled | Self::Skipped
        )
    }
}

impl FromStr for State {
    type Err = ledger::Error;

    fn from_str(text: &str) -> Result<Self, ledger::Error> {
        STATES.iter().find(|(_, name)| *name == text).map(|(state, _)| *state).ok_or_else(|| {
            ledger::Error::WrongType {
                column: "state".into(),
                wanted: "retraining state",
                found: text.to_owned(),
            }
        })
    }
}

/// One turn of the loop.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retraining {
    #[serde(rename = "id")]
    pub uid: Uid,
    #[serde(skip)]
    pub workspace: WorkspaceId,
    /// Empty for the first training of an endpoint that no policy retrains.
    pub policy: String,
    pub trigger: Trigger,
    #[serde(skip)]
    pub recipe: Recipe,
    pub state: State,
    /// Why it was refused, rolled back, cancelled or skipped, or failed; else what is going on.
    pub reason: Option<String>,
    pub label_deadline: Option<Timestamp>,
    pub dataset_version: Option<Uid>,
    pub pipeline_run: Option<Uid>,
    pub model: String,
    pub model_version: Option<Uid>,
    pub evaluation: Option<Uid>,
    /// The number of the version that the alias pointed to before.
    pub alias_from: Option<i64>,
    pub endpoint: String,
    /// When the candidate began to get copies of the live requests.
    pub shadow_since: Option<Timestamp>,
    /// What it did with them, once it is judged.
    pub shadow: Option<ShadowFigures>,
    /// Until when a person may approve or reject it.
    pub approval_deadline: Option<Timestamp>,
    pub decision: Option<Decision>,
    /// Somebody asked that it ends; once it has, its state says so.
    pub cancel: Option<Cancellation>,
    /// The rollout that takes it to all requests.
    pub rollout: Option<Uid>,
    pub endpoint_revision: Option<Uid>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Of a skipped one, how often in a row; `reason` and `ended_at` are of the last time.
    pub times: i64,
    pub created_by: String,
    /// Filled when a single one is read.
    pub history: Vec<StepTaken>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepTaken {
    pub state: State,
    pub at: Timestamp,
    pub detail: Option<String>,
}

/// A policy and what stands against its next retraining.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyView {
    #[serde(flatten)]
    pub policy: Policy,
    pub cooldown_until: Option<Timestamp>,
    /// Retrainings in the current budget window.
    pub budget_used: i64,
    /// The retraining that runs now.
    pub active: Option<Uid>,
    /// Commits that will start the next one.
    pub pending: Option<PendingCommits>,
}

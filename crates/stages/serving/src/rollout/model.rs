use serde::{Deserialize, Serialize};
use types::{Timestamp, Uid};

use crate::{Graph, NewVariant};

/// A wish: this version should take over, so.
#[derive(Clone, Debug, Deserialize)]
pub struct NewRollout {
    pub endpoint: String,
    /// Of a graph, that of its main member.
    pub model_version: Uid,
    /// Several versions that answer as one, instead of one version.
    #[serde(default)]
    pub graph: Option<Graph>,
    /// The candidate's variant name; `<model>-<version>` if absent, of a graph `graph`.
    #[serde(default)]
    pub name: Option<String>,
    /// The candidate's share of the traffic at each step, in (0, 1], growing. A share of 1 at the end is implied.
    #[serde(default = "canary")]
    pub steps: Vec<f64>,
    /// How long each step lasts before the next may begin.
    #[serde(default = "bake")]
    pub bake_seconds: i64,
    #[serde(default)]
    pub guards: Guards,
    /// Why, as of a deployment.
    #[serde(default)]
    pub causes: Vec<(String, String, String)>,
}

fn canary() -> Vec<f64> {
    vec![0.1]
}

fn bake() -> i64 {
    300
}

/// When the candidate has failed. The defaults need no set-up: they compare with the stable variant's own traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guards {
    /// The candidate is judged from this many requests in a step on, and no step ends before it.
    pub least_requests: u64,
    /// How much higher than the stable variant's its share of failed requests may be, beyond chance (95 %).
    pub error_margin: f64,
    /// Its 95th percentile of latency may be this many times the stable variant's, plus `latency_slack_ms`.
    pub latency_factor: f64,
    pub latency_slack_ms: f64,
    /// How long a step that has lasted as long as it should waits for `least_requests`; 0: for ever.
    pub patience_seconds: i64,
    /// What happens then.
    pub without_traffic: WithoutTraffic,
}

/// What becomes of a rollout whose candidate is hardly asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutTraffic {
    /// It is paused, with the reason; the guards still watch.
    #[default]
    Pause,
    /// What served before answers everything again.
    RollBack,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            least_requests: 20,
            error_margin: 0.02,
            latency_factor: 2.0,
            latency_slack_ms: 10.0,
            patience_seconds: 3600,
            without_traffic: WithoutTraffic::Pause,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    Running,
    /// The weights stay as they are; the guards still watch.
    Paused,
    /// The candidate answers everything.
    Promoted,
    /// The guards took the traffic away from it.
    RolledBack,
    /// A person did, or another deployment.
    Aborted,
}

impl RolloutState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::Aborted => "aborted",
        }
    }

    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// One line of a rollout's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub at: Timestamp,
    pub what: String,
    /// The candidate's share from then on.
    pub share: f64,
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    pub uid: Uid,
    pub endpoint: String,
    pub candidate: String,
    /// Of a graph, that of its main member.
    pub candidate_version: Uid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_graph: Option<Graph>,
    /// What served before, and what is served again after a roll-back.
    pub stable: Vec<StableVariant>,
    pub steps: Vec<f64>,
    pub bake_seconds: i64,
    pub guards: Guards,
    /// Index into `steps`; their number once it is promoted.
    pub step: usize,
    pub step_since: Timestamp,
    pub state: RolloutState,
    /// Why it ended, or why it was paused by itself.
    pub reason: Option<String>,
    pub timeline: Vec<Moment>,
    pub created_at: Timestamp,
    pub created_by: String,
    /// Every revision that it makes has edges to these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<(String, String, String)>,
}

/// A variant as it was before the rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StableVariant {
    pub name: String,
    pub model_version: Uid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    pub weight: f64,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub shadow: bool,
}

impl StableVariant {
    /// The wish that leads to this variant again.
    pub fn again(&self) -> NewVariant {
        NewVariant {
            name: Some(self.name.clone()),
            model_version: self.model_version,
            graph: self.graph.clone(),
            weight: self.weight,
            labels: self.labels.clone(),
            shadow: self.shadow,
        }
    }
}

impl Rollout {
    /// The candidate's share of the traffic now.
    pub fn share(&self) -> f64 {
        match self.state {
            RolloutState::Promoted => 1.0,
            RolloutState::RolledBack | RolloutState::Aborted => 0.0,
            _ => self.steps.get(self.step).copied().unwrap_or(1.0),
        }
    }
}

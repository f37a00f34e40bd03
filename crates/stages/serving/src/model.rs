use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid};

/// A wish: which versions should answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Deploy {
    pub endpoint: String,
    pub variants: Vec<NewVariant>,
    /// Why: edges from the new revision, as (edge kind, node kind, node key); nodes that do not exist are skipped.
    #[serde(default)]
    pub causes: Vec<(String, String, String)>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct NewVariant {
    /// `<model>-<version>` if absent.
    #[serde(default)]
    pub name: Option<String>,
    pub model_version: Uid,
    /// Its share of the traffic, relative to the others.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// What an endpoint serves. Never changes; the next deployment makes another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revision {
    pub uid: Uid,
    pub endpoint: String,
    pub number: i64,
    pub variants: Vec<VariantView>,
    pub created_at: Timestamp,
    pub created_by: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantView {
    pub name: String,
    pub model: String,
    pub version: i64,
    pub model_version: Uid,
    pub digest: Option<Digest>,
    pub weight: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum EndpointState {
    Serving,
    /// Its revision could not be loaded; the text says why.
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointView {
    pub name: String,
    pub revision: Revision,
    #[serde(flatten)]
    pub state: EndpointState,
}

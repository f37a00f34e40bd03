use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid};

use crate::{Graph, Traffic};

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
    /// `<model>-<version>` if absent, for a graph `graph`.
    #[serde(default)]
    pub name: Option<String>,
    /// Of a graph, that of its main member.
    pub model_version: Uid,
    /// Several versions that answer as one, instead of one version.
    #[serde(default)]
    pub graph: Option<Graph>,
    /// Its share of the traffic, relative to the others.
    #[serde(default = "one")]
    pub weight: f64,
    /// Words that clients may ask for it by, such as `stable`; the variant's own name always does.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Gets a copy of the requests that others answered, and answers nobody. Its weight counts for nothing.
    #[serde(default)]
    pub shadow: bool,
}

fn one() -> f64 {
    1.0
}

impl NewVariant {
    pub fn new(model_version: Uid, weight: f64) -> Self {
        Self { name: None, model_version, graph: None, weight, labels: Vec::new(), shadow: false }
    }
}

/// Which variant is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select<'r> {
    /// The weights decide.
    #[default]
    Any,
    /// The number of a model version that the endpoint serves.
    Version(&'r str),
    /// A label of a variant, or its name.
    Label(&'r str),
}

impl<'r> Select<'r> {
    /// `None` and the empty text mean that the weights decide.
    pub fn version(version: Option<&'r str>) -> Self {
        version.filter(|v| !v.is_empty()).map_or(Self::Any, Self::Version)
    }

    pub fn label(label: Option<&'r str>) -> Self {
        label.filter(|v| !v.is_empty()).map_or(Self::Any, Self::Label)
    }
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
    /// Of a graph, of all that it is made of.
    pub digest: Option<Digest>,
    /// Several versions that answer as one; `model` and `version` are those of its main member then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    pub weight: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
}

impl VariantView {
    /// The versions that answer: those of a graph, or the one.
    pub fn versions(&self) -> Vec<Uid> {
        match &self.graph {
            Some(graph) => graph.members().map(|member| member.model_version).collect(),
            None => vec![self.model_version],
        }
    }

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum EndpointState {
    Serving,
    /// Its revision could not be loaded; the text says why.
    Failed(String),
}

/// What one variant did since the start of the server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariantTraffic {
    pub endpoint: String,
    pub variant: VariantView,
    pub traffic: Traffic,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointView {
    pub name: String,
    pub revision: Revision,
    #[serde(flatten)]
    pub state: EndpointState,
    /// What runs each variant, in the revision's order; empty if it failed.
    pub runtimes: Vec<VariantRuntime>,
}

/// How a variant is served now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VariantRuntime {
    /// `onnx`, `native`, `python` or `graph`.
    pub engine: &'static str,
    /// Whether it is in memory; else the next request brings it back.
    pub awake: bool,
    /// What it holds in memory, or would hold.
    pub bytes: u64,
}

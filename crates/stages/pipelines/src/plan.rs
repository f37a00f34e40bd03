//! What runs: one normalised plan, whatever it was written in (mlwright.yaml, the Python SDK, Kubeflow's IR).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Resources;

/// A tree of graphs. A component is a graph or a piece of work; a task of a graph names the component that it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub name: String,
    /// Inputs of the run are the root's inputs, outputs of the run the root's outputs.
    pub root: Graph,
    #[serde(default)]
    pub components: BTreeMap<String, Component>,
    /// How long a run may take from its beginning; then it is ended, and has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    Graph(Graph),
    Work(Work),
    /// An artifact from elsewhere becomes one of the run; nothing is executed.
    Import(Import),
    /// Waits until a person says yes or no.
    Approval(Approval),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    #[serde(default)]
    pub inputs: BTreeMap<String, Port>,
    /// In the order in which free tasks start. Names are unique within the graph.
    pub tasks: Vec<Task>,
    #[serde(default)]
    pub outputs: BTreeMap<String, Source>,
}

/// Something that a process does. `kind` names the adapter that makes a process of `spec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub kind: String,
    pub spec: Value,
    #[serde(default)]
    pub inputs: BTreeMap<String, Port>,
    #[serde(default)]
    pub outputs: BTreeMap<String, Port>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    /// The output's name.
    pub output: String,
    pub artifact_type: String,
    /// The input port that gives the address, or the address.
    pub uri: Binding,
    #[serde(default)]
    pub metadata: Value,
    #[serde(default)]
    pub reimport: bool,
    #[serde(default)]
    pub inputs: BTreeMap<String, Port>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub question: String,
}

/// An input or an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    pub of: Kind,
    #[serde(default)]
    pub optional: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What a value may be, if not everything of its type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Integer,
    Number,
    Text,
    Boolean,
    List,
    Map,
    /// How another task ended (an object as Kubeflow's `PipelineTaskFinalStatus`).
    Status,
    /// `schema` such as `system.Model`.
    Artifact {
        schema: String,
        list: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    pub component: String,
    #[serde(default)]
    pub inputs: BTreeMap<String, Binding>,
    /// Tasks of the same graph that must end first. Data edges are here too.
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default)]
    pub rule: Rule,
    /// CEL over `inputs.parameter_values['…']`; false skips the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Each>,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether an equal earlier task's outputs may be taken.
    #[serde(default)]
    pub cache: bool,
    /// Replaces what the cache key is made from, where the author says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Higher first.
    #[serde(default)]
    pub priority: i64,
    /// Names of secrets of the workspace, by the variable of the environment that gets the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Where it runs: `process`, `zygote`, or an executor of the workspace; the workspace's default if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// What it wants of a cluster's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

impl Plan {
    /// Sends every task there that does not say itself where it runs.
    pub fn run_on(&mut self, executor: &str) {
        let graphs = self.components.values_mut().filter_map(|component| match component {
            Component::Graph(graph) => Some(graph),
            _ => None,
        });
        for task in graphs.chain([&mut self.root]).flat_map(|graph| &mut graph.tasks) {
            task.executor.get_or_insert_with(|| executor.to_owned());
        }
    }
}

/// What a run is called where a name has to be unique and plain, as Kubeflow calls its workflow: the plan's name in small
/// letters, digits and `-`, and eight letters of the run's id.
pub fn resource_name(plan: &str, run: types::Uid) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = plan.chars().take(50).map(plain).collect();
    let name = match name.trim_matches('-') {
        "" => "run",
        name => name,
    };
    let hex = run.hex();
    format!("{name}-{}", &hex[hex.len().saturating_sub(8)..])
}

/// When a task may start, as a function of how those ended that it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All succeeded; one that was skipped skips this too.
    #[default]
    AllSucceeded,
    /// All have ended, however.
    AllDone,
}

/// The task runs once for each item; its outputs, read by others, are lists in the order of items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Each {
    pub items: Binding,
    /// The input port of the component that takes the item.
    pub item: String,
    /// At the same time; no limit if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// After the first attempt.
    #[serde(default)]
    pub max: u32,
    #[serde(default)]
    pub backoff_ms: u64,
    /// 0 and 1 keep the pause as it is.
    #[serde(default)]
    pub factor: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_backoff_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    pub from: From,
    /// CEL over `string_value` that picks a part, such as `parseJson(string_value)["b"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// Text in it may hold placeholders, which the adapter of the work resolves.
    Constant(Value),
    /// An input of the graph that holds the task. Nothing if the graph does not have it (Kubeflow's compiler leaves such behind).
    Input(String),
    Output {
        task: String,
        port: String,
    },
    /// How that task of the same graph ended.
    Status {
        task: String,
    },
}

/// Where an output of a graph comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Output {
        task: String,
        port: String,
    },
    /// The first of them whose task was not skipped.
    FirstOf(Vec<(String, String)>),
}

/// What flows between tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    Value(Value),
    Artifact(Artifact),
    Artifacts(Vec<Artifact>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub name: String,
    /// Such as `system.Model`.
    pub schema: String,
    /// Durable: `mlwright://pipelines/<run>/<task>/<name>` for what the house keeps, or an address elsewhere. While a task runs, its
    /// adapter sees a path of this machine instead.
    pub uri: String,
    #[serde(default)]
    pub metadata: BTreeMap<String, Value>,
    /// The content, if the house keeps it (a directory as a tar).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<types::Digest>,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub is_dir: bool,
}

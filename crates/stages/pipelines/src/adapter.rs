//! How a door's own kind of work becomes a process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{Timestamp, Uid};

use crate::{Datum, Resources, Wanted, Work};

/// Knows one kind of work: what to start for it, and what it left.
pub trait Adapter: Send + Sync {
    /// The `kind` of the works that it knows.
    fn kind(&self) -> &'static str;

    /// What to start for this attempt. `call.dir` holds `inputs/` (artifacts lie there already), `outputs/` and
    /// `work/`, where the process starts. Blocks. An error ends the attempt with that text; it is not tried again.
    fn launch(&self, call: &Call) -> Result<Launch, String>;

    /// What the attempt left, by output port; an artifact's URI is a path below `call.dir` or an address elsewhere.
    /// Called only after exit code 0. Blocks. An error fails the attempt, which may be tried again.
    fn collect(&self, call: &Call) -> Result<BTreeMap<String, Datum>, String>;

    /// What two equal calls have in common beyond the contents of their inputs.
    fn identity(&self, call: &Call) -> Value {
        json!({ "spec": call.work.spec, "outputs": call.work.outputs })
    }
}

/// One attempt of a piece of work.
#[derive(Clone, Debug)]
pub struct Call {
    pub run: Uid,
    pub run_name: String,
    /// See [`crate::resource_name`].
    pub resource_name: String,
    pub run_created_at: Timestamp,
    /// For which moment a schedule started the run.
    pub scheduled_at: Option<Timestamp>,
    pub pipeline_root: Option<String>,
    pub task: Uid,
    /// In its graph.
    pub task_name: String,
    /// Counts from 1.
    pub attempt: i64,
    pub work: Work,
    /// Artifacts that the house keeps have a path of this machine as their URI. In [`Adapter::identity`] they have
    /// their address still.
    pub inputs: BTreeMap<String, Datum>,
    /// By the path where the house put an artifact: where it is known to be, `mlwright://…`.
    pub addresses: BTreeMap<String, String>,
    /// Of this attempt alone.
    pub dir: PathBuf,
    /// Shared by the tasks of the run on this server. Whoever wants it makes it; it goes with the run.
    pub workspace: PathBuf,
    /// Shared by all runs of the workspace on this server, for volumes that stay. Whoever wants it makes it.
    pub volumes: PathBuf,
    /// It will run in a pod of Kubernetes, which gives it what [`Launch::pod`] asks for.
    pub in_pod: bool,
}

/// What to start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Launch {
    pub argv: Vec<String>,
    /// Beside what every step gets.
    pub env: BTreeMap<String, String>,
    /// Comes first on the search path.
    pub python: Option<PythonEnv>,
    /// Whether the module of `python3 -m <module>` may be kept imported though no environment fixes what it imports: the
    /// standard library alone. With an environment it may be anyhow.
    pub is_plain: bool,
    /// Program and arguments that end what the process started elsewhere, such as a container. Run after its end, however it
    /// ended, with the same environment; what it says and how it ends counts for nothing.
    pub clear: Vec<String>,
    /// Secrets of the workspace that it gets, beside those that its task names.
    pub wanted: Wanted,
    /// What a pod gets in which it runs: a piece of Kubernetes' `PodSpec`, with `container` for its container and `metadata` for
    /// the pod's. Lists are added to what the executor's declaration says; what that says otherwise stays.
    pub pod: Value,
    /// In a pod alone ([`Call::in_pod`]): the image that is the task, in place of `argv`. It gets `env`, its secrets and
    /// nothing else, and need hold nothing of ours; paths of this machine become those of the pod.
    pub image: Option<Image>,
    /// In a pod alone: nothing runs, and this is asked of the cluster.
    pub claim: Option<VolumeClaim>,
    /// First lines of its log.
    pub notes: Vec<String>,
    /// What it wants of a cluster's machine, where its task does not say it.
    pub resources: Option<Resources>,
    /// Folders outside of `call.dir` that the process reads: they go along to a cluster.
    pub reads: Vec<PathBuf>,
    /// Files of the attempt, or folders of such, relative to `call.dir`, in which paths of this machine stand as text, beside
    /// those right below `call.dir`: before the process starts, or after it has ended.
    pub paths_in: Vec<PathBuf>,
}

/// A container image with what it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub name: String,
    /// If empty, what the image itself starts, as for `args`.
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub args: Vec<String>,
}

/// A change of a cluster's claims of volumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeClaim {
    /// A `PersistentVolumeClaim` of Kubernetes, with its name.
    Make(Value),
    /// By its name. One that is not there is as it should be.
    Remove(String),
}

/// A Python environment, built once for each version, set of requirements and platform, and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PythonEnv {
    /// As `uv` takes it, such as `3.11`; what the machine has if `None`.
    pub version: Option<String>,
    pub requirements: Vec<String>,
}

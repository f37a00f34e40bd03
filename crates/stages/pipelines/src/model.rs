use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid, WorkspaceId};

use crate::{CodeSnapshot, Datum, PipelineSpec, StepSpec};

/// A declared pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct Pipeline {
    pub name: String,
    pub spec: PipelineSpec,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
}

macro_rules! states {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl FromStr for $name {
            type Err = ledger::Error;

            fn from_str(text: &str) -> Result<Self, ledger::Error> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    other => Err(ledger::Error::WrongType {
                        column: "state".into(),
                        wanted: stringify!($name),
                        found: other.to_owned(),
                    }),
                }
            }
        }
    };
}

states! {
    RunState {
        /// No step has started yet.
        Queued = "queued",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

states! {
    StepState {
        /// For steps that it needs.
        Waiting = "waiting",
        /// May start as soon as there is room.
        Ready = "ready",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
        /// A step that it needs did not succeed, or its condition does not hold.
        Skipped = "skipped",
    }
}

states! {
    /// What a row of a run stands for.
    Shape {
        /// Something that a process does.
        Work = "work",
        Graph = "graph",
        /// A task that runs once for each item.
        Loop = "loop",
        Import = "import",
        /// Runs until a person answers.
        Approval = "approval",
    }
}

impl RunState {
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl StepState {
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Ready | Self::Running)
    }
}

impl PipelineRun {
    /// What was declared of a step, if the run is one of a declared pipeline.
    pub fn declared(&self, step: &str) -> Option<&StepSpec> {
        self.spec.as_ref()?.step(step)
    }
}

/// One execution of a pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct PipelineRun {
    #[serde(rename = "id")]
    pub uid: Uid,
    #[serde(skip)]
    pub workspace: WorkspaceId,
    /// What it is called; not unique.
    pub name: String,
    pub pipeline: String,
    /// As it was when the run was submitted; `None` if the run was submitted as a plan.
    pub spec: Option<PipelineSpec>,
    /// Of the plan that runs, as JSON.
    pub plan: Option<Digest>,
    pub state: RunState,
    /// Parameters of a declared pipeline, values among the inputs of a plan.
    pub params: BTreeMap<String, serde_json::Value>,
    pub dataset_version: Option<Uid>,
    pub code: Option<CodeSnapshot>,
    pub pipeline_root: Option<String>,
    /// The submitter's own.
    pub labels: serde_json::Value,
    pub schedule: Option<Uid>,
    /// For which moment the schedule started it.
    pub scheduled_at: Option<Timestamp>,
    /// The backfill that started it.
    pub backfill: Option<Uid>,
    /// Its data lie between the moment and this one, if a backfill started it.
    pub interval_end: Option<Timestamp>,
    /// Out of sight, but kept.
    pub archived: bool,
    /// Why it was started, as the submitter said.
    pub trigger: serde_json::Value,
    pub use_cache: bool,
    pub cancel_requested: bool,
    /// The run that this one repeats.
    pub replay_of: Option<Uid>,
    /// Why it did not succeed.
    pub message: Option<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// One task of a run: a piece of work, or a graph or loop that holds others.
#[derive(Clone, Debug, Serialize)]
pub struct StepRun {
    #[serde(rename = "id")]
    pub uid: Uid,
    pub run: Uid,
    /// Unique in the run: the names and iterations on the way to it, such as `each-fold/3/train`.
    pub name: String,
    /// In its graph; that of the loop for an iteration.
    pub task: String,
    /// What people call it, if not `task`.
    pub display_name: Option<String>,
    pub shape: Shape,
    /// The graph, loop or iteration that holds it; `None` at the top.
    pub parent: Option<Uid>,
    /// From 0, for an iteration of a loop.
    pub iteration: Option<i64>,
    /// Of the plan; `None` for a run from before there were plans.
    pub component: Option<String>,
    /// Known once it may start. An iteration has those here that differ from its loop's.
    pub inputs: BTreeMap<String, Datum>,
    /// By output port, once it has succeeded.
    pub results: BTreeMap<String, Datum>,
    /// A failed attempt is followed by another then.
    pub due_at: Option<Timestamp>,
    pub priority: i64,
    pub pool: Option<String>,
    pub needs: Vec<String>,
    pub state: StepState,
    /// Counts from 1; 0 before the first.
    pub attempt: i64,
    /// The server that attends to the attempt, or did last.
    pub server: Option<String>,
    /// The server whose disk holds the attempt, if another one.
    #[serde(skip)]
    pub disk: Option<String>,
    /// See [`crate::Fence`].
    #[serde(skip)]
    pub token: i64,
    /// Its outputs were copied from an earlier step with the same key.
    pub cached: bool,
    /// Digest of everything that the step depends on.
    pub cache_key: Option<Digest>,
    /// Key of the environment; `None` if the step declares none.
    pub environment: Option<Digest>,
    /// When it became known that it belongs to the run.
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i64>,
    pub signal: Option<i64>,
    pub message: Option<String>,
    /// The tracking run; for a cached step that of the step it was copied from.
    #[serde(rename = "run_id")]
    pub tracking_run: Option<Uid>,
    pub log_digest: Option<Digest>,
    pub outputs: Vec<StepOutput>,
}

/// An attempt of a task before the one that the task itself tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Counts from 1.
    pub attempt: i64,
    pub state: StepState,
    pub server: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i64>,
    pub signal: Option<i64>,
    pub message: Option<String>,
    #[serde(rename = "run_id")]
    pub tracking_run: Option<Uid>,
    #[serde(skip)]
    pub log_digest: Option<Digest>,
}

/// A declared output of a step that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepOutput {
    pub name: String,
    pub digest: Digest,
    pub bytes: i64,
    /// A directory is kept as a tar.
    pub is_dir: bool,
}

/// What is read of a log at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    pub text: String,
    /// In bytes of the log; give it as the next `offset`.
    pub next_offset: u64,
    /// Nothing more will come.
    pub eof: bool,
}

states! {
    ReplayState { Running = "running", Finished = "finished", Failed = "failed", }
}

states! {
    Verdict {
        /// Every declared output, and every file of a registered model, has the same digest.
        BitIdentical = "bit_identical",
        /// Outputs differ, but every logged metric is equal within a relative 1e-9.
        MetricEqual = "metric_equal",
        Diverged = "diverged",
    }
}

/// A run executed again, and what the comparison says.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    #[serde(rename = "id")]
    pub uid: Uid,
    /// The original.
    pub run: Uid,
    /// The pipeline run that repeats it.
    pub replay_run: Uid,
    pub state: ReplayState,
    pub verdict: Option<Verdict>,
    /// The first output, in the order of steps and of their declaration, whose digests differ.
    pub first: Option<Difference>,
    pub message: Option<String>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct Difference {
    pub step: String,
    /// A declared output, `model:<file>` or `metric:<name>`.
    pub output: String,
    pub expected: String,
    pub actual: String,
}

//! Runs of plans.

use std::collections::BTreeMap;

use blobs::Blobs;
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{Actor, Uid};

use crate::{Datum, Error, PipelineRun, Plan, StepRun};

/// A plan to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubmitPlan {
    pub plan: Plan,
    /// Of the plan's root.
    #[serde(default)]
    pub inputs: BTreeMap<String, Datum>,
    /// What the run is called.
    pub name: String,
    /// Under which the run is listed.
    pub pipeline: String,
    /// Why, as JSON: it comes back with the run.
    #[serde(default)]
    pub trigger: Value,
    /// Whether tasks that allow it take the outputs of an equal earlier one.
    pub use_cache: bool,
    #[serde(default)]
    pub pipeline_root: Option<String>,
    /// The submitter's own.
    #[serde(default)]
    pub labels: Value,
}

/// Puts a run in line; the engine does the rest.
///
/// Errors: `Plan` if it could never run, `Input` if an input is missing, unknown or of another type.
pub async fn submit_plan(
    _ledger: &Ledger,
    _blobs: &Blobs,
    _actor: &Actor,
    _request: SubmitPlan,
) -> Result<PipelineRun, Error> {
    Err(Error::Stopped("plans come later".into()))
}

/// The plan that a run executes. Errors: `RunNotFound`.
pub async fn plan_of(_ledger: &Ledger, _actor: &Actor, run: Uid) -> Result<Plan, Error> {
    Err(Error::RunNotFound(run.to_string()))
}

/// What a run gave: the outputs of its root graph. Empty until it has succeeded. Errors: `RunNotFound`.
pub async fn run_outputs(
    _ledger: &Ledger,
    _actor: &Actor,
    _run: Uid,
) -> Result<BTreeMap<String, Datum>, Error> {
    Ok(BTreeMap::new())
}

/// Every task of a run that is known so far, each after what holds it: the tree goes by `parent`.
/// Errors: `RunNotFound`.
pub async fn tasks(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Vec<StepRun>, Error> {
    crate::steps(ledger, actor, run).await
}

/// Which runs to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub pipeline: Option<String>,
    pub schedule: Option<Uid>,
    pub archived: Option<bool>,
    /// Labels at the top level of the run's that must be equal.
    pub labels: BTreeMap<String, Value>,
    /// Only runs older than this one.
    pub before: Option<Uid>,
    /// No limit if `None`.
    pub limit: Option<usize>,
}

pub async fn find_runs(
    _ledger: &Ledger,
    _actor: &Actor,
    _filter: RunFilter,
) -> Result<Vec<PipelineRun>, Error> {
    Ok(Vec::new())
}

/// Starts the tasks of a run again that failed, were skipped or were cancelled; what succeeded stays.
/// Errors: `RunNotFound`, `RunState` unless it failed or was cancelled.
pub async fn retry(_ledger: &Ledger, _actor: &Actor, run: Uid) -> Result<PipelineRun, Error> {
    Err(Error::RunNotFound(run.to_string()))
}

/// Puts a run out of sight, or back. Errors: `RunNotFound`.
pub async fn archive_run(
    _ledger: &Ledger,
    _actor: &Actor,
    run: Uid,
    _archived: bool,
) -> Result<PipelineRun, Error> {
    Err(Error::RunNotFound(run.to_string()))
}

/// Forgets a run that has ended, with its tasks. Errors: `RunNotFound`, `RunState` if it has not ended.
pub async fn delete_run(_ledger: &Ledger, _actor: &Actor, run: Uid) -> Result<(), Error> {
    Err(Error::RunNotFound(run.to_string()))
}

/// A person's answer to an approval that waits: the task succeeds, or fails. Errors: `NotFound`, `NotAsking`.
pub async fn answer(
    _ledger: &Ledger,
    _actor: &Actor,
    task: Uid,
    _approved: bool,
    _note: Option<String>,
) -> Result<StepRun, Error> {
    Err(Error::NotFound { what: "task", name: task.to_string() })
}

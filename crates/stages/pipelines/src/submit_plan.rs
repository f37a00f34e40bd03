//! Runs of plans.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use blobs::Blobs;
use ledger::{Ledger, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{Actor, Uid};

use crate::advance::{self, Advance};
use crate::compiled::Compiled;
use crate::datum::fit_all;
use crate::submit::{self, Draft};
use crate::{Datum, Error, PipelineRun, Plan, Shape, StepRun, StepState, resume, store};

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
    ledger: &Ledger,
    _blobs: &Blobs,
    actor: &Actor,
    request: SubmitPlan,
) -> Result<PipelineRun, Error> {
    let draft = draft(request)?;
    ledger.write(actor, move |tx: &mut Tx<'_>| submit::insert(tx, &draft)).await
}

/// What a request makes, checked.
pub(crate) fn draft(request: SubmitPlan) -> Result<Draft, Error> {
    let plan = Compiled::new(request.plan)?;
    let ports = &plan.plan.root.inputs;
    let wrong =
        |name: &str, what: String| Error::Input { plan: plan.plan.name.clone(), name: name.to_owned(), what };
    if let Some(name) = request.inputs.keys().find(|name| !ports.contains_key(*name)) {
        return Err(wrong(name, "the plan has no such input".into()));
    }
    let inputs = fit_all(ports, request.inputs).map_err(|(name, what)| wrong(&name, what))?;
    let missing = ports.iter().find(|(name, port)| !port.optional && !inputs.contains_key(*name));
    if let Some((name, _)) = missing {
        return Err(wrong(name, "it has no value".into()));
    }
    let params = inputs.iter().filter_map(|(name, datum)| match datum {
        Datum::Value(value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    Ok(Draft {
        params: params.collect(),
        name: request.name,
        pipeline: request.pipeline,
        spec: None,
        plan: Arc::new(plan),
        inputs,
        dataset_version: None,
        code: None,
        trigger: request.trigger,
        use_cache: request.use_cache,
        replay_of: None,
        pipeline_root: request.pipeline_root,
        labels: request.labels,
        schedule: None,
        scheduled_at: None,
        backfill: None,
        interval_end: None,
    })
}

/// The plan that a run executes. Errors: `RunNotFound`, `NotFound` for a run from before there were plans.
pub async fn plan_of(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Plan, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::runs::head(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
            let text = found.plan.map(|digest| store::runs::plan(rx, digest)).transpose()?.flatten();
            let text = text.ok_or_else(|| Error::NotFound { what: "plan of run", name: run.to_string() })?;
            serde_json::from_str(&text)
                .map_err(|e| Error::Plan { plan: run.to_string(), what: format!("it cannot be read: {e}") })
        })
        .await
}

/// What a run gave: the outputs of its root graph. Empty until it has succeeded. Errors: `RunNotFound`.
pub async fn run_outputs(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<BTreeMap<String, Datum>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::runs::head(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
            Ok(store::steps::find(rx, run)?.map(|root| root.results).unwrap_or_default())
        })
        .await
}

/// Every task of a run that is known so far, each after what holds it: the tree goes by `parent`.
/// Errors: `RunNotFound`.
pub async fn tasks(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Vec<StepRun>, Error> {
    crate::steps(ledger, actor, run).await
}

/// Tasks that one holds, or those at the top: in the order of iterations, or in which they came to be.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// The graph, loop or iteration; the root if `None`.
    pub parent: Option<Uid>,
    /// All if empty.
    pub states: Vec<StepState>,
    /// Only those after this one.
    pub after: Option<Uid>,
    /// Only iterations from this one on.
    pub from_iteration: Option<i64>,
    /// No limit if `None`.
    pub limit: Option<usize>,
}

/// Errors: `RunNotFound`.
pub async fn find_tasks(
    ledger: &Ledger,
    actor: &Actor,
    run: Uid,
    filter: TaskFilter,
) -> Result<Vec<StepRun>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::runs::head(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
            Ok(store::steps::page(rx, run, &filter)?)
        })
        .await
}

/// How many tasks each graph, loop and iteration of a run holds directly, by their state. The root's uid is the run's.
pub async fn child_counts(
    ledger: &Ledger,
    actor: &Actor,
    run: Uid,
) -> Result<BTreeMap<Uid, BTreeMap<&'static str, i64>>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::steps::child_counts(rx, run)?)).await
}

/// Which runs to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub pipeline: Option<String>,
    pub schedule: Option<Uid>,
    pub backfill: Option<Uid>,
    pub archived: Option<bool>,
    /// Labels at the top level of the run's that must be equal.
    pub labels: BTreeMap<String, Value>,
    /// Only runs older than this one.
    pub before: Option<Uid>,
    /// No limit if `None`.
    pub limit: Option<usize>,
}

/// Rows that are looked at in one go.
const PAGE: usize = 500;

pub async fn find_runs(ledger: &Ledger, actor: &Actor, filter: RunFilter) -> Result<Vec<PipelineRun>, Error> {
    let limit = filter.limit.unwrap_or(usize::MAX);
    let (mut found, mut before) = (Vec::new(), filter.before);
    while found.len() < limit {
        let wanted = if filter.labels.is_empty() { (limit - found.len()).min(PAGE) } else { PAGE };
        let (page, filter_) = (before, filter.clone());
        let runs = ledger
            .read(actor.workspace, move |rx| Ok::<_, Error>(store::runs::page(rx, &filter_, page, wanted)?))
            .await?;
        let last = runs.len() < wanted;
        before = runs.last().map(|run| run.uid);
        let fits =
            |run: &PipelineRun| filter.labels.iter().all(|(name, value)| run.labels.get(name) == Some(value));
        found.extend(runs.into_iter().filter(fits));
        if last {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Starts the tasks of a run again that failed, were skipped or were cancelled; what succeeded stays.
/// Errors: `RunNotFound`, `RunState` unless it failed or was cancelled.
pub async fn retry(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<PipelineRun, Error> {
    retry_from(ledger, actor, run, Vec::new()).await
}

/// Like [`retry`], also for a run that succeeded: the tasks called `from` (as [`StepRun::name`]) start again as well,
/// with all that they hold, and with everything that needs them or what holds them. What a cache knows of them is not
/// taken. Errors: also `StepNotFound`.
pub async fn retry_from(
    ledger: &Ledger,
    actor: &Actor,
    run: Uid,
    from: Vec<String>,
) -> Result<PipelineRun, Error> {
    let from: BTreeSet<String> = from.into_iter().collect();
    ledger.write(actor, move |tx: &mut Tx<'_>| resume::resume(tx, run, &from)).await
}

/// Puts a run out of sight, or back. Errors: `RunNotFound`.
pub async fn archive_run(
    ledger: &Ledger,
    actor: &Actor,
    run: Uid,
    archived: bool,
) -> Result<PipelineRun, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let missing = || Error::RunNotFound(run.to_string());
            let found = store::runs::find(tx, run)?.ok_or_else(missing)?;
            if found.archived != archived {
                store::runs::set_archived(tx, run, archived)?;
                let payload = json!({ "run": run, "archived": archived });
                tx.event("pipeline.run_archived", &format!("pipeline_run:{run}"), payload)?;
            }
            store::runs::find(tx, run)?.ok_or_else(missing)
        })
        .await
}

/// Forgets a run that has ended, with its tasks. Errors: `RunNotFound`, `RunState` if it has not ended.
pub async fn delete_run(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            advance::lock(tx, run)?;
            let found = store::runs::find(tx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
            if !found.state.is_final() {
                return Err(Error::RunState { run, state: found.state.name(), what: "deleted" });
            }
            store::runs::delete(tx, run)?;
            let payload = json!({ "run": run });
            Ok(tx.event("pipeline.run_deleted", &format!("pipeline_run:{run}"), payload)?)
        })
        .await
}

/// A person's answer to an approval that waits: the task succeeds, or fails. Errors: `NotFound`, `NotAsking`.
pub async fn answer(
    ledger: &Ledger,
    actor: &Actor,
    task: Uid,
    approved: bool,
    note: Option<String>,
) -> Result<StepRun, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let missing = || Error::NotFound { what: "task", name: task.to_string() };
            let (mut advance, node, step) = Advance::open_task(tx, task)?.ok_or_else(missing)?;
            if node.shape != Shape::Approval || node.state != StepState::Running {
                return Err(Error::NotAsking { task: node.name, state: node.state.name() });
            }
            let by = actor_of(advance.tx());
            let said = if approved { format!("approved by {by}") } else { format!("refused by {by}") };
            let message = match note.as_deref().map(str::trim).filter(|note| !note.is_empty()) {
                Some(note) => format!("{said}: {note}"),
                None => said,
            };
            advance.answer(&node, step, approved, message)
        })
        .await
}

fn actor_of(tx: &Tx<'_>) -> String {
    tx.actor().to_string()
}

//! The transaction that ends an attempt: its outputs, the lineage, what follows in the run, and the next attempt that
//! this server takes in its place.

use std::collections::{BTreeMap, HashMap};

use ledger::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracking::RunStatus;
use types::{Digest, Timestamp, Uid};

use crate::advance::Advance;
use crate::store::steps::Claimed;
use crate::store::tree::{self, Node};
use crate::{Error, Fence, Retry, StepRun, StepState, store, tracked};

/// What ending an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Final,
    /// It is in line for another attempt.
    Again,
    /// Someone else had ended it.
    Before,
}

/// How an attempt ends, and who may go on.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub step: StepRun,
    /// For its tracking run.
    pub metrics: BTreeMap<String, f64>,
    /// Whether another attempt could do better.
    pub may_retry: bool,
    /// What it used, where no earlier event says so.
    pub uses: Option<Uses>,
    pub owner: String,
    /// This server takes one more task.
    pub claim: bool,
    pub pools: BTreeMap<String, usize>,
}

/// What the transaction led to, and the task that this server took.
pub(crate) type Finished = (Ended, Option<Uid>);

pub(crate) fn finish_step(tx: &mut Tx<'_>, ending: &Ending) -> Result<Finished, Error> {
    let Some((mut advance, node)) = Advance::open_at(tx, ending.step.uid)? else {
        return Ok((Ended::Before, None));
    };
    let ended = end(&mut advance, node, ending)?;
    advance.go()?;
    if ended != Ended::Before {
        end_tracking_run(tx, &ending.step, &ending.metrics)?;
    }
    let taken = match ended {
        Ended::Before => None,
        _ if ending.claim => {
            let workspace = tx.workspace();
            claim(tx, Some(workspace), 1, &ending.owner, &ending.pools)?.pop().map(|(_, step)| step)
        }
        _ => None,
    };
    Ok((ended, taken))
}

/// Says in the tracking run what the attempt gave and how it ended, if its client did not.
pub(crate) fn end_tracking_run(
    tx: &mut Tx<'_>,
    step: &StepRun,
    metrics: &BTreeMap<String, f64>,
) -> Result<(), Error> {
    let Some(uid) = step.tracking_run else { return Ok(()) };
    tracked::log(tx, uid, metrics)?;
    let status = match step.state {
        StepState::Succeeded => RunStatus::Finished,
        StepState::Cancelled => RunStatus::Killed,
        _ => RunStatus::Failed,
    };
    Ok(tracking::end_run_in(tx, uid, status)?)
}

fn end(advance: &mut Advance<'_, '_>, node: Node, ending: &Ending) -> Result<Ended, Error> {
    let step = &ending.step;
    let graph = advance.graph_of(&node)?;
    let retry = advance.plan().task(graph.as_deref(), &node.task)?.retry.clone();
    let subject = format!("step_run:{}", step.uid);
    let cancelled = advance.is_cancelling();
    let tx = advance.tx();
    let attempts = step.attempt - node.attempts_before - node.lost;
    if step.state == StepState::Failed && ending.may_retry && attempts <= i64::from(retry.max) && !cancelled {
        let due = backoff(&retry, attempts).map(|pause| Timestamp(tx.now().0.saturating_add(pause)));
        if !store::steps::again(tx, step, step.message.as_deref().unwrap_or_default(), due)? {
            return Ok(Ended::Before);
        }
        store::attempts::put(tx, step, step.message.as_deref().unwrap_or_default())?;
        let payload = json!({
            "step_run": step.uid, "run": step.run, "step": step.name, "attempt": step.attempt, "due_at": due,
        });
        tx.event("step.retried", &subject, payload)?;
        return Ok(Ended::Again);
    }
    if !store::steps::finish(tx, step)? {
        return Ok(Ended::Before);
    }
    lineage(tx, ending)?;
    let payload = json!({
        "step_run": step.uid, "run": step.run, "step": step.name, "state": step.state.name(),
        "cached": step.cached, "attempt": step.attempt, "exit_code": step.exit_code, "tracking_run": step.tracking_run,
        "cache_key": step.cache_key, "environment": step.environment,
        "inputs": ending.uses.as_ref().map(|uses| &uses.inputs),
        "outputs": step.outputs.iter().map(|o| json!({ "name": o.name, "digest": o.digest })).collect::<Vec<_>>(),
    });
    tx.event("step.finished", &subject, payload)?;
    if step.state == StepState::Succeeded
        && !step.cached
        && let Some(key) = step.cache_key
    {
        store::steps::remember(tx, key, step.uid)?;
    }
    advance.ended(node, step.state, step.message.clone());
    Ok(Ended::Final)
}

/// An attempt may be lost with its server so often before its task fails: it may be what ends the servers.
const LOST: i64 = 3;

/// An attempt is gone with its server, through no fault of its own: another one follows, whatever the retries say. False
/// if somebody was given a newer right to end it.
pub(crate) fn lose(tx: &mut Tx<'_>, run: Uid, fence: Fence, why: &str) -> Result<bool, Error> {
    let mut advance = Advance::open(tx, run)?;
    if !store::steps::holds(advance.tx(), fence)? {
        return Ok(false);
    }
    let found = store::steps::find(advance.tx(), fence.task)?.zip(tree::find(advance.tx(), fence.task)?);
    let Some((mut step, node)) = found else { return Ok(false) };
    let cancelled = advance.is_cancelling();
    let subject = format!("step_run:{}", step.uid);
    if !cancelled && node.lost < LOST {
        store::steps::again(advance.tx(), &step, why, None)?;
        store::servers::count_lost(advance.tx(), step.uid)?;
        store::attempts::put(advance.tx(), &step, why)?;
        let payload = json!({
            "step_run": step.uid, "run": run, "step": step.name, "attempt": step.attempt, "lost": true,
        });
        advance.tx().event("step.retried", &subject, payload)?;
        return Ok(true);
    }
    step.state = if cancelled { StepState::Cancelled } else { StepState::Failed };
    step.message = Some(why.to_owned());
    store::steps::finish(advance.tx(), &step)?;
    let payload = json!({
        "step_run": step.uid, "run": run, "step": step.name, "state": step.state.name(), "attempt": step.attempt,
        "lost": true,
    });
    advance.tx().event("step.finished", &subject, payload)?;
    advance.ended(node, step.state, step.message);
    advance.go()?;
    Ok(true)
}

/// Microseconds to the attempt that follows so many failed ones.
fn backoff(retry: &Retry, failed: i64) -> Option<i64> {
    if retry.backoff_ms == 0 {
        return None;
    }
    let factor = if retry.factor > 1.0 { retry.factor } else { 1.0 };
    let exponent = i32::try_from(failed - 1).unwrap_or(i32::MAX);
    let most = retry.max_backoff_ms.unwrap_or(30 * 24 * 3_600_000) as f64;
    let pause = (retry.backoff_ms as f64 * factor.powi(exponent)).min(most);
    Some((pause * 1_000.0) as i64)
}

fn lineage(tx: &mut Tx<'_>, ending: &Ending) -> Result<(), Error> {
    let step = &ending.step;
    if step.outputs.is_empty() && ending.uses.is_none() {
        return Ok(());
    }
    let node = tx.node("step_run", &step.uid.hex(), json!({}))?;
    if let Some(uses) = &ending.uses {
        note_uses(tx, node, uses)?;
    }
    for output in &step.outputs {
        let props = json!({ "name": output.name, "bytes": output.bytes, "step": step.name });
        let artifact = tx.node("artifact", &output.digest.to_string(), props)?;
        tx.edge(artifact, "produced_by", node)?;
    }
    Ok(())
}

/// What an attempt is made from, beside its declaration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uses {
    pub cache_key: Option<Digest>,
    /// Key and properties.
    pub environment: Option<(Digest, serde_json::Value)>,
    pub code: Option<Digest>,
    pub dataset: Option<Uid>,
    pub inputs: Vec<Digest>,
    /// Written down already, before the attempt started.
    pub noted: bool,
}

/// The lineage of what an attempt uses; `node` is that of the step.
pub(crate) fn note_uses(tx: &mut Tx<'_>, node: i64, uses: &Uses) -> Result<(), ledger::Error> {
    if let Some(code) = uses.code {
        let code = tx.node("code", &code.to_string(), json!({}))?;
        tx.edge(node, "used", code)?;
    }
    if let Some((key, props)) = &uses.environment {
        let environment = tx.node("environment", &key.to_string(), props.clone())?;
        tx.edge(node, "used", environment)?;
    }
    if let Some(version) = uses.dataset
        && let Some(version) = tx.find_node("dataset_version", &version.hex())?
    {
        tx.edge(node, "used", version)?;
    }
    for input in &uses.inputs {
        let artifact = tx.node("artifact", &input.to_string(), json!({}))?;
        tx.edge(node, "used", artifact)?;
    }
    Ok(())
}

/// Takes up to `room` tasks that may start for this server.
pub(crate) fn claim(
    tx: &mut Tx<'_>,
    workspace: Option<types::WorkspaceId>,
    room: usize,
    owner: &str,
    pools: &BTreeMap<String, usize>,
) -> Result<Vec<(types::WorkspaceId, Uid)>, Error> {
    let mut full = store::steps::full_pools(tx, pools)?;
    let mut taken = Vec::new();
    while taken.len() < room {
        let now = tx.now();
        let ready = store::steps::ready(tx, workspace, room - taken.len(), now, &full)?;
        let none = ready.is_empty();
        let mut limited = false;
        for (workspace, uid, pool) in ready {
            if let Some(pool) = pool.filter(|pool| pools.contains_key(pool)) {
                // Its pool may be full by now.
                if limited {
                    continue;
                }
                limited = true;
                drop(pool);
            }
            if let Some(claimed) = store::steps::claim(tx, uid, owner)? {
                say_started(tx, uid, &claimed)?;
                taken.push((workspace, uid));
            }
        }
        if none || !limited {
            break;
        }
        full = store::steps::full_pools(tx, pools)?;
    }
    Ok(taken)
}

fn say_started(tx: &mut Tx<'_>, uid: Uid, claimed: &Claimed) -> Result<(), Error> {
    let Claimed { run, name, attempt } = claimed;
    // What the step reads while it runs is noted with its node.
    let node = tx.node("step_run", &uid.hex(), json!({ "step": name }))?;
    let mut begun: Begun = tx.memo().take();
    let of = match begun.0.get(run) {
        Some(node) => *node,
        None => {
            let of = tx.node("pipeline_run", &run.hex(), json!({}))?;
            start_run(tx, *run)?;
            if begun.0.len() >= BEGUN {
                begun.0.clear();
            }
            begun.0.insert(*run, of);
            of
        }
    };
    tx.memo().put(begun);
    tx.edge(node, "part_of", of)?;
    let payload = json!({ "step_run": uid, "run": run, "step": name, "attempt": attempt });
    Ok(tx.event("step.started", &format!("step_run:{uid}"), payload)?)
}

/// Runs that have begun, which they do once, with their nodes of the graph.
#[derive(Default)]
struct Begun(HashMap<Uid, i64>);

/// Runs that the writer remembers.
const BEGUN: usize = 4096;

/// A run begins with the first of its tasks that a server takes, or that a person is asked about.
pub(crate) fn start_run(tx: &mut Tx<'_>, run: Uid) -> Result<(), Error> {
    if store::runs::start(tx, run)? {
        let payload = json!({ "run": run });
        tx.event("pipeline.run_started", &format!("pipeline_run:{run}"), payload)?;
    }
    Ok(())
}

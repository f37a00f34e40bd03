//! The transaction that ends a step: its outputs, the graph, the steps that waited for it, and the run itself.

use ledger::Tx;
use serde_json::json;
use types::Uid;

use crate::{Error, RunState, StepRun, StepState, store};

/// What ending an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Final,
    /// It is in line for another attempt.
    Again,
    /// Someone else had ended it.
    Before,
}

/// Ends the running attempt of a step as `step` says. A failed one starts again while `retries` allow.
pub(crate) fn finish_step(tx: &mut Tx<'_>, step: &StepRun, retries: u32) -> Result<Ended, Error> {
    let subject = format!("step_run:{}", step.uid);
    let message = step.message.clone().unwrap_or_default();
    let cancelled = store::runs::find(tx, step.run)?.is_some_and(|run| run.cancel_requested);
    if step.state == StepState::Failed && step.attempt <= i64::from(retries) && !cancelled {
        if !store::steps::again(tx, step.uid, &message)? {
            return Ok(Ended::Before);
        }
        let payload =
            json!({ "step_run": step.uid, "run": step.run, "step": step.name, "attempt": step.attempt });
        tx.event("step.retried", &subject, payload)?;
        return Ok(Ended::Again);
    }
    if !store::steps::finish(tx, step)? {
        return Ok(Ended::Before);
    }
    let node = tx.node("step_run", &step.uid.hex(), json!({}))?;
    for output in &step.outputs {
        let props = json!({ "name": output.name, "bytes": output.bytes, "step": step.name });
        let artifact = tx.node("artifact", &output.digest.to_string(), props)?;
        tx.edge(artifact, "produced_by", node)?;
    }
    let payload = json!({
        "step_run": step.uid, "run": step.run, "step": step.name, "state": step.state.name(),
        "cached": step.cached, "attempt": step.attempt, "exit_code": step.exit_code, "tracking_run": step.tracking_run,
        "outputs": step.outputs.iter().map(|o| json!({ "name": o.name, "digest": o.digest })).collect::<Vec<_>>(),
    });
    tx.event("step.finished", &subject, payload)?;
    if step.state == StepState::Succeeded
        && !step.cached
        && let Some(key) = step.cache_key
    {
        store::steps::remember(tx, key, step.uid)?;
    }
    let steps = store::steps::of_run(tx, step.run)?;
    if step.state == StepState::Succeeded {
        for child in steps.iter().filter(|child| child.needs.contains(&step.name)) {
            store::steps::need_met(tx, child.uid)?;
        }
    } else {
        skip_below(tx, &steps, &step.name)?;
    }
    finish_run_if_done(tx, step.run)?;
    Ok(Ended::Final)
}

/// Everything that needs `name`, directly or not, will never start.
fn skip_below(tx: &mut Tx<'_>, steps: &[StepRun], name: &str) -> Result<(), Error> {
    let mut ended = vec![name.to_owned()];
    while let Some(name) = ended.pop() {
        for child in steps.iter().filter(|child| child.needs.contains(&name)) {
            let message = format!("step `{name}` did not succeed");
            if store::steps::drop_unstarted(tx, child.uid, StepState::Skipped, &message)? {
                ended.push(child.name.clone());
            }
        }
    }
    Ok(())
}

/// Ends the run when its last step has ended.
pub(crate) fn finish_run_if_done(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    let steps = store::steps::of_run(tx, uid)?;
    if !steps.iter().all(|step| step.state.is_final()) {
        return Ok(());
    }
    let Some(run) = store::runs::find(tx, uid)?.filter(|run| !run.state.is_final()) else { return Ok(()) };
    let failed = steps.iter().find(|step| step.state == StepState::Failed);
    let (state, message) = if steps.iter().all(|step| step.state == StepState::Succeeded) {
        (RunState::Succeeded, None)
    } else if run.cancel_requested {
        (RunState::Cancelled, Some("cancelled on request".to_owned()))
    } else {
        let why = failed.map(|step| {
            format!("step `{}` failed: {}", step.name, step.message.as_deref().unwrap_or("no reason known"))
        });
        (RunState::Failed, why)
    };
    store::runs::finish(tx, uid, state, message.as_deref())?;
    let payload = json!({
        "run": uid, "pipeline": run.pipeline, "state": state.name(), "dataset_version": run.dataset_version,
        "replay_of": run.replay_of,
        "cached_steps": steps.iter().filter(|step| step.cached).count(),
    });
    Ok(tx.event("pipeline.run_finished", &format!("pipeline_run:{uid}"), payload)?)
}

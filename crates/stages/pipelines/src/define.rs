use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Digest, Uid};

use crate::{Error, LogPart, Pipeline, PipelineRun, PipelineSpec, Replay, StepOutput, StepRun, store};

/// Declares a pipeline, or changes it; declaring the same again changes nothing. Runs keep the declaration they
/// were submitted with. Errors: `Spec` if it could never run.
pub async fn define(ledger: &Ledger, actor: &Actor, spec: PipelineSpec) -> Result<Pipeline, Error> {
    spec.check()?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let known = store::find_pipeline(tx, &spec.name)?;
            if let Some(known) = known
                && known.spec == spec
            {
                return Ok(known);
            }
            store::put_pipeline(tx, &spec)?;
            let digest = Digest::of(store::text(&spec)?);
            let payload = json!({ "pipeline": spec.name, "spec": digest, "steps": spec.steps.len() });
            tx.event("pipeline.defined", &format!("pipeline:{}", spec.name), payload)?;
            store::find_pipeline(tx, &spec.name)?.ok_or_else(|| Error::PipelineNotFound(spec.name.clone()))
        })
        .await
}

/// Takes a declaration away; its runs stay. Errors: `PipelineNotFound`.
pub async fn remove(ledger: &Ledger, actor: &Actor, name: &str) -> Result<(), Error> {
    let name = name.to_owned();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::delete_pipeline(tx, &name)? {
                return Err(Error::PipelineNotFound(name.clone()));
            }
            Ok(tx.event("pipeline.removed", &format!("pipeline:{name}"), json!({ "pipeline": name }))?)
        })
        .await
}

/// By name.
pub async fn list(ledger: &Ledger, actor: &Actor) -> Result<Vec<Pipeline>, Error> {
    ledger.read(actor.workspace, |rx| Ok(store::pipelines(rx)?)).await
}

/// Errors: `PipelineNotFound`.
pub async fn get(ledger: &Ledger, actor: &Actor, name: &str) -> Result<Pipeline, Error> {
    let name = name.to_owned();
    ledger
        .read(actor.workspace, move |rx| {
            store::find_pipeline(rx, &name)?.ok_or_else(|| Error::PipelineNotFound(name.clone()))
        })
        .await
}

/// Errors: `RunNotFound`.
pub async fn get_run(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<PipelineRun, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::runs::find(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))
        })
        .await
}

/// Newest first, of one pipeline or of all.
pub async fn list_runs(
    ledger: &Ledger,
    actor: &Actor,
    pipeline: Option<String>,
    limit: i64,
) -> Result<Vec<PipelineRun>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::runs::list(rx, pipeline.as_deref(), limit)?)).await
}

/// The steps of a run, each after what it needs. Errors: `RunNotFound`.
pub async fn steps(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Vec<StepRun>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::runs::find(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
            Ok(store::steps::of_run(rx, run)?)
        })
        .await
}

/// Every output of a run with the name of its step, in the order of steps and of declaration.
pub async fn outputs(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Vec<(String, StepOutput)>, Error> {
    let steps = steps(ledger, actor, run).await?;
    let of = |step: StepRun| {
        let name = step.name;
        step.outputs.into_iter().map(move |output| (name.clone(), output))
    };
    Ok(steps.into_iter().flat_map(of).collect())
}

/// Errors: `ReplayNotFound`.
pub async fn get_replay(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Replay, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::replays::find(rx, uid)?.ok_or_else(|| Error::ReplayNotFound(uid.to_string()))
        })
        .await
}

/// Replays of a run, newest first.
pub async fn replays_of(ledger: &Ledger, actor: &Actor, run: Uid) -> Result<Vec<Replay>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::replays::of_run(rx, run)?)).await
}

impl LogPart {
    pub(crate) fn nothing_yet() -> Self {
        Self { text: String::new(), next_offset: 0, eof: false }
    }
}

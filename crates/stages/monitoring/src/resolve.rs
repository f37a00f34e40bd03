//! Which rows a model version learned from.

use ledger::{Direction, Ledger};
use types::Fault as _;
use types::{Actor, Digest, Uid};

use crate::Error;
use crate::model::{BaselineRef, MonitorSpec};

/// The blob that the first monitor of the endpoint, by name, compares predictions of this model version with; `None` where none
/// watches it, or where what it names is not there yet.
pub async fn baseline_of(
    ledger: &Ledger,
    actor: &Actor,
    endpoint: &str,
    model_version: Uid,
) -> Result<Option<Digest>, Error> {
    let specs = ledger.read(actor.workspace, crate::store::specs).await?;
    let Some(spec) = specs.into_iter().find(|spec| spec.endpoint == endpoint) else { return Ok(None) };
    match baseline(ledger, actor, &spec, model_version).await {
        Ok(digest) => Ok(Some(digest)),
        Err(Error::NoBaseline { .. }) => Ok(None),
        Err(error) if error.class() == types::Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The blob that windows of this model version are compared with: of a pipeline output, that of the run that
/// produced the version; of the newest successful run, where the version came from elsewhere.
///
/// Errors: `NoBaseline`.
pub(crate) async fn baseline(
    ledger: &Ledger,
    actor: &Actor,
    spec: &MonitorSpec,
    model_version: Uid,
) -> Result<Digest, Error> {
    let (pipeline, step, output) = match &spec.baseline {
        BaselineRef::Blob { digest } => return Ok(*digest),
        BaselineRef::Output { pipeline, step, output } => (pipeline, step, output),
    };
    let missing = |reason: String| Error::NoBaseline { monitor: spec.name.clone(), reason };
    // model version → run → step → pipeline run, nearest first.
    let key = model_version.hex();
    let graph = ledger.lineage(actor.workspace, "model_version", &key, Direction::Causes, 3).await?;
    let mut runs = Vec::new();
    for node in graph.nodes.iter().filter(|n| n.kind == "pipeline_run") {
        if let Ok(uid) = node.key.parse::<Uid>() {
            let run = pipelines::get_run(ledger, actor, uid).await?;
            if run.pipeline == *pipeline {
                runs.push(run.uid);
            }
        }
    }
    if runs.is_empty() {
        let newest = pipelines::list_runs(ledger, actor, Some(pipeline.clone()), 50).await?;
        let succeeded = newest.into_iter().filter(|r| r.state == pipelines::RunState::Succeeded);
        runs.extend(succeeded.map(|r| r.uid).take(1));
    }
    let Some(run) = runs.first() else {
        return Err(missing(format!("pipeline `{pipeline}` has no successful run")));
    };
    let outputs = pipelines::outputs(ledger, actor, *run).await?;
    let found = outputs.iter().find(|(name, out)| name == step && out.name == *output);
    match found {
        Some((_, output)) => Ok(output.digest),
        None => Err(missing(format!("run {run} of `{pipeline}` has no output `{output}` of step `{step}`"))),
    }
}

use models::ModelVersion;
use pipelines::{PipelineRun, RunState, Submit};
use serde_json::json;
use types::{Actor, Uid};

use super::{Next, committed};
use crate::{Automation, Error, Retraining, State};

/// Looked through for a run that was submitted just before the server died.
const RECENT_RUNS: i64 = 200;

/// Submits the pipeline run, once; then waits for its end.
pub(super) async fn train(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    let Some(run) = retraining.pipeline_run else {
        let run = match submitted(automation, actor, retraining).await? {
            Some(run) => run,
            None => submit(automation, actor, retraining).await?,
        };
        let next = Next::to(State::Training)
            .saying(format!("run {} of the pipeline `{}`", run.uid, run.pipeline))
            .with(|c| (c.pipeline_run, c.dataset_version) = (Some(run.uid), run.dataset_version));
        return Ok(Some(next));
    };
    let run = pipelines::get_run(&automation.ledger, actor, run).await?;
    match run.state {
        RunState::Queued | RunState::Running => Ok(None),
        RunState::Failed => {
            let why = run.message.unwrap_or_else(|| "a step failed".into());
            Ok(Some(Next::to(State::Failed).saying(format!("the pipeline run failed: {why}"))))
        }
        RunState::Cancelled => Ok(Some(Next::to(State::Failed).saying("the pipeline run was cancelled"))),
        RunState::Succeeded => {
            let version = trained(automation, actor, retraining, &run).await?;
            let next = Next::to(State::Gating)
                .saying(format!("{} version {}", version.model, version.number))
                .with(|c| c.model_version = Some(version.uid));
            Ok(Some(next))
        }
    }
}

/// Ends its pipeline run. Whether there is none that runs any more.
pub(super) async fn cancel(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<bool, Error> {
    let run = match retraining.pipeline_run {
        Some(run) => run,
        None => match submitted(automation, actor, retraining).await? {
            Some(run) => run.uid,
            None => return Ok(true),
        },
    };
    match pipelines::cancel(&automation.ledger, actor, run).await {
        Ok(run) => Ok(run.state.is_final()),
        // It has ended, or is gone.
        Err(pipelines::Error::RunState { .. } | pipelines::Error::RunNotFound(_)) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

async fn submitted(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<PipelineRun>, Error> {
    let pipeline = Some(retraining.recipe.pipeline.clone());
    let runs = pipelines::list_runs(&automation.ledger, actor, pipeline, RECENT_RUNS).await?;
    let mine = json!(retraining.uid);
    Ok(runs.into_iter().find(|run| run.replay_of.is_none() && run.trigger.get("retraining") == Some(&mine)))
}

async fn submit(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<PipelineRun, Error> {
    let request = Submit {
        pipeline: retraining.recipe.pipeline.clone(),
        params: committed::params(automation, actor, retraining).await?,
        dataset_version: retraining.dataset_version,
        code: retraining.recipe.code.clone(),
        trigger: json!({
            "kind": retraining.trigger.kind(), "retraining": retraining.uid, "policy": retraining.policy,
        }),
        use_cache: true,
        executor: None,
    };
    Ok(pipelines::submit(&automation.ledger, &automation.blobs, actor, request).await?)
}

/// The version of the model that the run registered.
async fn trained(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    run: &PipelineRun,
) -> Result<ModelVersion, Error> {
    let model = &retraining.recipe.model;
    let registers = |step: &str| run.declared(step).is_some_and(|s| s.registers.as_ref() == Some(model));
    let steps = pipelines::steps(&automation.ledger, actor, run.uid).await?;
    let tracked: Vec<Uid> =
        steps.iter().filter(|s| registers(&s.name)).filter_map(|s| s.tracking_run).collect();
    let mut versions = Vec::new();
    for tracking_run in tracked {
        versions.extend(models::versions_of_run(&automation.ledger, actor, tracking_run).await?);
    }
    let newest = versions.into_iter().filter(|v| v.model == *model).max_by_key(|v| v.number);
    newest.ok_or_else(|| {
        Error::Missing(format!("the pipeline run {} registered no version of `{model}`", run.uid))
    })
}

use std::collections::BTreeSet;

use pipelines::{PipelineRun, RunState, StepRun, StepState};
use tracking::{RunQuery, RunStatus};
use types::Actor;

use super::{Attention, Stage, StageState, count};
use crate::{Failure, State};

/// Runs in which the newest of each pipeline is looked for.
const RUNS: i64 = 100;

pub async fn stage(state: &State, actor: &Actor, attention: &mut Vec<Attention>) -> Result<Stage, Failure> {
    let mut runs = pipelines::list_runs(&state.ledger, actor, None, RUNS).await?;
    runs.retain(|r| r.replay_of.is_none());
    let mut seen = BTreeSet::new();
    // A failure is over once a later run of the same pipeline has done better.
    for run in runs.iter().filter(|r| seen.insert(r.pipeline.clone())) {
        if run.state == RunState::Failed {
            let steps = pipelines::steps(&state.ledger, actor, run.uid).await?;
            attention.push(failure(run, &steps));
        }
    }
    match runs.iter().find(|r| !r.state.is_final()).or(runs.first()) {
        Some(run) => {
            let steps = pipelines::steps(&state.ledger, actor, run.uid).await?;
            Ok(of_pipeline(run, &steps))
        }
        None => of_tracking(state, actor).await,
    }
}

fn failed(steps: &[StepRun]) -> Option<&StepRun> {
    steps.iter().find(|s| s.state == StepState::Failed)
}

fn failure(run: &PipelineRun, steps: &[StepRun]) -> Attention {
    let step = failed(steps);
    let message = step.and_then(|s| s.message.as_deref()).or(run.message.as_deref());
    Attention {
        what: match message {
            Some(message) => format!("the run failed: {message}"),
            None => "the run failed".into(),
        },
        place: match step {
            Some(step) => format!("pipeline {}, step {}", run.pipeline, step.name),
            None => format!("pipeline {}", run.pipeline),
        },
        action: format!("read the log (`mlwright logs {}`), correct the cause and run it again", run.uid),
        href: match step {
            Some(step) => format!("/pipeline-runs/{}?step={}", run.uid, super::encode(&step.name)),
            None => format!("/pipeline-runs/{}", run.uid),
        },
    }
}

fn of_pipeline(run: &PipelineRun, steps: &[StepRun]) -> Stage {
    let (state, word) = match run.state {
        RunState::Queued => (StageState::Running, "is queued"),
        RunState::Running => (StageState::Running, "is running"),
        RunState::Succeeded => (StageState::Ok, "succeeded"),
        RunState::Failed => (StageState::Attention, "failed"),
        RunState::Cancelled => (StageState::Idle, "was cancelled"),
    };
    let total = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let done = steps.iter().filter(|s| s.state == StepState::Succeeded).count();
    let cached = steps.iter().filter(|s| s.cached).count();
    let running: Vec<&str> =
        steps.iter().filter(|s| s.state == StepState::Running).map(|s| s.name.as_str()).collect();
    let mut detail = match (run.state, failed(steps)) {
        (RunState::Failed, Some(step)) => match &step.message {
            Some(message) => format!("step {}: {message}", step.name),
            None => format!("step {} failed", step.name),
        },
        (RunState::Failed, None) => run.message.clone().unwrap_or_else(|| "no step failed".into()),
        _ => format!("{done} of {} done", count(total, "step")),
    };
    if !running.is_empty() {
        detail.push_str(&format!("; running: {}", running.join(", ")));
    }
    if cached > 0 {
        detail.push_str(&format!("; {cached} from the cache"));
    }
    Stage {
        name: "training",
        state,
        headline: format!("{} {word}", run.pipeline),
        detail,
        href: format!("/pipeline-runs/{}", run.uid),
    }
}

/// Without pipelines there may still be runs that clients logged.
async fn of_tracking(state: &State, actor: &Actor) -> Result<Stage, Failure> {
    let request = RunQuery { limit: 1, ..RunQuery::default() };
    let Some(run) = tracking::search_runs(&state.ledger, actor, request).await?.items.into_iter().next()
    else {
        return Ok(Stage {
            name: "training",
            state: StageState::Idle,
            headline: "Nothing was trained yet".into(),
            detail: "`mlwright apply` starts the pipelines of mlwright.yaml; runs that MLflow clients log show up here \
                     too"
                .into(),
            href: "/pipelines".into(),
        });
    };
    let (condition, word) = match run.status {
        RunStatus::Running | RunStatus::Scheduled => (StageState::Running, "is running"),
        RunStatus::Finished => (StageState::Ok, "finished"),
        RunStatus::Failed => (StageState::Attention, "failed"),
        RunStatus::Killed => (StageState::Idle, "was stopped"),
    };
    Ok(Stage {
        name: "training",
        state: condition,
        headline: format!("Run {} {word}", run.name),
        detail: format!("logged by a client in experiment {}", run.experiment_name),
        href: format!("/runs/{}", run.uid),
    })
}

//! `run_details.task_details`: the tree of a run, each task with its state.

use std::collections::BTreeMap;

use pipelines::{PipelineRun, StepRun, StepState};
use types::{Timestamp, Uid};

use crate::errors::Code;
use crate::runs::state_of;
use crate::wire::{ChildTask, PipelineTaskDetail, RunDetails, RuntimeStatus, Status};

/// The root first, as upstream has it; then every task, after what holds it.
pub(crate) fn of(run: &PipelineRun, tasks: &[StepRun]) -> RunDetails {
    let mut children: BTreeMap<Uid, Vec<ChildTask>> = BTreeMap::new();
    for task in tasks {
        let child = ChildTask { task_id: task.uid.to_string() };
        children.entry(task.parent.unwrap_or(run.uid)).or_default().push(child);
    }
    let mut of = |uid: Uid| children.remove(&uid).unwrap_or_default();
    let root = PipelineTaskDetail {
        run_id: run.uid.to_string(),
        task_id: run.uid.to_string(),
        display_name: "root".to_owned(),
        create_time: run.created_at.rfc3339(),
        start_time: run.started_at.map(Timestamp::rfc3339),
        end_time: run.ended_at.map(Timestamp::rfc3339),
        state: state_of(run),
        error: None,
        parent_task_id: None,
        state_history: history(run.created_at, run.started_at, run.ended_at, state_of(run), None),
        child_tasks: of(run.uid),
    };
    let rest = tasks.iter().map(|task| detail(run, task, of(task.uid)));
    RunDetails { task_details: std::iter::once(root).chain(rest).collect() }
}

fn detail(run: &PipelineRun, task: &StepRun, child_tasks: Vec<ChildTask>) -> PipelineTaskDetail {
    let state = step_state(task.state, run.cancel_requested);
    let message = task.message.clone().filter(|_| task.state != StepState::Succeeded);
    let failed = matches!(task.state, StepState::Failed | StepState::Cancelled);
    let error = message.filter(|_| failed).map(|message| Status { code: Code::Internal as i32, message });
    PipelineTaskDetail {
        run_id: run.uid.to_string(),
        task_id: task.uid.to_string(),
        display_name: match task.iteration {
            Some(place) => format!("{}/{place}", task.task),
            None => task.task.clone(),
        },
        create_time: run.created_at.rfc3339(),
        start_time: task.started_at.map(Timestamp::rfc3339),
        end_time: task.ended_at.map(Timestamp::rfc3339),
        state,
        error: error.clone(),
        parent_task_id: Some(task.parent.unwrap_or(run.uid).to_string()),
        state_history: history(run.created_at, task.started_at, task.ended_at, state, error),
        child_tasks,
    }
}

fn step_state(state: StepState, cancelling: bool) -> &'static str {
    match state {
        StepState::Waiting | StepState::Ready => "PENDING",
        StepState::Running if cancelling => "CANCELING",
        StepState::Running => "RUNNING",
        StepState::Succeeded => "SUCCEEDED",
        StepState::Failed => "FAILED",
        StepState::Cancelled => "CANCELED",
        StepState::Skipped => "SKIPPED",
    }
}

/// When it became what.
pub(crate) fn history(
    created: Timestamp,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    state: &'static str,
    error: Option<Status>,
) -> Vec<RuntimeStatus> {
    let became = |at: Timestamp, state| RuntimeStatus { update_time: at.rfc3339(), state, error: None };
    let mut history = vec![became(created, "PENDING")];
    history.extend(started.map(|at| became(at, "RUNNING")));
    history.extend(ended.map(|at| RuntimeStatus { error, ..became(at, state) }));
    history
}

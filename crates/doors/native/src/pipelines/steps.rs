//! The tasks of a run, and what they printed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use pipelines::{Attempt, Component, LogPart, PipelineRun, Plan, Shape, StepRun, StepState, TaskFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, view};

/// What rows of a run are shown with.
pub struct Tree {
    plan: Option<Plan>,
    /// By the row that holds them: how many, by state.
    children: BTreeMap<Uid, BTreeMap<&'static str, i64>>,
    /// By task: those before the one that its row tells of.
    attempts: BTreeMap<Uid, Vec<Attempt>>,
}

impl Tree {
    pub async fn of(
        state: &State,
        actor: &Actor,
        run: &PipelineRun,
        children: BTreeMap<Uid, BTreeMap<&'static str, i64>>,
    ) -> Self {
        let plan = match run.spec {
            Some(_) => None,
            None => pipelines::plan_of(&state.ledger, actor, run.uid).await.ok(),
        };
        let attempts = pipelines::earlier_attempts(&state.ledger, actor, run.uid).await.unwrap_or_default();
        Self { plan, children, attempts }
    }

    pub fn view(&self, row: &StepRun) -> Value {
        let mut body = brief(row);
        let children = self.children.get(&row.uid).map(|by_state| {
            let mut counts = by_state.clone();
            counts.insert("total", by_state.values().sum());
            counts
        });
        let more = json!({
            "display_name": row.display_name,
            "iteration": row.iteration,
            "component": row.component,
            "created_at": view::time_opt(row.created_at),
            "exit_code": row.exit_code,
            "signal": row.signal,
            "message": row.message,
            "environment": row.environment,
            "cache_key": row.cache_key,
            "pool": row.pool,
            "priority": row.priority,
            "due_at": view::time_opt(row.due_at),
            "inputs": row.inputs,
            "results": row.results,
            "run_id": row.tracking_run,
            "question": self.question(row),
            "children": children,
            "attempts": self.attempts.get(&row.uid).map(|list| list.iter().map(earlier).collect::<Vec<_>>()),
        });
        // Steps of a declared pipeline have files, others have ports.
        body["outputs"] = if self.plan.is_none() { json!(row.outputs) } else { json!(row.results) };
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    }

    fn question(&self, row: &StepRun) -> Option<&str> {
        match self.plan.as_ref()?.components.get(row.component.as_ref()?)? {
            Component::Approval(approval) => Some(&approval.question),
            _ => None,
        }
    }
}

fn earlier(attempt: &Attempt) -> Value {
    json!({
        "attempt": attempt.attempt,
        "state": attempt.state.name(),
        "server": attempt.server,
        "started_at": view::time_opt(attempt.started_at),
        "ended_at": view::time_opt(attempt.ended_at),
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "message": attempt.message,
        "run_id": attempt.tracking_run,
    })
}

/// What lists of runs show of a task.
pub fn brief(row: &StepRun) -> Value {
    json!({
        "id": row.uid,
        "name": row.name,
        "task": row.task,
        "parent": row.parent,
        "shape": if row.iteration.is_some() { "iteration" } else { row.shape.name() },
        "needs": row.needs,
        "state": row.state.name(),
        "attempt": row.attempt,
        "cached": row.cached,
        "started_at": view::time_opt(row.started_at),
        "ended_at": view::time_opt(row.ended_at),
    })
}

#[derive(Debug, Deserialize)]
pub struct StepsQuery {
    /// The top if absent.
    parent: Option<Uid>,
    /// Several are separated by commas.
    state: Option<String>,
    /// The id of the last one seen.
    after: Option<Uid>,
    /// Starts at this iteration.
    at: Option<i64>,
    #[serde(default = "many")]
    limit: usize,
}

fn many() -> usize {
    500
}

/// `GET pipeline-runs/{id}/steps?parent&state&after&at&limit`: what a graph or loop holds, in the order of its iterations.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(query): Query<StepsQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let states = query.state.unwrap_or_default();
    let names = states.split(',').map(str::trim).filter(|name| !name.is_empty());
    let states = names
        .map(|name| {
            name.parse().map_err(|_| {
                Failure::invalid(
                    format!("`{name}` is no state of a task"),
                    "it is waiting, ready, running, succeeded, failed, cancelled or skipped",
                )
            })
        })
        .collect::<Result<Vec<StepState>, Failure>>()?;
    let run = pipelines::get_run(&state.ledger, actor, id).await?;
    let limit = query.limit.clamp(1, 2_000);
    let filter = TaskFilter {
        parent: query.parent.filter(|parent| *parent != id),
        states,
        after: query.after,
        from_iteration: query.at,
        limit: Some(limit + 1),
    };
    let mut page = pipelines::find_tasks(&state.ledger, actor, id, filter).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next = if more { page.last().map(|row| row.uid) } else { None };
    let children = pipelines::child_counts(&state.ledger, actor, id).await?;
    let tree = Tree::of(&state, actor, &run, children).await;
    Ok(Json(json!({ "steps": page.iter().map(|row| tree.view(row)).collect::<Vec<_>>(), "next": next })))
}

#[derive(Debug, Deserialize)]
pub struct LogQuery {
    /// The id of the task; paths do not fit into an address.
    step: Option<Uid>,
    /// The one that runs, or else the last, if absent.
    attempt: Option<i64>,
    #[serde(default)]
    offset: u64,
    /// Instead of an offset: at most so many bytes before the end that there is now.
    tail: Option<u64>,
}

/// `GET pipeline-runs/{id}/log?step&attempt&offset|tail`: also while the task runs.
pub async fn log(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Some(step) = query.step else {
        return Err(Failure::invalid("no `step` is given", "give the `id` of a step of the run"));
    };
    let row = pipelines::get_task(&state.ledger, actor, id, step).await?;
    if row.shape != Shape::Work {
        let part = json!({ "text": "", "offset": query.offset, "next_offset": query.offset, "eof": true });
        return Ok(Json(part));
    }
    part(&state, actor, id, &row.name, &query).await
}

/// `GET pipeline-runs/{id}/steps/{name}/log?offset|tail`: of a task whose name is no path.
pub async fn named_log(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((id, name)): Path<(Uid, String)>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    part(&state, actor, id, &name, &query).await
}

async fn part(
    state: &State,
    actor: &Actor,
    run: Uid,
    name: &str,
    query: &LogQuery,
) -> Result<Json<Value>, Failure> {
    let mut offset = query.offset;
    if let Some(tail) = query.tail {
        // Reading far behind the end says where the end is.
        let end = state.engine.read_attempt_log(actor, run, name, query.attempt, u64::MAX).await?.next_offset;
        offset = end.saturating_sub(tail);
    }
    let LogPart { mut text, next_offset, eof } =
        state.engine.read_attempt_log(actor, run, name, query.attempt, offset).await?;
    if query.tail.is_some()
        && offset > 0
        && let Some(line_end) = text.find('\n')
    {
        offset += line_end as u64 + 1;
        text.drain(..=line_end);
    }
    Ok(Json(json!({ "text": text, "offset": offset, "next_offset": next_offset, "eof": eof })))
}

//! Runs of pipelines: lists, one whole, and what is done to them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use bytes::Bytes;
use kit::Caller;
use pipelines::{Datum, PipelineRun, RunFilter, RunState, Shape, StepRun, TaskFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Permission, Uid};

use super::steps;
use crate::{Failure, State, view};

/// Of a run with more rows, only the tasks of the root graph come with it.
const WHOLE: i64 = 2_000;

pub fn summary(run: &PipelineRun) -> Value {
    json!({
        "id": run.uid,
        "name": run.name,
        "pipeline": run.pipeline,
        "state": run.state.name(),
        "created_at": view::time(run.created_at),
        "created_by": run.created_by,
        "started_at": view::time_opt(run.started_at),
        "ended_at": view::time_opt(run.ended_at),
        "trigger": run.trigger,
        "message": run.message,
        "labels": run.labels,
        "archived": run.archived,
        "replay_of": run.replay_of,
        "retry_of": null,
        "schedule": run.schedule,
        "scheduled_at": view::time_opt(run.scheduled_at),
        "backfill": run.backfill,
        "interval_end": view::time_opt(run.interval_end),
        "cancel_requested": run.cancel_requested,
    })
}

#[derive(Debug, Deserialize)]
pub struct RunsQuery {
    pipeline: Option<String>,
    state: Option<String>,
    schedule: Option<Uid>,
    backfill: Option<Uid>,
    archived: Option<bool>,
    /// Only runs older than this one.
    after: Option<Uid>,
    #[serde(default = "hundred")]
    limit: usize,
    /// `top`: each run with the tasks of its root graph.
    steps: Option<String>,
}

fn hundred() -> usize {
    100
}

/// `GET pipeline-runs?pipeline&state&schedule&archived&after&limit&steps`: newest first. Archived ones come only if asked for.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<RunsQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let states = states(query.state.as_deref())?;
    let limit = query.limit.clamp(1, 1_000);
    let filter = RunFilter {
        pipeline: query.pipeline.filter(|p| !p.is_empty()),
        schedule: query.schedule,
        backfill: query.backfill,
        archived: Some(query.archived.unwrap_or(false)),
        labels: BTreeMap::new(),
        before: query.after,
        // States are picked here.
        limit: states.is_empty().then_some(limit),
    };
    let mut runs = pipelines::find_runs(&state.ledger, actor, filter).await?;
    runs.retain(|run| states.is_empty() || states.contains(&run.state));
    runs.truncate(limit);
    let mut views = Vec::with_capacity(runs.len());
    for run in &runs {
        let mut body = summary(run);
        if query.steps.as_deref() == Some("top") {
            let rows = pipelines::find_tasks(&state.ledger, actor, run.uid, TaskFilter::default()).await?;
            body["steps"] = rows.iter().map(steps::brief).collect();
        }
        views.push(body);
    }
    let next = (runs.len() == limit).then(|| runs.last().map(|run| run.uid)).flatten();
    Ok(Json(json!({ "pipeline_runs": views, "next": next })))
}

fn states(given: Option<&str>) -> Result<Vec<RunState>, Failure> {
    let names = given.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| {
            name.parse().map_err(|_| {
                Failure::invalid(
                    format!("`{name}` is no state of a run"),
                    "it is queued, running, succeeded, failed or cancelled",
                )
            })
        })
        .collect()
}

/// `GET pipeline-runs/{id}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = pipelines::get_run(&state.ledger, actor, id).await?;
    let children = pipelines::child_counts(&state.ledger, actor, id).await?;
    let all: i64 = children.values().flat_map(|by_state| by_state.values()).sum();
    let truncated = all > WHOLE;
    let rows = if truncated {
        pipelines::find_tasks(&state.ledger, actor, id, TaskFilter::default()).await?
    } else {
        pipelines::tasks(&state.ledger, actor, id).await?
    };
    let mut body = summary(&found);
    body["params"] = json!(found.params);
    body["inputs"] = json!(found.params);
    body["outputs"] = json!(outputs(&state, actor, &found).await?);
    body["dataset_version"] = match found.dataset_version {
        Some(uid) => {
            let version = datasets::get(&state.ledger, actor, uid).await?;
            json!({
                "uid": uid, "dataset": version.dataset, "number": version.number, "digest": version.digest,
            })
        }
        None => Value::Null,
    };
    body["code"] = match &found.code {
        Some(code) => json!(code),
        None => found.labels.get("code").cloned().unwrap_or_default(),
    };
    if let Some(uid) = found.schedule {
        let name = pipelines::get_schedule(&state.ledger, actor, uid).await.map(|s| s.what.name).ok();
        body["schedule"] = json!({ "id": uid, "name": name });
    }
    body["counts"] = json!(counts(&rows, &children, truncated));
    let tree = steps::Tree::of(&state, actor, &found, children).await;
    body["steps"] = rows.iter().map(|row| tree.view(row)).collect();
    body["truncated"] = json!(truncated);
    Ok(Json(body))
}

/// Tasks that hold no others, by state; all tasks where only the outermost are known.
fn counts(
    rows: &[StepRun],
    children: &BTreeMap<Uid, BTreeMap<&'static str, i64>>,
    truncated: bool,
) -> BTreeMap<&'static str, i64> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    if truncated {
        for (state, n) in children.values().flatten() {
            *counts.entry(state).or_default() += n;
        }
        return counts;
    }
    for row in rows.iter().filter(|row| !matches!(row.shape, Shape::Graph | Shape::Loop)) {
        *counts.entry(row.state.name()).or_default() += 1;
    }
    counts
}

async fn outputs(
    state: &State,
    actor: &types::Actor,
    run: &PipelineRun,
) -> Result<Option<BTreeMap<String, Datum>>, Failure> {
    if run.spec.is_some() || !run.state.is_final() {
        return Ok(None);
    }
    Ok(Some(pipelines::run_outputs(&state.ledger, actor, run.uid).await?))
}

/// `GET pipeline-runs/{id}/plan`: what it executes.
pub async fn plan(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(json!(pipelines::plan_of(&state.ledger, actor, id).await?)))
}

/// `POST pipeline-runs/{id}/cancel`
pub async fn cancel(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let run = pipelines::cancel(&state.ledger, actor, id).await?;
    Ok(Json(summary(&run)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    from: Vec<String>,
}

/// `POST pipeline-runs/{id}/retry {from?: [path]}`: what failed, was skipped or was cancelled starts again, and with `from`
/// these tasks and everything that needs them; the run keeps its id.
pub async fn retry(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Retry { from } = match body.is_empty() {
        true => Retry::default(),
        false => serde_json::from_slice(&body)
            .map_err(|e| Failure::invalid(e.to_string(), "send {\"from\": [\"path\", …]}, or nothing"))?,
    };
    let run = pipelines::retry_from(&state.ledger, actor, id, from).await?;
    Ok(Json(summary(&run)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    archived: bool,
}

/// `POST pipeline-runs/{id}/archive {archived}`
pub async fn archive(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Json(body): Json<Archive>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let run = pipelines::archive_run(&state.ledger, actor, id, body.archived).await?;
    Ok(Json(summary(&run)))
}

/// `DELETE pipeline-runs/{id}`: one that has ended, with its tasks.
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    state.engine.delete_run(actor, id).await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    step: Uid,
    approved: bool,
    #[serde(default)]
    comment: Option<String>,
}

/// `POST pipeline-runs/{id}/answer {step, approved, comment?}`: to an approval that waits.
pub async fn answer(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Json(body): Json<Answer>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    pipelines::get_task(&state.ledger, actor, id, body.step).await?;
    pipelines::answer(&state.ledger, actor, body.step, body.approved, body.comment).await?;
    let run = pipelines::get_run(&state.ledger, actor, id).await?;
    Ok(Json(summary(&run)))
}

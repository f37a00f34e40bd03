//! Pipelines, their runs, logs and replays.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use pipelines::{CodeSnapshot, Pipeline, PipelineRun, StepRun, Submit};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, view};

async fn pipeline(state: &State, actor: &Actor, found: &Pipeline) -> Result<Value, Failure> {
    let runs = pipelines::list_runs(&state.ledger, actor, Some(found.name.clone()), 1).await?;
    Ok(json!({
        "name": found.name,
        "dataset": found.spec.dataset,
        "params": found.spec.params,
        "steps": found.spec.steps,
        "environments": found.spec.environments,
        "latest": runs.first().map(summary),
    }))
}

fn summary(run: &PipelineRun) -> Value {
    json!({
        "id": run.uid,
        "name": run.name,
        "pipeline": run.pipeline,
        "state": run.state.name(),
        "created_at": view::time(run.created_at),
        "started_at": view::time_opt(run.started_at),
        "ended_at": view::time_opt(run.ended_at),
        "trigger": run.trigger,
        "message": run.message,
        "replay_of": run.replay_of,
    })
}

/// `GET pipelines`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut views = Vec::new();
    for found in pipelines::list(&state.ledger, actor).await? {
        views.push(pipeline(&state, actor, &found).await?);
    }
    Ok(Json(json!({ "pipelines": views })))
}

/// `GET pipelines/{name}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = pipelines::get(&state.ledger, actor, &name).await?;
    Ok(Json(pipeline(&state, actor, &found).await?))
}

#[derive(Debug, Deserialize)]
pub struct RunsQuery {
    pipeline: Option<String>,
    #[serde(default = "hundred")]
    limit: i64,
}

fn hundred() -> i64 {
    100
}

/// `GET pipeline-runs?pipeline&limit`: newest first.
pub async fn runs(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<RunsQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let wanted = query.pipeline.filter(|p| !p.is_empty());
    let runs = pipelines::list_runs(&state.ledger, actor, wanted, query.limit.clamp(1, 1_000)).await?;
    Ok(Json(json!({ "pipeline_runs": runs.iter().map(summary).collect::<Vec<_>>() })))
}

/// `GET pipeline-runs/{id}`
pub async fn run(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = pipelines::get_run(&state.ledger, actor, id).await?;
    let steps = pipelines::steps(&state.ledger, actor, id).await?;
    let data = match found.dataset_version {
        Some(uid) => {
            let version = datasets::get(&state.ledger, actor, uid).await?;
            json!({
                "uid": uid, "dataset": version.dataset, "number": version.number, "digest": version.digest,
            })
        }
        None => Value::Null,
    };
    let mut body = summary(&found);
    body["params"] = json!(found.params);
    body["dataset_version"] = data;
    body["code"] = json!(found.code);
    body["steps"] = steps.iter().map(step).collect();
    Ok(Json(body))
}

fn step(step: &StepRun) -> Value {
    json!({
        "id": step.uid,
        "name": step.name,
        "task": step.task,
        "shape": step.shape.name(),
        "parent": step.parent,
        "iteration": step.iteration,
        "needs": step.needs,
        "state": step.state.name(),
        "attempt": step.attempt,
        "cached": step.cached,
        "environment": step.environment,
        "started_at": view::time_opt(step.started_at),
        "ended_at": view::time_opt(step.ended_at),
        "exit_code": step.exit_code,
        "message": step.message,
        "outputs": step.outputs,
        "run_id": step.tracking_run,
    })
}

#[derive(Debug, Deserialize)]
pub struct LogQuery {
    #[serde(default)]
    offset: u64,
}

/// `GET pipeline-runs/{id}/steps/{name}/log?offset`: also while the step runs.
pub async fn log(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((id, name)): Path<(Uid, String)>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let part = state.engine.read_log(actor, id, &name, query.offset).await?;
    Ok(Json(json!({ "text": part.text, "next_offset": part.next_offset, "eof": part.eof })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    params: BTreeMap<String, Value>,
    dataset_version: Option<Uid>,
    /// If absent: the code that the project was applied with, or else that of the newest run.
    code: Option<CodeSnapshot>,
    no_cache: bool,
}

/// `POST pipelines/{name}/runs`
pub async fn start(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Start>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let code = match body.code {
        Some(code) => code,
        None => known_code(&state, actor, &name).await?,
    };
    let submit = Submit {
        pipeline: name,
        params: body.params,
        dataset_version: body.dataset_version,
        code,
        trigger: json!({ "kind": "manual", "by": actor.to_string() }),
        use_cache: !body.no_cache,
    };
    let run = pipelines::submit(&state.ledger, &state.blobs, actor, submit).await?;
    Ok(Json(json!({ "id": run.uid })))
}

async fn known_code(state: &State, actor: &Actor, pipeline: &str) -> Result<CodeSnapshot, Failure> {
    let declared = automation::declarations(&state.ledger, actor).await?;
    let owner = declared.into_iter().find(|d| d.kind == "pipeline" && d.name == pipeline).map(|d| d.project);
    let projects = automation::projects(&state.ledger, actor).await?;
    if let Some(project) = projects.into_iter().find(|p| Some(&p.name) == owner.as_ref()) {
        return Ok(project.code);
    }
    let runs = pipelines::list_runs(&state.ledger, actor, Some(pipeline.to_owned()), 1).await?;
    let last = runs.into_iter().find_map(|run| run.code).ok_or_else(|| {
        Failure::invalid(
            format!("pipeline `{pipeline}` has not run yet, so its code is not known"),
            "give `code`, or declare the pipeline in a project and `mlwright apply` it",
        )
    })?;
    Ok(last)
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

/// `POST pipeline-runs/{id}/replay`
pub async fn replay(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let replay = pipelines::replay(&state.ledger, actor, id).await?;
    Ok(Json(json!({ "replay_id": replay.uid, "pipeline_run": replay.replay_run })))
}

/// `GET replays/{id}`
pub async fn get_replay(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let replay = pipelines::get_replay(&state.ledger, actor, id).await?;
    let mut body = json!(replay);
    body["created_at"] = view::time(replay.created_at);
    body["ended_at"] = view::time_opt(replay.ended_at);
    Ok(Json(body))
}

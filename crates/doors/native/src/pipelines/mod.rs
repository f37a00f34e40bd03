//! Pipelines, their runs, tasks, artifacts, schedules and replays.

pub mod artifacts;
pub mod backfills;
pub mod executors;
pub mod runs;
pub mod schedules;
pub mod secrets;
pub mod servers;
pub mod steps;
pub mod submit;
pub mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use pipelines::{CodeSnapshot, Pipeline, PipelineRun, Submit};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, view};

/// Runs that are looked at for names of pipelines that nobody declared.
const RECENT: i64 = 1_000;

async fn newest(state: &State, actor: &Actor, name: &str) -> Result<Option<PipelineRun>, Failure> {
    Ok(pipelines::list_runs(&state.ledger, actor, Some(name.to_owned()), 1).await?.into_iter().next())
}

async fn declared(state: &State, actor: &Actor, found: &Pipeline) -> Result<Value, Failure> {
    Ok(json!({
        "name": found.name,
        "declared": true,
        "dataset": found.spec.dataset,
        "params": found.spec.params,
        "steps": found.spec.steps,
        "environments": found.spec.environments,
        "latest": newest(state, actor, &found.name).await?.as_ref().map(runs::summary),
    }))
}

/// A pipeline that only its runs and published versions tell of.
async fn undeclared(state: &State, actor: &Actor, name: &str) -> Result<Option<Value>, Failure> {
    let latest = newest(state, actor, name).await?;
    let versions = match pipelines::find_published(&state.ledger, actor, name).await {
        Ok(published) => Some(pipelines::versions(&state.ledger, actor, published.uid).await?.len()),
        Err(pipelines::Error::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if latest.is_none() && versions.is_none() {
        return Ok(None);
    }
    Ok(Some(json!({
        "name": name,
        "declared": false,
        "dataset": null,
        "params": {},
        "steps": [],
        "environments": {},
        "versions": versions.unwrap_or(0),
        "latest": latest.as_ref().map(runs::summary),
    })))
}

/// `GET pipelines`: those that are declared, then those that were only submitted or published.
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut views = Vec::new();
    let mut known = BTreeSet::new();
    for found in pipelines::list(&state.ledger, actor).await? {
        views.push(declared(&state, actor, &found).await?);
        known.insert(found.name);
    }
    let runs = pipelines::list_runs(&state.ledger, actor, None, RECENT).await?;
    let published = pipelines::published(&state.ledger, actor).await?;
    let others = runs.into_iter().map(|run| run.pipeline).chain(published.into_iter().map(|p| p.name));
    let others: BTreeSet<String> = others.filter(|name| !known.contains(name)).collect();
    for name in others {
        views.extend(undeclared(&state, actor, &name).await?);
    }
    Ok(Json(json!({ "pipelines": views })))
}

/// `GET pipelines/{name}`: with the plan of its newest run, if that was submitted as one.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let missing = match pipelines::get(&state.ledger, actor, &name).await {
        Ok(found) => return Ok(Json(declared(&state, actor, &found).await?)),
        Err(error) => error,
    };
    let Some(mut body) = undeclared(&state, actor, &name).await? else { return Err(missing.into()) };
    if let Some(run) = newest(&state, actor, &name).await? {
        body["plan"] = json!(pipelines::plan_of(&state.ledger, actor, run.uid).await.ok());
    }
    Ok(Json(body))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    params: BTreeMap<String, Value>,
    /// Of a pipeline that was submitted as a plan.
    inputs: BTreeMap<String, Value>,
    dataset_version: Option<Uid>,
    /// If absent: the code that the project was applied with, or else that of the newest run.
    code: Option<CodeSnapshot>,
    no_cache: bool,
    /// Where tasks run that do not say it themselves.
    executor: Option<String>,
}

/// `POST pipelines/{name}/runs`: a declared one, or once more the plan of the newest run.
pub async fn start(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Start>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    if let Err(missing) = pipelines::get(&state.ledger, actor, &name).await {
        let last = newest(&state, actor, &name).await?;
        let Some(last) = last.filter(|run| run.spec.is_none()) else { return Err(missing.into()) };
        let inputs = if body.inputs.is_empty() { body.params } else { body.inputs };
        let mut again = submit::repeat(&state, actor, &last, inputs).await?;
        again.use_cache = !body.no_cache;
        if let Some(executor) = &body.executor {
            again.plan.run_on(executor);
        }
        let run = pipelines::submit_plan(&state.ledger, &state.blobs, actor, again).await?;
        return Ok(Json(json!({ "id": run.uid })));
    }
    let code = match body.code {
        Some(code) => code,
        None => known_code(&state, actor, &name).await?,
    };
    let submit = Submit {
        pipeline: name,
        params: if body.params.is_empty() { body.inputs } else { body.params },
        dataset_version: body.dataset_version,
        code,
        trigger: json!({ "kind": "manual", "by": actor.to_string() }),
        use_cache: !body.no_cache,
        executor: body.executor,
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
    let last = newest(state, actor, pipeline).await?;
    last.and_then(|run| run.code).ok_or_else(|| {
        Failure::invalid(
            format!("pipeline `{pipeline}` has not run yet, so its code is not known"),
            "give `code`, or declare the pipeline in a project and `mlwright apply` it",
        )
    })
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

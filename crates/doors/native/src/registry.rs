//! Registered models, versions and aliases.

use axum::Json;
use axum::extract::{Path, State as Shared};
use evaluation::{Bound, Evaluation, Outcome};
use kit::Caller;
use models::ModelVersion;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission};

use crate::{Failure, State, view};

/// `GET models`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut found = Vec::new();
    for model in models::list(&state.ledger, actor).await? {
        let detail = models::get(&state.ledger, actor, model.name.clone()).await?;
        found.push(json!({
            "name": model.name,
            "versions": detail.versions.len(),
            "latest": detail.versions.iter().map(|v| v.number).max(),
            "aliases": model.aliases,
            "updated_at": view::time(model.updated_at),
        }));
    }
    Ok(Json(json!({ "models": found })))
}

/// `GET models/{name}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let detail = models::get(&state.ledger, actor, name).await?;
    let mut versions = Vec::new();
    for found in &detail.versions {
        versions.push(version(&state, actor, found).await?);
    }
    Ok(Json(json!({
        "name": detail.model.name,
        "description": detail.model.description,
        "aliases": detail.model.aliases,
        "versions": versions,
    })))
}

async fn version(state: &State, actor: &Actor, version: &ModelVersion) -> Result<Value, Failure> {
    let metrics = match version.run {
        Some(run) => match tracking::run(&state.ledger, actor, run).await {
            Ok(run) => run.metrics.iter().map(|(k, m)| (k.clone(), view::number(m.value))).collect(),
            // The run may have been deleted since.
            Err(_) => serde_json::Map::new(),
        },
        None => serde_json::Map::new(),
    };
    let newest = evaluation::evaluations_of(&state.ledger, actor, version.uid).await?.into_iter().next();
    Ok(json!({
        "evaluation": newest.as_ref().map(judged),
        "version": version.number,
        "uid": version.uid,
        "status": "ready",
        "run_id": version.run,
        "aliases": version.aliases,
        "created_at": view::time(version.created_at),
        "created_by": version.created_by,
        "digest": version.digest,
        "metrics": metrics,
        "tags": version.tags,
    }))
}

fn judged(evaluation: &Evaluation) -> Value {
    let slices: Vec<Value> = evaluation
        .slices
        .iter()
        .map(|s| json!({ "name": s.column, "value": s.value, "rows": s.n, "metrics": s.metrics }))
        .collect();
    let required = |bound: &Bound| match (bound.min, bound.max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (None, None) => None,
    };
    let checks: Vec<Value> = evaluation
        .checks
        .iter()
        .map(|c| {
            json!({
                "name": c.scope.as_ref().map_or_else(|| c.metric.clone(), |s| format!("{} ({s})", c.metric)),
                "passed": c.outcome == Outcome::Passed,
                "observed": c.observed,
                "required": required(&c.bound),
                "text": c.text,
            })
        })
        .collect();
    json!({
        "uid": evaluation.uid,
        "passed": evaluation.blessed(),
        "at": view::time(evaluation.created_at),
        "data": evaluation.data,
        "rows": evaluation.n,
        "metrics": evaluation.metrics,
        "slices": slices,
        "checks": checks,
        "champion": evaluation.champion.as_ref().map(|c| {
            json!({ "model": evaluation.model, "version": c.number, "metrics": c.metrics })
        }),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAlias {
    version: i64,
}

/// `PUT models/{name}/aliases/{alias}`
pub async fn set_alias(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
    Json(body): Json<SetAlias>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    models::set_alias(&state.ledger, actor, name, alias, body.version).await?;
    Ok(Json(json!({})))
}

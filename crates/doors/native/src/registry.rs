//! Registered models, versions and aliases.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Shared};
use evaluation::{Bound, Evaluation, Outcome};
use kit::Caller;
use models::ModelVersion;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use types::{Permission, Uid};

use crate::{Failure, State, view};

/// `GET models`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let counts = models::version_counts(&state.ledger, actor).await?;
    let found: Vec<Value> = models::list(&state.ledger, actor)
        .await?
        .iter()
        .map(|model| {
            let count = counts.get(&model.name);
            json!({
                "name": model.name,
                "description": model.description,
                "versions": count.map_or(0, |c| c.versions),
                "latest": count.map(|c| c.newest),
                "aliases": model.aliases,
                "tags": model.tags,
                "updated_at": view::time(model.updated_at),
            })
        })
        .collect();
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
    let mut metrics = BTreeMap::new();
    let ids: Vec<Uid> = detail.versions.iter().filter_map(|v| v.run).collect();
    for run in tracking::runs_of(&state.ledger, actor, ids, None).await? {
        let values: Map<String, Value> =
            run.metrics.iter().map(|(k, m)| (k.clone(), view::number(m.value))).collect();
        metrics.insert(run.uid, values);
    }
    let mut versions = Vec::new();
    for found in &detail.versions {
        // The run may have been deleted since.
        let logged = found.run.and_then(|run| metrics.get(&run)).cloned().unwrap_or_default();
        let newest = evaluation::evaluations_of(&state.ledger, actor, found.uid).await?.into_iter().next();
        let mut body = version(found);
        body["evaluation"] = json!(newest.as_ref().map(judged));
        body["metrics"] = logged.into();
        versions.push(body);
    }
    Ok(Json(json!({
        "name": detail.model.name,
        "description": detail.model.description,
        "tags": detail.model.tags,
        "created_at": view::time(detail.model.created_at),
        "aliases": detail.model.aliases,
        "versions": versions,
    })))
}

/// What the registry itself knows of a version.
pub(crate) fn version(version: &ModelVersion) -> Value {
    json!({
        "version": version.number,
        "uid": version.uid,
        "status": "ready",
        "stage": version.stage,
        "description": version.description,
        "source": version.source,
        "run_id": version.run,
        "run_link": version.run_link,
        "logged_model": version.logged_model,
        "aliases": version.aliases,
        "created_at": view::time(version.created_at),
        "updated_at": view::time(version.updated_at),
        "created_by": version.created_by,
        "digest": version.digest,
        "tags": version.tags,
    })
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

/// `DELETE models/{name}/aliases/{alias}`
pub async fn delete_alias(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, alias)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    models::delete_alias(&state.ledger, actor, name, alias).await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    description: String,
}

/// `PATCH models/{name}`
pub async fn describe(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Described>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    models::update_model(&state.ledger, actor, name, Some(body.description)).await?;
    Ok(Json(json!({})))
}

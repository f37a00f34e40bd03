//! Clusters that tasks may run on.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use pipelines::ExecutorSpec;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State};

/// `GET executors`: by name. Secrets stand in them by reference only.
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(json!({ "executors": pipelines::executors(&state.ledger, actor).await? })))
}

/// `GET executors/{name}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ExecutorSpec>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(pipelines::get_executor(&state.ledger, actor, &name).await?))
}

/// `PUT executors/{name}`: declares it, or changes it.
pub async fn put(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<ExecutorSpec>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(body) = body.map_err(|e| Failure::body(&e))?;
    let spec: ExecutorSpec = serde_json::from_value(body).map_err(|e| {
        Failure::invalid(format!("executor `{name}` cannot be read: {e}"), "docs/executors.md lists its keys")
    })?;
    Ok(Json(pipelines::define_executor(&state.ledger, actor, ExecutorSpec { name, ..spec }).await?))
}

/// `DELETE executors/{name}`
pub async fn remove(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    pipelines::remove_executor(&state.ledger, actor, &name).await?;
    Ok(Json(json!({})))
}

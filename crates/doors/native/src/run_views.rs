//! Saved views of the table of runs.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State, view};

/// `GET run-views`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let views: Vec<Value> = tracking::views(&state.ledger, actor)
        .await?
        .iter()
        .map(|v| {
            json!({
                "name": v.name, "address": v.address, "saved_by": v.saved_by, "saved_at": view::time(v.saved_at),
            })
        })
        .collect();
    Ok(Json(json!({ "views": views })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    address: String,
}

/// `PUT run-views/{name}`: replaces the view of that name.
pub async fn save(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Saved>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(saved) = body.map_err(|e| Failure::body(&e))?;
    tracking::save_view(&state.ledger, actor, name, saved.address).await?;
    Ok(Json(json!({})))
}

/// `DELETE run-views/{name}`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    tracking::delete_view(&state.ledger, actor, name).await?;
    Ok(Json(json!({})))
}

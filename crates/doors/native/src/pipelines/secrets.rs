//! Secrets that steps get by name. Their values are never told.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use pipelines::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State, view};

fn shown(secret: &Secret) -> Value {
    json!({
        "name": secret.name,
        "created_at": view::time(secret.created_at),
        "updated_at": view::time(secret.updated_at),
        "updated_by": secret.updated_by,
    })
}

/// `GET secrets`: by name.
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let found = pipelines::list_secrets(&state.ledger, actor).await?;
    Ok(Json(json!({ "secrets": found.iter().map(shown).collect::<Vec<_>>() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    value: String,
}

/// `PUT secrets/{name} {value}`: a new one, or another value.
pub async fn set(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Body>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(body) = body.map_err(|e| Failure::body(&e))?;
    Ok(Json(shown(&state.engine.set_secret(actor, name, body.value).await?)))
}

/// `DELETE secrets/{name}`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    pipelines::delete_secret(&state.ledger, actor, name).await?;
    Ok(Json(json!({})))
}

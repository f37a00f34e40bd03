//! Access keys, which sign the requests of S3 and lakeFS clients.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Failure, State, view};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// None: the caller's own; of callers without an account, root keys.
    user: Option<String>,
}

/// `POST keys`: the secret is shown this once.
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<Whose>,
) -> Result<Json<Value>, Failure> {
    let actor = &caller.0;
    let own = actor.account.map(|_| actor.name.clone());
    let key = state.keys.create(actor, body.user.or(own).as_deref()).await?;
    Ok(Json(json!({ "id": key.id, "secret": key.secret })))
}

/// `GET keys?user=`: all, if nobody is named.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<Whose>,
) -> Result<Json<Value>, Failure> {
    let actor = &caller.0;
    let keys: Vec<Value> = state
        .keys
        .list(actor, query.user.as_deref())
        .await?
        .iter()
        .map(|key| json!({ "id": key.id, "user": key.account, "created_at": view::time(key.created_at) }))
        .collect();
    Ok(Json(json!({ "keys": keys })))
}

/// `DELETE keys/{id}`
pub async fn revoke(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = &caller.0;
    state.keys.revoke(actor, &id).await?;
    Ok(Json(json!({})))
}

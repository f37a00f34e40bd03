use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use repositories::NewRepository;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use super::{PageQuery, view};
use crate::{Failure, State};

/// `GET data/repositories?prefix&after&limit`
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let page = state.repositories.repositories(actor, query.paging()).await?;
    Ok(Json(view::page("repositories", &page, view::repository)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    /// `local://<name>` if left out.
    storage_namespace: Option<String>,
    #[serde(default = "main")]
    default_branch: String,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

fn main() -> String {
    "main".into()
}

/// `POST data/repositories`
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<New>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(New { name, storage_namespace, default_branch, read_only, metadata }) =
        body.map_err(|e| Failure::body(&e))?;
    let storage_namespace = storage_namespace.unwrap_or_else(|| format!("local://{name}"));
    let new = NewRepository { name, storage_namespace, default_branch, read_only, metadata };
    let made = state.repositories.create_repository(actor, new).await?;
    Ok(Json(view::repository(&made)))
}

/// `GET data/repositories/{repository}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(view::repository(&state.repositories.repository(actor, &name).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// A value, or null to remove the key.
    metadata: BTreeMap<String, Option<String>>,
}

/// `PATCH data/repositories/{repository}`
pub async fn change(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(Change { metadata }) = body.map_err(|e| Failure::body(&e))?;
    let (mut set, mut remove) = (BTreeMap::new(), Vec::new());
    for (key, value) in metadata {
        match value {
            Some(value) => drop(set.insert(key, value)),
            None => remove.push(key),
        }
    }
    state.repositories.set_repository_metadata(actor, &name, set, remove).await?;
    Ok(Json(view::repository(&state.repositories.repository(actor, &name).await?)))
}

#[derive(Debug, Deserialize)]
pub struct DeleteQuery {
    /// Also a read-only one.
    #[serde(default)]
    force: bool,
}

/// `DELETE data/repositories/{repository}?force`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    state.repositories.delete_repository(actor, &name, query.force).await?;
    Ok(Json(json!({})))
}

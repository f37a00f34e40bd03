use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use super::{PageQuery, view};
use crate::{Failure, State};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRef {
    name: String,
    /// The ref that it points to at first.
    source: String,
    /// Not listed unless asked for; branches only.
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    force: bool,
}

#[derive(Debug, Deserialize)]
pub struct BranchesQuery {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    #[serde(default = "super::hundred")]
    limit: usize,
    #[serde(default)]
    hidden: bool,
}

/// `GET …/branches?prefix&after&limit&hidden`
pub async fn branches(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    Query(query): Query<BranchesQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let BranchesQuery { prefix, after, limit, hidden } = query;
    let paging = PageQuery { prefix, after, limit }.paging();
    let page = state.repositories.branches(actor, &repository, paging, hidden).await?;
    Ok(Json(view::page("branches", &page, view::branch)))
}

/// `POST …/branches`
pub async fn create_branch(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    body: Result<Json<NewRef>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(NewRef { name, source, hidden, force }) = body.map_err(|e| Failure::body(&e))?;
    let made = state.repositories.create_branch(actor, &repository, &name, &source, hidden, force).await?;
    Ok(Json(view::branch(&made)))
}

/// `GET …/branches/{branch}`
pub async fn branch(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, name)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(view::branch(&state.repositories.branch(actor, &repository, &name).await?)))
}

#[derive(Debug, Deserialize)]
pub struct Force {
    /// Also in a read-only repository.
    #[serde(default)]
    force: bool,
}

/// `DELETE …/branches/{branch}?force`
pub async fn delete_branch(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, name)): Path<(String, String)>,
    Query(query): Query<Force>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    state.repositories.delete_branch(actor, &repository, &name, query.force).await?;
    Ok(Json(json!({})))
}

/// `GET …/tags?prefix&after&limit`
pub async fn tags(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let page = state.repositories.tags(actor, &repository, query.paging()).await?;
    Ok(Json(view::page("tags", &page, view::tag)))
}

/// `POST …/tags`
pub async fn create_tag(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    body: Result<Json<NewRef>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(NewRef { name, source, force, .. }) = body.map_err(|e| Failure::body(&e))?;
    let made = state.repositories.create_tag(actor, &repository, &name, &source, force).await?;
    Ok(Json(view::tag(&made)))
}

/// `GET …/tags/{tag}`
pub async fn tag(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, name)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(view::tag(&state.repositories.tag(actor, &repository, &name).await?)))
}

/// `DELETE …/tags/{tag}?force`
pub async fn delete_tag(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, name)): Path<(String, String)>,
    Query(query): Query<Force>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    state.repositories.delete_tag(actor, &repository, &name, query.force).await?;
    Ok(Json(json!({})))
}

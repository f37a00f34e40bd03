use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use repositories::{DiffOptions, LogOptions, Paging};
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use super::{MOST, view};
use crate::{Failure, State};

/// `GET …/refs/{reference}`: the commit that a ref leads to.
pub async fn resolve(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let resolved = state.repositories.resolve(actor, &repository, &reference).await?;
    let found = state.repositories.get_commit(actor, &repository, &resolved.commit.hex()).await?;
    Ok(Json(json!({ "commit": view::commit(&found), "branch": resolved.staged })))
}

#[derive(Debug, Deserialize)]
pub struct LogQuery {
    /// Only commits that changed this path, or one below it where it ends with `/`.
    #[serde(default)]
    path: String,
    #[serde(default)]
    first_parent: bool,
    #[serde(default)]
    after: String,
    #[serde(default = "super::hundred")]
    limit: usize,
}

/// `GET …/refs/{reference}/log?path&first_parent&after&limit`: newest first.
pub async fn log(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let LogQuery { path, first_parent, after, limit } = query;
    let paths = if path.is_empty() { Vec::new() } else { vec![path] };
    let options =
        LogOptions { paths, first_parent, after, limit: limit.clamp(1, MOST), ..LogOptions::default() };
    let page = state.repositories.log(actor, &repository, &reference, options).await?;
    Ok(Json(view::page("commits", &page, view::commit)))
}

#[derive(Debug, Deserialize)]
pub struct DiffQuery {
    #[serde(default)]
    left: String,
    #[serde(default)]
    right: String,
    /// From the merge base of both to `right`, and conflicts are told.
    #[serde(default)]
    from_base: bool,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    delimiter: String,
    #[serde(default)]
    after: String,
    #[serde(default = "super::hundred")]
    limit: usize,
}

impl DiffQuery {
    fn options(&self) -> DiffOptions {
        let paging = Paging {
            prefix: self.prefix.clone(),
            after: self.after.clone(),
            limit: self.limit.clamp(1, MOST),
        };
        DiffOptions { paging, delimiter: self.delimiter.clone() }
    }
}

/// `GET …/diff?left&right&from_base&prefix&delimiter&after&limit`
pub async fn diff(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let DiffQuery { left, right, from_base, .. } = &query;
    let page = state.repositories.diff(actor, &repository, left, right, *from_base, query.options()).await?;
    Ok(Json(view::page("differences", &page, view::difference)))
}

/// `GET …/branches/{branch}/uncommitted?prefix&delimiter&after&limit`
pub async fn uncommitted(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let page = state.repositories.uncommitted(actor, &repository, &branch, query.options()).await?;
    Ok(Json(view::page("differences", &page, view::difference)))
}

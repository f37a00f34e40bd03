//! What moves the head of a branch, and what drops its staged changes.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use repositories::{MergeOptions, NewCommit, Reset, Strategy};
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use super::view;
use crate::{Failure, State};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct New {
    message: String,
    metadata: BTreeMap<String, String>,
    allow_empty: bool,
    force: bool,
}

impl New {
    fn commit(self) -> NewCommit {
        let New { message, metadata, allow_empty, force } = self;
        NewCommit { message, metadata, allow_empty, force, ..NewCommit::default() }
    }
}

/// `POST …/branches/{branch}/commits`
pub async fn commit(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<New>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(new) = body.map_err(|e| Failure::body(&e))?;
    let made = state.repositories.commit(actor, &repository, &branch, new.commit()).await?;
    Ok(Json(view::commit(&made)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The ref that is merged into the branch.
    source: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// Who wins where both changed: `source-wins` or `dest-wins`; nobody if left out.
    strategy: Option<String>,
    #[serde(default)]
    allow_empty: bool,
    #[serde(default)]
    squash: bool,
    #[serde(default)]
    force: bool,
}

/// `POST …/branches/{branch}/merge`
pub async fn merge(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<Merge>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(Merge { source, message, metadata, strategy, allow_empty, squash, force }) =
        body.map_err(|e| Failure::body(&e))?;
    let strategy = match strategy.as_deref() {
        None | Some("") => Strategy::None,
        Some("source-wins") => Strategy::SourceWins,
        Some("dest-wins") => Strategy::DestinationWins,
        Some(other) => {
            let hint = "give `source-wins` or `dest-wins`, or nothing so that conflicts are an error";
            return Err(Failure::invalid(format!("`{other}` is no merge strategy"), hint));
        }
    };
    let options = MergeOptions { message, metadata, strategy, allow_empty, squash, force };
    let made = state.repositories.merge(actor, &repository, &source, &branch, options).await?;
    Ok(Json(view::commit(&made)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The commit.
    reference: String,
    /// Against which parent of a merge, from 1.
    parent: Option<usize>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    allow_empty: bool,
    #[serde(default)]
    force: bool,
}

impl Again {
    fn parts(self) -> (String, Option<usize>, NewCommit) {
        let Again { reference, parent, message, metadata, allow_empty, force } = self;
        (reference, parent, New { message, metadata, allow_empty, force }.commit())
    }
}

/// `POST …/branches/{branch}/revert`: undoes a commit.
pub async fn revert(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<Again>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(again) = body.map_err(|e| Failure::body(&e))?;
    let (reference, parent, new) = again.parts();
    let made =
        state.repositories.revert(actor, &repository, &branch, &reference, parent.unwrap_or(0), new).await?;
    Ok(Json(view::commit(&made)))
}

/// `POST …/branches/{branch}/cherry-pick`: does what a commit did, on another branch.
pub async fn cherry_pick(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<Again>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(again) = body.map_err(|e| Failure::body(&e))?;
    let (reference, parent, new) = again.parts();
    let made = state.repositories.cherry_pick(actor, &repository, &branch, &reference, parent, new).await?;
    Ok(Json(view::commit(&made)))
}

/// One of them, or none for everything that is staged.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResetTo {
    /// Staged changes of one object.
    path: Option<String>,
    /// Staged changes below a prefix.
    prefix: Option<String>,
    /// Moves the head to this ref; nothing may be staged.
    reference: Option<String>,
    force: bool,
}

/// `POST …/branches/{branch}/reset`
pub async fn reset(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<ResetTo>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(to) = body.map_err(|e| Failure::body(&e))?;
    let what = match (to.path, to.prefix, to.reference) {
        (None, None, None) => Reset::Everything,
        (Some(path), None, None) => Reset::Object(path),
        (None, Some(prefix), None) => Reset::Prefix(prefix),
        (None, None, Some(reference)) => {
            state.repositories.hard_reset(actor, &repository, &branch, &reference, to.force).await?;
            return Ok(Json(json!({})));
        }
        _ => {
            return Err(Failure::invalid(
                "more than one of `path`, `prefix` and `reference`",
                "give one of them, or none to drop everything that is staged",
            ));
        }
    };
    state.repositories.reset(actor, &repository, &branch, what).await?;
    Ok(Json(json!({})))
}

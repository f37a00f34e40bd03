//! What guards a repository, what its gates said, and what is imported in place.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use repositories::{ActionRun, GRACE, ImportPath, NewCommit, Paging, Protection, Retention};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::Permission;

use super::{MOST, view};
use crate::view::{time, time_opt};
use crate::{Failure, State};

/// Branches whose names match the glob take none of the named actions.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pattern: String,
    /// No uploads and deletions, only merges.
    #[serde(default)]
    staging: bool,
    /// No commits.
    #[serde(default)]
    commits: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    protections: Vec<Rule>,
}

/// `GET …/protections`
pub async fn protections(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let rules = state.repositories.protections(actor, &repository).await?;
    let rule = |p: Protection| Rule { pattern: p.pattern, staging: p.staging, commits: p.commits };
    Ok(Json(json!({ "protections": rules.into_iter().map(rule).collect::<Vec<_>>() })))
}

/// `PUT …/protections`: all rules at once.
pub async fn set_protections(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    body: Result<Json<Rules>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    let Json(Rules { protections }) = body.map_err(|e| Failure::body(&e))?;
    let rule = |r: Rule| Protection { pattern: r.pattern, staging: r.staging, commits: r.commits };
    let rules = protections.into_iter().map(rule).collect();
    state.repositories.set_protections(actor, &repository, rules).await?;
    Ok(Json(json!({})))
}

/// Days for which what no branch needs any more is kept.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Days {
    default_days: u32,
    #[serde(default)]
    branches: BTreeMap<String, u32>,
}

/// `GET …/retention`: null if there is no rule.
pub async fn retention(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let rules = state.repositories.retention(actor, &repository).await?;
    let days = rules.map(|r| Days { default_days: r.default_days, branches: r.branches });
    Ok(Json(json!({ "retention": days })))
}

/// `PUT …/retention`: null removes the rule.
pub async fn set_retention(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    body: Result<Json<Option<Days>>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    let Json(days) = body.map_err(|e| Failure::body(&e))?;
    let rules = days.map(|d| Retention { default_days: d.default_days, branches: d.branches });
    state.repositories.set_retention(actor, &repository, rules).await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
pub struct GatesQuery {
    branch: Option<String>,
    commit: Option<String>,
    #[serde(default)]
    after: String,
    #[serde(default = "super::hundred")]
    limit: usize,
}

fn run(of: &ActionRun) -> Value {
    json!({
        "id": of.id,
        "branch": of.branch,
        "commit": Some(&of.commit).filter(|c| !c.is_empty()),
        "event": of.event,
        "passed": of.passed,
        "started_at": time(of.started_at),
        "ended_at": time_opt(of.ended_at),
    })
}

/// `GET …/gates?branch&commit&after&limit`: newest first.
pub async fn gates(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(repository): Path<String>,
    Query(query): Query<GatesQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let GatesQuery { branch, commit, after, limit } = query;
    let paging = Paging { prefix: String::new(), after, limit: limit.clamp(1, MOST) };
    let runs = state
        .repositories
        .action_runs(actor, &repository, branch.as_deref(), commit.as_deref(), paging)
        .await?;
    Ok(Json(view::page("gates", &runs, run)))
}

/// `GET …/gates/{id}`: with what each check said.
pub async fn gate(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, id)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.repositories.action_run(actor, &repository, &id).await?;
    let paging = Paging { limit: MOST, ..Paging::default() };
    let hooks = state.repositories.hook_runs(actor, &repository, &id, paging).await?;
    let mut checks = Vec::new();
    for hook in hooks.items {
        let output = state.repositories.hook_output(actor, &repository, &id, &hook.id).await?;
        checks.push(json!({
            "id": hook.id,
            "action": hook.action,
            "hook": hook.hook,
            "passed": hook.passed,
            "skipped": hook.skipped,
            "started_at": time(hook.started_at),
            "ended_at": time_opt(hook.ended_at),
            "output": output,
        }));
    }
    let mut body = run(&found);
    body["checks"] = checks.into();
    Ok(Json(body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartImport {
    paths: Vec<From>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// Such as `s3://bucket/images/` or `local:///data/table.parquet`.
    source: String,
    destination: String,
    /// One object instead of everything that starts with `source`.
    #[serde(default)]
    object: bool,
}

/// `POST …/branches/{branch}/imports`: goes on beside; answers with the id to ask after.
pub async fn start_import(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<StartImport>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(StartImport { paths, message, metadata }) = body.map_err(|e| Failure::body(&e))?;
    let path = |f: From| ImportPath { source: f.source, destination: f.destination, prefix: !f.object };
    let paths = paths.into_iter().map(path).collect();
    let new = NewCommit { message, metadata, ..NewCommit::default() };
    let id = state.repositories.start_import(actor, &repository, &branch, paths, new).await?;
    Ok(Json(json!({ "id": id })))
}

/// `GET …/imports/{id}`
pub async fn import(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, id)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let of = state.repositories.import(actor, &repository, &id).await?;
    Ok(Json(json!({
        "id": of.id,
        "branch": of.branch,
        "objects": of.objects,
        "updated_at": time(of.updated_at),
        "completed": of.completed,
        "commit": of.commit.as_ref().map(view::commit),
        "error": of.error,
    })))
}

/// `DELETE …/imports/{id}`: stops it.
pub async fn cancel_import(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, id)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    state.repositories.cancel_import(actor, &repository, &id).await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Collect {
    /// How long what nothing needs is left alone; a day if left out.
    grace_hours: Option<u64>,
}

/// `POST data/gc`: one pass over all repositories; null if another server is at it. It ends when the caller goes away,
/// and the next one goes on.
pub async fn collect_garbage(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Collect>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Administer)?;
    let Json(Collect { grace_hours }) = body.map_err(|e| Failure::body(&e))?;
    let grace = grace_hours.map_or(GRACE, |hours| Duration::from_secs(hours.saturating_mul(3_600)));
    let collected = state.repositories.collect_garbage(grace).await?;
    Ok(Json(json!({ "collected": collected })))
}

//! Workspaces: the header that chooses one, and their administration.
//! Upstream: `mlflow/server/workspace_helpers.py`, `handlers.py` (`_*_workspace_handler`) at 3.17.2.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use ledger::{Error, Workspace};
use serde_json::{Value, json};
use types::{Actor, Role, WorkspaceId};

use crate::State;
use crate::call::{Answer, Cx, reply};
use crate::errors::{Code, Failure};
use crate::guard::denied;
use crate::request::Fields;

const HEADER: &str = "x-mlflow-workspace";
const DEFAULT: &str = "default";
const RESERVED: [&str; 4] = ["workspaces", "api", "ajax-api", "static-files"];
/// Most actors that are remembered in the workspaces that they entered.
const MOST: usize = 4_096;

/// Who entered which workspace, as of a generation of access.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entered(Arc<Mutex<HashMap<Entry, (u64, Actor)>>>);

/// Account, role and the workspace's name.
type Entry = (Option<i64>, Role, String);

fn disabled() -> Failure {
    Failure::new(
        Code::FeatureDisabled,
        "Workspace APIs are not available: workspaces are not enabled on this server",
    )
}

fn not_found(name: &str) -> Failure {
    Failure::missing(format!("Workspace '{name}' not found"))
}

/// Middleware of the whole door: from here on the caller acts in the workspace that the header names, with what it
/// was granted there. A caller without anything there is told that there is no such workspace.
pub(crate) async fn enter(
    Shared((state, entered)): Shared<(State, Entered)>,
    mut request: Request,
    next: Next,
) -> Response {
    let named = request.headers().get(HEADER).map(|v| v.to_str().unwrap_or("?").trim().to_owned());
    let named = named.filter(|n| !n.is_empty() && !request.uri().path().ends_with("/mlflow/server-info"));
    let Some(name) = named else { return next.run(request).await };
    if !state.workspaces {
        return disabled().into_response();
    }
    let Some(actor) = request.extensions().get::<Actor>().cloned() else { return next.run(request).await };
    match moved(&state, &entered, actor, name).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    }
}

async fn moved(state: &State, entered: &Entered, actor: Actor, name: String) -> Result<Actor, Failure> {
    if name == DEFAULT {
        return Ok(actor);
    }
    check_name(&name)?;
    let generation = state.ledger.access_generation();
    let key = (actor.account, actor.role, name);
    // A scoped token is not remembered: its scopes are its own.
    let known = entered.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some((at, known)) = known
        && at == generation
    {
        return Ok(Actor { workspace: known.workspace, role: known.role, grants: known.grants, ..actor });
    }
    let workspace = state.ledger.workspace_named(&key.2).await?.ok_or_else(|| not_found(&key.2))?;
    let there = match state.ledger.enter(&actor, workspace.id, &key.2).await {
        Err(Error::Missing(_)) => return Err(not_found(&key.2)),
        other => other?,
    };
    tracking::ensure_default_experiment(&state.ledger, &there).await?;
    let mut map = entered.0.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(key, (generation, there.clone()));
    Ok(there)
}

/// `mlflow/store/workspace/abstract_store.py: WorkspaceNameValidator`
fn check_name(name: &str) -> Result<(), Failure> {
    let length = name.chars().count();
    if !(2..=63).contains(&length) {
        return Err(Failure::invalid(format!(
            "Workspace name '{name}' must be between 2 and 63 characters."
        )));
    }
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends = bytes.first().is_some_and(|b| word(*b)) && bytes.last().is_some_and(|b| word(*b));
    if !ends || !bytes.iter().all(|b| word(*b) || *b == b'-') {
        return Err(Failure::invalid(format!(
            "Workspace name '{name}' must match the pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ (lowercase alphanumeric \
             with optional internal hyphens)."
        )));
    }
    if RESERVED.contains(&name) {
        return Err(Failure::invalid(format!("Workspace name '{name}' is reserved and cannot be used.")));
    }
    Ok(())
}

fn shown(workspace: &Workspace) -> Value {
    let mut value = json!({ "name": workspace.name });
    if let Some(description) = &workspace.description {
        value["description"] = description.as_str().into();
    }
    if let Some(root) = &workspace.artifact_root {
        value["default_artifact_root"] = root.as_str().into();
    }
    value
}

fn enabled(cx: &Cx) -> Result<(), Failure> {
    if cx.state.workspaces { Ok(()) } else { Err(disabled()) }
}

fn admin(cx: &Cx) -> Result<(), Failure> {
    if cx.actor.role == Role::Admin { Ok(()) } else { Err(denied()) }
}

/// The caller's workspaces: the first one, and those where it was granted something.
async fn readable(cx: &Cx) -> Result<Vec<Workspace>, Failure> {
    let mut all = cx.state.ledger.workspaces().await?;
    if cx.actor.role == Role::Admin {
        return Ok(all);
    }
    let groups = cx.state.ledger.groups_of(cx.actor.account.unwrap_or(0)).await?;
    all.retain(|w| {
        w.id == WorkspaceId::DEFAULT || groups.iter().any(|g| g.workspace == w.id && !g.grants.is_empty())
    });
    Ok(all)
}

pub(crate) async fn list(cx: Cx, _: Fields) -> Answer {
    enabled(&cx)?;
    let workspaces: Vec<Value> = readable(&cx).await?.iter().map(shown).collect();
    reply(&json!({ "workspaces": workspaces }))
}

/// Answers with 201, so it handles the whole response.
pub(crate) async fn create(cx: Cx, f: Fields) -> Result<Response, Failure> {
    enabled(&cx)?;
    admin(&cx)?;
    let name = f.required_text("name")?;
    if name == DEFAULT {
        return Err(Failure::invalid("The 'default' workspace is reserved and cannot be created"));
    }
    check_name(&name)?;
    let root = artifact_root(&f)?;
    let made = cx.state.ledger.create_workspace(&cx.actor, &name, f.text("description")?, root).await;
    let made = match made {
        Err(Error::Exists(_)) => {
            return Err(Failure::new(
                Code::ResourceAlreadyExists,
                format!("Workspace '{name}' already exists."),
            ));
        }
        other => other?,
    };
    let body = json!({ "workspace": shown(&made) }).to_string();
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn artifact_root(f: &Fields) -> Result<Option<String>, Failure> {
    let root = f.text("default_artifact_root")?;
    if let Some(root) = root.as_deref().filter(|r| !r.is_empty()) {
        let place = root.split("://").nth(1).unwrap_or_default();
        if !root.contains("://") || root.starts_with("file:") || place.split('/').any(|part| part == "..") {
            return Err(Failure::invalid(format!(
                "Invalid default_artifact_root '{root}': it must be the URI of an object store."
            )));
        }
    }
    Ok(root)
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    enabled(&cx)?;
    let name = f.required_text("workspace_name")?;
    if name != DEFAULT {
        check_name(&name)?;
    }
    let found = readable(&cx).await?.into_iter().find(|w| w.name == name);
    reply(&json!({ "workspace": shown(&found.ok_or_else(|| not_found(&name))?) }))
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    enabled(&cx)?;
    admin(&cx)?;
    let name = f.required_text("workspace_name")?;
    if !f.has("description") && !f.has("default_artifact_root") {
        return Err(Failure::invalid("Workspace update must have at least one key"));
    }
    let root = artifact_root(&f)?;
    let changed = cx.state.ledger.update_workspace(&cx.actor, &name, f.text("description")?, root).await;
    let changed = match changed {
        Err(Error::Missing(_)) => return Err(not_found(&name)),
        other => other?,
    };
    reply(&json!({ "workspace": shown(&changed) }))
}

/// Only an empty workspace can be deleted: what is in one is never lost by the way.
pub(crate) async fn delete(cx: Cx, f: Fields) -> Result<Response, Failure> {
    enabled(&cx)?;
    admin(&cx)?;
    let name = f.required_text("workspace_name")?;
    if name == DEFAULT {
        return Err(Failure::invalid("The 'default' workspace is reserved and cannot be deleted"));
    }
    check_name(&name)?;
    let mode = f.text("mode")?.unwrap_or_else(|| "RESTRICT".to_owned());
    if !["SET_DEFAULT", "CASCADE", "RESTRICT"].contains(&mode.as_str()) {
        return Err(Failure::invalid(format!(
            "Invalid deletion mode '{mode}'. Must be one of: SET_DEFAULT, CASCADE, RESTRICT"
        )));
    }
    let found = cx.state.ledger.workspace_named(&name).await?.ok_or_else(|| not_found(&name))?;
    let inside = Actor { workspace: found.id, grants: None, ..cx.actor.clone() };
    let experiments = tracking::experiments(&cx.state.ledger, &inside).await?;
    let models = models::list(&cx.state.ledger, &inside).await?;
    if experiments.iter().any(|e| e.number != 0) || !models.is_empty() {
        return Err(Failure::new(
            Code::InvalidState,
            format!("Cannot delete workspace '{name}': it still contains resources. Delete them first."),
        ));
    }
    cx.state.ledger.delete_workspace(&cx.actor, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

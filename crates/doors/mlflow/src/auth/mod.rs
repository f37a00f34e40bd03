//! Users, roles and grants as MLflow's basic-auth app has them.
//! Upstream: `mlflow/server/auth/{__init__,client,entities,permissions}.py` at 3.17.2. A *role* there is a group here,
//! and what a user was granted directly is the group of its own.

mod direct;
mod grants;
mod names;
mod roles;
mod users;

use axum::routing::MethodRouter;
use ledger::{Account, Error};
use types::Permission::Read;
use types::{Actor, ResourceKind, Role, WorkspaceId};

use crate::State;
use crate::call::{Cx, json};
use crate::errors::{Code, Failure};
use crate::guard::denied;
use crate::request::Fields;
use crate::routes::{DELETE, GET, PATCH, POST};

/// Every handler asks itself who calls, so the table lets every signed-in caller through.
pub(crate) fn routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    add("/2.0/mlflow/users/create", json(POST, Read, users::create));
    add("/2.0/mlflow/users/get", json(GET, Read, users::get));
    add("/2.0/mlflow/users/current", json(GET, Read, users::current));
    add("/2.0/mlflow/users/list", json(GET, Read, users::list));
    add("/2.0/mlflow/users/update-password", json(PATCH, Read, users::update_password));
    add("/2.0/mlflow/users/update-admin", json(PATCH, Read, users::update_admin));
    add("/2.0/mlflow/users/delete", json(DELETE, Read, users::delete));
    add("/2.0/mlflow/experiments/permissions/create", json(POST, Read, direct::experiment::create));
    add("/2.0/mlflow/experiments/permissions/get", json(GET, Read, direct::experiment::get));
    add("/2.0/mlflow/experiments/permissions/update", json(PATCH, Read, direct::experiment::update));
    add("/2.0/mlflow/experiments/permissions/delete", json(DELETE, Read, direct::experiment::delete));
    add("/2.0/mlflow/registered-models/permissions/create", json(POST, Read, direct::model::create));
    add("/2.0/mlflow/registered-models/permissions/get", json(GET, Read, direct::model::get));
    add("/2.0/mlflow/registered-models/permissions/update", json(PATCH, Read, direct::model::update));
    add("/2.0/mlflow/registered-models/permissions/delete", json(DELETE, Read, direct::model::delete));
    add("/3.0/mlflow/scorers/permissions/create", json(POST, Read, direct::scorer::create));
    add("/3.0/mlflow/scorers/permissions/get", json(GET, Read, direct::scorer::get));
    add("/3.0/mlflow/scorers/permissions/update", json(PATCH, Read, direct::scorer::update));
    add("/3.0/mlflow/scorers/permissions/delete", json(DELETE, Read, direct::scorer::delete));
    add("/3.0/mlflow/gateway/secrets/permissions/create", json(POST, Read, direct::secret::create));
    add("/3.0/mlflow/gateway/secrets/permissions/get", json(GET, Read, direct::secret::get));
    add("/3.0/mlflow/gateway/secrets/permissions/update", json(PATCH, Read, direct::secret::update));
    add("/3.0/mlflow/gateway/secrets/permissions/delete", json(DELETE, Read, direct::secret::delete));
    add("/3.0/mlflow/gateway/endpoints/permissions/create", json(POST, Read, direct::endpoint::create));
    add("/3.0/mlflow/gateway/endpoints/permissions/get", json(GET, Read, direct::endpoint::get));
    add("/3.0/mlflow/gateway/endpoints/permissions/update", json(PATCH, Read, direct::endpoint::update));
    add("/3.0/mlflow/gateway/endpoints/permissions/delete", json(DELETE, Read, direct::endpoint::delete));
    add(
        "/3.0/mlflow/gateway/model-definitions/permissions/create",
        json(POST, Read, direct::definition::create),
    );
    add("/3.0/mlflow/gateway/model-definitions/permissions/get", json(GET, Read, direct::definition::get));
    add(
        "/3.0/mlflow/gateway/model-definitions/permissions/update",
        json(PATCH, Read, direct::definition::update),
    );
    add(
        "/3.0/mlflow/gateway/model-definitions/permissions/delete",
        json(DELETE, Read, direct::definition::delete),
    );
    add("/3.0/mlflow/users/current/permissions", json(GET, Read, grants::of_caller));
    add("/3.0/mlflow/users/permissions/list", json(GET, Read, grants::list));
    add("/3.0/mlflow/users/permissions/grant", json(POST, Read, grants::grant));
    add("/3.0/mlflow/users/permissions/revoke", json(POST, Read, grants::revoke));
    add("/3.0/mlflow/users/permissions/get", json(GET, Read, grants::get));
    add("/3.0/mlflow/users/roles/list", json(GET, Read, roles::of_user));
    add("/3.0/mlflow/roles/create", json(POST, Read, roles::create));
    add("/3.0/mlflow/roles/get", json(GET, Read, roles::get));
    add("/3.0/mlflow/roles/list", json(GET, Read, roles::list));
    add("/3.0/mlflow/roles/update", json(PATCH, Read, roles::update));
    add("/3.0/mlflow/roles/delete", json(DELETE, Read, roles::delete));
    add("/3.0/mlflow/roles/permissions/add", json(POST, Read, roles::add_permission));
    add("/3.0/mlflow/roles/permissions/remove", json(DELETE, Read, roles::remove_permission));
    add("/3.0/mlflow/roles/permissions/list", json(GET, Read, roles::permissions));
    add("/3.0/mlflow/roles/permissions/update", json(PATCH, Read, roles::update_permission));
    add("/3.0/mlflow/roles/assign", json(POST, Read, roles::assign));
    add("/3.0/mlflow/roles/unassign", json(DELETE, Read, roles::unassign));
    add("/3.0/mlflow/roles/users/list", json(GET, Read, roles::members));
}

fn is_admin(cx: &Cx) -> bool {
    cx.actor.role == Role::Admin
}

/// Errors: `PermissionDenied`.
fn require(allowed: bool) -> Result<(), Failure> {
    if allowed { Ok(()) } else { Err(denied()) }
}

/// The account of that name. Errors: `ResourceDoesNotExist`.
async fn account(cx: &Cx, name: &str) -> Result<Account, Failure> {
    let found = cx.state.ledger.account(name).await?;
    found.ok_or_else(|| Failure::missing(format!("User with username={name} not found")))
}

/// A whole number that may come as text. Errors: `InvalidParameterValue`.
fn number(f: &Fields, name: &str) -> Result<i64, Failure> {
    let read = f.integer(name).ok().flatten();
    match read {
        Some(number) => Ok(number),
        None if f.has(name) => {
            Err(Failure::invalid(format!("Parameter '{name}' must be an integer. Got: {}", f.shown(name))))
        }
        None => Err(f.missing(name)),
    }
}

/// The workspaces in which an account holds the workspace itself at the level of a manager.
async fn managed_workspaces(cx: &Cx, actor: &Actor) -> Result<Vec<WorkspaceId>, Failure> {
    let Some(account) = actor.account else { return Ok(Vec::new()) };
    let manages = |g: &ledger::Group| {
        g.grants.iter().any(|grant| {
            grant.rule.kind == ResourceKind::Workspace && grant.rule.level == Some(types::Level::Manage)
        })
    };
    let groups = cx.state.ledger.groups_of(account).await?;
    Ok(groups.iter().filter(|g| manages(g)).map(|g| g.workspace).collect())
}

/// An error of the ledger about a thing that upstream names in its own way.
fn told(error: Error, exists: impl FnOnce() -> String, missing: impl FnOnce() -> String) -> Failure {
    match error {
        Error::Exists(_) => Failure::new(Code::ResourceAlreadyExists, exists()),
        Error::Missing(_) => Failure::missing(missing()),
        other => other.into(),
    }
}

//! Accounts that sign in with a password.

use axum::Json;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Permission, Role};

use crate::{Failure, State, view};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    name: String,
    role: Role,
    password: String,
}

/// `POST users`
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<CreateUser>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    let account = state.ledger.create_account(actor, &body.name, body.role, &body.password).await?;
    Ok(Json(json!({ "user": user(&account) })))
}

/// `GET users`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Administer)?;
    let users: Vec<Value> = state.ledger.accounts().await?.iter().map(user).collect();
    Ok(Json(json!({ "users": users })))
}

fn user(account: &ledger::Account) -> Value {
    json!({
        "name": account.name, "role": account.role, "has_password": account.has_password,
        "created_at": view::time(account.created_at),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    role: Option<Role>,
    password: Option<String>,
}

/// `POST users/{name}`
pub async fn update(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<UpdateUser>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    if let Some(password) = &body.password {
        state.ledger.set_password(actor, &name, password).await?;
    }
    if let Some(role) = body.role {
        state.ledger.set_role(actor, &name, role).await?;
    }
    Ok(Json(json!({})))
}

/// `DELETE users/{name}`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    state.ledger.delete_account(actor, &name).await?;
    Ok(Json(json!({})))
}

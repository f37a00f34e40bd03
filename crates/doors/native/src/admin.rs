//! The server itself, accounts and tokens.

use axum::Json;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use ledger::NewToken;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Permission, Role, Uid};

use crate::{Failure, State, view};

/// `GET server`
pub async fn about(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let accounts = state.ledger.has_accounts().await?;
    Ok(Json(json!({
        "version": state.about.version,
        "started_at": view::time(state.about.started_at),
        "data_dir": state.about.data_dir,
        "database": state.ledger.place().display(),
        "auth": { "required": accounts, "actor": actor.to_string(), "role": actor.role },
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    user: String,
    role: Role,
    scopes: Option<Vec<Permission>>,
    #[serde(default)]
    name: String,
}

/// `POST tokens`: makes the account if there is none of that name.
pub async fn create_token(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<CreateToken>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    state.ledger.set_account(actor, &body.user, body.role).await?;
    let new = NewToken { label: body.name, scopes: body.scopes, expires_at: None };
    let (token, id) = state.ledger.create_token(actor, &body.user, new).await?;
    Ok(Json(json!({ "token": token, "id": id })))
}

/// `GET tokens`
pub async fn tokens(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Administer)?;
    let tokens: Vec<Value> = state
        .ledger
        .tokens()
        .await?
        .iter()
        .map(|t| {
            json!({
                "id": t.id, "user": t.account, "role": t.role, "name": t.label, "scopes": t.scopes,
                "created_at": view::time(t.created_at),
                "expires_at": view::time_opt(t.expires_at),
                "revoked_at": view::time_opt(t.revoked_at),
            })
        })
        .collect();
    Ok(Json(json!({ "tokens": tokens })))
}

/// `DELETE tokens/{id}`
pub async fn revoke_token(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    state.ledger.revoke_token(actor, id).await?;
    Ok(Json(json!({})))
}

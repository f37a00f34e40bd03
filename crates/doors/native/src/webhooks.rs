//! Webhooks of monitors and retrainings: who is told when an alarm or a signal begins and ends, when a candidate waits for a
//! person, and how a retraining ended.

use ::webhooks::NewWebhook;
use axum::Json;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Permission, Uid};

use crate::{Failure, State, view};

/// Kinds of events that a webhook may be told of; the body is `{"event", "at", "workspace", "data"}`.
pub const TOPICS: [&str; 10] = [
    "drift.detected",
    "drift.cleared",
    "monitor.signal",
    "monitor.signal_cleared",
    "retraining.approval_requested",
    "retraining.done",
    "retraining.refused",
    "retraining.rolled_back",
    "retraining.failed",
    "retraining.cancelled",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    url: String,
    /// All of [`TOPICS`] if left out.
    topics: Option<Vec<String>>,
    /// Messages are signed with it (HMAC-SHA256), if it is given.
    secret: Option<String>,
}

fn shown(webhook: &::webhooks::Webhook) -> Value {
    json!({
        "id": webhook.uid,
        "name": webhook.name,
        "url": webhook.url,
        "topics": webhook.topics,
        "active": webhook.active,
        "created_at": view::time(webhook.created_at),
    })
}

/// `POST webhooks`
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<New>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    if !(body.url.starts_with("https://") || body.url.starts_with("http://")) {
        return Err(Failure::invalid(
            format!("`{}` is no address of a web server", body.url),
            "write https://…",
        ));
    }
    let topics = body.topics.unwrap_or_else(|| TOPICS.map(str::to_owned).to_vec());
    if let Some(unknown) = topics.iter().find(|t| !TOPICS.contains(&t.as_str())) {
        let known = format!("there are {}", TOPICS.join(", "));
        return Err(Failure::invalid(format!("nobody tells of `{unknown}`"), &known));
    }
    let new = NewWebhook {
        name: body.name,
        description: None,
        url: body.url,
        topics,
        active: true,
        secret: body.secret,
    };
    let made = ::webhooks::create(&state.ledger, &state.vault, actor, new).await?;
    Ok(Json(shown(&made)))
}

/// `GET webhooks`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    let found = ::webhooks::list(&state.ledger, actor, 1_000, 0).await?;
    Ok(Json(json!({ "webhooks": found.iter().map(shown).collect::<Vec<_>>() })))
}

/// `DELETE webhooks/{id}`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Administer)?;
    let uid: Uid = id.parse().map_err(|_| Failure::not_found("webhook", &id))?;
    ::webhooks::delete(&state.ledger, actor, uid).await?;
    Ok(Json(json!({})))
}

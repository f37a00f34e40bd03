//! Webhooks of the model registry. Upstream: `handlers.py` (`_*_webhook`), `entities/webhook.py`,
//! `webhooks/{delivery,types}.py` at 3.17.2.

mod compose;
mod topics;

use ::webhooks::{Change, NewWebhook, Style, Tried, Webhook};
use axum::routing::MethodRouter;
use serde_json::{Value, json};
use types::Permission::{Read, Write};
use types::{Role, Uid};

pub use compose::Composer;

use crate::State;
use crate::call::{Answer, Cx, empty, json, reply};
use crate::convert::{next_token, offset};
use crate::errors::{Code, Failure};
use crate::guard::denied;
use crate::request::Fields;
use crate::routes::{DELETE, GET, PATCH, POST};

/// The headers that upstream sends.
pub const STYLE: Style = Style {
    delivery: "X-MLflow-Delivery-Id",
    timestamp: "X-MLflow-Timestamp",
    signature: "X-MLflow-Signature",
};

const STATUSES: [(&str, i64, bool); 2] = [("ACTIVE", 1, true), ("DISABLED", 2, false)];
const DEFAULT_PAGE: i64 = 100;
const LARGEST_PAGE: i64 = 1_000;

pub(crate) fn routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    add("/2.0/mlflow/webhooks", json(POST, Write, create).merge(json(GET, Read, list)));
    add(
        "/2.0/mlflow/webhooks/{webhook_id}",
        json(GET, Read, get).merge(json(PATCH, Write, update)).merge(json(DELETE, Write, delete)),
    );
    add("/2.0/mlflow/webhooks/{webhook_id}/test", json(POST, Write, test));
}

/// Upstream lets admins alone touch webhooks: they send what happens to an address of somebody's choice.
fn admin(cx: &Cx) -> Result<(), Failure> {
    if cx.actor.role == Role::Admin { Ok(()) } else { Err(denied()) }
}

fn not_found(id: &str) -> Failure {
    Failure::missing(format!("Webhook with ID {id} not found."))
}

fn id(f: &Fields) -> Result<Uid, Failure> {
    let id = f.required_text("webhook_id")?;
    id.parse().map_err(|_| not_found(&id))
}

fn told(error: ::webhooks::Error) -> Failure {
    match error {
        ::webhooks::Error::NotFound(id) => not_found(&id),
        other => other.into(),
    }
}

fn shown(webhook: &Webhook) -> Value {
    let mut value = json!({
        "webhook_id": webhook.uid,
        "name": webhook.name,
        "url": webhook.url,
        "events": webhook.topics.iter().filter_map(|topic| topics::shown(topic)).collect::<Vec<_>>(),
        "status": if webhook.active { "ACTIVE" } else { "DISABLED" },
        "creation_timestamp": webhook.created_at.millis(),
        "last_updated_timestamp": webhook.updated_at.millis(),
    });
    if let Some(description) = &webhook.description {
        value["description"] = description.as_str().into();
    }
    value
}

/// `mlflow/utils/validation.py: _validate_webhook_name`
fn check_name(name: &str) -> Result<(), Failure> {
    let end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inside = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(b);
    let bytes = name.as_bytes();
    if bytes.len() <= 63 && end(bytes.first()) && end(bytes.last()) && bytes.iter().all(inside) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "Webhook name '{name}' is invalid. It must start and end with a letter or digit, be less than 63 characters \
         long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
    )))
}

/// `mlflow/utils/validation.py: _validate_webhook_url`. Plain `http` only where private addresses are allowed, too.
async fn check_url(cx: &Cx, url: &str) -> Result<(), Failure> {
    if url.trim().is_empty() {
        return Err(Failure::invalid(format!("Webhook URL cannot be empty or just whitespace: '{url}'")));
    }
    let schemes: &[&str] = if cx.state.plain_webhooks { &["https", "http"] } else { &["https"] };
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    if !schemes.contains(&scheme.as_str()) {
        return Err(Failure::invalid(format!(
            "Invalid webhook URL scheme: '{scheme}'. Allowed schemes are: {}.",
            schemes.join(", ")
        )));
    }
    match cx.state.webhooks.check_url(url).await {
        Ok(()) => Ok(()),
        Err(::webhooks::Error::Outbound(outbound::Error::Private { host, address })) => {
            Err(Failure::invalid(format!(
                "Webhook URL must not resolve to a non-public IP address. '{host}' resolves to {address}."
            )))
        }
        Err(::webhooks::Error::Outbound(outbound::Error::Resolve { host, reason })) => {
            Err(Failure::invalid(format!("Cannot resolve Webhook URL hostname '{host}': {reason}")))
        }
        Err(::webhooks::Error::Outbound(outbound::Error::BadUrl { reason, .. })) => {
            Err(Failure::invalid(format!("Invalid webhook URL '{url}': {reason}")))
        }
        Err(other) => Err(other.into()),
    }
}

async fn create(cx: Cx, f: Fields) -> Answer {
    admin(&cx)?;
    let (name, url) = (f.required_text("name")?, f.required_text("url")?);
    let topics = topics::read(&f.messages("events")?)?;
    if topics.is_empty() {
        return Err(f.missing("events"));
    }
    check_name(&name)?;
    check_url(&cx, &url).await?;
    let new = NewWebhook {
        name,
        url,
        topics,
        description: f.text("description")?.filter(|d| !d.is_empty()),
        active: f.choice("status", &STATUSES)?.unwrap_or(true),
        secret: f.text("secret")?.filter(|s| !s.is_empty()),
    };
    let made = ::webhooks::create(&cx.state.ledger, &cx.state.vault, &cx.actor, new).await?;
    reply(&json!({ "webhook": shown(&made) }))
}

async fn list(cx: Cx, f: Fields) -> Answer {
    admin(&cx)?;
    let limit = f.integer("max_results")?.filter(|n| *n != 0).unwrap_or(DEFAULT_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Failure::invalid(format!(
            "max_results must be between 1 and {LARGEST_PAGE}, got {limit}"
        )));
    }
    let offset = offset(f.text("page_token")?.filter(|t| !t.is_empty()).as_deref())?;
    let mut found = ::webhooks::list(&cx.state.ledger, &cx.actor, limit, offset).await?;
    let more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let mut answer = json!({ "webhooks": found.iter().map(shown).collect::<Vec<_>>() });
    if let Some(token) = next_token(more, offset, limit) {
        answer["next_page_token"] = token.into();
    }
    reply(&answer)
}

async fn get(cx: Cx, f: Fields) -> Answer {
    admin(&cx)?;
    let found = ::webhooks::get(&cx.state.ledger, &cx.actor, id(&f)?).await.map_err(told)?;
    reply(&json!({ "webhook": shown(&found) }))
}

async fn update(cx: Cx, f: Fields) -> Answer {
    admin(&cx)?;
    let id = id(&f)?;
    let change = Change {
        name: f.text("name")?.filter(|n| !n.is_empty()),
        description: f.text("description")?,
        url: f.text("url")?.filter(|u| !u.is_empty()),
        topics: Some(topics::read(&f.messages("events")?)?).filter(|t| !t.is_empty()),
        active: f.choice("status", &STATUSES)?,
        secret: f.text("secret")?,
    };
    if let Some(name) = &change.name {
        check_name(name)?;
    }
    if let Some(url) = &change.url {
        check_url(&cx, url).await?;
    }
    let changed =
        ::webhooks::update(&cx.state.ledger, &cx.state.vault, &cx.actor, id, change).await.map_err(told)?;
    reply(&json!({ "webhook": shown(&changed) }))
}

async fn delete(cx: Cx, f: Fields) -> Answer {
    admin(&cx)?;
    ::webhooks::delete(&cx.state.ledger, &cx.actor, id(&f)?).await.map_err(told)?;
    empty()
}

async fn test(cx: Cx, f: Fields) -> Answer {
    admin(&cx)?;
    let uid = id(&f)?;
    let webhook = ::webhooks::get(&cx.state.ledger, &cx.actor, uid).await.map_err(told)?;
    let topic = match f.inner("event")? {
        Some(event) => topics::one(&event)?,
        None => webhook.topics.first().cloned().unwrap_or_default(),
    };
    let data = topics::example(&topic)
        .ok_or_else(|| Failure::new(Code::InternalError, format!("No example of '{topic}'")))?;
    let body = compose::body(&topic, cx.state.ledger.clock().now(), data);
    let tried = cx.state.webhooks.try_out(&cx.actor, uid, &body).await.map_err(told)?;
    let result = match tried {
        Tried::Answered { status, body } => {
            json!({ "success": status < 400, "response_status": status, "response_body": body })
        }
        Tried::Failed { reason } => {
            json!({ "success": false, "error_message": format!("Failed to test webhook: {reason}") })
        }
    };
    reply(&json!({ "result": result }))
}

use gateway::{Model, ModelChange, NewModel};
use serde_json::{Value, json};

use super::{MODEL, SECRET, model_uid, not_found, secret_uid};
use crate::call::{Answer, Cx, empty, reply};
use crate::genai::{given, message, uid};
use crate::request::Fields;

/// `GatewayModelDefinition`.
pub(super) fn model(m: Model) -> Value {
    let (secret, secret_name) = m.secret.unzip();
    message(json!({
        "model_definition_id": format!("{MODEL}{}", m.uid),
        "name": m.name,
        "secret_id": secret.map(|id| format!("{SECRET}{id}")),
        "secret_name": secret_name,
        "provider": m.provider,
        "model_name": m.model,
        "created_at": m.created_at.millis(),
        "last_updated_at": m.updated_at.millis(),
        "created_by": m.created_by,
        "last_updated_by": m.updated_by,
    }))
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let new = NewModel {
        name: f.required_text("name")?,
        secret: secret_uid(&f)?,
        provider: f.required_text("provider")?,
        model: f.required_text("model_name")?,
        created_by: given(f.text("created_by")?),
    };
    let made = gateway::create_model(&cx.state.ledger, &cx.actor, new).await?;
    reply(&json!({ "model_definition": model(made) }))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let found = gateway::model(&cx.state.ledger, &cx.actor, model_uid(&f)?).await?;
    reply(&json!({ "model_definition": model(found) }))
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let provider = given(f.text("provider")?);
    let secret = match given(f.text("secret_id")?) {
        None => None,
        Some(text) => match uid(SECRET, &text) {
            Some(secret) => Some(secret),
            None => return empty(),
        },
    };
    let found = gateway::models(&cx.state.ledger, &cx.actor, provider, secret).await?;
    reply(&message(json!({ "model_definitions": found.into_iter().map(model).collect::<Vec<_>>() })))
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let secret = match given(f.text("secret_id")?) {
        None => None,
        Some(text) => Some(uid(SECRET, &text).ok_or_else(|| not_found("GatewaySecret", "secret_id", &text))?),
    };
    let change = ModelChange {
        name: given(f.text("name")?),
        secret,
        provider: given(f.text("provider")?),
        model: given(f.text("model_name")?),
        updated_by: given(f.text("updated_by")?),
    };
    let updated = gateway::update_model(&cx.state.ledger, &cx.actor, model_uid(&f)?, change).await?;
    reply(&json!({ "model_definition": model(updated) }))
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    gateway::delete_model(&cx.state.ledger, &cx.actor, model_uid(&f)?).await?;
    empty()
}

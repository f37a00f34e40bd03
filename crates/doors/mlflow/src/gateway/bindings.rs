use gateway::{Binding, NewBinding};
use serde_json::{Value, json};

use super::{ENDPOINT, endpoint_id, endpoint_uid};
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::genai::{given, message, uid};
use crate::request::Fields;

/// `GatewayEndpointBinding`.
fn binding(b: Binding) -> Value {
    message(json!({
        "endpoint_id": endpoint_id(b.endpoint),
        "resource_type": b.resource_type,
        "resource_id": b.resource_id,
        "created_at": b.created_at.millis(),
        "last_updated_at": b.created_at.millis(),
        "created_by": b.created_by,
        "last_updated_by": b.created_by,
        "display_name": b.display_name,
    }))
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let resource_type = f.required_text("resource_type")?;
    if resource_type != "scorer" {
        return Err(Failure::invalid(format!("'{resource_type}' is not a valid GatewayResourceType")));
    }
    let new = NewBinding {
        endpoint: endpoint_uid(&f)?,
        resource_type,
        resource_id: f.required_text("resource_id")?,
        display_name: None,
        created_by: given(f.text("created_by")?),
    };
    let made = gateway::bind(&cx.state.ledger, &cx.actor, new).await?;
    reply(&json!({ "binding": binding(made) }))
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    let (resource_type, resource_id) = (f.required_text("resource_type")?, f.required_text("resource_id")?);
    let endpoint = endpoint_uid(&f)?;
    gateway::unbind(&cx.state.ledger, &cx.actor, endpoint, resource_type, resource_id).await?;
    empty()
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let endpoint = match given(f.text("endpoint_id")?) {
        None => None,
        Some(text) => match uid(ENDPOINT, &text) {
            Some(endpoint) => Some(endpoint),
            None => return empty(),
        },
    };
    let (resource_type, resource_id) = (given(f.text("resource_type")?), given(f.text("resource_id")?));
    let found = gateway::bindings(&cx.state.ledger, &cx.actor, endpoint, resource_type, resource_id).await?;
    reply(&message(json!({ "bindings": found.into_iter().map(binding).collect::<Vec<_>>() })))
}

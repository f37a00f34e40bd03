//! What handlers take from a request, and how they answer.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use kit::Caller;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use types::{Actor, Permission, Uid};

use crate::errors::Failure;

pub(crate) type Answer = Result<Response, Failure>;

/// Largest JSON body, as upstream's gateway has it for uploads.
const BODY_BYTES: usize = 32 << 20;

/// Somebody who may read.
pub(crate) struct Reader(pub Actor);
/// Somebody who may keep pipelines and experiments.
pub(crate) struct Writer(pub Actor);
/// Somebody who may run code.
pub(crate) struct Runner(pub Actor);

async fn who<S: Send + Sync>(parts: &mut Parts, state: &S, permission: Permission) -> Result<Actor, Failure> {
    let caller = Caller::from_request_parts(parts, state).await?;
    Ok(caller.require(permission)?.clone())
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        who(parts, state, Permission::Read).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Writer {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        who(parts, state, Permission::Write).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Runner {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        who(parts, state, Permission::RunCode).await.map(Self)
    }
}

/// The query of a request.
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Query(pairs) = Query::try_from_uri(&parts.uri)
            .map_err(|rejection| Failure::invalid(format!("the query: {}", rejection.body_text())))?;
        Ok(Self(pairs))
    }
}

impl Params {
    /// `None` if it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }
}

/// A JSON body. Names may also be written as protobuf's JSON does (`displayName`).
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = to_bytes(request.into_body(), BODY_BYTES)
            .await
            .map_err(|e| Failure::invalid(format!("the body: {e} (most: {BODY_BYTES} bytes)")))?;
        let wrong = |e: serde_json::Error| Failure::invalid(format!("the body is not as expected: {e}"));
        let value: Value =
            if bytes.is_empty() { json!({}) } else { serde_json::from_slice(&bytes).map_err(wrong)? };
        serde_json::from_value(snake_names(value)).map(Self).map_err(wrong)
    }
}

/// Messages inside of messages; what other fields hold is the caller's own.
const MESSAGES: [&str; 8] = [
    "trigger",
    "cron_schedule",
    "periodic_schedule",
    "pipeline_version_reference",
    "pipeline",
    "pipeline_version",
    "package_url",
    "runtime_config",
];

/// Fields by the names of the `.proto` file; what is null is as what is missing.
fn snake_names(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let mut named = Map::new();
    for (name, value) in map.into_iter().filter(|(_, value)| !value.is_null()) {
        let mut snake = String::with_capacity(name.len() + 4);
        for c in name.chars() {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        }
        let value = if MESSAGES.contains(&snake.as_str()) { snake_names(value) } else { value };
        named.insert(snake, value);
    }
    Value::Object(named)
}

pub(crate) fn ok<T: Serialize>(body: &T) -> Answer {
    Ok(Json(body).into_response())
}

/// `google.protobuf.Empty`.
pub(crate) fn empty() -> Answer {
    Ok(Json(json!({})).into_response())
}

/// An id of ours. Another text names nothing.
pub(crate) fn id(what: &str, text: &str) -> Result<Uid, Failure> {
    text.parse().map_err(|_| Failure::not_found(what, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_field_are_read() {
        let body = json!({ "displayName": "a", "runtimeConfig": { "pipelineRoot": "r", "parameters": { "aB": 1 } },
            "pipeline_spec": { "pipelineInfo": {} }, "description": null });
        assert_eq!(
            snake_names(body),
            json!({ "display_name": "a", "runtime_config": { "pipeline_root": "r", "parameters": { "aB": 1 } },
                "pipeline_spec": { "pipelineInfo": {} } })
        );
    }
}

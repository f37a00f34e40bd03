//! What handlers take from a request, and how they answer.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use kit::Caller;
use serde_json::Value;
use types::{Actor, Permission, Timestamp, Uid};

use crate::errors::Failure;
use crate::json;

pub(crate) type Answer = Result<Response, Failure>;

/// Largest JSON body: a snapshot of hundreds of columns with its plots.
const BODY_BYTES: usize = 256 << 20;

/// The user of a workspace without users (`ZERO_UUID` upstream).
pub(crate) const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// Somebody who may read.
pub(crate) struct Reader(pub Actor);
/// Somebody who may write.
pub(crate) struct Writer(pub Actor);

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

/// The query of a request.
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        query.map(|Query(pairs)| Self(pairs)).map_err(|e| Failure::invalid(e.to_string()))
    }
}

impl Params {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn project(&self) -> Result<Uid, Failure> {
        uid(self.get("project_id").ok_or_else(|| Failure::invalid("the query has no `project_id`"))?)
    }
}

/// A body of JSON, as Python writes it: `NaN` and the infinities become null.
pub(crate) struct Body(pub Value, pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let too_large = || Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        let bytes = to_bytes(request.into_body(), BODY_BYTES).await.map_err(|_| too_large())?;
        let value = json::parse(&bytes).map_err(|e| Failure::invalid(format!("the body is no JSON: {e}")))?;
        Ok(Self(value, bytes))
    }
}

/// An id of a path. One that is none names nothing.
pub(crate) fn uid(text: &str) -> Result<Uid, Failure> {
    text.parse().map_err(|_| Failure::new(StatusCode::NOT_FOUND, "Not Found"))
}

/// With hyphens, as upstream writes ids.
pub(crate) fn shown(uid: Uid) -> String {
    let hex = uid.hex();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Without a zone, as upstream writes times.
pub(crate) fn time(at: Timestamp) -> String {
    at.rfc3339().trim_end_matches('Z').trim_end_matches("+00:00").to_owned()
}

/// Time of a text in ISO 8601; without a zone it is UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let at = text
        .parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| format!("{}Z", text.trim().replace(' ', "T")).parse().ok())
        .or_else(|| format!("{text}T00:00:00Z").parse().ok())?;
    Some(Timestamp(at.as_microsecond()))
}

pub(crate) fn ok(value: Value) -> Answer {
    Ok(Json(value).into_response())
}

pub(crate) fn created(value: Value) -> Answer {
    Ok((StatusCode::CREATED, Json(value)).into_response())
}

pub(crate) fn gone() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

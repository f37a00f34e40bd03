use std::ops::Range;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, TryStreamExt as _};
use kit::Caller;
use repositories::{Condition, Error, LARGE, Listing, Match, Object, Received};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Class, Permission};

use super::{MOST, view};
use crate::{Failure, State};

#[derive(Debug, Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    /// What comes after the prefix is folded up to it.
    #[serde(default)]
    delimiter: String,
    #[serde(default = "super::hundred")]
    limit: usize,
}

/// `GET …/refs/{reference}/objects?prefix&after&delimiter&limit`: objects, and prefixes where a delimiter folds them.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let ListQuery { prefix, after, delimiter, limit } = query;
    let listing = Listing { prefix, after, delimiter, limit: limit.clamp(1, 10 * MOST) };
    let page = state.repositories.list(actor, &repository, &reference, listing).await?;
    Ok(Json(view::page("objects", &page, view::entry)))
}

#[derive(Debug, Deserialize)]
pub struct PathQuery {
    path: String,
}

/// `GET …/refs/{reference}/stat?path`
pub async fn stat(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<PathQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.repositories.stat(actor, &repository, &reference, &query.path).await?;
    Ok(Json(view::object(&query.path, &found)))
}

/// A range of bytes, as `Range: bytes=…` asks for it. What is no range of bytes is passed over, as HTTP has it.
fn range(headers: &HeaderMap, size: u64) -> Result<Option<Range<u64>>, Failure> {
    let asked =
        headers.get(header::RANGE).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("bytes="));
    let Some((from, to)) = asked.filter(|a| !a.contains(',')).and_then(|a| a.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(size),
        (Some(from), None) if to.trim().is_empty() => from..size,
        (None, Some(last)) if from.trim().is_empty() => size.saturating_sub(last)..size,
        _ => return Ok(None),
    };
    if range.is_empty() {
        let mut failure = Failure::new(
            Class::Invalid,
            format!("the object has {size} bytes, none of them in the range"),
            None,
        );
        failure.0.status = StatusCode::RANGE_NOT_SATISFIABLE;
        return Err(failure);
    }
    Ok(Some(range))
}

fn headers(object: &Object, length: u64) -> Vec<(header::HeaderName, String)> {
    let content_type = object.content_type.clone().unwrap_or_else(|| "application/octet-stream".into());
    vec![
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_LENGTH, length.to_string()),
        // Never a page that a browser would run.
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, format!("\"{}\"", object.etag)),
    ]
}

fn answer(status: StatusCode, headers: Vec<(header::HeaderName, String)>, body: Body) -> Response {
    let mut response = (status, body).into_response();
    for (name, value) in headers {
        // A content type that is no header is left out.
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `GET …/refs/{reference}/object?path`: the bytes, or a range of them.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<PathQuery>,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (found, seen) = state.repositories.look(actor, &repository, &reference, &query.path).await?;
    if let Some(reader) = kit::reader(&asked) {
        state.repositories.note_read(actor, &reader, seen).await;
    }
    let range = range(&asked, found.size)?;
    let opened = state.repositories.read(&found, range.clone()).await?;
    let body = Body::from_stream(opened.body);
    let Some(range) = range else { return Ok(answer(StatusCode::OK, headers(&found, found.size), body)) };
    let mut headers = headers(&found, range.end - range.start);
    headers.push((header::CONTENT_RANGE, format!("bytes {}-{}/{}", range.start, range.end - 1, found.size)));
    Ok(answer(StatusCode::PARTIAL_CONTENT, headers, body))
}

/// `HEAD …/refs/{reference}/object?path`
pub async fn head(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<PathQuery>,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.repositories.stat(actor, &repository, &reference, &query.path).await?;
    Ok(answer(StatusCode::OK, headers(&found, found.size), Body::empty()))
}

/// The object that bytes become which are in the store.
pub fn object(state: &State, path: &str, received: Received, content_type: Option<String>) -> Object {
    let guessed = || mime_guess::from_path(path).first_raw().map(str::to_owned);
    Object {
        etag: received.etag(),
        physical: received.physical,
        size: received.size,
        modified_at: state.ledger.clock().now(),
        content_type: content_type.or_else(guessed),
        metadata: Default::default(),
        checksums: Default::default(),
        headers: Default::default(),
    }
}

#[derive(Debug, Deserialize)]
pub struct PutQuery {
    path: String,
    /// Hexadecimal: the object is not stored unless its content has this MD5.
    md5: Option<String>,
}

/// `PUT …/branches/{branch}/object?path&md5`: the body's bytes. `If-None-Match: *` asks that there is none yet. The ETag of
/// 8 MiB and more is their MD5 only if `md5` is given.
pub async fn put(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    Query(query): Query<PutQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let body = body.into_data_stream().map_err(|e| Error::Body(e.to_string())).boxed();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let received = if query.md5.is_none() && length.is_some_and(|length| length >= LARGE) {
        state.repositories.receive_large(body).await?
    } else {
        state.repositories.receive(body, &[]).await?
    };
    let found = received.etag();
    if let Some(expected) = query.md5.filter(|md5| !md5.eq_ignore_ascii_case(&found)) {
        return Err(Error::Checksum { algorithm: "MD5".into(), expected, found }.into());
    }
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let content_type = text(header::CONTENT_TYPE);
    let condition = Condition {
        none_match: text(header::IF_NONE_MATCH).map(|value| matching(&value)),
        matches: text(header::IF_MATCH).map(|value| matching(&value)),
    };
    let new = object(&state, &query.path, received, content_type);
    let staged = state.repositories.stage(actor, &repository, &branch, &query.path, new, condition).await?;
    Ok(Json(view::object(&query.path, &staged)))
}

fn matching(value: &str) -> Match {
    if value.trim() == "*" {
        return Match::Any;
    }
    Match::ETags(value.split(',').map(|tag| tag.trim().trim_matches('"').to_owned()).collect())
}

/// `DELETE …/branches/{branch}/object?path`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    Query(query): Query<PathQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let there =
        state.repositories.delete(actor, &repository, &branch, &query.path, Condition::default()).await?;
    Ok(Json(json!({ "deleted": there })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteMany {
    paths: Vec<String>,
}

/// `POST …/branches/{branch}/delete`: many at once; missing ones count as deleted.
pub async fn delete_many(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Result<Json<DeleteMany>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(DeleteMany { paths }) = body.map_err(|e| Failure::body(&e))?;
    let failed = state.repositories.delete_many(actor, &repository, &branch, paths).await?;
    let failed: Vec<Value> =
        failed.iter().map(|(path, error)| json!({ "path": path, "message": error.to_string() })).collect();
    Ok(Json(json!({ "failed": failed })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            range(&headers, 10)
        };
        assert_eq!(asked("bytes=2-4").unwrap(), Some(2..5));
        assert_eq!(asked("bytes=8-99").unwrap(), Some(8..10));
        assert_eq!(asked("bytes=8-").unwrap(), Some(8..10));
        assert_eq!(asked("bytes=-3").unwrap(), Some(7..10));
        assert_eq!(asked("bytes=4-2").unwrap(), None);
        assert_eq!(asked("lines=1-2").unwrap(), None);
        assert_eq!(asked("bytes=10-").unwrap_err().0.status, StatusCode::RANGE_NOT_SATISFIABLE);
    }
}

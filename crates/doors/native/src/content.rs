//! Blobs by digest: how clients bring files before they name them.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use kit::Caller;
use serde_json::{Value, json};
use types::{Digest, Permission};

use crate::{Failure, State};

/// `PUT blobs/{digest}`: the body's bytes, which must have that digest.
pub async fn put(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(digest): Path<Digest>,
    body: Body,
) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Write)?;
    let (digest, bytes) = state.blobs.put_stream(body.into_data_stream(), Some(digest)).await?;
    Ok(Json(json!({ "digest": digest, "bytes": bytes })))
}

/// `HEAD blobs/{digest}`
pub async fn head(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(digest): Path<Digest>,
) -> Result<StatusCode, Failure> {
    caller.require(Permission::Read)?;
    Ok(if state.blobs.exists(&digest).await? { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

/// `GET blobs/{digest}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(digest): Path<Digest>,
) -> Result<Response, Failure> {
    caller.require(Permission::Read)?;
    download(&state, &digest).await
}

/// The bytes of a blob as a download: never a page that a browser would run.
pub async fn download(state: &State, digest: &Digest) -> Result<Response, Failure> {
    let object = state.blobs.get_stream(digest, None).await?;
    let size = object.size;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::ETAG, format!("\"{digest}\"")),
    ];
    Ok((headers, Body::from_stream(object.stream.boxed())).into_response())
}

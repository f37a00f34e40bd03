//! What a process on a cluster's machine asks and tells of the one attempt that it runs. It shows the token of that
//! attempt, which is good for nothing else here once the attempt has ended.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use pipelines::{Claim, Told};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{Failure, State};

/// What is read of a bundle at once.
const PIECE: usize = 256 << 10;
/// The most that one call brings of a log.
const LOG_PART: usize = 4 << 20;
const MARK: &str = "x-mlwright-mark";

fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer "));
    Ok(token.map(str::trim).ok_or(pipelines::Error::NoTask)?)
}

fn mark(headers: &HeaderMap) -> &str {
    headers.get(MARK).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `GET tasks/guest.py`: the program that runs an attempt. It is the same for everybody.
pub async fn guest() -> Response {
    ([(header::CONTENT_TYPE, "text/x-python; charset=utf-8")], pipelines::GUEST).into_response()
}

/// `POST tasks/claim {mark, host, pid}` → what to do.
pub async fn claim(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let token = token(&headers)?;
    let bytes = whole(body, 64 << 10).await?;
    let claim: Claim = serde_json::from_slice(&bytes)
        .map_err(|e| Failure::invalid(format!("the claim cannot be read: {e}"), "send {\"mark\": …}"))?;
    Ok(Json(state.engine.claim_task(token, claim).await?))
}

/// `GET tasks/bundle` → a tar with code, inputs and everything else that the attempt reads.
pub async fn bundle(Shared(state): Shared<State>, headers: HeaderMap) -> Result<Response, Failure> {
    let path = state.engine.task_bundle(token(&headers)?, mark(&headers)).await?;
    let failed = |e| types::io::Error::new("open", &path, e);
    let file = tokio::fs::File::open(&path).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    let pieces = futures::stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = tokio::io::AsyncReadExt::read(&mut file, &mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

#[derive(Debug, Deserialize)]
pub struct From {
    #[serde(default)]
    offset: u64,
}

/// `POST tasks/log?offset=…` with what was printed → `{size, cancel}`.
pub async fn log(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    Query(from): Query<From>,
    body: Body,
) -> Result<Json<Told>, Failure> {
    let bytes = whole(body, LOG_PART).await?;
    let told =
        state.engine.told_by_task(token(&headers)?, mark(&headers), from.offset, bytes.to_vec()).await?;
    Ok(Json(told))
}

/// `PUT tasks/result` with a tar: `exit.json`, `outputs/`, and what the process left beside them.
pub async fn result(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let (token, mark) = (token(&headers)?, mark(&headers));
    let path = state.engine.incoming_result(token, mark).await?;
    let failed = |e| types::io::Error::new("write", &path, e);
    let mut file = tokio::fs::File::create(&path).await.map_err(failed)?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|e| Failure::invalid(format!("the result broke off: {e}"), "send it again"))?;
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    drop(file);
    state.engine.take_task_result(token, mark, path).await?;
    Ok(Json(json!({})))
}

async fn whole(body: Body, limit: usize) -> Result<axum::body::Bytes, Failure> {
    let read = axum::body::to_bytes(body, limit).await;
    read.map_err(|e| Failure::invalid(format!("the body cannot be read: {e}"), "send less at once"))
}

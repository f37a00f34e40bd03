//! What tasks left and printed: `ReadArtifact` and the log (`run_artifact_server.go`, `run_log_server.go`). A node is a task
//! of `run_details`.

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header;
use pipelines::{Datum, StepRun};
use types::{Actor, Level, Uid};

use crate::State;
use crate::call::{Answer, Reader, id, ok};
use crate::errors::Failure;

/// Largest artifact that is answered inside of JSON.
const MOST: u64 = 256 << 20;

/// `…/artifacts/{artifact_name}:read`: `{"data": base64}`. A directory is a tar.
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((run_id, node_id, name)): Path<(String, String, String)>,
) -> Answer {
    let name = name.strip_suffix(":read").ok_or_else(|| Failure::not_found("method of artifact", &name))?;
    let (_, task) = node(&state, &actor, &run_id, &node_id).await?;
    let artifact = match task.results.get(name) {
        Some(Datum::Artifact(artifact)) => artifact,
        Some(Datum::Artifacts(many)) if !many.is_empty() => &many[0],
        _ => return Err(Failure::not_found("artifact", name)),
    };
    let Some(digest) = &artifact.digest else {
        return Err(Failure::invalid(format!(
            "the content of artifact {name} is not kept here, it lies at {}",
            artifact.uri
        )));
    };
    if artifact.bytes > MOST {
        return Err(Failure::invalid(format!(
            "artifact {name} has {} bytes, more than {MOST}",
            artifact.bytes
        )));
    }
    let bytes = state.blobs.get_bytes(digest).await?;
    ok(&serde_json::json!({ "data": STANDARD.encode(bytes) }))
}

/// The log of the last attempt so far.
pub(crate) async fn log(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((run_id, node_id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (run, task) = node(&state, &actor, &run_id, &node_id).await?;
    let first = state.engine.read_log(&actor, run, &task.name, 0).await?;
    let rest = stream::unfold((state, actor, first.next_offset), move |(state, actor, offset)| {
        let name = task.name.clone();
        async move {
            let part = state.engine.read_log(&actor, run, &name, offset).await.ok()?;
            let grew = part.next_offset > offset;
            grew.then(|| (Bytes::from(part.text), (state, actor, part.next_offset)))
        }
    });
    let all = stream::once(async move { Bytes::from(first.text) }).chain(rest);
    let body = Body::from_stream(all.map(Ok::<_, std::convert::Infallible>));
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

async fn node(state: &State, actor: &Actor, run_id: &str, node_id: &str) -> Result<(Uid, StepRun), Failure> {
    let run = crate::runs::find(state, actor, run_id, Level::Read).await?;
    let uid: Uid = id("task", node_id)?;
    let tasks = pipelines::tasks(&state.ledger, actor, run.uid).await?;
    let task = tasks.into_iter().find(|task| task.uid == uid);
    Ok((run.uid, task.ok_or_else(|| Failure::not_found("task", node_id))?))
}

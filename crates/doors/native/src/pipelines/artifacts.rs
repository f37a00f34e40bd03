//! Artifacts of tasks: their content, the files of folders, and what they look like.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use kit::Caller;
use pipelines::{Artifact, Datum, FolderFile};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Digest, Permission, Uid};

use crate::{Failure, State, content, preview};

#[derive(Debug, Deserialize)]
pub struct Which {
    /// The id of a task, or that of the run for what the run gave.
    step: Uid,
    port: String,
    /// In a list of artifacts.
    #[serde(default)]
    index: usize,
    /// A file of a folder.
    #[serde(default)]
    path: String,
}

/// The artifact at a port: what the task gave, or else what it was given.
async fn find(state: &State, actor: &Actor, run: Uid, which: &Which) -> Result<(Artifact, Digest), Failure> {
    let data: BTreeMap<String, Datum> = if which.step == run {
        pipelines::run_outputs(&state.ledger, actor, run).await?
    } else {
        let row = pipelines::get_task(&state.ledger, actor, run, which.step).await?;
        row.inputs.into_iter().chain(row.results).collect()
    };
    let artifact = match data.get(&which.port) {
        Some(Datum::Artifact(artifact)) if which.index == 0 => Some(artifact),
        Some(Datum::Artifacts(list)) => list.get(which.index),
        _ => None,
    };
    let artifact = artifact.ok_or_else(|| {
        let known: Vec<&str> = data.keys().map(String::as_str).collect();
        Failure::invalid(
            format!("there is no artifact {} at `{}`", which.index, which.port),
            &format!("there is: {}", if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }),
        )
    })?;
    let digest = artifact.digest.ok_or_else(|| {
        Failure::invalid(
            format!("artifact `{}` is at {}, not on this server", artifact.name, artifact.uri),
            "only what a step wrote to its path is kept here",
        )
    })?;
    Ok((artifact.clone(), digest))
}

/// A file of an artifact that is a folder.
async fn inside(state: &State, digest: Digest, path: &str) -> Result<FolderFile, Failure> {
    let files = pipelines::folder_files(&state.blobs, digest).await?;
    files.into_iter().find(|file| file.path == path).ok_or_else(|| Failure::not_found("file", path))
}

/// `GET pipeline-runs/{id}/artifact?step&port&index&path`: a folder without `path` as a tar.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(which): Query<Which>,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (artifact, digest) = find(&state, actor, id, &which).await?;
    if which.path.is_empty() || !artifact.is_dir {
        return content::download(&state, &digest).await;
    }
    let FolderFile { bytes, start, .. } = inside(&state, digest, &which.path).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    if bytes == 0 {
        return Ok((headers, Body::empty()).into_response());
    }
    let object = state.blobs.get_stream(&digest, Some(start..start + bytes)).await?;
    Ok((headers, Body::from_stream(object.stream.boxed())).into_response())
}

/// `GET pipeline-runs/{id}/files?step&port&index`: the files of a folder; one for a file.
pub async fn files(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (artifact, digest) = find(&state, actor, id, &which).await?;
    let entries: Vec<Value> = if artifact.is_dir {
        let files = pipelines::folder_files(&state.blobs, digest).await?;
        files.iter().map(|file| json!({ "path": file.path, "is_dir": false, "size": file.bytes })).collect()
    } else {
        vec![json!({ "path": artifact.name, "is_dir": false, "size": artifact.bytes })]
    };
    Ok(Json(json!({ "artifacts": entries })))
}

/// `GET pipeline-runs/{id}/preview?step&port&index&path`
pub async fn show(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (artifact, digest) = find(&state, actor, id, &which).await?;
    if !artifact.is_dir {
        let bytes = i64::try_from(artifact.bytes).unwrap_or(i64::MAX);
        return preview::of(&state, &artifact.name, &digest, bytes).await.map(Json);
    }
    let FolderFile { path, bytes, start } = inside(&state, digest, &which.path).await?;
    preview::part(&state, &path, &digest, start, bytes).await.map(Json)
}

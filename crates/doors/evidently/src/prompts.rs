//! Prompts are artifacts in other words (`ui/service/api/prompts.py`).

use axum::extract::{Path, State as Shared};
use reports::{Document, Kind};
use serde_json::{Value, json};

use crate::State;
use crate::artifacts::{
    add_numbered, all, find, find_named, make, rename, version_numbered, version_view, versions_of, view,
};
use crate::call::{Answer, Body, Params, Reader, Writer, created, gone, ok, uid};
use crate::errors::Failure;

fn prompt(artifact: &Document) -> Value {
    let mut out = view(artifact);
    if let Some(metadata) = out["metadata"].as_object_mut() {
        metadata.remove("description");
    }
    out
}

fn prompt_version(version: &Document) -> Value {
    let own = version_view(version);
    let mut metadata = own["metadata"].clone();
    if let Some(map) = metadata.as_object_mut() {
        map.remove("comment");
    }
    let content = version.body["content"].get("data").unwrap_or(&version.body["content"]);
    json!({
        "id": own["id"],
        "prompt_id": own["artifact_id"],
        "version": own["version"],
        "metadata": metadata,
        "content": content,
        "content_type": version.body.get("prompt_content_type").or_else(|| version.body.get("content_type")),
    })
}

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    ok(all(&state, &actor, params.project()?).await?.iter().map(prompt).collect())
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    ok(prompt(&find(&state, &actor, &id).await?))
}

pub(crate) async fn by_name(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    ok(prompt(&find_named(&state, &actor, params.project()?, &name).await?))
}

pub(crate) async fn add(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    params: Params,
    Body(body, _): Body,
) -> Answer {
    created(prompt(&make(&state, &actor, params.project()?, &body).await?))
}

pub(crate) async fn update(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Body(body, _): Body,
) -> Answer {
    rename(&state, &actor, &id, &body).await?;
    ok(Value::Null)
}

pub(crate) async fn versions(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    let artifact = find(&state, &actor, &id).await?;
    ok(versions_of(&state, &actor, &artifact).await?.iter().map(prompt_version).collect())
}

pub(crate) async fn version(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((id, number)): Path<(String, String)>,
) -> Answer {
    ok(prompt_version(&version_numbered(&state, &actor, &id, &number).await?))
}

pub(crate) async fn add_version(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
    Body(body, _): Body,
) -> Answer {
    if body["content"].is_null() {
        return Err(Failure::invalid("a version needs `content`"));
    }
    let kept = json!({
        "version": body["version"],
        "metadata": body["metadata"],
        "content": { "type": "evidently:artifact_content:ArtifactPromptContent", "data": body["content"] },
        "content_type": "prompt",
        "prompt_content_type": body["content_type"],
    });
    created(prompt_version(&add_numbered(&state, &actor, &id, kept).await?))
}

pub(crate) async fn version_by_id(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    let found = reports::document(&state.ledger, &actor, Kind::ArtifactVersion, uid(&id)?).await?;
    ok(prompt_version(&found))
}

pub(crate) async fn delete_version(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Answer {
    reports::delete(&state.ledger, &actor, Kind::ArtifactVersion, uid(&id)?).await?;
    gone()
}

//! Artifacts and their versions (`ui/service/api/artifacts.py`).

use axum::extract::{Path, State as Shared};
use reports::{Change, Document, Kind, NewDocument};
use serde_json::{Value, json};
use types::{Actor, Uid};

use crate::State;
use crate::call::{Answer, Body, NOBODY, Params, Reader, Writer, created, gone, ok, shown, time, uid};
use crate::errors::Failure;

fn metadata(document: &Document, note: &str) -> Value {
    let given = &document.body["metadata"];
    let or = |key: &str, default: String| given[key].as_str().map_or(default, str::to_owned);
    json!({
        "created_at": or("created_at", time(document.created_at)),
        "updated_at": or("updated_at", time(document.updated_at)),
        "author": NOBODY,
        note: given.get(note),
    })
}

pub(crate) fn view(artifact: &Document) -> Value {
    json!({
        "id": shown(artifact.uid),
        "project_id": shown(artifact.project),
        "name": artifact.name,
        "metadata": metadata(artifact, "description"),
    })
}

pub(crate) fn version_view(version: &Document) -> Value {
    json!({
        "id": shown(version.uid),
        "artifact_id": shown(version.parent),
        "version": version.body["version"],
        "metadata": metadata(version, "comment"),
        "content": version.body["content"],
        "content_type": version.body["content_type"],
    })
}

fn name(body: &Value) -> Result<String, Failure> {
    let text = body["name"].as_str().map(str::to_owned);
    text.ok_or_else(|| Failure::invalid("an artifact needs a `name`"))
}

pub(crate) async fn all(state: &State, actor: &Actor, project: Uid) -> Result<Vec<Document>, Failure> {
    // Newest first.
    let mut found = reports::documents(&state.ledger, actor, Kind::Artifact, Some(project)).await?;
    found.reverse();
    Ok(found)
}

pub(crate) async fn find(state: &State, actor: &Actor, id: &str) -> Result<Document, Failure> {
    Ok(reports::document(&state.ledger, actor, Kind::Artifact, uid(id)?).await?)
}

pub(crate) async fn find_named(
    state: &State,
    actor: &Actor,
    project: Uid,
    name: &str,
) -> Result<Document, Failure> {
    let found = reports::named(&state.ledger, actor, Kind::Artifact, Some(project), name).await?;
    found.into_iter().next().ok_or_else(|| Failure::not_found("Artifact"))
}

pub(crate) async fn make(
    state: &State,
    actor: &Actor,
    project: Uid,
    body: &Value,
) -> Result<Document, Failure> {
    let new = NewDocument {
        uid: None,
        kind: Kind::Artifact,
        project: Some(project),
        parent: None,
        name: name(body)?,
        body: json!({ "metadata": body["metadata"] }),
        content: None,
        happened_at: None,
    };
    Ok(reports::create(&state.ledger, actor, new).await?)
}

pub(crate) async fn rename(state: &State, actor: &Actor, id: &str, body: &Value) -> Result<(), Failure> {
    let change = Change { name: Some(name(body)?), body: Some(json!({ "metadata": body["metadata"] })) };
    reports::update(&state.ledger, actor, Kind::Artifact, uid(id)?, change).await?;
    Ok(())
}

/// In the order of their numbers.
pub(crate) async fn versions_of(
    state: &State,
    actor: &Actor,
    artifact: &Document,
) -> Result<Vec<Document>, Failure> {
    let kind = Kind::ArtifactVersion;
    let found = reports::documents(&state.ledger, actor, kind, Some(artifact.project)).await?;
    let mut own: Vec<Document> = found.into_iter().filter(|v| v.parent == artifact.uid).collect();
    own.sort_by_key(|v| v.body["version"].as_i64());
    Ok(own)
}

pub(crate) async fn version_numbered(
    state: &State,
    actor: &Actor,
    artifact: &str,
    number: &str,
) -> Result<Document, Failure> {
    let artifact = find(state, actor, artifact).await?;
    let mut found = versions_of(state, actor, &artifact).await?;
    let wanted = match number {
        "latest" => found.pop(),
        number => {
            let number = number.parse::<i64>().map_err(|_| Failure::not_found("Artifact version"))?;
            found.into_iter().find(|v| v.body["version"].as_i64() == Some(number))
        }
    };
    wanted.ok_or_else(|| Failure::not_found("Artifact version"))
}

pub(crate) async fn add_numbered(
    state: &State,
    actor: &Actor,
    artifact: &str,
    body: Value,
) -> Result<Document, Failure> {
    let artifact = find(state, actor, artifact).await?;
    let number =
        body["version"].as_i64().ok_or_else(|| Failure::invalid("a version needs a number `version`"))?;
    let new = NewDocument {
        uid: None,
        kind: Kind::ArtifactVersion,
        project: Some(artifact.project),
        parent: Some(artifact.uid),
        name: number.to_string(),
        body,
        content: None,
        happened_at: None,
    };
    Ok(reports::create(&state.ledger, actor, new).await?)
}

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    ok(all(&state, &actor, params.project()?).await?.iter().map(view).collect())
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    ok(view(&find(&state, &actor, &id).await?))
}

pub(crate) async fn by_name(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    ok(view(&find_named(&state, &actor, params.project()?, &name).await?))
}

pub(crate) async fn add(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    params: Params,
    Body(body, _): Body,
) -> Answer {
    created(view(&make(&state, &actor, params.project()?, &body).await?))
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

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Answer {
    reports::delete(&state.ledger, &actor, Kind::Artifact, uid(&id)?).await?;
    gone()
}

pub(crate) async fn versions(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    let artifact = find(&state, &actor, &id).await?;
    ok(versions_of(&state, &actor, &artifact).await?.iter().map(version_view).collect())
}

pub(crate) async fn version(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((id, number)): Path<(String, String)>,
) -> Answer {
    ok(version_view(&version_numbered(&state, &actor, &id, &number).await?))
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
    created(version_view(&add_numbered(&state, &actor, &id, body).await?))
}

pub(crate) async fn version_by_id(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(id): Path<String>,
) -> Answer {
    let found = reports::document(&state.ledger, &actor, Kind::ArtifactVersion, uid(&id)?).await?;
    ok(version_view(&found))
}

pub(crate) async fn delete_version(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(id): Path<String>,
) -> Answer {
    reports::delete(&state.ledger, &actor, Kind::ArtifactVersion, uid(&id)?).await?;
    gone()
}

//! Datasets: versions, what their columns look like, and what the gate said.

use axum::Json;
use axum::extract::{Path, State as Shared};
use curation::Outcome;
use datasets::{Import, NonFinite, Source, SourceFile, Version};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Digest, Permission};

use crate::{Failure, State, view};

fn version(version: &Version) -> Value {
    json!({
        "uid": version.uid,
        "dataset": version.dataset,
        "number": version.number,
        "digest": version.digest,
        "key": version.key,
        "rows": version.rows,
        "bytes": version.bytes,
        "origin": version.origin,
        "created_at": view::time(version.created_at),
        "created_by": version.created_by,
    })
}

/// `GET datasets`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let datasets: Vec<Value> = datasets::list(&state.ledger, actor)
        .await?
        .iter()
        .map(|d| json!({ "name": d.name, "versions": d.versions, "latest": d.latest.as_ref().map(version) }))
        .collect();
    Ok(Json(json!({ "datasets": datasets })))
}

/// `GET datasets/{name}`: its versions and what the gate said lately, refusals included.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let versions = datasets::versions(&state.ledger, actor, &name).await?;
    let mut gates = Vec::new();
    for outcome in curation::results(&state.ledger, actor, &name, 20).await? {
        gates.push(gate(&state, &outcome).await?);
    }
    let versions: Vec<Value> = versions.iter().map(version).collect();
    Ok(Json(json!({ "name": name, "versions": versions, "gates": gates })))
}

async fn gate(state: &State, outcome: &Outcome) -> Result<Value, Failure> {
    let report = curation::report(&state.blobs, &outcome.report).await?;
    Ok(json!({
        "passed": outcome.passed,
        "summary": outcome.summary,
        "text": curation::text(&state.blobs, outcome).await?,
        "checks": report.checks,
        "candidate": outcome.candidate,
        "at": view::time(outcome.checked_at),
        "by": outcome.checked_by,
    }))
}

/// `GET datasets/{name}/versions/{n}`: with schema, parts, profile and gate report.
pub async fn get_version(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = datasets::version(&state.ledger, actor, &name, number).await?;
    let profile = datasets::profile(&state.blobs, &found).await?;
    let outcome = curation::result(&state.ledger, actor, &name, found.digest).await?;
    let mut body = version(&found);
    body["schema"] = json!({ "columns": found.schema.fields });
    body["parts"] = json!(found.parts);
    body["profile"] = json!(profile);
    body["gate"] = match outcome {
        Some(outcome) => gate(&state, &outcome).await?,
        None => Value::Null,
    };
    Ok(Json(body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportFiles {
    files: Vec<ImportFile>,
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportFile {
    /// Its extension tells the format.
    name: String,
    digest: Digest,
}

/// `POST datasets/{name}/versions`: files that were put as blobs before. The same content is the same version.
pub async fn import(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<ImportFiles>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let file =
        |f: ImportFile| SourceFile { name: f.name, source: Source::Blob(f.digest), expected: Some(f.digest) };
    let import = Import {
        dataset: name,
        files: body.files.into_iter().map(file).collect(),
        key: body.key,
        types: std::collections::BTreeMap::new(),
        schema: None,
        non_finite: NonFinite::Reject,
        gate: None,
        origin: json!({ "by": actor.to_string() }),
        derived_from: Vec::new(),
    };
    let made = datasets::import(&state.ledger, &state.blobs, actor, import).await?;
    Ok(Json(version(&made)))
}

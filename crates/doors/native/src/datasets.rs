//! Datasets: versions, what their columns look like, and what the gate said.

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, Request, State as Shared};
use axum::http::{StatusCode, header};
use curation::{ExpectationGate, Expectations, Outcome};
use datasets::{Gate, Import, NonFinite, Source, SourceFile, Version};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Class, Digest, Permission};

use crate::{Failure, State, view};

pub(crate) fn version(version: &Version) -> Value {
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

/// The longest text part of a form.
const TEXT_BYTES: usize = 4096;

/// `POST datasets/{name}/versions`: the files as JSON that names blobs put before, or as a form that carries them.
/// The same content is the same version. A dataset that a project declares keeps its gate and its key.
pub async fn import(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    mut request: Request,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let body = if is_form(&request) {
        // Files go to the blobs as they come, none is held in memory.
        DefaultBodyLimit::disable().apply(&mut request);
        let form = Multipart::from_request(request, &()).await;
        upload(&state, form.map_err(|e| form_failure(e.status(), e.body_text()))?).await?
    } else {
        let Json(body) = Json::from_request(request, &()).await.map_err(|e| Failure::body(&e))?;
        body
    };
    let ImportFiles { files, key } = body;
    let file =
        |f: ImportFile| SourceFile { name: f.name, source: Source::Blob(f.digest), expected: Some(f.digest) };
    let declared = automation::declared_dataset(&state.ledger, actor, &name).await?.unwrap_or_default();
    let types = declared.expectations.as_ref().map(Expectations::types).unwrap_or_default();
    let gate = declared.expectations.map(|e| ExpectationGate::new(&state.ledger, &state.blobs, actor, e));
    let import = Import {
        dataset: name,
        files: files.into_iter().map(file).collect(),
        key: key.or(declared.key),
        types,
        schema: None,
        non_finite: NonFinite::Reject,
        gate: gate.as_ref().map(|g| g as &dyn Gate),
        origin: json!({ "by": actor.to_string() }),
        derived_from: Vec::new(),
    };
    let made = datasets::import(&state.ledger, &state.blobs, actor, import).await?;
    Ok(Json(version(&made)))
}

fn is_form(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = content_type.and_then(|v| v.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("multipart/form-data")
}

/// Puts a form's files as blobs. A part with a file name is a file; a `sha256` part is the digest of the file after
/// it, which must match; a `key` part names the key column.
async fn upload(state: &State, mut form: Multipart) -> Result<ImportFiles, Failure> {
    let mut found = ImportFiles { files: Vec::new(), key: None };
    let mut expected = None;
    while let Some(mut field) = form.next_field().await.map_err(|e| broken(&e))? {
        if let Some(name) = field.file_name().map(str::to_owned) {
            let (digest, _) = state.blobs.put_stream(field, expected.take()).await?;
            found.files.push(ImportFile { name, digest });
            continue;
        }
        let part = field.name().unwrap_or_default().to_owned();
        let value = text(&part, &mut field).await?;
        match part.as_str() {
            "sha256" if expected.is_some() => {
                return Err(Failure::invalid(
                    "two `sha256` parts follow each other",
                    "send each `sha256` part right before its file",
                ));
            }
            "sha256" => {
                let digest = value.trim().parse::<Digest>();
                expected = Some(digest.map_err(|e| {
                    Failure::invalid(
                        format!("the `sha256` part is no digest: {e}"),
                        "send 64 hexadecimal digits",
                    )
                })?);
            }
            "key" => found.key = Some(value).filter(|v| !v.is_empty()),
            _ => {
                return Err(Failure::invalid(
                    format!("the form has a part `{part}` that is no file"),
                    "parts are files with a file name, `sha256` before a file, and `key`",
                ));
            }
        }
    }
    if expected.is_some() {
        return Err(Failure::invalid(
            "no file follows the last `sha256` part",
            "send each `sha256` part right before its file",
        ));
    }
    Ok(found)
}

async fn text(part: &str, field: &mut Field<'_>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|e| broken(&e))? {
        if bytes.len() + chunk.len() > TEXT_BYTES {
            return Err(Failure::invalid(
                format!("the form's part `{part}` is longer than {TEXT_BYTES} bytes"),
                "give a part that is a file a file name",
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::invalid(format!("the form's part `{part}` is not UTF-8"), "send text in UTF-8"))
}

fn broken(error: &MultipartError) -> Failure {
    form_failure(error.status(), error.body_text())
}

fn form_failure(status: StatusCode, message: String) -> Failure {
    let class = if status == StatusCode::PAYLOAD_TOO_LARGE { Class::TooLarge } else { Class::Invalid };
    Failure::new(class, message, Some("send `multipart/form-data` with its boundary".to_owned()))
}

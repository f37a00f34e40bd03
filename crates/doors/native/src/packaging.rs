//! Packages of model versions, and what is found out before they may serve.

use std::path::PathBuf;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use kit::Caller;
use packages::{Engines, Extras, Manifest, Trials, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Class, Permission, Uid};

use crate::{Failure, State, view};

/// What packages are made with.
#[derive(Clone, Debug)]
pub struct Packaging {
    pub engines: Engines,
    /// How packages are tried; their keys are in its vault.
    pub trials: Trials,
}

fn packaging(state: &State) -> Result<&Packaging, Failure> {
    let none = || Failure::new(Class::Unavailable, "this server makes no packages".into(), None);
    state.packaging.as_ref().ok_or_else(none)
}

async fn version(state: &State, actor: &Actor, name: String, number: i64) -> Result<Uid, Failure> {
    Ok(models::version(&state.ledger, actor, name, number).await?.uid)
}

/// A package in a file of its own, which goes when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn made(
    state: &State,
    actor: &Actor,
    version: Uid,
    extras: Extras,
) -> Result<(Scratch, Manifest), Failure> {
    let with = packaging(state)?;
    let folder = with.engines.folder.join("packages");
    types::io::create_dir_all(&folder)?;
    let name = format!("{}.tar", types::new_id(state.ledger.clock().now()));
    let scratch = Scratch(folder.join(name));
    let (ledger, blobs) = (&state.ledger, &state.blobs);
    let manifest =
        packages::write(ledger, blobs, &with.trials.vault, &with.engines, actor, version, extras, &scratch.0)
            .await?;
    Ok((scratch, manifest))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// A blob with the data that the model learned from, for drift.
    baseline: Option<types::Digest>,
    /// A file name that says what format it has.
    #[serde(default = "parquet")]
    format: String,
}

fn parquet() -> String {
    "baseline.parquet".into()
}

/// `GET models/{name}/versions/{number}/package`: the signed package, the same bytes each time.
pub async fn package(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let version = version(&state, actor, name.clone(), number).await?;
    let baseline = match asked.baseline {
        Some(digest) => {
            let table = columns::read(&asked.format, state.blobs.get_bytes(&digest).await?, None)?;
            let inputs = packages::input_names(&state.ledger, &state.blobs, actor, version).await?;
            Some(packages::Baseline::of(&table)?.with_rows(&table, &inputs)?)
        }
        None => None,
    };
    let (scratch, _) = made(&state, actor, version, Extras { baseline }).await?;
    let at = |e| types::io::Error::new("read", &scratch.0, e);
    let file = tokio::fs::File::open(&scratch.0).await.map_err(at)?;
    let size = file.metadata().await.map_err(at)?.len();
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{plain}-{number}.tar\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    // The file is open, so it may go by name now.
    drop(scratch);
    let stream =
        futures::stream::try_unfold((file, vec![0; 256 << 10]), |(mut file, mut buffer)| async move {
            use tokio::io::AsyncReadExt as _;
            let read = file.read(&mut buffer).await?;
            let part = bytes::Bytes::copy_from_slice(&buffer[..read]);
            Ok::<_, std::io::Error>((read > 0).then_some((part, (file, buffer))))
        });
    Ok((headers, Body::from_stream(stream.boxed())).into_response())
}

/// `GET package-key`: whom packages come from.
pub async fn key(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let key = packages::public_key(&state.ledger, &packaging(&state)?.trials.vault, actor).await?;
    Ok(Json(json!({ "algorithm": "ed25519", "public_key": key })))
}

pub(crate) fn verdict(verdict: &Verdict) -> Value {
    json!({
        "id": verdict.uid,
        "kind": verdict.kind,
        "engine": verdict.engine,
        "passed": verdict.passed,
        "detail": verdict.detail,
        "created_at": view::time(verdict.created_at),
        "created_by": verdict.created_by,
    })
}

fn said(verdicts: &[Verdict]) -> Json<Value> {
    Json(json!({ "verdicts": verdicts.iter().map(verdict).collect::<Vec<_>>() }))
}

/// `GET models/{name}/versions/{number}/verdicts`, newest first.
pub async fn verdicts(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let version = version(&state, actor, name, number).await?;
    Ok(said(&packages::verdicts(&state.ledger, actor, version).await?))
}

/// `POST models/{name}/versions/{number}/parity`: compares its other runtimes with its Python original.
pub async fn parity(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let version = version(&state, actor, name, number).await?;
    let engines = &packaging(&state)?.engines;
    let verdicts = packages::judge_parity(&state.ledger, &state.blobs, engines, actor, version).await?;
    Ok(said(&verdicts))
}

/// `POST models/{name}/versions/{number}/trial`: its package is started in a process of its own, asked with the input example,
/// and timed.
pub async fn trial(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let version = version(&state, actor, name, number).await?;
    let Packaging { engines, trials } = packaging(&state)?;
    let found = packages::trial(&state.ledger, &state.blobs, engines, trials, actor, version).await?;
    Ok(said(&[found]))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handed {
    endpoint: String,
    model: String,
    version: i64,
    records: Vec<HandedRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HandedRecord {
    id: Uid,
    at: types::Timestamp,
    inputs: Value,
    outputs: Value,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    params: Option<Value>,
    #[serde(default, rename = "ordinal")]
    _ordinal: i64,
}

/// `POST package-records`: what a package predicted elsewhere joins the log. Records that are here already are not taken again.
pub async fn records(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Handed>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Predict)?;
    let Json(handed) = body.map_err(|e| Failure::body(&e))?;
    let version = models::version(&state.ledger, actor, handed.model.clone(), handed.version).await?;
    let mut new = Vec::new();
    for record in handed.records {
        if state.log.find(actor, record.id).await?.is_none() {
            new.push(record);
        }
    }
    let accepted = new.len();
    // A batch is what was told the same.
    for told in new.chunk_by(|one, next| one.params == next.params) {
        let to = (handed.endpoint.clone(), &version);
        state.log.record_durable(batch(actor, to, told)?).await?;
    }
    Ok(Json(json!({ "accepted": accepted })))
}

fn batch(
    actor: &Actor,
    (endpoint, version): (String, &models::ModelVersion),
    told: &[HandedRecord],
) -> Result<predictions::Batch, Failure> {
    let params = told.first().and_then(|record| record.params.as_ref()).and_then(predictions::params_of);
    let frame = |rows: Vec<Value>| {
        let bad = || {
            Failure::invalid(
                "a record holds something else than columns of one type",
                "hand records as they are",
            )
        };
        packages::frame_of(&rows).ok_or_else(bad)
    };
    Ok(predictions::Batch {
        workspace: actor.workspace,
        endpoint,
        revision: version.uid,
        variant: "package".into(),
        model: version.model.clone(),
        version: version.number,
        model_version: version.uid,
        model_digest: version.digest,
        at: told.first().map_or_else(types::Timestamp::default, |record| record.at),
        latency_us: 0,
        ids: told.iter().map(|record| record.id).collect(),
        principal: actor.to_string(),
        flags: told.iter().map(|record| record.flags.clone()).collect(),
        params: params.unwrap_or_default(),
        inputs: frame(told.iter().map(|record| record.inputs.clone()).collect())?,
        outputs: frame(told.iter().map(|record| record.outputs.clone()).collect())?,
    })
}

/// `GET runtimes`: how models run on this server, and how safely.
pub async fn runtimes(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Read)?;
    let workers = &packaging(&state)?.engines.workers;
    let protection = &workers.protection;
    let onnx = packaging(&state)?.engines.runtime.check().err().map(|e| e.to_string());
    Ok(Json(json!({
        "native": { "available": true },
        "onnx": { "available": onnx.is_none(), "reason": onnx },
        "python": {
            "available": workers.check().is_ok(),
            "sandboxed": protection.suffices(),
            "namespaces": protection.namespaces,
            "landlock": protection.landlock,
            "seccomp": protection.seccomp,
            "reason": protection.reason,
            "allow_unsandboxed": workers.allow_unsandboxed,
            "memory_mib": workers.limits.memory >> 20,
            "request_seconds": workers.limits.request.as_secs(),
        },
    })))
}

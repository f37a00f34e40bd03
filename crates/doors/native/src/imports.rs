//! Taking over what another tracking server recorded, with its own ids and times. Every request may be repeated.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use models::{CreateVersion, ImportVersion};
use serde::Deserialize;
use serde_json::{Value, json};
use tracking::artifacts::ArtifactPath;
use tracking::{
    DatasetInput, ImportExperiment, ImportRun, LogBatch, LoggedModel, LoggedModelStatus, MetricPoint,
    RunStatus,
};
use types::{Digest, Permission, Timestamp, Uid};

use crate::{Failure, State};

type Answer = Result<Json<Value>, Failure>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    number: i64,
    name: String,
    artifact_location: Option<String>,
    created_at_ms: Option<i64>,
    updated_at_ms: Option<i64>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `POST import/experiments`: its number here.
pub async fn experiment(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<Experiment>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let experiment = ImportExperiment {
        number: body.number,
        name: body.name,
        artifact_location: body.artifact_location,
        created_at: body.created_at_ms.map(Timestamp::from_millis),
        updated_at: body.updated_at_ms.map(Timestamp::from_millis),
        tags: body.tags,
    };
    let number = tracking::import_experiment(&state.ledger, actor, experiment).await?;
    Ok(Json(json!({ "number": number })))
}

/// `POST import/experiments/{number}/delete`
pub async fn delete_experiment(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(number): Path<i64>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    tracking::import_experiment_deleted(&state.ledger, actor, number).await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    id: Uid,
    experiment: i64,
    name: String,
    #[serde(default)]
    owner: String,
    started_at_ms: i64,
    artifact_location: Option<String>,
    fingerprint: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    datasets: Vec<Dataset>,
    #[serde(default)]
    models_in: Vec<String>,
    #[serde(default)]
    models_out: Vec<(String, i64)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dataset {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    schema: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `POST import/runs`: `{"wanted"}` is false if the run was imported in this very state before.
pub async fn run(Shared(state): Shared<State>, caller: Caller, Json(body): Json<Run>) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let (ledger, uid) = (&state.ledger, body.id);
    let request = ImportRun {
        uid,
        experiment: body.experiment,
        name: body.name.clone(),
        owner: body.owner,
        started_at: Timestamp::from_millis(body.started_at_ms),
        artifact_location: body.artifact_location,
        fingerprint: body.fingerprint,
    };
    if !tracking::start_import(ledger, actor, request).await? {
        return Ok(Json(json!({ "wanted": false })));
    }
    let batch = LogBatch {
        params: body.params.into_iter().collect(),
        tags: body.tags.into_iter().collect(),
        name: Some(body.name).filter(|name| !name.is_empty()),
        ..Default::default()
    };
    tracking::log_batch(ledger, actor, uid, batch).await?;
    let datasets: Vec<DatasetInput> = body
        .datasets
        .into_iter()
        .map(|d| DatasetInput {
            name: d.name,
            digest: d.digest,
            source_type: d.source_type,
            source: d.source,
            schema: d.schema,
            profile: d.profile,
            tags: d.tags,
        })
        .collect();
    tracking::log_inputs(ledger, actor, uid, datasets, body.models_in).await?;
    tracking::log_outputs(ledger, actor, uid, body.models_out).await?;
    Ok(Json(json!({ "wanted": true })))
}

/// A number, or `"NaN"`, `"Infinity"`, `"-Infinity"`, which JSON has no numbers for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Named(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportPoint {
    key: String,
    value: Number,
    step: i64,
    at_ms: i64,
    model: Option<String>,
    dataset: Option<(String, Option<String>)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    points: Vec<ImportPoint>,
}

/// `POST import/runs/{id}/points`: how many were new.
pub async fn points(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Json(body): Json<Points>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let mut metrics = Vec::with_capacity(body.points.len());
    for point in body.points {
        let value = match &point.value {
            Number::Finite(value) => *value,
            Number::Named(name) => name.parse().map_err(|_| {
                let message = format!("metric `{}`: `{name}` is not a number", point.key);
                Failure::invalid(message, "send a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
            })?,
        };
        metrics.push(MetricPoint {
            key: point.key,
            value,
            step: point.step,
            at: Timestamp::from_millis(point.at_ms).into(),
            model: point.model,
            dataset: point.dataset,
        });
    }
    let batch = LogBatch { metrics, ..Default::default() };
    let logged = tracking::log_batch(&state.ledger, actor, id, batch).await?;
    Ok(Json(json!({ "points": logged.points })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishRun {
    status: RunStatus,
    ended_at_ms: Option<i64>,
    deleted: bool,
    fingerprint: String,
}

/// `POST import/runs/{id}/finish`
pub async fn finish_run(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Json(body): Json<FinishRun>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let ended_at = body.ended_at_ms.map(Timestamp::from_millis);
    tracking::finish_import(&state.ledger, actor, id, body.status, ended_at, body.deleted, body.fingerprint)
        .await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedModel {
    id: String,
    experiment: i64,
    name: String,
    #[serde(default)]
    model_type: String,
    status: String,
    source_run: Option<String>,
    artifact_location: Option<String>,
    deleted: bool,
    created_at_ms: i64,
    updated_at_ms: i64,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `POST import/logged-models`
pub async fn logged_model(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<ImportedModel>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let status: LoggedModelStatus =
        body.status.parse().map_err(|e: String| Failure::invalid(e, "it is ready, pending or failed"))?;
    let model = LoggedModel {
        uid: body.id,
        experiment: body.experiment,
        name: body.name,
        model_type: body.model_type,
        status,
        source_run: body.source_run,
        artifact_location: body.artifact_location,
        deleted: body.deleted,
        created_at: Timestamp::from_millis(body.created_at_ms),
        updated_at: Timestamp::from_millis(body.updated_at_ms),
        params: body.params,
        tags: body.tags,
        metrics: Vec::new(),
    };
    tracking::import_logged_model(&state.ledger, actor, model).await?;
    Ok(Json(json!({})))
}

/// Whose folder of the server's own store: a run's or a logged model's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Run(Uid),
    LoggedModel(String),
}

impl Owner {
    async fn folder(&self, state: &State, caller: &Caller) -> Result<String, Failure> {
        let actor = caller.require(Permission::Administer)?;
        Ok(match self {
            Self::Run(uid) => tracking::run(&state.ledger, actor, *uid).await?.folder(),
            Self::LoggedModel(id) => {
                tracking::logged_model(&state.ledger, actor, id.clone(), true).await?.folder()
            }
        })
    }
}

fn below(folder: &str, path: &str) -> Result<ArtifactPath, Failure> {
    let whole = if path.is_empty() { folder.to_owned() } else { format!("{folder}/{path}") };
    Ok(ArtifactPath::parse(&whole)?)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    digest: Digest,
    bytes: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    of: Owner,
    files: Vec<File>,
}

/// `POST import/artifacts`: the blobs must be here already.
pub async fn artifacts(Shared(state): Shared<State>, caller: Caller, Json(body): Json<Files>) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let folder = body.of.folder(&state, &caller).await?;
    for file in &body.files {
        if !state.blobs.exists(&file.digest).await? {
            return Err(Failure::not_found("blob", &file.digest.to_string()));
        }
        let path = below(&folder, &file.path)?;
        tracking::artifacts::put(&state.ledger, actor, path, file.digest, file.bytes).await?;
    }
    Ok(Json(json!({ "files": body.files.len() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredModel {
    name: String,
    description: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `POST import/models`
pub async fn model(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(body): Json<RegisteredModel>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    models::import_model(&state.ledger, actor, body.name, body.description, body.tags).await?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    number: i64,
    source: String,
    /// Where its files are in the server's own store, and the path below; absent if they are elsewhere.
    files: Option<(Owner, String)>,
    run: Option<String>,
    run_link: Option<String>,
    logged_model: Option<String>,
    description: Option<String>,
    stage: String,
    #[serde(default)]
    created_by: String,
    created_at_ms: i64,
    updated_at_ms: i64,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `POST import/models/{name}/versions`: `{"new"}`
pub async fn version(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(model): Path<String>,
    Json(body): Json<Version>,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    let folder = match &body.files {
        Some((owner, path)) => Some(below(&owner.folder(&state, &caller).await?, path)?),
        None => None,
    };
    let location = match &folder {
        Some(folder) => format!("mlflow-artifacts:/{}", folder.as_str()),
        None => body.source.clone(),
    };
    let request = ImportVersion {
        version: CreateVersion {
            model,
            source: body.source,
            location,
            folder,
            run: body.run,
            run_link: body.run_link,
            logged_model: body.logged_model,
            description: body.description,
            tags: body.tags,
        },
        number: body.number,
        stage: body.stage,
        created_by: body.created_by,
        created_at: Timestamp::from_millis(body.created_at_ms),
        updated_at: Timestamp::from_millis(body.updated_at_ms),
    };
    let new = models::import_version(&state.ledger, actor, request).await?;
    Ok(Json(json!({ "new": new })))
}

//! Experiments, runs, metric series, artifacts.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use kit::Caller;
use ledger::Direction;
use serde::Deserialize;
use serde_json::{Value, json};
use tracking::{ExperimentRef, Run, RunQuery};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, content, preview, view};

/// `GET experiments`
pub async fn experiments(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let experiments: Vec<Value> = tracking::experiments(&state.ledger, actor)
        .await?
        .iter()
        .map(|e| json!({ "id": e.number.to_string(), "name": e.name }))
        .collect();
    Ok(Json(json!({ "experiments": experiments })))
}

#[derive(Debug, Deserialize)]
pub struct ListQuery {
    experiment: Option<String>,
    status: Option<String>,
    #[serde(default = "page")]
    limit: i64,
    page_token: Option<String>,
}

fn page() -> i64 {
    500
}

/// `GET runs?experiment&status&limit&page_token`: newest first.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let experiments = match query.experiment.filter(|e| !e.is_empty()) {
        Some(name) => {
            let found = match name.parse() {
                Ok(number) => ExperimentRef::Number(number),
                Err(_) => ExperimentRef::Name(name),
            };
            Some(vec![tracking::experiment(&state.ledger, actor, found).await?.number])
        }
        None => None,
    };
    let after = match query.page_token.as_deref().filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => Some(serde_json::from_str(token).map_err(|_| {
            Failure::invalid(
                format!("page_token {token:?} is none"),
                "give the next_page_token of the page before, or none for the first page",
            )
        })?),
    };
    let request = RunQuery { experiments, limit: query.limit.clamp(1, 5_000), after, ..RunQuery::default() };
    let found = tracking::search_runs(&state.ledger, actor, request).await?;
    let next = found.next.as_ref().and_then(|end| serde_json::to_string(end).ok());
    let wanted = query.status.filter(|s| !s.is_empty()).map(|s| s.to_ascii_lowercase());
    let runs: Vec<Value> = found
        .items
        .iter()
        .filter(|r| wanted.as_ref().is_none_or(|w| r.status.name().eq_ignore_ascii_case(w)))
        .map(run)
        .collect();
    Ok(Json(json!({ "runs": runs, "next_page_token": next })))
}

pub(crate) fn run(run: &Run) -> Value {
    let metrics: BTreeMap<&String, Value> =
        run.metrics.iter().map(|(key, m)| (key, view::number(m.value))).collect();
    json!({
        "id": run.uid,
        "name": run.name,
        "experiment": run.experiment_name,
        "status": run.status.name().to_ascii_lowercase(),
        "started_at": view::time(run.started_at),
        "ended_at": view::time_opt(run.ended_at),
        "params": run.params,
        "metrics": metrics,
        "tags": run.tags,
    })
}

/// `GET runs/{id}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = tracking::run(&state.ledger, actor, id).await?;
    let mut body = run(&found);
    body["actor"] = json!(found.owner);
    body["inputs"] = found
        .inputs
        .iter()
        .map(|i| {
            json!({
                "dataset": i.name, "digest": i.digest, "context": i.tags.get("mlflow.data.context"),
                "source_type": i.source_type, "source": i.source, "schema": i.schema, "profile": i.profile,
            })
        })
        .collect();
    body["deleted"] = json!(found.deleted);
    body["summaries"] = found
        .metrics
        .iter()
        .map(|(key, m)| {
            let ends = [m.min, m.max].map(|v| v.map_or(Value::Null, view::number));
            let summary = json!({
                "step": m.step, "at_ms": m.at.millis(), "min": ends[0], "max": ends[1], "points": m.points,
            });
            (key.clone(), summary)
        })
        .collect();
    body["logged_models"] = logged_models(&state, actor, &found).await?;
    let versions = models::versions_of_run(&state.ledger, actor, id).await?;
    body["models"] =
        versions.iter().map(|v| json!({ "name": v.model, "version": v.number, "uid": v.uid })).collect();
    body["pipeline_run"] = pipeline_of(&state, actor, id).await?;
    Ok(Json(body))
}

/// Models that the run logged, whether or not they were registered.
async fn logged_models(state: &State, actor: &Actor, run: &Run) -> Result<Value, Failure> {
    let mut models = Vec::new();
    for (uid, step) in &run.models_out {
        // One that was deleted since is left out.
        if let Ok(model) = tracking::logged_model(&state.ledger, actor, uid.clone(), false).await {
            models.push(json!({
                "id": model.uid, "name": model.name, "type": model.model_type, "status": model.status.name(),
                "step": step,
            }));
        }
    }
    Ok(Value::Array(models))
}

/// The pipeline run that a run is part of, as the graph knows it.
async fn pipeline_of(state: &State, actor: &Actor, id: Uid) -> Result<Value, Failure> {
    let graph = state.ledger.lineage(actor.workspace, "run", &id.hex(), Direction::Causes, 2).await?;
    let node = |kind: &str| graph.nodes.iter().find(|n| n.kind == kind);
    Ok(match (node("pipeline_run"), node("step_run")) {
        (Some(run), Some(step)) => json!({
            "id": run.key, "pipeline": run.props["pipeline"], "step": step.props["step"],
        }),
        _ => Value::Null,
    })
}

/// `GET runs/{id}/metrics.parquet`: every point, columns `key`, `step`, `timestamp` (milliseconds), `value`.
pub async fn metrics_parquet(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let stream = tracking::metrics_parquet(&state.ledger, actor, id).await?;
    let name = format!("attachment; filename=\"{id}-metrics.parquet\"");
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.apache.parquet".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

#[derive(Debug, Deserialize)]
pub struct SeriesQuery {
    #[serde(default)]
    keys: String,
    #[serde(default = "page")]
    max_points: i64,
}

/// `GET runs/{id}/metrics?keys=a,b&max_points`: points are `[step, at_ms, value]`, value null for NaN.
pub async fn series(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(query): Query<SeriesQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let keys = query.keys.split(',').filter(|k| !k.is_empty()).map(str::to_owned).collect();
    let most = query.max_points.clamp(4, 10_000);
    let found = tracking::series(&state.ledger, actor, id, keys, most).await?;
    Ok(Json(json!({ "series": view::series(&found) })))
}

#[derive(Debug, Deserialize)]
pub struct ArtifactQuery {
    #[serde(default)]
    path: String,
    /// A model that the run logged: its files instead of the run's.
    #[serde(default)]
    model: String,
}

/// Where a run's file or folder stands among all artifacts.
async fn place(
    state: &State,
    actor: &Actor,
    id: Uid,
    query: &ArtifactQuery,
) -> Result<tracking::artifacts::ArtifactPath, Failure> {
    let run = tracking::run(&state.ledger, actor, id).await?;
    let path = query.path.as_str();
    let folder = if query.model.is_empty() {
        run.folder()
    } else {
        tracking::logged_model(&state.ledger, actor, query.model.clone(), false).await?.folder()
    };
    let whole = if path.is_empty() { folder } else { format!("{folder}/{path}") };
    Ok(tracking::artifacts::ArtifactPath::parse(&whole)?)
}

/// `GET runs/{id}/artifacts?path&model`
pub async fn artifacts(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(query): Query<ArtifactQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let folder = place(&state, actor, id, &query).await?;
    let entries = tracking::artifacts::list(&state.ledger, actor, folder).await?;
    let artifacts: Vec<Value> = entries
        .iter()
        .map(|e| {
            let path = match query.path.trim_end_matches('/') {
                "" => e.name.clone(),
                folder => format!("{folder}/{}", e.name),
            };
            json!({ "path": path, "is_dir": e.digest.is_none(), "size": e.digest.map(|_| e.bytes) })
        })
        .collect();
    Ok(Json(json!({ "artifacts": artifacts })))
}

async fn file(
    state: &State,
    actor: &Actor,
    id: Uid,
    query: &ArtifactQuery,
) -> Result<(types::Digest, i64), Failure> {
    let entry =
        tracking::artifacts::find(&state.ledger, actor, place(state, actor, id, query).await?).await?;
    let found = entry.and_then(|e| Some((e.digest?, e.bytes)));
    found.ok_or_else(|| Failure::not_found("artifact", &query.path))
}

/// `GET runs/{id}/artifact?path&model`: the file itself.
pub async fn artifact(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(query): Query<ArtifactQuery>,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (digest, _) = file(&state, actor, id, &query).await?;
    content::download(&state, &digest).await
}

/// `GET runs/{id}/preview?path&model`: what the file looks like.
pub async fn preview(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    Query(query): Query<ArtifactQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (digest, bytes) = file(&state, actor, id, &query).await?;
    preview::of(&state, &query.path, &digest, bytes).await.map(Json)
}

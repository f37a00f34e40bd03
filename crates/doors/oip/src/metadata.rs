//! Server and model metadata, readiness, repository and statistics, with the fields that tritonclient reads.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use kit::Caller;
use runtimes::TensorSpec;
use serde_json::{Value, json};
use serving::{Select, VariantTraffic};
use types::Permission;
use wire_inference::datatype;

use crate::errors::OipError;
use crate::{State, about};

type Answer = Result<Json<Value>, OipError>;

pub async fn server() -> Json<Value> {
    Json(json!({
        "name": "mlwright",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": about::EXTENSIONS,
    }))
}

pub async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

pub async fn ready() -> Json<Value> {
    Json(json!({ "ready": true }))
}

pub async fn model(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    describe(&state, &caller, &name, None)
}

pub async fn model_version(
    state: Extract<State>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    describe(&state, &caller, &name, Some(&version))
}

fn describe(state: &State, caller: &Caller, name: &str, version: Option<&str>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let about = about::model(state, actor, name, version)?;
    let tensors = |specs: &[TensorSpec]| -> Vec<Value> {
        let one = |s: &TensorSpec| json!({ "name": s.name, "datatype": datatype::name(s.element), "shape": s.shape });
        specs.iter().map(one).collect()
    };
    Ok(Json(json!({
        "name": name,
        "versions": about.versions,
        "platform": about.platform,
        "inputs": tensors(&about.inputs),
        "outputs": tensors(&about.outputs),
    })))
}

pub async fn model_ready(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    state.serving.target(actor, &name, Select::Any)?;
    Ok(Json(json!({ "name": name, "ready": true })))
}

pub async fn version_ready(
    state: Extract<State>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    let actor = caller.require(Permission::Read)?;
    state.serving.target(actor, &name, Select::Version(&version))?;
    Ok(Json(json!({ "name": name, "version": version, "ready": true })))
}

pub async fn config(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    configuration(&state, &caller, &name, None)
}

pub async fn version_config(
    state: Extract<State>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    configuration(&state, &caller, &name, Some(&version))
}

fn configuration(state: &State, caller: &Caller, name: &str, version: Option<&str>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let about = about::model(state, actor, name, version)?;
    let tensors = |specs: &[TensorSpec]| -> Vec<Value> {
        let one =
            |s: &TensorSpec| json!({ "name": s.name, "data_type": about::config_type(s).0, "dims": s.shape });
        specs.iter().map(one).collect()
    };
    Ok(Json(json!({
        "name": name,
        "platform": about.platform,
        "backend": about.backend,
        "version_policy": { "specific": { "versions": about.versions } },
        "max_batch_size": about.most_rows,
        "input": tensors(&about.inputs),
        "output": tensors(&about.outputs),
    })))
}

/// The body may ask for those that are ready only.
pub async fn index(state: Extract<State>, caller: Caller, body: Bytes) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let listed = about::index(&state, actor, asked["ready"] == true);
    // As Triton has it: a reason only where there is one.
    let one = |m: about::Listed| {
        let mut listed = json!({ "name": m.name, "version": m.version, "state": m.state });
        if !m.reason.is_empty() {
            listed["reason"] = json!(m.reason);
        }
        listed
    };
    Ok(Json(listed.into_iter().map(one).collect()))
}

pub async fn load(
    state: Extract<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, OipError> {
    let actor = caller.require(Permission::Deploy)?;
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let overrides = asked["parameters"].as_object().is_some_and(|p| !p.is_empty());
    if overrides {
        return Err(OipError::bad(format!(
            "failed to load '{name}', a configuration or files cannot be given with the request: models come from the registry"
        )));
    }
    about::load(&state, actor, &name).await?;
    Ok(().into_response())
}

pub async fn unload(
    state: Extract<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, OipError> {
    let actor = caller.require(Permission::Deploy)?;
    about::unload(&state, actor, &name).await?;
    Ok(().into_response())
}

pub async fn stats(state: Extract<State>, caller: Caller) -> Answer {
    statistics(&state, &caller, None, None)
}

pub async fn model_stats(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    statistics(&state, &caller, Some(&name), None)
}

pub async fn version_stats(
    state: Extract<State>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    statistics(&state, &caller, Some(&name), Some(&version))
}

fn statistics(state: &State, caller: &Caller, name: Option<&str>, version: Option<&str>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let all: Vec<Value> = about::statistics(state, actor, name, version)?.iter().map(counted).collect();
    Ok(Json(json!({ "model_stats": all })))
}

fn counted(of: &VariantTraffic) -> Value {
    let traffic = &of.traffic;
    let good = traffic.requests - traffic.errors;
    let none = json!({ "count": 0, "ns": 0 });
    json!({
        "name": of.endpoint,
        "version": of.variant.version.to_string(),
        "last_inference": traffic.series.last().map_or(0, |p| p.0),
        "inference_count": good,
        "execution_count": good,
        "inference_stats": {
            "success": { "count": good, "ns": traffic.busy_ns },
            "fail": { "count": traffic.errors, "ns": 0 },
            "queue": none,
            "compute_input": none,
            "compute_infer": { "count": good, "ns": traffic.busy_ns },
            "compute_output": none,
            "cache_hit": none,
            "cache_miss": none,
        },
        "batch_stats": [],
        "memory_usage": [],
    })
}

//! Server and model metadata, readiness, repository and statistics, with the fields that tritonclient reads.

use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use kit::Caller;
use runtimes::TensorSpec;
use serde_json::{Value, json};
use types::{Actor, Permission};

use crate::State;
use crate::datatype;
use crate::errors::OipError;

type Answer = Result<Json<Value>, OipError>;

pub async fn server() -> Json<Value> {
    Json(json!({
        "name": "mlwright",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data", "parameters", "model_repository", "model_configuration", "statistics"],
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
    let target = state.serving.target(actor, name, version)?;
    let versions: Vec<String> = target.revision.variants.iter().map(|v| v.version.to_string()).collect();
    let tensors = |specs: &[TensorSpec]| -> Vec<Value> {
        let one = |s: &TensorSpec| json!({ "name": s.name, "datatype": datatype::name(s.element), "shape": s.shape });
        specs.iter().map(one).collect()
    };
    Ok(Json(json!({
        "name": name,
        "versions": versions,
        "platform": "onnxruntime_onnx",
        "inputs": tensors(target.model.model.inputs()),
        "outputs": tensors(target.model.model.outputs()),
    })))
}

pub async fn model_ready(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    state.serving.target(actor, &name, None)?;
    Ok(Json(json!({ "name": name, "ready": true })))
}

pub async fn version_ready(
    state: Extract<State>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    let actor = caller.require(Permission::Read)?;
    state.serving.target(actor, &name, Some(&version))?;
    Ok(Json(json!({ "name": name, "version": version, "ready": true })))
}

pub async fn config(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let target = state.serving.target(actor, &name, None)?;
    let tensors = |specs: &[TensorSpec]| -> Vec<Value> {
        let kind = |s: &TensorSpec| match datatype::name(s.element) {
            "BYTES" => "TYPE_STRING".to_owned(),
            other => format!("TYPE_{other}"),
        };
        specs.iter().map(|s| json!({ "name": s.name, "data_type": kind(s), "dims": s.shape })).collect()
    };
    Ok(Json(json!({
        "name": name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": 0,
        "input": tensors(target.model.model.inputs()),
        "output": tensors(target.model.model.outputs()),
    })))
}

pub async fn index(state: Extract<State>, caller: Caller) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let mut models = Vec::new();
    for endpoint in state.serving.list(actor) {
        let (ready, reason) = match endpoint.state {
            serving::EndpointState::Serving => ("READY", String::new()),
            serving::EndpointState::Failed(reason) => ("UNAVAILABLE", reason),
        };
        for variant in endpoint.revision.variants {
            let version = variant.version.to_string();
            models
                .push(json!({ "name": endpoint.name, "version": version, "state": ready, "reason": reason }));
        }
    }
    Ok(Json(Value::Array(models)))
}

/// What is deployed is loaded already, so this only says whether it is there.
pub async fn load(
    state: Extract<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, OipError> {
    let actor = caller.require(Permission::Deploy)?;
    state.serving.target(actor, &name, None).map_err(|e| {
        OipError::bad(format!("failed to load '{name}', {e}; deploy it with `mlwright apply` or the API"))
    })?;
    Ok(().into_response())
}

pub async fn unload(caller: Caller, Path(name): Path<String>) -> Result<Response, OipError> {
    caller.require(Permission::Deploy)?;
    Err(OipError::bad(format!(
        "'{name}' is not unloaded through this protocol: endpoints are deployed and deleted with an event, through mlwright's own API"
    )))
}

pub async fn stats(state: Extract<State>, caller: Caller) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let all: Vec<Value> =
        state.serving.list(actor).into_iter().map(|e| statistics(&state, actor, &e.name)).collect();
    Ok(Json(json!({ "model_stats": all })))
}

pub async fn model_stats(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    state.serving.get(actor, &name)?;
    Ok(Json(json!({ "model_stats": [statistics(&state, actor, &name)] })))
}

fn statistics(state: &State, actor: &Actor, name: &str) -> Value {
    let traffic = state.serving.traffic(actor, name);
    let version = match state.serving.get(actor, name) {
        Ok(endpoint) => endpoint.revision.variants.first().map(|v| v.version.to_string()).unwrap_or_default(),
        Err(_) => String::new(),
    };
    json!({
        "name": name,
        "version": version,
        "last_inference": traffic.series.last().map_or(0, |p| p.0),
        "inference_count": traffic.requests - traffic.errors,
        "execution_count": traffic.requests - traffic.errors,
        "inference_stats": {
            "success": { "count": traffic.requests - traffic.errors, "ns": traffic.busy_ns },
            "fail": { "count": traffic.errors, "ns": 0 },
        },
        "batch_stats": [],
    })
}

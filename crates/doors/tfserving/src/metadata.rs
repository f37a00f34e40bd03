use axum::Json;
use axum::extract::{Path, State as Extract};
use http::StatusCode;
use kit::Caller;
use runtimes::TensorSpec;
use serde_json::{Map, Value, json};
use serving::{EndpointState, Select, Target};
use types::{Actor, Permission};

use crate::State;
use crate::errors::Failure;
use crate::tensors::type_of;

type Answer = Result<Json<Value>, Failure>;

/// `AVAILABLE`, or why not.
pub struct VersionStatus {
    pub version: i64,
    pub available: bool,
    pub reason: String,
}

pub async fn status(state: Extract<State>, caller: Caller, Path(model): Path<String>) -> Answer {
    told(&state, caller.require(Permission::Read)?, &model, Select::Any)
}

pub async fn version_status(
    state: Extract<State>,
    caller: Caller,
    Path((model, version)): Path<(String, String)>,
) -> Answer {
    told(&state, caller.require(Permission::Read)?, &model, Select::Version(&version))
}

pub async fn label_status(
    state: Extract<State>,
    caller: Caller,
    Path((model, label)): Path<(String, String)>,
) -> Answer {
    told(&state, caller.require(Permission::Read)?, &model, Select::Label(&label))
}

/// Every version that the endpoint serves, or the one that is asked for; newest first.
pub fn versions(
    state: &State,
    actor: &Actor,
    model: &str,
    select: Select<'_>,
) -> Result<Vec<VersionStatus>, Failure> {
    let missing = |e: serving::Error| match e {
        serving::Error::NoEndpoint(name) => Failure {
            status: StatusCode::NOT_FOUND,
            message: format!("Could not find any versions of model {name}"),
        },
        serving::Error::NoVersion { endpoint, version, .. } => Failure {
            status: StatusCode::NOT_FOUND,
            message: format!("Could not find version {version} of model {endpoint}"),
        },
        other => other.into(),
    };
    let endpoint = state.serving.get(actor, model).map_err(missing)?;
    let (available, reason) = match &endpoint.state {
        EndpointState::Serving => (true, String::new()),
        EndpointState::Failed(reason) => (false, reason.clone()),
    };
    let only = match select {
        Select::Any => None,
        _ if !available => None,
        select => Some(state.serving.target(actor, model, select).map_err(missing)?.model.number),
    };
    let mut versions: Vec<VersionStatus> = endpoint
        .revision
        .variants
        .iter()
        .filter(|v| only.is_none_or(|only| only == v.version))
        .map(|v| VersionStatus { version: v.version, available, reason: reason.clone() })
        .collect();
    versions.sort_by_key(|v| std::cmp::Reverse(v.version));
    versions.dedup_by_key(|v| v.version);
    Ok(versions)
}

fn told(state: &State, actor: &Actor, model: &str, select: Select<'_>) -> Answer {
    let versions = versions(state, actor, model, select)?;
    let one = |v: VersionStatus| {
        json!({
            "version": v.version.to_string(),
            "state": if v.available { "AVAILABLE" } else { "END" },
            "status": {
                "error_code": if v.available { "OK" } else { "UNAVAILABLE" },
                "error_message": v.reason,
            },
        })
    };
    Ok(Json(json!({ "model_version_status": versions.into_iter().map(one).collect::<Vec<_>>() })))
}

pub async fn metadata(state: Extract<State>, caller: Caller, Path(model): Path<String>) -> Answer {
    described(&state, caller.require(Permission::Read)?, &model, Select::Any)
}

pub async fn version_metadata(
    state: Extract<State>,
    caller: Caller,
    Path((model, version)): Path<(String, String)>,
) -> Answer {
    described(&state, caller.require(Permission::Read)?, &model, Select::Version(&version))
}

pub async fn label_metadata(
    state: Extract<State>,
    caller: Caller,
    Path((model, label)): Path<(String, String)>,
) -> Answer {
    described(&state, caller.require(Permission::Read)?, &model, Select::Label(&label))
}

pub const SIGNATURE: &str = "serving_default";
pub const METHOD: &str = "tensorflow/serving/predict";

fn described(state: &State, actor: &Actor, model: &str, select: Select<'_>) -> Answer {
    let target: Target = state.serving.target(actor, model, select)?;
    let tensors = |specs: &[TensorSpec]| -> Map<String, Value> {
        let dims = |s: &TensorSpec| -> Vec<Value> {
            s.shape.iter().map(|n| json!({ "size": n.to_string(), "name": "" })).collect()
        };
        let one = |s: &TensorSpec| {
            json!({
                "dtype": type_of(s.element).1,
                "tensor_shape": { "dim": dims(s), "unknown_rank": false },
                "name": format!("{}:0", s.name),
            })
        };
        specs.iter().map(|s| (s.name.clone(), one(s))).collect()
    };
    let signature = json!({
        "inputs": tensors(target.model.model.inputs()),
        "outputs": tensors(target.model.model.outputs()),
        "method_name": METHOD,
    });
    Ok(Json(json!({
        "model_spec": { "name": model, "signature_name": "", "version": target.model.number.to_string() },
        "metadata": { "signature_def": { "signature_def": { SIGNATURE: signature } } },
    })))
}

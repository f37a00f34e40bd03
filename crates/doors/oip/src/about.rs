//! What REST and gRPC both tell of endpoints, in the protocol's words.

use runtimes::TensorSpec;
use serving::{EndpointState, Select, VariantTraffic};
use types::Actor;
use wire_inference::datatype;

use crate::State;
use crate::errors::OipError;

pub const EXTENSIONS: [&str; 9] = [
    "classification",
    "model_repository",
    "schedule_policy",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
    "generate",
    "logging",
];

pub struct About {
    pub name: String,
    /// Of all variants.
    pub versions: Vec<String>,
    pub platform: &'static str,
    pub backend: &'static str,
    pub inputs: Vec<TensorSpec>,
    pub outputs: Vec<TensorSpec>,
    /// Requests are run together up to so many rows; 0 if they are not.
    pub most_rows: usize,
}

pub fn model(state: &State, actor: &Actor, name: &str, version: Option<&str>) -> Result<About, OipError> {
    let target = state.serving.target(actor, name, Select::version(version))?;
    let (platform, backend) = match target.model.engine {
        "onnx" => ("onnxruntime_onnx", "onnxruntime"),
        "python" => ("python", "python"),
        "graph" => ("ensemble", ""),
        _ => ("mlwright_native", "mlwright"),
    };
    let batching = state.serving.settings(actor.workspace, name).batching;
    Ok(About {
        name: name.to_owned(),
        versions: target.revision.variants.iter().map(|v| v.version.to_string()).collect(),
        platform,
        backend,
        inputs: target.model.model.inputs().to_vec(),
        outputs: target.model.model.outputs().to_vec(),
        most_rows: batching.map_or(0, |b| b.most_rows),
    })
}

/// Triton's name of a datatype in a model's configuration, and its number in `model_config.proto`.
pub fn config_type(spec: &TensorSpec) -> (String, i32) {
    let number = match datatype::name(spec.element) {
        "BOOL" => 1,
        "UINT8" => 2,
        "UINT16" => 3,
        "UINT32" => 4,
        "UINT64" => 5,
        "INT8" => 6,
        "INT16" => 7,
        "INT32" => 8,
        "INT64" => 9,
        "FP16" => 10,
        "FP32" => 11,
        "FP64" => 12,
        "BYTES" => return ("TYPE_STRING".to_owned(), 13),
        "BF16" => 14,
        _ => 0,
    };
    (format!("TYPE_{}", datatype::name(spec.element)), number)
}

/// Why a model that is ready is not in memory.
const ASLEEP: &str = "asleep: the next request loads it";

pub struct Listed {
    pub name: String,
    pub version: String,
    pub state: &'static str,
    pub reason: String,
}

/// Every variant of every endpoint.
pub fn index(state: &State, actor: &Actor, ready_only: bool) -> Vec<Listed> {
    let mut listed = Vec::new();
    for endpoint in state.serving.list(actor) {
        let (ready, reason) = match endpoint.state {
            EndpointState::Serving => ("READY", String::new()),
            EndpointState::Failed(reason) => ("UNAVAILABLE", reason),
        };
        if ready_only && ready != "READY" {
            continue;
        }
        for (at, variant) in endpoint.revision.variants.into_iter().enumerate() {
            let (name, version) = (endpoint.name.clone(), variant.version.to_string());
            let sleeps = endpoint.runtimes.get(at).is_some_and(|runtime| !runtime.awake);
            let reason = if sleeps { ASLEEP.to_owned() } else { reason.clone() };
            listed.push(Listed { name, version, state: ready, reason });
        }
    }
    listed
}

/// Of one endpoint's variants (of one version, if given), or of all endpoints.
pub fn statistics(
    state: &State,
    actor: &Actor,
    name: Option<&str>,
    version: Option<&str>,
) -> Result<Vec<VariantTraffic>, OipError> {
    let names: Vec<String> = match name {
        Some(name) => {
            state.serving.target(actor, name, Select::version(version))?;
            vec![name.to_owned()]
        }
        None => state.serving.list(actor).into_iter().map(|e| e.name).collect(),
    };
    let mut all = Vec::new();
    for name in names {
        all.extend(state.serving.variant_traffic(actor, &name)?);
    }
    all.retain(|v| version.is_none_or(|version| v.variant.version.to_string() == version));
    Ok(all)
}

/// Deploys the newest version of a registered model as an endpoint of its name, unless there is one.
pub async fn load(state: &State, actor: &Actor, name: &str) -> Result<(), OipError> {
    let failed = |e: serving::Error| OipError::bad(format!("failed to load '{name}', {e}"));
    state.serving.deploy_newest(actor, name).await.map_err(failed)
}

/// Ends the endpoint.
pub async fn unload(state: &State, actor: &Actor, name: &str) -> Result<(), OipError> {
    let failed = |e: serving::Error| OipError::bad(format!("failed to unload '{name}', {e}"));
    state.serving.delete(actor, name).await.map_err(failed)
}

//! The house's nouns as upstream's messages, and addresses both ways.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use models::{ModelVersion, RegisteredModel};
use tracking::artifacts::ArtifactPath;
use tracking::{Experiment, LoggedModel, LoggedModelStatus, Point, Run, RunStatus};
use types::Uid;

use crate::errors::Failure;
use crate::wire::registry as wr;
use crate::wire::service as ws;
use crate::wire::{Double, KeyValue};

/// The tag that carries a run's name.
pub(crate) const RUN_NAME: &str = "mlflow.runName";

/// The workspace of a server that has no others.
const DEFAULT_WORKSPACE: &str = "default";

/// `RunStatus` of `service.proto`.
pub(crate) const STATUSES: [(&str, i64, RunStatus); 5] = [
    ("RUNNING", 1, RunStatus::Running),
    ("SCHEDULED", 2, RunStatus::Scheduled),
    ("FINISHED", 3, RunStatus::Finished),
    ("FAILED", 4, RunStatus::Failed),
    ("KILLED", 5, RunStatus::Killed),
];

/// `LoggedModelStatus` of `service.proto`.
pub(crate) const MODEL_STATUSES: [(&str, i64, LoggedModelStatus); 4] = [
    ("LOGGED_MODEL_STATUS_UNSPECIFIED", 0, LoggedModelStatus::Unspecified),
    ("LOGGED_MODEL_PENDING", 1, LoggedModelStatus::Pending),
    ("LOGGED_MODEL_READY", 2, LoggedModelStatus::Ready),
    ("LOGGED_MODEL_UPLOAD_FAILED", 3, LoggedModelStatus::Failed),
];

fn stage(deleted: bool) -> &'static str {
    if deleted { "deleted" } else { "active" }
}

pub(crate) fn pairs(values: BTreeMap<String, String>) -> Vec<KeyValue> {
    values.into_iter().map(|(key, value)| KeyValue { key, value }).collect()
}

/// A folder of the server's own store as clients address it.
pub(crate) fn own_uri(folder: &str) -> String {
    format!("mlflow-artifacts:/{folder}")
}

/// The folder of the server's own store that a URI names, if it names one:
/// `mlflow-artifacts:/…`, `mlflow-artifacts://host/…` or `http(s)://…/api/2.0/mlflow-artifacts/artifacts/…`.
pub(crate) fn own_folder(uri: &str) -> Option<ArtifactPath> {
    const ROUTE: &str = "/api/2.0/mlflow-artifacts/artifacts";
    let (scheme, rest) = uri.split_once(':')?;
    let path = match scheme {
        "mlflow-artifacts" => match rest.strip_prefix("//") {
            Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
            None => rest,
        },
        "http" | "https" => rest.split_once(ROUTE)?.1,
        _ => return None,
    };
    ArtifactPath::parse(path.trim_matches('/')).ok()
}

pub(crate) fn run_uri(run: &Run) -> String {
    run.artifact_location.clone().unwrap_or_else(|| own_uri(&run.folder()))
}

pub(crate) fn model_uri(model: &LoggedModel) -> String {
    model.artifact_location.clone().unwrap_or_else(|| own_uri(&model.folder()))
}

/// A run's id. What cannot be one names no run.
pub(crate) fn run_uid(id: &str) -> Result<Uid, Failure> {
    id.parse().map_err(|_| Failure::missing(format!("Run with id={id} not found")))
}

/// An experiment's id; an empty one is the default experiment's.
pub(crate) fn experiment_number(id: &str) -> Result<i64, Failure> {
    if id.is_empty() {
        return Ok(0);
    }
    id.parse().map_err(|_| {
        Failure::invalid(format!("Invalid experiment ID '{id}'. Experiment ID must be a valid integer."))
    })
}

pub(crate) fn experiment(e: Experiment) -> ws::Experiment {
    ws::Experiment {
        experiment_id: e.number.to_string(),
        artifact_location: e.artifact_location.unwrap_or_else(|| own_uri(&e.number.to_string())),
        name: e.name,
        workspace: DEFAULT_WORKSPACE,
        lifecycle_stage: stage(e.deleted),
        last_update_time: e.updated_at.map(|t| t.millis()),
        creation_time: e.created_at.map(|t| t.millis()),
        tags: pairs(e.tags),
    }
}

pub(crate) fn run_info(run: &Run) -> ws::RunInfo {
    let status = STATUSES.iter().find(|(.., s)| *s == run.status).map_or("RUNNING", |(name, ..)| name);
    ws::RunInfo {
        run_id: run.uid.hex(),
        run_uuid: run.uid.hex(),
        run_name: run.name.clone(),
        experiment_id: run.experiment.to_string(),
        user_id: run.owner.clone(),
        status,
        start_time: run.started_at.millis(),
        end_time: run.ended_at.map(|t| t.millis()),
        artifact_uri: run_uri(run),
        lifecycle_stage: stage(run.deleted),
    }
}

pub(crate) fn run(run: Run) -> ws::Run {
    let info = run_info(&run);
    let metrics = run
        .metrics
        .into_iter()
        .map(|(key, m)| metric(key, Point { step: m.step, at: m.at, value: m.value }))
        .collect();
    let dataset_inputs = run
        .inputs
        .into_iter()
        .map(|input| ws::DatasetInput {
            tags: pairs(input.tags),
            dataset: ws::Dataset {
                name: input.name,
                digest: input.digest,
                source_type: input.source_type,
                source: input.source,
                schema: input.schema,
                profile: input.profile,
            },
        })
        .collect();
    ws::Run {
        info,
        data: ws::RunData { metrics, params: pairs(run.params), tags: pairs(run.tags) },
        inputs: ws::RunInputs {
            dataset_inputs,
            model_inputs: run.models_in.into_iter().map(|model_id| ws::ModelInput { model_id }).collect(),
        },
        outputs: Some(ws::RunOutputs {
            model_outputs: run
                .models_out
                .into_iter()
                .map(|(model_id, step)| ws::ModelOutput { model_id, step })
                .collect(),
        }),
    }
}

pub(crate) fn metric(key: String, point: Point) -> ws::Metric {
    ws::Metric {
        key,
        value: Double(point.value),
        timestamp: point.at.millis(),
        step: point.step,
        dataset_name: None,
        dataset_digest: None,
        model_id: None,
        run_id: None,
    }
}

pub(crate) fn logged_model(model: LoggedModel) -> ws::LoggedModel {
    let status = MODEL_STATUSES.iter().find(|(.., s)| *s == model.status).map_or("", |(name, ..)| name);
    let artifact_uri = model_uri(&model);
    let metrics = model
        .metrics
        .into_iter()
        .map(|m| ws::Metric {
            dataset_name: m.dataset_name,
            dataset_digest: m.dataset_digest,
            model_id: Some(model.uid.clone()),
            run_id: Some(m.run),
            ..metric(m.key, m.point)
        })
        .collect();
    ws::LoggedModel {
        info: ws::LoggedModelInfo {
            model_id: model.uid,
            experiment_id: model.experiment.to_string(),
            name: model.name,
            creation_timestamp_ms: model.created_at.millis(),
            last_updated_timestamp_ms: model.updated_at.millis(),
            artifact_uri,
            status,
            model_type: model.model_type,
            source_run_id: model.source_run,
            tags: pairs(model.tags),
        },
        data: ws::LoggedModelData { params: pairs(model.params), metrics },
    }
}

pub(crate) fn model_version(v: ModelVersion) -> wr::ModelVersion {
    wr::ModelVersion {
        name: v.model,
        version: v.number.to_string(),
        creation_timestamp: v.created_at.millis(),
        last_updated_timestamp: v.updated_at.millis(),
        current_stage: v.stage,
        // Upstream sets these three, empty where there is nothing.
        description: v.description.unwrap_or_default(),
        source: v.source,
        run_id: v.run_text.unwrap_or_default(),
        status: "READY",
        tags: pairs(v.tags),
        run_link: v.run_link.unwrap_or_default(),
        aliases: v.aliases,
        model_id: v.logged_model,
    }
}

pub(crate) fn registered_model(m: RegisteredModel) -> wr::RegisteredModel {
    wr::RegisteredModel {
        name: m.name,
        creation_timestamp: m.created_at.millis(),
        last_updated_timestamp: m.updated_at.millis(),
        description: m.description,
        latest_versions: m.latest.into_iter().map(model_version).collect(),
        tags: pairs(m.tags),
        aliases: m
            .aliases
            .into_iter()
            .map(|(alias, number)| wr::RegisteredModelAlias { alias, version: number.to_string() })
            .collect(),
    }
}

/// Page tokens of metric histories are upstream's: base64 of `{"offset": N}`.
pub(crate) fn offset(token: Option<&str>) -> Result<i64, Failure> {
    let Some(token) = token.filter(|t| !t.is_empty()) else { return Ok(0) };
    let bytes = STANDARD
        .decode(token)
        .map_err(|_| Failure::invalid("Invalid page token, could not base64-decode"))?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| {
        Failure::invalid(format!("Invalid page token, decoded value={}", python_bytes(&bytes)))
    })?;
    value["offset"]
        .as_i64()
        .filter(|offset| *offset > 0)
        .ok_or_else(|| Failure::invalid(format!("Invalid page token, parsed value={value}")))
}

/// Bytes as Python writes them: `b'…'`.
fn python_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let shown = bytes.iter().map(|byte| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\'' if quote == '\'' => "\\'".to_owned(),
        b' '..=b'~' => (*byte as char).to_string(),
        other => format!("\\x{other:02x}"),
    });
    format!("b{quote}{}{quote}", shown.collect::<String>())
}

/// The token of the page after this one, if there is one.
pub(crate) fn next_token(more: bool, offset: i64, limit: i64) -> Option<String> {
    more.then(|| STANDARD.encode(format!("{{\"offset\": {}}}", offset.saturating_add(limit))))
}

/// JSON as Python's `json.dumps` spaces it: tags that clients write and compare as text.
pub(crate) fn python_json(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(python_json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(k, v)| format!("{}: {}", Value::from(k.as_str()), python_json(v)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

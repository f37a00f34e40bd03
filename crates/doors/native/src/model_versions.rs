//! One version of a model: what it takes and gives, what it is made of, where it comes from.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, packaging, registry, runs};

/// `GET models/{name}/versions/{number}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let version = models::version(&state.ledger, actor, name, number).await?;
    let mut body = registry::version(&version);
    body["files"] = json!(models::files(&state.ledger, actor, version.uid).await?);
    body["run"] = run(&state, actor, version.run).await?;
    if state.packaging.is_some() {
        let found = packages::verdicts(&state.ledger, actor, version.uid).await?;
        body["verdicts"] = found.iter().map(packaging::verdict).collect();
    }
    match models::load_spec(&state.ledger, &state.blobs, actor, version.uid).await {
        Ok(spec) => {
            let side = |name: &str| {
                let text = spec.mlmodel["signature"].get(name).and_then(Value::as_str)?;
                serde_json::from_str::<Value>(text).ok()
            };
            let known = |name: &str| spec.mlmodel.get(name).cloned().unwrap_or(Value::Null);
            body["signature"] = match spec.mlmodel.get("signature") {
                Some(Value::Object(_)) => json!({
                    "inputs": side("inputs"), "outputs": side("outputs"), "params": side("params"),
                }),
                _ => Value::Null,
            };
            body["flavors"] = json!(spec.flavors);
            body["bytes"] = known("model_size_bytes");
            body["mlflow_version"] = known("mlflow_version");
        }
        // Why there is no signature is worth saying; the version can be shown without one.
        Err(error) => body["spec_error"] = json!(error.to_string()),
    }
    Ok(Json(body))
}

/// The run that made the version, with parameters, metrics and the data that it read.
async fn run(state: &State, actor: &Actor, id: Option<Uid>) -> Result<Value, Failure> {
    let Some(id) = id else { return Ok(Value::Null) };
    let Some(run) = tracking::runs_of(&state.ledger, actor, vec![id], None).await?.pop() else {
        return Ok(Value::Null);
    };
    let mut body = runs::run(&run);
    body["inputs"] = run
        .inputs
        .iter()
        .map(|i| json!({ "dataset": i.name, "digest": i.digest, "context": i.tags.get("mlflow.data.context") }))
        .collect();
    Ok(body)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    description: Option<String>,
    stage: Option<String>,
    /// Other versions in that stage move to `Archived`.
    archive_others: bool,
}

/// The stages that MLflow's registry knows.
const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];

/// `PATCH models/{name}/versions/{number}`
pub async fn change(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(change) = body.map_err(|e| Failure::body(&e))?;
    if let Some(stage) = &change.stage {
        caller.require(Permission::Deploy)?;
        let Some(stage) = STAGES.iter().find(|s| s.eq_ignore_ascii_case(stage)) else {
            let hint = "choose None, Staging, Production or Archived";
            return Err(Failure::invalid(format!("`{stage}` is not a stage"), hint));
        };
        let others = change.archive_others.then_some("Archived");
        models::set_stage(&state.ledger, actor, name.clone(), number, stage, others).await?;
    }
    if let Some(text) = change.description {
        models::update_version(&state.ledger, actor, name, number, Some(text)).await?;
    }
    Ok(Json(json!({})))
}

//! Runs of plans that a client brings, such as the Python SDK's.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use axum::extract::rejection::JsonRejection;
use kit::Caller;
use pipelines::{CodeSnapshot, Component, Datum, Kind, PipelineRun, Plan, SubmitPlan};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission};

use crate::{Failure, State};

/// The kind of work that an experiment may be given for.
const PYTHON: &str = "python";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    plan: Value,
    /// By input of the plan's root: a plain value, or an artifact as runs give it.
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    /// What the run is called; the plan's name if absent.
    #[serde(default)]
    name: Option<String>,
    /// What the steps' code was taken from.
    #[serde(default)]
    code: Option<CodeSnapshot>,
    #[serde(default)]
    use_cache: Option<bool>,
    /// Where tracking runs are made for Python steps that name none.
    #[serde(default)]
    experiment: Option<String>,
    /// Where tasks run that do not say it themselves.
    #[serde(default)]
    executor: Option<String>,
}

/// `POST pipeline-runs {plan, inputs, name?, code?, use_cache?, experiment?, executor?}` → `{id}`
pub async fn submit(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(request) = body.map_err(|e| Failure::body(&e))?;
    let name = request.name.clone();
    let mut prepared =
        prepare(&state, request.plan, request.inputs, request.code, request.experiment).await?;
    prepared.trigger = json!({ "kind": "manual", "by": actor.to_string() });
    prepared.use_cache = request.use_cache.unwrap_or(true);
    if let Some(executor) = &request.executor {
        prepared.plan.run_on(executor);
    }
    if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
        prepared.name = name;
    }
    let run = pipelines::submit_plan(&state.ledger, &state.blobs, actor, prepared).await?;
    Ok(Json(json!({ "id": run.uid })))
}

/// Reads a plan and its inputs. Errors name what is wrong, or the code that is not here.
pub async fn prepare(
    state: &State,
    plan: Value,
    inputs: BTreeMap<String, Value>,
    code: Option<CodeSnapshot>,
    experiment: Option<String>,
) -> Result<SubmitPlan, Failure> {
    let mut plan: Plan = serde_json::from_value(plan).map_err(|e| {
        Failure::invalid(
            format!("the plan cannot be read: {e}"),
            "`plan().save(path)` of the Python SDK writes plans",
        )
    })?;
    for component in plan.components.values_mut() {
        let Component::Work(work) = component else { continue };
        if work.kind != PYTHON {
            continue;
        }
        if let (Some(name), Value::Object(spec)) = (&experiment, &mut work.spec) {
            spec.entry("experiment").or_insert_with(|| json!(name));
        }
        if let Some(digest) = work.spec["code"]["digest"].as_str() {
            let digest: types::Digest = digest.parse()?;
            if !state.blobs.exists(&digest).await? {
                return Err(pipelines::Error::NoCode(digest).into());
            }
        }
    }
    let inputs = data(&plan, inputs)?;
    let name = plan.name.clone();
    Ok(SubmitPlan {
        inputs,
        pipeline: name.clone(),
        name,
        trigger: Value::Null,
        use_cache: true,
        pipeline_root: None,
        labels: json!({ "code": code }),
        plan,
    })
}

/// Plain values as the ports of the root want them.
pub(super) fn data(plan: &Plan, inputs: BTreeMap<String, Value>) -> Result<BTreeMap<String, Datum>, Failure> {
    let one = |(name, value): (String, Value)| {
        let is_artifact =
            matches!(plan.root.inputs.get(&name).map(|port| &port.of), Some(Kind::Artifact { .. }));
        if !is_artifact {
            return Ok((name, Datum::Value(value)));
        }
        let datum = serde_json::from_value(value).map_err(|e| {
            Failure::invalid(
                format!("input `{name}` is an artifact, and cannot be read as one: {e}"),
                "give it as a run's outputs give it: {\"artifact\": {\"name\", \"schema\", \"uri\"}}",
            )
        })?;
        Ok((name, datum))
    };
    inputs.into_iter().map(one).collect()
}

/// What a run executed, for another one with other inputs.
pub async fn repeat(
    state: &State,
    actor: &Actor,
    last: &PipelineRun,
    inputs: BTreeMap<String, Value>,
) -> Result<SubmitPlan, Failure> {
    let plan = pipelines::plan_of(&state.ledger, actor, last.uid).await?;
    Ok(SubmitPlan {
        inputs: data(&plan, inputs)?,
        name: last.pipeline.clone(),
        pipeline: last.pipeline.clone(),
        trigger: json!({ "kind": "manual", "by": actor.to_string() }),
        use_cache: true,
        pipeline_root: last.pipeline_root.clone(),
        labels: last.labels.clone(),
        plan,
    })
}

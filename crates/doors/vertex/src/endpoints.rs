use axum::Json;
use axum::extract::{Path, State as Extract};
use kit::Caller;
use serde_json::{Map, Value, json};
use serving::EndpointView;
use types::Permission;

use crate::State;
use crate::errors::Failure;

type Answer = Result<Json<Value>, Failure>;

pub async fn list(
    state: Extract<State>,
    caller: Caller,
    Path((project, location)): Path<(String, String)>,
) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let all: Vec<Value> =
        state.serving.list(actor).iter().map(|found| described(found, &project, &location)).collect();
    Ok(Json(json!({ "endpoints": all })))
}

pub async fn get(
    state: Extract<State>,
    caller: Caller,
    Path((project, location, endpoint)): Path<(String, String, String)>,
) -> Answer {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(described(&state.serving.get(actor, &endpoint)?, &project, &location)))
}

pub fn model_name(project: &str, location: &str, model: &str) -> String {
    format!("projects/{project}/locations/{location}/models/{model}")
}

/// A variant is a deployed model; its name is the id.
fn described(found: &EndpointView, project: &str, location: &str) -> Value {
    let revision = &found.revision;
    let answering = || revision.variants.iter().filter(|v| !v.shadow);
    let total: f64 = answering().map(|v| v.weight).sum();
    let split: Map<String, Value> = answering()
        .map(|v| {
            let percent = if total > 0.0 { (v.weight / total * 100.0).round() as i64 } else { 0 };
            (v.name.clone(), json!(percent))
        })
        .collect();
    let deployed: Vec<Value> = revision
        .variants
        .iter()
        .map(|v| {
            json!({
                "id": v.name,
                "model": model_name(project, location, &v.model),
                "modelVersionId": v.version.to_string(),
                "displayName": v.name,
                "createTime": revision.created_at.rfc3339(),
            })
        })
        .collect();
    json!({
        "name": format!("projects/{project}/locations/{location}/endpoints/{}", found.name),
        "displayName": found.name,
        "deployedModels": deployed,
        "trafficSplit": split,
        "etag": revision.uid,
        "createTime": revision.created_at.rfc3339(),
        "updateTime": revision.created_at.rfc3339(),
    })
}

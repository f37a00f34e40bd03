//! Databricks' serving endpoints: invocations, and what `databricks-sdk` and `mlflow.deployments` read of them.
//! <https://docs.databricks.com/api/workspace/servingendpoints>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kit::{Base, Caller};
use serde_json::{Value, json};
use serving::{EndpointState, EndpointView, Select};
use types::{Actor, Permission};
use wire_inference::ScoringError;
use wire_inference::openapi;
use wire_inference::scoring::answer;

use crate::State;

type Answer = Result<Json<Value>, ScoringError>;

/// The SDK asks every host what it is: this one signs in with tokens, and has no OpenID provider of Databricks'.
pub async fn well_known(headers: HeaderMap, uri: axum::http::Uri) -> Response {
    match Base::of(&headers, &uri) {
        Some(base) => Json(json!({ "host": base.with("") })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub async fn invocations(
    state: Extract<State>,
    caller: Caller,
    Path(endpoint): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScoringError> {
    invoke(&state, &caller, &endpoint, Select::Any, &headers, body).await
}

/// One served entity of an endpoint, by its name.
pub async fn entity(
    state: Extract<State>,
    caller: Caller,
    Path((endpoint, entity)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScoringError> {
    invoke(&state, &caller, &endpoint, Select::Label(&entity), &headers, body).await
}

async fn invoke(
    state: &State,
    caller: &Caller,
    endpoint: &str,
    select: Select<'_>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, ScoringError> {
    let actor = caller.require(Permission::Predict)?;
    let (mut response, variant) = answer(&state.serving, actor, (endpoint, select), headers, body).await?;
    if let Ok(name) = HeaderValue::from_str(&variant) {
        response.headers_mut().insert("served-model-name", name);
    }
    Ok(response)
}

pub async fn list(state: Extract<State>, caller: Caller) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let endpoints: Vec<Value> =
        state.serving.list(actor).iter().map(|found| described(found, actor)).collect();
    Ok(Json(json!({ "endpoints": endpoints })))
}

pub async fn get(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(described(&state.serving.get(actor, &name)?, actor)))
}

/// As Databricks' export for Prometheus, of this server.
pub async fn metrics(
    state: Extract<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, ScoringError> {
    let actor = caller.require(Permission::Read)?;
    let mut text = String::new();
    for of in state.serving.variant_traffic(actor, &name)? {
        let labels =
            format!("{{endpoint_name=\"{}\",served_model_name=\"{}\"}}", of.endpoint, of.variant.name);
        let traffic = &of.traffic;
        for (metric, value) in [
            ("request_count_total", traffic.requests as f64),
            ("request_5xx_count_total", traffic.errors as f64),
            ("request_latency_p50_ms", traffic.p50_ms),
            ("request_latency_p99_ms", traffic.p99_ms),
        ] {
            text.push_str(&format!("{metric}{labels} {value}\n"));
        }
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// What the endpoint takes and gives.
pub async fn openapi(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    let target = state.serving.target(actor, &name, Select::Any)?;
    let path = format!("/serving-endpoints/{name}/invocations");
    Ok(Json(openapi::document(&name, &path, &target)))
}

/// `ServingEndpointDetailed`.
fn described(found: &EndpointView, actor: &Actor) -> Value {
    let revision = &found.revision;
    let (ready, reason) = match &found.state {
        EndpointState::Serving => ("READY", ""),
        EndpointState::Failed(reason) => ("NOT_READY", reason.as_str()),
    };
    let total: f64 = revision.variants.iter().filter(|v| !v.shadow).map(|v| v.weight).sum();
    let entities: Vec<Value> = revision
        .variants
        .iter()
        .map(|v| {
            json!({
                "name": v.name,
                "entity_name": v.model,
                "entity_version": v.version.to_string(),
                "type": "CUSTOM_MODEL",
                "scale_to_zero_enabled": false,
                "workload_size": "Small",
                "creation_timestamp": revision.created_at.millis(),
                "creator": revision.created_by,
                "state": { "deployment": if ready == "READY" { "DEPLOYMENT_READY" } else { "DEPLOYMENT_FAILED" },
                           "deployment_state_message": reason },
            })
        })
        .collect();
    let routes: Vec<Value> = revision
        .variants
        .iter()
        .filter(|v| !v.shadow)
        .map(|v| {
            // Whole percents, as the SDK reads them.
            let percent = if total > 0.0 { (v.weight / total * 100.0).round() as i64 } else { 0 };
            json!({ "served_model_name": v.name, "traffic_percentage": percent })
        })
        .collect();
    json!({
        "name": found.name,
        "id": revision.uid,
        "creator": revision.created_by,
        "creation_timestamp": revision.created_at.millis(),
        "last_updated_timestamp": revision.created_at.millis(),
        "state": { "ready": ready, "config_update": "NOT_UPDATING" },
        "config": {
            "served_entities": entities,
            "traffic_config": { "routes": routes },
            "config_version": revision.number,
        },
        "permission_level": if actor.may(Permission::Deploy) { "CAN_MANAGE" } else { "CAN_QUERY" },
        "route_optimized": false,
        "tags": [],
    })
}

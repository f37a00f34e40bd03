//! What clients read before their first call.

use axum::Json;
use axum::extract::State as Extract;
use kit::Caller;
use runtimes::TensorSpec;
use serde_json::{Map, Value, json};
use serving::{Select, Target};
use types::{Actor, Permission};
use wire_inference::openapi;

use crate::State;
use crate::errors::Failure;

/// The argument that takes a data frame.
pub const FRAME: &str = "data";

pub async fn get(state: Extract<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let served = served(&state, actor);
    let mut routes: Vec<Value> = served
        .iter()
        .map(|(name, target)| route(&identifier(name), &format!("/bentoml/{name}"), target))
        .collect();
    if let [(_, only)] = served.as_slice() {
        routes.push(route("predict", "/predict", only));
    }
    Ok(Json(json!({ "name": "mlwright", "type": "service", "routes": routes })))
}

/// OpenAPI of every endpoint.
pub async fn docs(state: Extract<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut paths = Map::new();
    for (name, target) in served(&state, actor) {
        let (input, output) = (input(&target), output(&target));
        paths.insert(
            format!("/bentoml/{name}"),
            json!({ "post": {
                "operationId": identifier(&name),
                "summary": format!("{} version {}", target.model.model_name, target.model.number),
                "requestBody": { "required": true, "content": { "application/json": { "schema": input } } },
                "responses": { "200": { "description": "predictions", "content": { "application/json": { "schema": output } } } },
            } }),
        );
    }
    Ok(Json(json!({
        "openapi": "3.0.2",
        "info": { "title": "mlwright", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
    })))
}

fn served(state: &State, actor: &Actor) -> Vec<(String, Target)> {
    let names = state.serving.names(actor.workspace);
    let found = names.into_iter().filter_map(|(name, _)| {
        let target = state.serving.target(actor, &name, Select::Any).ok()?;
        Some((name, target))
    });
    found.collect()
}

/// A name that Python can call.
fn identifier(name: &str) -> String {
    let text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

fn route(name: &str, path: &str, target: &Target) -> Value {
    json!({
        "name": name,
        "route": path,
        "doc": format!("{} version {}", target.model.model_name, target.model.number),
        "batchable": true,
        "is_task": false,
        "input": input(target),
        "output": output(target),
    })
}

pub fn takes_frame(target: &Target) -> bool {
    target.model.tabular.as_ref().is_some_and(|t| t.is_named())
}

/// A data frame where the model has named columns, else its tensors by name.
fn input(target: &Target) -> Value {
    if takes_frame(target) {
        let columns: Vec<&str> = target
            .model
            .tabular
            .as_ref()
            .map(|t| t.columns().iter().map(|c| c.name.as_str()).collect())
            .unwrap_or_default();
        let (record, _) = openapi::record(target);
        let frame = json!({ "type": "dataframe", "orient": "records", "title": "Data", "columns": columns, "items": record });
        return json!({ "type": "object", "title": "Input", "properties": { FRAME: frame }, "required": [FRAME] });
    }
    let inputs = target.model.model.inputs();
    let properties: Map<String, Value> = inputs.iter().map(|s| (s.name.clone(), tensor(s))).collect();
    let required: Vec<&str> = inputs.iter().map(|s| s.name.as_str()).collect();
    json!({ "type": "object", "title": "Input", "properties": properties, "required": required })
}

/// An array where there is one output, else records.
fn output(target: &Target) -> Value {
    let outputs = target.model.model.outputs();
    let single = target.model.pyfunc_output.is_some() || outputs.len() == 1;
    if single {
        json!({ "type": "tensor", "format": "numpy-array" })
    } else {
        json!({ "type": "dataframe", "orient": "records" })
    }
}

fn tensor(spec: &TensorSpec) -> Value {
    let shape: Vec<Value> = spec.shape.iter().map(|n| if *n < 0 { Value::Null } else { json!(n) }).collect();
    let mut schema = json!({ "type": "tensor", "format": "numpy-array", "title": spec.name });
    let dtype = spec.element.name();
    if dtype != "bytes" {
        schema["dtype"] = json!(dtype);
    }
    if !shape.iter().any(Value::is_null) {
        schema["shape"] = json!(shape);
    }
    schema
}

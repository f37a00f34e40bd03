//! Triton's generate extension: plain JSON in and out, for one row.
//! <https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md>

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kit::Caller;
use runtimes::{ElementType, Tensor, TensorSpec};
use serving::{Input, Request, Select};
use types::Permission;
use wire_inference::datatype;
use wire_inference::json::{Json, parse, write_text};
use wire_inference::scoring::routing_key;
use wire_inference::stream::events;

use crate::State;
use crate::errors::{Body, OipError};

pub async fn generate(
    state: Extract<State>,
    caller: Caller,
    Path(model): Path<String>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, OipError> {
    let json = run(&state, &caller, &model, None, &headers, &body).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

pub async fn generate_version(
    state: Extract<State>,
    caller: Caller,
    Path((model, version)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, OipError> {
    let json = run(&state, &caller, &model, Some(&version), &headers, &body).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// An event for each part of an answer; a model that has no parts gives one event.
pub async fn generate_stream(
    state: Extract<State>,
    caller: Caller,
    Path(model): Path<String>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, OipError> {
    let actor = caller.require(Permission::Predict)?;
    if !state.serving.streams(actor, &model, Select::Any)? {
        let json = run(&state, &caller, &model, None, &headers, &body).await?;
        return Ok((events(), format!("data: {json}\n\n")).into_response());
    }
    let target = state.serving.target(actor, &model, Select::Any)?;
    let (json, inputs) = inputs(target.model.model.inputs(), &body)?;
    let output = target.model.model.outputs().first().map_or("answer", |o| o.name.as_str()).to_owned();
    drop(target);
    let request = Request {
        endpoint: &model,
        select: Select::Any,
        routing_key: routing_key(&headers),
        input: Input::Tensors(inputs),
        params: json.get("parameters").cloned(),
        outputs: &[],
        deadline: None,
    };
    let streaming = state.serving.stream(actor, request).await?;
    let mut head = String::from("data: {\"model_name\":");
    write_text(&mut head, &model);
    head.push_str(",\"model_version\":");
    write_text(&mut head, &streaming.version.to_string());
    head.push(',');
    write_text(&mut head, &output);
    head.push(':');
    let event = move |part: &str| format!("{head}{part}}}\n\n").into_bytes();
    Ok((events(), wire_inference::stream::body(streaming, event, "")).into_response())
}

/// The request's JSON, and the inputs in it.
fn inputs(specs: &[TensorSpec], body: &Bytes) -> Result<(Json, Vec<Tensor>), OipError> {
    let json = parse(body).map_err(|e| OipError::bad(format!("failed to parse the request JSON: {e}")))?;
    if !matches!(json, Json::Object(_)) {
        return Err(OipError::bad("the request JSON is not an object"));
    }
    let mut inputs = Vec::with_capacity(specs.len());
    for spec in specs {
        let Some(value) = json.get(&spec.name) else {
            return Err(OipError::bad(format!("input '{}' is missing", spec.name)));
        };
        inputs.push(tensor(&spec.name, spec.element, &spec.shape, value)?);
    }
    Ok((json, inputs))
}

async fn run(
    state: &State,
    caller: &Caller,
    model: &str,
    version: Option<&str>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<String, OipError> {
    let actor = caller.require(Permission::Predict)?;
    let select = Select::version(version);
    let target = state.serving.target(actor, model, select)?;
    let (json, inputs) = inputs(target.model.model.inputs(), body)?;
    drop(target);
    let request = Request {
        endpoint: model,
        select,
        routing_key: routing_key(headers),
        input: Input::Tensors(inputs),
        params: json.get("parameters").cloned(),
        outputs: &[],
        deadline: None,
    };
    let answer = state.serving.infer(actor, request).await?;
    let mut text = String::from("{");
    if let Some(id) = json.get("id").and_then(Json::text) {
        text.push_str("\"id\":");
        write_text(&mut text, id);
        text.push(',');
    }
    text.push_str("\"model_name\":");
    write_text(&mut text, model);
    text.push_str(",\"model_version\":");
    write_text(&mut text, &answer.version.to_string());
    for output in &answer.outputs {
        text.push(',');
        write_text(&mut text, &output.name);
        text.push(':');
        match output.data.len() {
            1 => datatype::write_value(&mut text, &output.data, 0, false),
            count => datatype::write_list(&mut text, &output.data, 0, count, false),
        }
    }
    text.push('}');
    Ok(text)
}

/// A value alone, or a list of values, as one row of an input.
fn tensor(name: &str, element: ElementType, shape: &[i64], value: &Json) -> Result<Tensor, OipError> {
    let data =
        datatype::from_json(element, value).map_err(|e| OipError::bad(format!("input '{name}': {e}")))?;
    let count = data.len() as i64;
    // The only free dimension beside the first takes what is left.
    let fixed: i64 = shape.iter().skip(1).filter(|n| **n > 0).product();
    let free = shape.iter().skip(1).filter(|n| **n < 0).count();
    let left = if fixed > 0 { count / fixed } else { count };
    let wished = match (shape.len(), free) {
        (0, _) => Vec::new(),
        (1, _) => vec![count],
        (_, 0 | 1) => {
            let rest = shape.iter().skip(1).map(|n| if *n < 0 { left } else { *n });
            std::iter::once(1).chain(rest).collect()
        }
        _ => return Err(OipError::bad(format!("input '{name}' has several free dimensions: use infer"))),
    };
    if wished.iter().product::<i64>() != count {
        return Err(OipError::bad(format!(
            "input '{name}' takes the shape {shape:?}, and {count} values were given"
        )));
    }
    Ok(Tensor { name: name.to_owned(), shape: wished, data })
}

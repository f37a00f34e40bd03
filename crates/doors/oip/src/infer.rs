use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kit::Caller;
use serving::{Input, Request, Select};
use types::Permission;
use wire_inference::scoring::routing_key;

use crate::State;
use crate::errors::{Body, OipError};
use crate::wire::{self, HEADER_LENGTH};

pub async fn infer(
    state: Extract<State>,
    caller: Caller,
    Path(model): Path<String>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, OipError> {
    answer(&state, &caller, &model, None, &headers, &body).await
}

pub async fn infer_version(
    state: Extract<State>,
    caller: Caller,
    Path((model, version)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, OipError> {
    answer(&state, &caller, &model, Some(&version), &headers, &body).await
}

async fn answer(
    state: &State,
    caller: &Caller,
    model: &str,
    version: Option<&str>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, OipError> {
    let actor = caller.require(Permission::Predict)?;
    let length = match headers.get(HEADER_LENGTH) {
        None => None,
        Some(value) => {
            let length = value.to_str().ok().and_then(|v| v.trim().parse::<usize>().ok());
            Some(length.ok_or_else(|| OipError::bad("Inference-Header-Content-Length is not a number"))?)
        }
    };
    let select = Select::version(version);
    // An unknown model is told before a broken body.
    let target = state.serving.target(actor, model, select)?;
    let mut request = wire::infer_request(body, length, target.model.model.inputs())?;
    drop(target);
    let outputs: Vec<String> = request.outputs.iter().map(|o| o.name.clone()).collect();
    let inputs = std::mem::take(&mut request.inputs);
    let answer = state
        .serving
        .infer(
            actor,
            Request {
                endpoint: model,
                select,
                routing_key: routing_key(headers).or(request.routing_key.as_deref()),
                input: Input::Tensors(inputs),
                params: request.parameters.take(),
                outputs: &outputs,
                deadline: deadline(request.timeout_us),
            },
        )
        .await?;
    let (body, json_length) = wire::infer_response(model, &request, &answer);
    let kind = if json_length.is_some() { "application/octet-stream" } else { "application/json" };
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if let Some(length) = json_length {
        response.headers_mut().insert(HEADER_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

/// 0 means that the caller waits as long as it takes.
pub fn deadline(timeout_us: Option<u64>) -> Option<Instant> {
    let timeout = timeout_us.filter(|us| *us > 0).map(Duration::from_micros)?;
    Instant::now().checked_add(timeout)
}

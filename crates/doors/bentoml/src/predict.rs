use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::Caller;
use runtimes::Tensor;
use serving::{Answer, Input, Request, Select, Target};
use types::{Actor, Permission};
use wire_inference::json::{Json, parse};
use wire_inference::scoring::{PREDICTION_IDS, only_endpoint, routing_key};
use wire_inference::{Reply, datatype, frames, nested, write_reply};

use crate::State;
use crate::errors::Failure;
use crate::schema::FRAME;

const REQUEST_ID: &str = "x-bentoml-request-id";

pub async fn only(
    state: Extract<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Predict)?;
    let endpoint = only_endpoint(&state.serving, actor, None)?;
    respond(&state, actor, &endpoint, &headers, &body).await
}

pub async fn named(
    state: Extract<State>,
    caller: Caller,
    Path(endpoint): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Predict)?;
    respond(&state, actor, &endpoint, &headers, &body).await
}

async fn respond(
    state: &State,
    actor: &Actor,
    endpoint: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Failure> {
    let (json, answer) = predicted(state, actor, endpoint, headers, body).await?;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    let ids: Vec<String> = answer.ids.iter().take(1000).map(types::Uid::hex).collect();
    let request = ids.first().cloned().unwrap_or_default();
    for (name, value) in [(PREDICTION_IDS, ids.join(",")), (REQUEST_ID, request)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(http::HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

/// The answer as JSON: an array where the model has one output, else records.
pub async fn predicted(
    state: &State,
    actor: &Actor,
    endpoint: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(String, Answer), Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("application/json");
    if !kind.starts_with("application/json") {
        return Err(Failure {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            message: format!("unsupported media type `{kind}`: send JSON; pickles are refused"),
        });
    }
    let target = state.serving.target(actor, endpoint, Select::Any)?;
    let body = parse(body).map_err(|e| Failure::bad(format!("the body is no JSON: {e}")))?;
    let input = input(&body, &target)?;
    drop(target);
    let request = Request {
        endpoint,
        select: Select::Any,
        routing_key: routing_key(headers),
        input,
        params: None,
        outputs: &[],
        deadline: None,
    };
    let answer = state.serving.infer(actor, request).await?;
    let mut json = String::new();
    match answer.outputs.as_slice() {
        [only] if answer.pyfunc_output.is_none() => nested(&mut json, only, &only.shape, &mut 0),
        _ => write_reply(&mut json, &answer, Reply::Records),
    }
    Ok((json, answer))
}

/// The arguments by name: `data` as a frame, the model's tensors, or columns.
fn input(body: &Json, target: &Target) -> Result<Input, Failure> {
    let Json::Object(fields) = body else {
        return Err(Failure::bad(format!(
            "the body is a {}, not an object of arguments",
            body.python_type()
        )));
    };
    let specs = target.model.model.inputs();
    let schema = target.model.tabular.as_ref().filter(|t| t.is_named()).map_or(&[][..], |t| t.columns());
    match fields.as_slice() {
        [(name, rows @ Json::List(list))]
            if name == FRAME && list.first().is_some_and(|row| matches!(row, Json::Object(_))) =>
        {
            return Ok(Input::Columns(frames::records(rows, schema)?));
        }
        [(name, Json::Object(columns))] if name == FRAME => {
            return Ok(Input::Columns(frames::by_column(columns, schema)?));
        }
        _ => {}
    }
    let mut tensors = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match specs.iter().find(|s| s.name == *name) {
            Some(spec) => tensors.push(tensor(spec, value)?),
            None if !schema.is_empty() => return Ok(Input::Columns(frames::by_column(fields, schema)?)),
            None => return Err(Failure::bad(format!("there is no argument `{name}`"))),
        }
    }
    Ok(Input::Tensors(tensors))
}

fn tensor(spec: &runtimes::TensorSpec, value: &Json) -> Result<Tensor, Failure> {
    let data = datatype::from_json(spec.element, value)
        .map_err(|e| Failure::bad(format!("argument `{}`: {e}", spec.name)))?;
    let Some(mut shape) = datatype::shape_of(value) else {
        return Err(Failure::bad(format!("argument `{}`: its rows differ in length", spec.name)));
    };
    // A single row may come without its outer list.
    if shape.len() + 1 == spec.shape.len() {
        shape.insert(0, 1);
    }
    Ok(Tensor { name: spec.name.clone(), shape, data })
}

//! One MLflow scoring request, from headers and body to the answer; the paths are the doors'.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serving::{Answer, Input, Request, Select, Serving};
use types::Actor;

use crate::ScoringError;
use crate::forms::{Reply, media_type, read, write_reply};
use crate::json::Json;
use crate::stream;

/// Sends requests with the same value to the same variant.
pub const ROUTING_KEY: &str = "x-mlwright-routing-key";
/// Ids of the predictions, in the order of the rows, separated by commas.
pub const PREDICTION_IDS: &str = "x-mlwright-prediction-ids";
/// How many rows something was noticed about.
const FLAGGED: &str = "x-mlwright-flagged";
/// More ids than this do not fit into a header that every client reads; they are in the body, as `prediction_ids`.
const IDS_IN_HEADER: usize = 1000;

/// The value of [`ROUTING_KEY`].
pub fn routing_key(headers: &HeaderMap) -> Option<&str> {
    headers.get(ROUTING_KEY).and_then(|v| v.to_str().ok())
}

/// Predicts. The caller's permission was asked for before.
///
/// Errors: 415 and wrong bodies in MLflow's words; what serving says.
pub async fn score(
    serving: &Serving,
    actor: &Actor,
    (endpoint, select): (&str, Select<'_>),
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(Answer, Reply), ScoringError> {
    let target = serving.target(actor, endpoint, select)?;
    let media = media_type(headers)?;
    let read = read(media, body, &target)?;
    drop(target);
    let routing_key = routing_key(headers);
    let request = request((endpoint, select), routing_key, read.input, read.params);
    Ok((serving.infer(actor, request).await?, read.reply))
}

/// [`score`] and [`respond`], or the answer in parts where the body has `"stream": true`; with the variant that answered.
///
/// Errors: as [`score`] says.
pub async fn answer(
    serving: &Serving,
    actor: &Actor,
    (endpoint, select): (&str, Select<'_>),
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(Response, String), ScoringError> {
    let target = serving.target(actor, endpoint, select)?;
    let read = read(media_type(headers)?, body, &target)?;
    let in_parts = read.stream && target.model.model.streams();
    drop(target);
    let routing_key = routing_key(headers);
    let request = request((endpoint, select), routing_key, read.input, read.params);
    if in_parts {
        let streaming = serving.stream(actor, request).await?;
        let variant = streaming.variant.clone();
        return Ok((stream::respond(streaming), variant));
    }
    let answer = serving.infer(actor, request).await?;
    let variant = answer.variant.clone();
    let mut response =
        if read.stream { stream::whole(&answer, read.reply) } else { respond(&answer, read.reply) };
    if answer.flagged > 0 {
        response.headers_mut().insert(FLAGGED, HeaderValue::from(answer.flagged));
    }
    Ok((response, variant))
}

fn request<'r>(
    (endpoint, select): (&'r str, Select<'r>),
    routing_key: Option<&'r str>,
    input: Input,
    params: Option<Json>,
) -> Request<'r> {
    Request { endpoint, select, routing_key, input, params, outputs: &[], deadline: None }
}

/// `{"predictions": …}`, with the ids of the predictions in a header.
pub fn respond(answer: &Answer, reply: Reply) -> Response {
    let mut json = String::from("{\"predictions\":");
    write_reply(&mut json, answer, reply);
    let ids: Vec<String> = answer.ids.iter().map(types::Uid::hex).collect();
    let in_header = ids.len() <= IDS_IN_HEADER;
    if !in_header {
        json.push_str(",\"prediction_ids\":[\"");
        json.push_str(&ids.join("\",\""));
        json.push_str("\"]");
    }
    json.push('}');
    let mut response = ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    if in_header && let Ok(value) = HeaderValue::from_str(&ids.join(",")) {
        response.headers_mut().insert(PREDICTION_IDS, value);
    }
    response
}

/// The endpoint that answers where a path names none: the given one, else the only one there is.
pub fn only_endpoint(serving: &Serving, actor: &Actor, given: Option<&str>) -> Result<String, ScoringError> {
    if let Some(name) = given {
        return Ok(name.to_owned());
    }
    let mut names = serving.names(actor.workspace).into_iter().map(|(name, _)| name);
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(ScoringError::Json {
            status: axum::http::StatusCode::NOT_FOUND,
            code: "RESOURCE_DOES_NOT_EXIST",
            message: "no endpoint is deployed".into(),
        }),
        (Some(_), Some(_)) => Err(ScoringError::bad(
            "several endpoints are deployed, and this path names none: use /endpoints/<name>/invocations, \
             or set a default endpoint for this address",
        )),
    }
}

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serving::{Answer, Request, Select, Streaming};
use types::Actor;
use wire_aws::Signature;
use wire_inference::scoring::{PREDICTION_IDS, answer, routing_key};
use wire_inference::{Read, Reply, ScoringError};

use crate::errors::Failure;
use crate::{State, body, sign_in};

const VARIANT: &str = "x-amzn-sagemaker-target-variant";
const SESSION: &str = "x-amzn-sagemaker-session-id";
const CUSTOM: &str = "x-amzn-sagemaker-custom-attributes";
pub const INVOKED: &str = "x-amzn-invoked-production-variant";

pub async fn invoke(
    state: Extract<State>,
    Path(endpoint): Path<String>,
    parts: Parts,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let actor = sign_in::actor(&state, &parts, &bytes).await?;
    if Signature::service_on(&parts).is_none() {
        // Not AWS's client: MLflow's scoring protocol, with the endpoint's name in the path.
        let select = Select::label(parts.headers.get(VARIANT).and_then(|v| v.to_str().ok()));
        let scored = answer(&state.serving, &actor, (&endpoint, select), &parts.headers, bytes).await;
        return Ok(scored.map_or_else(IntoResponse::into_response, |(response, _)| response));
    }
    let (answer, reply) = predicted(&state, &actor, &endpoint, &parts.headers, bytes).await?;
    let (kind, bytes) = body::written(parts.headers.get(header::ACCEPT), &answer, reply);
    let mut response = ([(header::CONTENT_TYPE, kind)], bytes).into_response();
    note(response.headers_mut(), &parts.headers, &answer);
    Ok(response)
}

/// The answer in parts, if the variant that is asked gives one.
pub async fn in_parts(
    state: &State,
    actor: &Actor,
    endpoint: &str,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Option<Streaming>, Failure> {
    let select = Select::label(headers.get(VARIANT).and_then(|v| v.to_str().ok()));
    if !state.serving.streams(actor, endpoint, select).unwrap_or(false) {
        return Ok(None);
    }
    let failed = |e: serving::Error| Failure::from(ScoringError::from(e));
    let target = state.serving.target(actor, endpoint, select).map_err(failed)?;
    let Read { input, params, .. } = body::read(headers, bytes.clone(), &target)?;
    drop(target);
    let routing_key = routing_key(headers);
    let request = Request { endpoint, select, routing_key, input, params, outputs: &[], deadline: None };
    Ok(Some(state.serving.stream(actor, request).await.map_err(failed)?))
}

/// A session, or the routing key of this server, always leads to the same variant.
pub async fn predicted(
    state: &State,
    actor: &Actor,
    endpoint: &str,
    headers: &HeaderMap,
    bytes: Bytes,
) -> Result<(Answer, Reply), Failure> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if text("x-amzn-sagemaker-target-model").is_some() {
        return Err(Failure::Validation(format!(
            "endpoint {endpoint} is not a multi-model endpoint, so that TargetModel cannot be given"
        )));
    }
    let select = Select::label(text(VARIANT));
    let failed = |e: serving::Error| match e {
        serving::Error::NoEndpoint(name) => {
            Failure::Validation(format!("Endpoint {name} of account mlwright not found."))
        }
        serving::Error::NoVariant { .. } => Failure::Validation(e.to_string()),
        other => ScoringError::from(other).into(),
    };
    let target = state.serving.target(actor, endpoint, select).map_err(failed)?;
    let Read { input, params, reply, .. } = body::read(headers, bytes, &target)?;
    drop(target);
    let session = text(SESSION).filter(|id| !id.eq_ignore_ascii_case("NEW_SESSION"));
    let request = Request {
        endpoint,
        select,
        routing_key: routing_key(headers).or(session),
        input,
        params,
        outputs: &[],
        deadline: None,
    };
    Ok((state.serving.infer(actor, request).await.map_err(failed)?, reply))
}

/// Who answered, what the caller wants echoed, and the ids of the predictions.
pub fn note(headers: &mut HeaderMap, asked: &HeaderMap, answer: &Answer) {
    if let Ok(variant) = HeaderValue::from_str(&answer.variant) {
        headers.insert(INVOKED, variant);
    }
    if let Some(attributes) = asked.get(CUSTOM) {
        headers.insert(CUSTOM, attributes.clone());
    }
    const IN_HEADER: usize = 100;
    let ids: Vec<String> = answer.ids.iter().take(IN_HEADER).map(types::Uid::hex).collect();
    if let Ok(ids) = HeaderValue::from_str(&ids.join(",")) {
        headers.insert(PREDICTION_IDS, ids);
    }
}

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use kit::Caller;
use serving::Select;
use types::Permission;
use wire_inference::ScoringError;
use wire_inference::scoring::{answer, only_endpoint};

use crate::State;

pub async fn ping() -> &'static str {
    "\n"
}

pub async fn invocations(
    state: Extract<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScoringError> {
    let actor = caller.require(Permission::Predict)?;
    let endpoint = only_endpoint(&state.serving, actor, state.default_endpoint.as_deref())?;
    let (response, _) = answer(&state.serving, actor, (&endpoint, Select::Any), &headers, body).await?;
    Ok(response)
}

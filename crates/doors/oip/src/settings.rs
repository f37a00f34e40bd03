//! Trace and log settings and shared memory, as far as clients ask for them: what this server does is told, and what it
//! does not do is refused.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use kit::Caller;
use serde_json::{Value, json};
use serving::Select;
use types::Permission;

use crate::State;
use crate::errors::OipError;

type Answer = Result<Json<Value>, OipError>;

/// Triton's defaults: no trace file is written.
pub fn trace_settings() -> Value {
    json!({
        "trace_file": "",
        "trace_level": ["OFF"],
        "trace_rate": "1000",
        "trace_count": "-1",
        "log_frequency": "0",
        "trace_mode": "opentelemetry",
    })
}

pub fn log_settings() -> Value {
    json!({
        "log_file": "",
        "log_info": true,
        "log_warning": true,
        "log_error": true,
        "log_verbose_level": 0,
        "log_format": "default",
    })
}

pub const TRACES: &str =
    "traces are switched on in the server's configuration (OpenTelemetry), not by this request";
pub const LOGS: &str =
    "what is logged is set by the server's configuration (log.filter), not by this request";
pub const MEMORY: &str = "shared memory is not offered: send tensors with the request";

pub async fn trace(caller: Caller) -> Answer {
    caller.require(Permission::Read)?;
    Ok(Json(trace_settings()))
}

pub async fn model_trace(state: Extract<State>, caller: Caller, Path(name): Path<String>) -> Answer {
    let actor = caller.require(Permission::Read)?;
    state.serving.target(actor, &name, Select::Any)?;
    Ok(Json(trace_settings()))
}

/// A request that changes nothing is answered, any other refused.
fn unchanged(body: &[u8], current: Value, refusal: &str) -> Answer {
    let wished: Value = serde_json::from_slice(body).unwrap_or_default();
    let same = |(name, value): (&String, &Value)| value.is_null() || current[name] == *value;
    if wished.as_object().is_none_or(|wished| wished.iter().all(same)) {
        return Ok(Json(current));
    }
    Err(OipError::bad(refusal))
}

pub async fn set_trace(caller: Caller, body: Bytes) -> Answer {
    caller.require(Permission::Administer)?;
    unchanged(&body, trace_settings(), TRACES)
}

pub async fn set_model_trace(
    state: Extract<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let actor = caller.require(Permission::Administer)?;
    state.serving.target(actor, &name, Select::Any)?;
    unchanged(&body, trace_settings(), TRACES)
}

pub async fn logging(caller: Caller) -> Answer {
    caller.require(Permission::Read)?;
    Ok(Json(log_settings()))
}

pub async fn set_logging(caller: Caller, body: Bytes) -> Answer {
    caller.require(Permission::Administer)?;
    unchanged(&body, log_settings(), LOGS)
}

/// No region is registered.
pub async fn memory(caller: Caller) -> Answer {
    caller.require(Permission::Read)?;
    Ok(Json(json!([])))
}

/// There is nothing to take away.
pub async fn unregister(caller: Caller) -> Result<Response, OipError> {
    caller.require(Permission::Predict)?;
    Ok(().into_response())
}

pub async fn register(caller: Caller) -> Answer {
    caller.require(Permission::Predict)?;
    Err(OipError::bad(MEMORY))
}

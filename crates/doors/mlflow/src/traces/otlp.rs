//! `POST /v1/traces` (`mlflow/server/otel_api.py`): OTLP over HTTP, as protobuf or JSON, plain, gzip or deflate.
//! What cannot be read is answered as FastAPI does, `{"detail": …}`; the store's errors are MLflow's.

use std::io::Read;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use traces::Arrival;
use types::{Level, ResourceKind};

use super::otel::{self, ExportTraceServiceRequest};
use crate::call::Cx;
use crate::convert::experiment_number;
use crate::errors::Failure;
use crate::guard;

/// The largest body, as sent and unpacked, in bytes.
const BODY_LIMIT: usize = 64 << 20;

/// Bodies from here on, in bytes, are read on the pool for blocking work.
const LARGE: usize = 32 << 10;

const EXPERIMENT: &str = "x-mlflow-experiment-id";
const RUN: &str = "x-mlflow-run-id";

/// Why a request cannot be read.
struct Refusal(StatusCode, Value);

fn refuse<T>(status: StatusCode, detail: impl Into<Value>) -> Result<T, Refusal> {
    Err(Refusal(status, detail.into()))
}

pub(super) async fn export(cx: Cx, _: Vec<(String, String)>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let (experiment, arrivals) = match read(&parts.headers, body).await {
        Ok(read) => read,
        Err(Refusal(status, detail)) => {
            let body = json!({ "detail": detail }).to_string();
            return Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response());
        }
    };
    guard::require_inside(&cx, ResourceKind::Trace, &experiment, Level::Edit)?;
    let experiment = experiment_number(&experiment)?;
    traces::log_spans(&cx.state.ledger, &cx.actor, experiment, arrivals).await?;
    // An `ExportTraceServiceResponse` that took everything is empty.
    Ok(([(header::CONTENT_TYPE, "application/x-protobuf")], Body::empty()).into_response())
}

async fn read(headers: &HeaderMap, body: Body) -> Result<(String, Vec<Arrival>), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let Some(experiment) = text(EXPERIMENT) else {
        let missing = json!([{
            "type": "missing", "loc": ["header", EXPERIMENT], "msg": "Field required", "input": null,
        }]);
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, missing);
    };
    let kind = text("content-type");
    let is_json = match kind.map(|k| k.split(';').next().unwrap_or(k).trim()) {
        Some("application/x-protobuf") => false,
        Some("application/json") => true,
        _ => {
            let kind = kind.unwrap_or("None");
            let expected = "Expected: application/x-protobuf or application/json";
            return refuse(StatusCode::BAD_REQUEST, format!("Invalid Content-Type: {kind}. {expected}"));
        }
    };
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
    };
    let sent = Sent {
        body,
        is_json,
        encoding: text("content-encoding").filter(|e| !e.is_empty()).map(str::to_lowercase),
        run: text(RUN).map(str::to_owned),
    };
    let arrivals = if sent.body.len() < LARGE && sent.encoding.is_none() {
        sent.arrivals()?
    } else {
        match tokio::task::spawn_blocking(move || sent.arrivals()).await {
            Ok(arrivals) => arrivals?,
            Err(_) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, "Failed to log OpenTelemetry spans"),
        }
    };
    Ok((experiment.to_owned(), arrivals))
}

/// A request as it came.
struct Sent {
    body: Bytes,
    is_json: bool,
    encoding: Option<String>,
    run: Option<String>,
}

impl Sent {
    fn arrivals(self) -> Result<Vec<Arrival>, Refusal> {
        let body = match &self.encoding {
            None => self.body,
            Some(encoding) => unpack(&self.body, encoding)?.into(),
        };
        let message = match self.is_json {
            true => serde_json::from_slice(&body).ok(),
            false => ExportTraceServiceRequest::from_bytes(&body),
        };
        let Some(message) = message else {
            return refuse(StatusCode::BAD_REQUEST, "Invalid OpenTelemetry format");
        };
        if message.resource_spans.is_empty() {
            return refuse(StatusCode::BAD_REQUEST, "Invalid OpenTelemetry format - no spans found");
        }
        match otel::arrivals(&message, self.run.as_deref()) {
            Some(arrivals) => Ok(arrivals),
            None => {
                refuse(StatusCode::UNPROCESSABLE_ENTITY, "Cannot convert OpenTelemetry span to MLflow span")
            }
        }
    }
}

fn unpack(body: &[u8], encoding: &str) -> Result<Vec<u8>, Refusal> {
    // One byte more than may be: a packed body that unpacks to more is refused, not cut.
    let all = |reader: &mut dyn Read| {
        let mut out = Vec::new();
        let read = reader.take(BODY_LIMIT as u64 + 1).read_to_end(&mut out);
        read.ok().map(|_| out)
    };
    let unpacked = match encoding {
        "gzip" => all(&mut MultiGzDecoder::new(body)),
        "deflate" => all(&mut ZlibDecoder::new(body)).or_else(|| all(&mut DeflateDecoder::new(body))),
        other => return refuse(StatusCode::BAD_REQUEST, format!("Unsupported Content-Encoding: {other}")),
    };
    match unpacked {
        Some(out) if out.len() <= BODY_LIMIT => Ok(out),
        Some(_) => refuse(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large"),
        None => refuse(StatusCode::BAD_REQUEST, format!("Failed to decompress {encoding} payload")),
    }
}

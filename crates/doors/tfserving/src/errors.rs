//! One table: `{"error": text}` over REST, a status over gRPC. The words are TensorFlow Serving's where clients look for them.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use types::Fault;
use wire_grpc::{Code, Status};
use wire_inference::{ScoringError, log_internal, status, with_hint};

#[derive(Debug)]
pub struct Failure {
    pub status: StatusCode,
    pub message: String,
}

impl Failure {
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<serving::Error> for Failure {
    fn from(error: serving::Error) -> Self {
        log_internal(&error);
        let message = match &error {
            serving::Error::NoEndpoint(name) => format!("Servable not found for request: Latest({name})"),
            serving::Error::NoVersion { endpoint, version, .. } => {
                format!("Servable not found for request: Specific({endpoint}, {version})")
            }
            serving::Error::NoVariant { endpoint, label, .. } => {
                format!("Unrecognized servable version label: {label} of {endpoint}")
            }
            other => with_hint(other),
        };
        Self { status: status(&error), message }
    }
}

impl From<ScoringError> for Failure {
    fn from(error: ScoringError) -> Self {
        match error {
            ScoringError::MediaType(message) => Self::bad(message),
            ScoringError::Json { status, message, .. } => Self { status, message },
        }
    }
}

impl From<kit::Denied> for Failure {
    fn from(error: kit::Denied) -> Self {
        Self { status: kit::status(error.class()), message: with_hint(&error) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.message }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = match failure.status.as_u16() {
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::NotFound,
            409 => Code::FailedPrecondition,
            413 | 429 => Code::ResourceExhausted,
            503 => Code::Unavailable,
            400..500 => Code::InvalidArgument,
            _ => Code::Internal,
        };
        Status::new(code, failure.message)
    }
}

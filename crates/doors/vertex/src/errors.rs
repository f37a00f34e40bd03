//! `{"error": {"code", "message", "status"}}`: <https://cloud.google.com/apis/design/errors>.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use types::Fault;
use wire_inference::ScoringError;

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

impl From<ScoringError> for Failure {
    fn from(error: ScoringError) -> Self {
        match error {
            ScoringError::MediaType(message) => Self { status: StatusCode::BAD_REQUEST, message },
            ScoringError::Json { status, message, .. } => Self { status, message },
        }
    }
}

impl From<serving::Error> for Failure {
    fn from(error: serving::Error) -> Self {
        ScoringError::from(error).into()
    }
}

impl From<kit::Denied> for Failure {
    fn from(error: kit::Denied) -> Self {
        Self { status: kit::status(error.class()), message: wire_inference::with_hint(&error) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let name = match self.status.as_u16() {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "FAILED_PRECONDITION",
            413 | 429 => "RESOURCE_EXHAUSTED",
            501 => "UNIMPLEMENTED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        };
        let body =
            json!({ "error": { "code": self.status.as_u16(), "message": self.message, "status": name } });
        (self.status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

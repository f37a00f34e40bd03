//! `{"error": text}`.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use types::Fault;
use wire_inference::ScoringError;

#[derive(Clone, Debug)]
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
            ScoringError::MediaType(message) => Self { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, message },
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
        let body = json!({ "error": self.message }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

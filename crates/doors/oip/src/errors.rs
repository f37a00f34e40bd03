//! The one table of errors: `{"error": text}` over REST, as Triton does, and a status over gRPC.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use types::Fault;
use wire_inference::{log_internal, status, with_hint};

/// An error of the Open Inference Protocol.
#[derive(Debug)]
pub struct OipError {
    pub status: StatusCode,
    pub message: String,
}

impl OipError {
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<serving::Error> for OipError {
    fn from(error: serving::Error) -> Self {
        let message = match &error {
            // Triton's words: clients look for them.
            serving::Error::NoEndpoint(name) => format!("Request for unknown model: '{name}' is not found"),
            serving::Error::NoVersion { endpoint, version, known } => format!(
                "Request for unknown model: '{endpoint}' version {version} is not found; it serves {known}"
            ),
            other => with_hint(other),
        };
        log_internal(&error);
        Self { status: status(&error), message }
    }
}

impl From<kit::Denied> for OipError {
    fn from(error: kit::Denied) -> Self {
        Self { status: kit::status(error.class()), message: with_hint(&error) }
    }
}

impl IntoResponse for OipError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.message }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// A request's body. One that cannot be read (too large, wrongly compressed, cut off) is told in the protocol's form.
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = OipError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OipError> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|e| OipError { status: e.status(), message: e.body_text() })
    }
}

//! The one table of errors: OIP answers `{"error": text}` as Triton does, scoring `{"error_code", "message"}` as
//! MLflow does.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use types::{Class, Fault};

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
        Self { status: kit::status(error.class()), message }
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

/// An error of MLflow's scoring protocol.
#[derive(Debug)]
pub enum ScoringError {
    /// 415, plain text.
    MediaType(String),
    Json {
        status: StatusCode,
        code: &'static str,
        message: String,
    },
}

impl ScoringError {
    /// `MlflowInvalidInputException`.
    pub fn invalid(message: impl AsRef<str>) -> Self {
        Self::bad(format!("Invalid input. {}", message.as_ref()))
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::Json { status: StatusCode::BAD_REQUEST, code: "BAD_REQUEST", message: message.into() }
    }

    /// The data does not fit the model's signature.
    pub fn schema(message: impl AsRef<str>) -> Self {
        Self::Json {
            status: StatusCode::BAD_REQUEST,
            code: "INVALID_PARAMETER_VALUE",
            message: format!(
                "Failed to enforce schema of the data with the model's signature. Error: {}",
                message.as_ref()
            ),
        }
    }
}

impl From<serving::Error> for ScoringError {
    fn from(error: serving::Error) -> Self {
        log_internal(&error);
        match &error {
            serving::Error::Runtime(runtimes::Error::MissingColumns { missing, extra }) => {
                let mut message = format!("Model is missing inputs [{}].", missing.replace('`', "'"));
                if !extra.is_empty() {
                    message.push_str(&format!(
                        " Note that there were extra inputs: [{}].",
                        extra.replace('`', "'")
                    ));
                }
                Self::schema(message)
            }
            serving::Error::Runtime(
                e @ (runtimes::Error::ColumnCount { .. } | runtimes::Error::Cell { .. }),
            ) => Self::schema(e.to_string()),
            other => {
                let code = match other.class() {
                    Class::NotFound => "RESOURCE_DOES_NOT_EXIST",
                    Class::Unavailable => "TEMPORARILY_UNAVAILABLE",
                    Class::Internal => "INTERNAL_ERROR",
                    Class::Forbidden => "PERMISSION_DENIED",
                    _ => "BAD_REQUEST",
                };
                Self::Json { status: kit::status(other.class()), code, message: with_hint(other) }
            }
        }
    }
}

impl From<kit::Denied> for ScoringError {
    fn from(error: kit::Denied) -> Self {
        let code = match error.class() {
            Class::Unauthenticated => "UNAUTHENTICATED",
            _ => "PERMISSION_DENIED",
        };
        Self::Json { status: kit::status(error.class()), code, message: with_hint(&error) }
    }
}

impl IntoResponse for ScoringError {
    fn into_response(self) -> Response {
        match self {
            Self::MediaType(text) => {
                let content = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, content, text).into_response()
            }
            Self::Json { status, code, message } => {
                let body = json!({ "error_code": code, "message": message }).to_string();
                (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
        }
    }
}

fn with_hint(error: &impl Fault) -> String {
    match error.hint() {
        Some(hint) => format!("{error} (hint: {hint})"),
        None => error.to_string(),
    }
}

fn log_internal(error: &serving::Error) {
    if error.class() == Class::Internal {
        tracing::error!(%error, "a prediction failed");
    }
}

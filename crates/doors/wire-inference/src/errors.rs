//! MLflow's scoring errors: `{"error_code", "message"}`, and 415 as plain text.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use types::{Class, Fault};

use crate::fault::{log_internal, status, with_hint};

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
            serving::Error::Runtime(runtimes::Error::Params(message)) => Self::Json {
                status: StatusCode::BAD_REQUEST,
                code: "INVALID_PARAMETER_VALUE",
                message: message.clone(),
            },
            other => {
                let code = match other.class() {
                    _ if matches!(other, serving::Error::Limited { .. }) => "REQUEST_LIMIT_EXCEEDED",
                    Class::NotFound => "RESOURCE_DOES_NOT_EXIST",
                    Class::Unavailable => "TEMPORARILY_UNAVAILABLE",
                    Class::Internal => "INTERNAL_ERROR",
                    Class::Forbidden => "PERMISSION_DENIED",
                    _ => "BAD_REQUEST",
                };
                Self::Json { status: status(other), code, message: with_hint(other) }
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

impl ScoringError {
    /// As it stands in a body.
    pub(crate) fn to_json(&self) -> String {
        let (code, message) = match self {
            Self::MediaType(text) => ("BAD_REQUEST", text),
            Self::Json { code, message, .. } => (*code, message),
        };
        json!({ "error_code": code, "message": message }).to_string()
    }
}

impl IntoResponse for ScoringError {
    fn into_response(self) -> Response {
        match &self {
            Self::MediaType(text) => {
                let content = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, content, text.clone()).into_response()
            }
            Self::Json { status, .. } => {
                (*status, [(header::CONTENT_TYPE, "application/json")], self.to_json()).into_response()
            }
        }
    }
}

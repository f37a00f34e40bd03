//! Errors as upstream answers them: `{"status_code", "detail"}` of its framework, `{"detail"}` of its own classes
//! (`ui/service/errors.py`). Clients show `detail`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::Denied;
use serde_json::json;
use types::{Class, Fault};

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    detail: String,
}

impl Failure {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    fn of(fault: &impl Fault) -> Self {
        let class = fault.class();
        if class == Class::Internal {
            tracing::error!(error = %fault, "a request failed");
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        }
        let hint = fault.hint().map(|h| format!(" ({h})")).unwrap_or_default();
        Self::new(kit::status(class), format!("{fault}{hint}"))
    }
}

impl From<Denied> for Failure {
    /// Clients know one refusal.
    fn from(_: Denied) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not enough permissions")
    }
}

macro_rules! from {
    ($($error:ty),+) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self {
            Self::of(&error)
        }
    })+ };
}
from!(blobs::Error, columns::Error, ledger::Error);

impl From<reports::Error> for Failure {
    fn from(error: reports::Error) -> Self {
        match &error {
            reports::Error::NotFound { kind, .. } | reports::Error::NoSuchName { kind, .. } => match kind {
                // The client reads this very text.
                reports::Kind::Project => Self::not_found("project"),
                reports::Kind::Report => Self::not_found("Snapshot"),
                reports::Kind::Dataset => Self::not_found("Dataset"),
                reports::Kind::Artifact => Self::not_found("Artifact"),
                reports::Kind::ArtifactVersion => Self::not_found("Artifact version"),
            },
            _ => Self::of(&error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({ "status_code": self.status.as_u16(), "detail": self.detail });
        (self.status, Json(body)).into_response()
    }
}

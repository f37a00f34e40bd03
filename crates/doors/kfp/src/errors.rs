//! One table from what stages say to what upstream answers: `google.rpc.Status` behind grpc-gateway
//! (`backend/src/common/util/error.go`).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::Denied;
use serde_json::json;
use types::{Class, Fault};

use crate::ir::IrError;

/// `google.rpc.Code`, as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// As grpc-gateway has it.
    fn status(self) -> StatusCode {
        match self {
            Code::InvalidArgument | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::AlreadyExists => StatusCode::CONFLICT,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        }
    }

    fn of(class: Class) -> Self {
        match class {
            Class::Invalid | Class::TooLarge => Code::InvalidArgument,
            Class::NotFound => Code::NotFound,
            Class::AlreadyExists => Code::AlreadyExists,
            Class::Conflict | Class::Rejected => Code::FailedPrecondition,
            Class::Unauthenticated => Code::Unauthenticated,
            Class::Forbidden => Code::PermissionDenied,
            Class::Unavailable => Code::Unavailable,
            Class::Internal => Code::Internal,
        }
    }
}

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    pub message: String,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} {id} not found"))
    }

    fn of(fault: &impl Fault) -> Self {
        let class = fault.class();
        if class == Class::Internal {
            tracing::error!(error = %fault, "a request failed");
        }
        let message = match fault.hint() {
            Some(hint) => format!("{fault} (hint: {hint})"),
            None => fault.to_string(),
        };
        Self::new(Code::of(class), message)
    }
}

impl From<pipelines::Error> for Failure {
    fn from(error: pipelines::Error) -> Self {
        match &error {
            pipelines::Error::Exists { .. } => {
                Self::new(Code::AlreadyExists, format!("already exists: {error}"))
            }
            other => Self::of(other),
        }
    }
}

impl From<tracking::Error> for Failure {
    fn from(error: tracking::Error) -> Self {
        match &error {
            tracking::Error::ExperimentExists { .. } => {
                Self::new(Code::AlreadyExists, format!("already exists: {error}"))
            }
            other => Self::of(other),
        }
    }
}

impl From<ledger::Error> for Failure {
    fn from(error: ledger::Error) -> Self {
        Self::of(&error)
    }
}

impl From<blobs::Error> for Failure {
    fn from(error: blobs::Error) -> Self {
        Self::of(&error)
    }
}

impl From<IrError> for Failure {
    fn from(error: IrError) -> Self {
        Self::invalid(format!("invalid pipeline spec: {error}"))
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        Self::of(&denied)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = self.code as i32;
        let detail = json!({
            "@type": "type.googleapis.com/google.rpc.Status", "code": code, "message": self.message,
        });
        let body =
            json!({ "error": self.message, "code": code, "message": self.message, "details": [detail] });
        (self.code.status(), Json(body)).into_response()
    }
}

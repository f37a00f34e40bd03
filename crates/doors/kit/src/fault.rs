use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use types::{Class, Fault};

/// The HTTP status that a class of error means, where upstream does not say otherwise.
pub fn status(class: Class) -> StatusCode {
    match class {
        Class::Invalid => StatusCode::BAD_REQUEST,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::AlreadyExists | Class::Conflict => StatusCode::CONFLICT,
        Class::Unauthenticated => StatusCode::UNAUTHORIZED,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The word for a class of error in mlwright's own envelope.
pub fn code(class: Class) -> &'static str {
    match class {
        Class::Invalid => "invalid",
        Class::NotFound => "not_found",
        Class::AlreadyExists => "already_exists",
        Class::Conflict => "conflict",
        Class::Unauthenticated => "unauthenticated",
        Class::Forbidden => "forbidden",
        Class::Rejected => "rejected",
        Class::TooLarge => "too_large",
        Class::Unavailable => "unavailable",
        Class::Internal => "internal",
    }
}

/// mlwright's own error envelope: `{"error": {"code", "message", "hint"}}`.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
}

impl<E: Fault + ?Sized> From<&E> for Answer {
    fn from(error: &E) -> Self {
        let class = error.class();
        if class == Class::Internal {
            tracing::error!(%error, "a request failed");
        }
        Self { status: status(class), code: code(class), message: error.to_string(), hint: error.hint() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "hint": self.hint } });
        (self.status, Json(body)).into_response()
    }
}

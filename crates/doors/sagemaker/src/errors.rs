//! Errors as botocore reads them: the name in `x-amzn-errortype`, the text as `message`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use types::Fault;
use wire_inference::ScoringError;

#[derive(Debug)]
pub enum Failure {
    /// The request itself.
    Validation(String),
    /// The model refused its input, or failed: what a container would have answered.
    Model {
        status: StatusCode,
        body: String,
    },
    /// No access, or none with this signature.
    Access {
        status: StatusCode,
        name: &'static str,
        message: String,
    },
    Throttled(String),
    Unavailable(String),
    Internal(String),
}

impl From<ScoringError> for Failure {
    fn from(error: ScoringError) -> Self {
        match error {
            ScoringError::MediaType(body) => Self::Model { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, body },
            ScoringError::Json { code: "RESOURCE_DOES_NOT_EXIST", message, .. } => Self::Validation(message),
            ScoringError::Json { code: "REQUEST_LIMIT_EXCEEDED", message, .. } => Self::Throttled(message),
            ScoringError::Json { code: "TEMPORARILY_UNAVAILABLE", message, .. } => Self::Unavailable(message),
            ScoringError::Json { code: "PERMISSION_DENIED", message, .. } => {
                Self::Access { status: StatusCode::FORBIDDEN, name: "AccessDeniedException", message }
            }
            ScoringError::Json { status, code, message } => {
                Self::Model { status, body: json!({ "error_code": code, "message": message }).to_string() }
            }
        }
    }
}

impl From<kit::Denied> for Failure {
    fn from(error: kit::Denied) -> Self {
        let name = match error {
            kit::Denied::Unauthenticated => "MissingAuthenticationTokenException",
            kit::Denied::Forbidden { .. } => "AccessDeniedException",
        };
        Self::Access { status: StatusCode::FORBIDDEN, name, message: error.to_string() }
    }
}

impl From<wire_aws::Error> for Failure {
    fn from(error: wire_aws::Error) -> Self {
        let name = match error {
            wire_aws::Error::Mismatch { .. } => "InvalidSignatureException",
            wire_aws::Error::Skewed { .. } | wire_aws::Error::Expired { .. } => "InvalidSignatureException",
            _ => "IncompleteSignatureException",
        };
        Self::Access { status: StatusCode::FORBIDDEN, name, message: error.to_string() }
    }
}

impl From<kit::KeyError> for Failure {
    fn from(error: kit::KeyError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<repositories::Error> for Failure {
    fn from(error: repositories::Error) -> Self {
        match error.class() {
            types::Class::Internal => Self::Internal(error.to_string()),
            types::Class::Unavailable => Self::Unavailable(error.to_string()),
            _ => Self::Validation(error.to_string()),
        }
    }
}

impl Failure {
    fn parts(self) -> (StatusCode, &'static str, Value) {
        match self {
            Self::Validation(message) => {
                (StatusCode::BAD_REQUEST, "ValidationError", json!({ "message": message }))
            }
            Self::Model { status, body } => {
                let told = format!(
                    "Received client error ({}) from primary with message \"{body}\".",
                    status.as_u16()
                );
                let body = json!({
                    "message": told,
                    "Message": told,
                    "OriginalStatusCode": status.as_u16(),
                    "OriginalMessage": body,
                    "LogStreamArn": "",
                });
                (StatusCode::FAILED_DEPENDENCY, "ModelError", body)
            }
            Self::Access { status, name, message } => (status, name, json!({ "message": message })),
            Self::Throttled(message) => {
                (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", json!({ "message": message }))
            }
            Self::Unavailable(message) => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", json!({ "message": message }))
            }
            Self::Internal(message) => {
                tracing::error!(message, "a request of SageMaker's runtime failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", json!({ "message": message }))
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, name, body) = self.parts();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(name));
        response
    }
}

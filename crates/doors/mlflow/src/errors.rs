//! The one table of errors. Texts are upstream's, since clients and their tests match them.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use types::{Class, Fault};

/// `mlflow/protos/databricks.proto` `ErrorCode`, the part that this door answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidParameterValue,
    BadRequest,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
    EndpointNotFound,
    Unauthenticated,
    PermissionDenied,
    InvalidState,
    InternalError,
    TemporarilyUnavailable,
    NotImplemented,
    FeatureDisabled,
}

impl Code {
    /// Name, HTTP status (`mlflow/exceptions.py`), SQL state and error class (`mlflow/error_classification.py`).
    fn row(self) -> (&'static str, StatusCode, Option<(&'static str, &'static str)>) {
        const INVALID: (&str, &str) = ("KAM00", "INVALID_PARAMETER_VALUE");
        const MISSING: (&str, &str) = ("KAM00", "RESOURCE_NOT_FOUND");
        const INTERNAL: (&str, &str) = ("XXM00", "CLIENT_INTERNAL_ERROR");
        match self {
            Self::InvalidParameterValue => {
                ("INVALID_PARAMETER_VALUE", StatusCode::BAD_REQUEST, Some(INVALID))
            }
            Self::BadRequest => ("BAD_REQUEST", StatusCode::BAD_REQUEST, Some(INVALID)),
            Self::ResourceAlreadyExists => (
                "RESOURCE_ALREADY_EXISTS",
                StatusCode::BAD_REQUEST,
                Some(("KAM00", "RESOURCE_ALREADY_EXISTS")),
            ),
            Self::ResourceDoesNotExist => ("RESOURCE_DOES_NOT_EXIST", StatusCode::NOT_FOUND, Some(MISSING)),
            Self::EndpointNotFound => ("ENDPOINT_NOT_FOUND", StatusCode::NOT_FOUND, Some(MISSING)),
            Self::Unauthenticated => ("UNAUTHENTICATED", StatusCode::UNAUTHORIZED, None),
            Self::PermissionDenied => {
                ("PERMISSION_DENIED", StatusCode::FORBIDDEN, Some(("KAM00", "PERMISSION_DENIED")))
            }
            Self::InvalidState => ("INVALID_STATE", StatusCode::INTERNAL_SERVER_ERROR, Some(INTERNAL)),
            Self::InternalError => ("INTERNAL_ERROR", StatusCode::INTERNAL_SERVER_ERROR, Some(INTERNAL)),
            Self::TemporarilyUnavailable => {
                ("TEMPORARILY_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, Some(INTERNAL))
            }
            Self::FeatureDisabled => {
                ("FEATURE_DISABLED", StatusCode::BAD_REQUEST, Some(("KAM00", "FEATURE_DISABLED")))
            }
            Self::NotImplemented => ("NOT_IMPLEMENTED", StatusCode::NOT_IMPLEMENTED, None),
        }
    }
}

/// An error as upstream words it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub code: Code,
    pub message: String,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterValue, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(Code::ResourceDoesNotExist, message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (name, status, class) = self.code.row();
        let mut body = json!({ "error_code": name, "message": self.message });
        if let Some((state, class)) = class {
            body["sqlstate"] = state.into();
            body["error_class"] = class.into();
        }
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
        if self.code == Code::Unauthenticated {
            let ask = http::HeaderValue::from_static("Basic realm=\"mlflow\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

/// An error that has no wording of its own upstream.
pub(crate) fn by_class(error: &dyn Fault) -> Failure {
    let code = match error.class() {
        Class::Invalid | Class::Conflict | Class::Rejected | Class::TooLarge => Code::InvalidParameterValue,
        Class::NotFound => Code::ResourceDoesNotExist,
        Class::AlreadyExists => Code::ResourceAlreadyExists,
        Class::Unauthenticated => Code::Unauthenticated,
        Class::Forbidden => Code::PermissionDenied,
        Class::Unavailable => Code::TemporarilyUnavailable,
        Class::Internal => Code::InternalError,
    };
    if code == Code::InternalError {
        tracing::error!(%error, "a request failed");
    }
    let message = match error.hint() {
        Some(hint) => format!("{error}. Hint: {hint}"),
        None => error.to_string(),
    };
    Failure { code, message }
}

impl From<vault::Error> for Failure {
    fn from(error: vault::Error) -> Self {
        by_class(&error)
    }
}

impl From<ledger::Error> for Failure {
    fn from(error: ledger::Error) -> Self {
        by_class(&error)
    }
}

impl From<webhooks::Error> for Failure {
    fn from(error: webhooks::Error) -> Self {
        by_class(&error)
    }
}

impl From<blobs::Error> for Failure {
    fn from(error: blobs::Error) -> Self {
        by_class(&error)
    }
}

impl From<tracking::Error> for Failure {
    fn from(error: tracking::Error) -> Self {
        use tracking::Error as E;
        match error {
            E::ExperimentNotFound(number) => Self::missing(format!("No Experiment with id={number} exists")),
            E::ExperimentExists { name } => {
                Self::new(Code::ResourceAlreadyExists, format!("Experiment(name={name}) already exists."))
            }
            E::ExperimentState { number, deleted } => {
                let state = if deleted { "deleted" } else { "active" };
                Self::invalid(format!(
                    "The experiment {number} must be in the 'active' state. Current state is {state}."
                ))
            }
            E::RunNotFound(uid) => Self::missing(format!("Run with id={uid} not found")),
            E::RunDeleted { uid } => Self::invalid(format!(
                "The run {uid} must be in the 'active' state. Current state is deleted."
            )),
            E::ParamChanged { run, changes } => {
                let changes: Vec<_> = changes
                    .iter()
                    .map(|c| {
                        format!("{{'key': '{}', 'old_value': '{}', 'new_value': '{}'}}", c.key, c.old, c.new)
                    })
                    .collect();
                Self::invalid(format!(
                    "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{run}'.",
                    changes.join(", ")
                ))
            }
            E::TagNotFound { owner, key } => {
                Self::missing(match (owner.strip_prefix("run "), owner.strip_prefix("experiment ")) {
                    (Some(run), _) => format!("No tag with name: {key} in run with id {run}"),
                    (_, Some(number)) => format!("No tag with name: {key} in experiment with id {number}"),
                    _ => format!(
                        "No tag with key '{key}' found for model with ID '{}'.",
                        owner.trim_start_matches("logged model ")
                    ),
                })
            }
            E::LoggedModelNotFound(uid) => Self::missing(format!("Logged model with ID '{uid}' not found.")),
            E::ArtifactNotFound(path) => Self::missing(format!("No such artifact: '{path}'")),
            E::BadPath { .. } => Self::invalid("Invalid path"),
            other => by_class(&other),
        }
    }
}

impl From<traces::Error> for Failure {
    fn from(error: traces::Error) -> Self {
        use traces::Error as E;
        match error {
            E::TraceNotFound(uid) => Self::missing(format!("Trace with ID '{uid}' not found.")),
            E::TagNotFound { trace, name } => {
                Self::missing(format!("No trace tag with key '{name}' for trace with ID '{trace}'"))
            }
            E::AssessmentNotFound { trace, uid } => {
                Self::missing(format!("Assessment with ID '{uid}' not found for trace '{trace}'"))
            }
            E::Tracking(error) => error.into(),
            E::Ledger(error) => error.into(),
            other => by_class(&other),
        }
    }
}

impl From<models::Error> for Failure {
    fn from(error: models::Error) -> Self {
        use models::Error as E;
        match error {
            E::ModelNotFound(name) => Self::missing(format!("Registered Model with name={name} not found")),
            E::VersionNotFound { model, version } => {
                Self::missing(format!("Model Version (name={model}, version={version}) not found"))
            }
            E::AliasNotFound { alias, .. } => {
                Self::invalid(format!("Registered model alias {alias} not found."))
            }
            E::ModelExists { name } => Self::new(
                Code::ResourceAlreadyExists,
                format!("Registered Model (name={name}) already exists."),
            ),
            E::Tracking(error) => error.into(),
            E::Ledger(error) => error.into(),
            E::Blobs(error) => error.into(),
            other => by_class(&other),
        }
    }
}

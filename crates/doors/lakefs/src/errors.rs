//! One table from what stages say to what lakeFS answers: `pkg/api/controller.go`, `handleApiErrorCallback`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::Denied;
use repositories::Error;
use types::{Class, Fault};

use crate::wire;

/// An error on its way to the caller: a status and `{"message": …}`. The messages begin with lakeFS's own words, which
/// clients look for, and go on with what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: StatusCode,
    pub message: String,
}

impl Failure {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "error authenticating request")
    }

    pub fn not_implemented(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, format!("Not Implemented: {what}"))
    }

    pub fn precondition() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "Precondition failed")
    }

    fn of_class(fault: &impl Fault) -> Self {
        let class = fault.class();
        if class == Class::Internal {
            tracing::error!(error = %fault, "a request failed");
        }
        let message = match fault.hint() {
            Some(hint) => format!("{fault} (hint: {hint})"),
            None => fault.to_string(),
        };
        Self::new(kit::status(class), message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, words) = match &error {
            Error::RepositoryNotFound(_) => (StatusCode::NOT_FOUND, "repository not found"),
            Error::BranchNotFound(_) => (StatusCode::NOT_FOUND, "branch not found"),
            Error::TagNotFound(_) => (StatusCode::NOT_FOUND, "tag not found"),
            Error::UploadNotFound(_) => (StatusCode::NOT_FOUND, "upload not found"),
            Error::RefNotFound(_)
            | Error::AmbiguousRef(_)
            | Error::ObjectNotFound { .. }
            | Error::ImportNotFound(_)
            | Error::RunNotFound(_)
            | Error::PullNotFound(_) => (StatusCode::NOT_FOUND, "not found"),
            Error::RepositoryExists(_) => (StatusCode::CONFLICT, "error creating repository: not unique"),
            Error::BranchExists(_) => (StatusCode::CONFLICT, "branch already exists: not unique"),
            Error::TagExists(_) => (StatusCode::CONFLICT, "tag already exists: not unique"),
            Error::NameTaken(..) => (StatusCode::CONFLICT, "not unique"),
            Error::PullExists(_) => (StatusCode::CONFLICT, "pull request already exists: not unique"),
            Error::Conflict(_) | Error::ImportOver(_) => (StatusCode::CONFLICT, "conflict found"),
            Error::NamespaceTaken(_) => {
                (StatusCode::BAD_REQUEST, "failed to create repository: storage namespace already in use")
            }
            Error::BadName(..) => (StatusCode::BAD_REQUEST, "invalid value: validation error"),
            Error::BadPath(..) => (StatusCode::BAD_REQUEST, "path: invalid value: validation error"),
            Error::BadRef(..) => (StatusCode::BAD_REQUEST, "ref: invalid value: validation error"),
            Error::BadAddress { .. } => (StatusCode::BAD_REQUEST, "invalid address"),
            Error::NoChanges => (StatusCode::BAD_REQUEST, "no changes"),
            Error::DirtyBranch(_) => (StatusCode::BAD_REQUEST, "uncommitted changes (dirty branch)"),
            Error::NoMergeBase(..) => (StatusCode::BAD_REQUEST, "no merge base"),
            Error::BadParent { .. }
            | Error::BadPart { .. }
            | Error::PartOrder
            | Error::PartTooSmall { .. }
            | Error::WrongSize { .. }
            | Error::Checksum { .. }
            | Error::Body(_)
            | Error::Invalid(_) => (StatusCode::BAD_REQUEST, ""),
            Error::Precondition => return Self::precondition(),
            Error::Protected { .. } => (StatusCode::FORBIDDEN, "cannot write to protected branch"),
            Error::ReadOnly(_) => (StatusCode::FORBIDDEN, "read-only repository"),
            Error::DefaultBranch(_) => (StatusCode::FORBIDDEN, "cannot delete repository default branch"),
            Error::Refused { .. } => (StatusCode::PRECONDITION_FAILED, "hook aborted"),
            Error::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts, try again later"),
            _ => return Self::of_class(&error),
        };
        let message = match (words, error) {
            (_, Error::NoChanges) => "commit: no changes".to_owned(),
            (_, Error::Refused { summary, run }) => {
                format!("pre-event hook aborted, run id '{run}': {summary}")
            }
            ("", error) => error.to_string(),
            (words, error) => format!("{words}: {error}"),
        };
        Self::new(status, message)
    }
}

impl From<ledger::Error> for Failure {
    fn from(error: ledger::Error) -> Self {
        Self::of_class(&error)
    }
}

impl From<kit::KeyError> for Failure {
    fn from(error: kit::KeyError) -> Self {
        match error {
            kit::KeyError::Denied(denied) => denied.into(),
            other => Self::of_class(&other),
        }
    }
}

impl From<vault::Error> for Failure {
    fn from(error: vault::Error) -> Self {
        Self::of_class(&error)
    }
}

/// lakeFS answers 401 for both, whoever asks.
impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::unauthenticated(),
            forbidden @ Denied::Forbidden { .. } => {
                Self::new(StatusCode::UNAUTHORIZED, format!("insufficient permissions: {forbidden}"))
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(wire::Error { message: self.message })).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: Error) -> (u16, String) {
        let failure = Failure::from(error);
        (failure.status.as_u16(), failure.message)
    }

    #[test]
    fn clients_find_the_words_that_they_look_for() {
        let (status, message) = of(Error::TagExists("v1".into()));
        assert_eq!((status, message.starts_with("tag already exists")), (409, true), "{message}");
        let (status, message) = of(Error::DirtyBranch("main".into()));
        assert_eq!((status, message.contains("dirty branch")), (400, true), "{message}");
        assert_eq!(of(Error::NoChanges), (400, "commit: no changes".into()));
        assert_eq!(of(Error::Precondition), (412, "Precondition failed".into()));
        assert_eq!(of(Error::Refused { summary: "no".into(), run: "r".into() }).0, 412);
        assert_eq!(of(Error::ReadOnly("r".into())).0, 403);
    }
}

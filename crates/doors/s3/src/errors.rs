//! One table of errors: code, status, and what else the answer tells.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use http::StatusCode;
use repositories::Error as Stage;
use types::{Class, Fault};

/// An error as S3 answers it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    /// Further elements of the answer.
    pub more: Vec<(&'static str, String)>,
    /// `Content-Range` of an answer to a range that cannot be had: the object's size.
    pub size: Option<u64>,
    /// Of an object that the client has already, which is told with that answer.
    pub etag: Option<String>,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: Vec::new(), size: None, etag: None }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
    }

    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }

    pub fn invalid_uri(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidURI", format!("the address cannot be parsed: {message}"))
    }

    pub fn key_too_long() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "KeyTooLongError",
            "your key is too long: a path has at most 1024 bytes",
        )
    }

    pub fn not_implemented(what: &str) -> Self {
        let message = format!("`{what}` is not supported by this server");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub fn method_not_allowed() -> Self {
        let message = "the specified method is not allowed against this resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub fn malformed_xml(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MalformedXML", message)
    }

    pub fn bad_digest(what: &str) -> Self {
        let message = format!("the {what} you specified did not match what we received");
        Self::new(StatusCode::BAD_REQUEST, "BadDigest", message)
    }

    pub fn precondition(header: &str) -> Self {
        let message = "at least one of the preconditions you specified did not hold";
        let failure = Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message);
        failure.with("Condition", header)
    }

    pub fn no_such_bucket(name: &str) -> Self {
        let message = format!("the bucket `{name}` does not exist: buckets are repositories");
        Self::new(StatusCode::NOT_FOUND, "NoSuchBucket", message).with("BucketName", name)
    }

    pub fn no_such_key(key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "the specified key does not exist").with("Key", key)
    }

    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub fn unknown_key_id(id: &str) -> Self {
        let message = "the AWS access key id you provided does not exist in our records";
        Self::new(StatusCode::FORBIDDEN, "InvalidAccessKeyId", message).with("AWSAccessKeyId", id)
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    /// Of an object that is read: what does not exist on the way to it is a key that does not exist.
    pub fn of_read(error: Stage, key: &str) -> Self {
        match error {
            Stage::BranchNotFound(_)
            | Stage::TagNotFound(_)
            | Stage::RefNotFound(_)
            | Stage::ObjectNotFound { .. }
            | Stage::AmbiguousRef(_)
            | Stage::BadRef(..)
            | Stage::BadName(..)
            | Stage::BadPath(..) => Self::no_such_key(key),
            other => other.into(),
        }
    }
}

impl From<Stage> for Failure {
    fn from(error: Stage) -> Self {
        let said = error.to_string();
        let (status, code) = match &error {
            Stage::RepositoryNotFound(name) => return Self::no_such_bucket(name),
            // As lakeFS answers: clients take it for a file that is not there.
            Stage::BranchNotFound(_) | Stage::TagNotFound(_) | Stage::RefNotFound(_) => {
                (StatusCode::NOT_FOUND, "NoSuchBucket")
            }
            Stage::ObjectNotFound { path, .. } => return Self::no_such_key(path),
            Stage::UploadNotFound(_) => (StatusCode::NOT_FOUND, "NoSuchUpload"),
            Stage::BadPath(path, _) if path.len() > 1_024 => return Self::key_too_long(),
            Stage::BadName(..) | Stage::BadPath(..) | Stage::Invalid(_) => {
                (StatusCode::BAD_REQUEST, "InvalidArgument")
            }
            Stage::BadPart { .. } => (StatusCode::BAD_REQUEST, "InvalidPart"),
            Stage::PartOrder => (StatusCode::BAD_REQUEST, "InvalidPartOrder"),
            Stage::PartTooSmall { .. } => (StatusCode::BAD_REQUEST, "EntityTooSmall"),
            Stage::WrongSize { .. } => (StatusCode::BAD_REQUEST, "InvalidRequest"),
            Stage::Checksum { .. } => (StatusCode::BAD_REQUEST, "BadDigest"),
            Stage::Body(_) => (StatusCode::BAD_REQUEST, "IncompleteBody"),
            Stage::Precondition => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
            Stage::Protected { .. } | Stage::ReadOnly(_) => (StatusCode::FORBIDDEN, "AccessDenied"),
            other => of_class(other.class()),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "an S3 request failed");
            return Self::new(status, code, "we encountered an internal error; please try again");
        }
        Self::new(status, code, said)
    }
}

fn of_class(class: Class) -> (StatusCode, &'static str) {
    match class {
        Class::Invalid => (StatusCode::BAD_REQUEST, "InvalidArgument"),
        Class::NotFound => (StatusCode::NOT_FOUND, "NoSuchKey"),
        Class::AlreadyExists | Class::Conflict => (StatusCode::CONFLICT, "OperationAborted"),
        Class::Unauthenticated | Class::Forbidden | Class::Rejected => {
            (StatusCode::FORBIDDEN, "AccessDenied")
        }
        Class::TooLarge => (StatusCode::BAD_REQUEST, "EntityTooLarge"),
        Class::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Class::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    }
}

impl From<wire_aws::Error> for Failure {
    fn from(error: wire_aws::Error) -> Self {
        let failure = Self::new(error.status(), error.code(), error.to_string());
        match error {
            wire_aws::Error::Mismatch { string_to_sign, canonical_request } => {
                failure.with("StringToSign", &string_to_sign).with("CanonicalRequest", &canonical_request)
            }
            _ => failure,
        }
    }
}

impl From<kit::KeyError> for Failure {
    fn from(error: kit::KeyError) -> Self {
        let (status, code) = of_class(error.class());
        tracing::error!(%error, "an access key cannot be looked up");
        Self::new(status, code, "the access key cannot be looked up now")
    }
}

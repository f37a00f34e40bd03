use std::path::PathBuf;

use types::{Class, Digest, Fault, Hint};

/// Any error, as upload streams bring it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no object {digest}")]
    NotFound { digest: Digest },
    #[error("no object named `{path}`")]
    NameNotFound { path: String },
    #[error("object name `{path}` is not allowed: {reason}")]
    BadName { path: String, reason: &'static str },
    #[error("object name `{path}` collides with `{other}`, which exists")]
    NameTaken { path: String, other: String },
    #[error("the uploaded bytes have digest {actual}, not {expected} ({size} bytes arrived)")]
    Mismatch { expected: Digest, actual: Digest, size: u64 },
    #[error("the upload was cut after {received} bytes: {source}")]
    Cut { received: u64, source: BoxError },
    #[error("object {digest} is damaged: its bytes now have digest {actual} ({place})")]
    Damaged { digest: Digest, actual: Digest, place: String },
    #[error("bytes {start}–{end} were asked of an object of {size} bytes")]
    BadRange { start: u64, end: u64, size: u64 },
    #[error("blob store address `{url}` is not understood: {reason}")]
    BadUrl { url: String, reason: String },
    #[error("blob directory `{}` cannot be used: it is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error("cannot {action} `{key}` in {store}: {source}")]
    Remote { action: &'static str, key: String, store: String, source: Box<object_store::Error> },
    #[error("upload {upload} has no part {number} with tag {tag}")]
    NoPart { upload: String, number: u32, tag: String },
    #[error("file work was stopped: {reason}")]
    Stopped { reason: String },
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } | Self::NameNotFound { .. } => Class::NotFound,
            Self::BadName { .. }
            | Self::Mismatch { .. }
            | Self::Cut { .. }
            | Self::BadRange { .. }
            | Self::NoPart { .. }
            | Self::BadUrl { .. }
            | Self::NotADirectory { .. } => Class::Invalid,
            Self::NameTaken { .. } => Class::Conflict,
            Self::Damaged { .. } | Self::Stopped { .. } => Class::Internal,
            Self::Io(e) => e.class(),
            Self::Remote { source, .. } => match **source {
                object_store::Error::NotFound { .. } => Class::NotFound,
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => Class::Forbidden,
                _ => Class::Unavailable,
            },
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::NotFound { .. } => "check the digest; was it written to another blob store?",
            Self::NameNotFound { .. } => "list the names below the parent to see what is there",
            Self::BadName { .. } => {
                "use a relative path of plain segments divided by `/`, such as `model/MLmodel`"
            }
            Self::NameTaken { .. } => {
                "choose another name: a name is either an object or a folder of objects"
            }
            Self::Mismatch { .. } => {
                "the file was changed or cut on its way: compute the digest again and send it once more"
            }
            Self::Cut { .. } => "send it again; nothing of it was kept",
            Self::Damaged { .. } => "restore the object from a backup, or import its source again",
            Self::BadRange { .. } => "ask for a range that starts inside the object",
            Self::NoPart { .. } => {
                "send the part, and name it by the ETag of the answer; parts are kept for a day"
            }
            Self::BadUrl { .. } => {
                "write s3://bucket/prefix, with ?endpoint=http://host:port&region=… for another S3; credentials come from AWS_* variables"
            }
            Self::NotADirectory { .. } => "give a directory, or a path that does not exist yet",
            Self::Io(e) => return e.hint(),
            Self::Remote { source, .. } => match **source {
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => {
                    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do in the bucket"
                }
                _ => "check that the store answers at its endpoint, then try again",
            },
            Self::Stopped { .. } => "the server is stopping: try again when it is back",
        };
        Some(hint.to_owned())
    }
}

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("model `{0}` does not exist")]
    ModelNotFound(String),
    #[error("model `{name}` already exists")]
    ModelExists { name: String },
    #[error("model `{model}` has no version {version}")]
    VersionNotFound { model: String, version: String },
    #[error("model `{model}` has no alias `{alias}`")]
    AliasNotFound { model: String, alias: String },
    #[error(
        "version {number} of model `{model}` has no files in this server's store: it comes from `{source_text}`"
    )]
    NoFiles { model: String, number: i64, source_text: String },
    #[error("version {number} of model `{model}` has no file `{path}`")]
    FileNotFound { model: String, number: i64, path: String },
    #[error("cannot read `MLmodel` of version {number} of model `{model}`: {reason}")]
    BadSpec { model: String, number: i64, reason: String },
    #[error(transparent)]
    Tracking(#[from] tracking::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::ModelNotFound(_)
            | Error::VersionNotFound { .. }
            | Error::AliasNotFound { .. }
            | Error::FileNotFound { .. } => Class::NotFound,
            Error::ModelExists { .. } => Class::AlreadyExists,
            Error::NoFiles { .. } => Class::Conflict,
            Error::BadSpec { .. } => Class::Invalid,
            Error::Tracking(e) => e.class(),
            Error::Blobs(e) => e.class(),
            Error::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Error::ModelExists { .. } => "choose another name, or add a version to it",
            Error::NoFiles { .. } => "log the model through this server, so that its files have digests",
            Error::BadSpec { .. } => "log the model again with mlflow.<flavor>.log_model",
            Error::Tracking(e) => return e.hint(),
            Error::Blobs(e) => return e.hint(),
            Error::Ledger(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
}

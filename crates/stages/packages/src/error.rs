use types::{Class, Fault, Hint, io};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Models(Box<models::Error>),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error(transparent)]
    Curation(Box<curation::Error>),
    #[error(transparent)]
    Runtime(#[from] runtimes::Error),
    #[error(transparent)]
    Workers(#[from] workers::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("model version \"{model}/{number}\" has no files in this server's store")]
    NoFiles { model: String, number: i64 },
    #[error("no runtime here can open this model: {0}")]
    NoRuntime(String),
    #[error("this model is code: whoever opens it needs the permission to run code")]
    Forbidden,
    #[error("{engine} does not give what Python gives: {reason}")]
    NotEqual { engine: &'static str, reason: String },
    #[error(
        "model version \"{model}/{number}\" may not be deployed: its {engine} runtime was not compared with Python: {reason}"
    )]
    NotJudged { model: String, number: i64, engine: &'static str, reason: Box<Error> },
    #[error("model version \"{model}/{number}\" may not be deployed: its package failed its trial: {reason}")]
    TrialFailed { model: String, number: i64, reason: String },
    #[error("nothing to compare: {0}")]
    NothingToCompare(String),
    #[error("`{path}` is no package that can be trusted: {reason}")]
    BadPackage { path: String, reason: String },
    #[error("`{path}` was signed by {actual}, not by {expected}")]
    OtherSigner { path: String, actual: String, expected: String },
    #[error("an image cannot be made: {0}")]
    Image(String),
    #[error("the registry answered `{what}` with {status}: {message}")]
    Registry { what: String, status: u16, message: String },
    #[error("the work was interrupted")]
    Interrupted,
}

impl From<models::Error> for Error {
    fn from(error: models::Error) -> Self {
        Self::Models(Box::new(error))
    }
}

impl From<curation::Error> for Error {
    fn from(error: curation::Error) -> Self {
        Self::Curation(Box::new(error))
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Ledger(e) => e.class(),
            Self::Models(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Columns(e) => e.class(),
            Self::Curation(e) => e.class(),
            Self::Runtime(e) => e.class(),
            Self::Workers(e) => e.class(),
            Self::Vault(e) => e.class(),
            Self::Outbound(e) => e.class(),
            Self::Io(e) => e.class(),
            Self::Forbidden => Class::Forbidden,
            Self::NotJudged { reason, .. } => match reason.class() {
                Class::Forbidden => Class::Forbidden,
                _ => Class::Conflict,
            },
            Self::NoFiles { .. } | Self::NotEqual { .. } | Self::TrialFailed { .. } => Class::Conflict,
            Self::Registry { .. } => Class::Unavailable,
            Self::Interrupted => Class::Internal,
            Self::NoRuntime(_)
            | Self::NothingToCompare(_)
            | Self::BadPackage { .. }
            | Self::OtherSigner { .. }
            | Self::Image(_) => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::Ledger(e) => return e.hint(),
            Self::Models(e) => return e.hint(),
            Self::Blobs(e) => return e.hint(),
            Self::Columns(e) => return e.hint(),
            Self::Curation(e) => return e.hint(),
            Self::Runtime(e) => return e.hint(),
            Self::Workers(e) => return e.hint(),
            Self::Vault(e) => return e.hint(),
            Self::Outbound(e) => return e.hint(),
            Self::Io(e) => return e.hint(),
            Self::NoFiles { .. } => "log the model through this server, so that its files have digests",
            Self::NoRuntime(_) => {
                "log it with MLflow (mlflow.<flavor>.log_model); what is not run natively or as ONNX needs Python and uv here"
            }
            Self::Forbidden => {
                "ask somebody with the role operator; or log the model as skops, XGBoost JSON or ONNX, which hold no code"
            }
            Self::NotEqual { .. } => {
                "only its own Python may serve it: log it with its requirements, and deploy it as somebody who may run code"
            }
            Self::NotJudged { reason, .. } => {
                let instead = "serving.parity = \"recorded\" deploys it all the same";
                return Some(reason.hint().map_or(instead.into(), |hint| format!("{hint}; {instead}")));
            }
            Self::TrialFailed { .. } => {
                "`mlwright package check` tries it again; serving.trial = \"recorded\" deploys it all the same"
            }
            Self::NothingToCompare(_) => "log the model with a signature and an input example",
            Self::BadPackage { .. } => "make it again: mlwright package models:/<name>/<version>",
            Self::OtherSigner { .. } => {
                "check where the package comes from; --key takes the key that you trust"
            }
            Self::Registry { .. } => {
                "check the address and the credentials (MLWRIGHT_REGISTRY_USER, MLWRIGHT_REGISTRY_PASSWORD)"
            }
            Self::Image(_) | Self::Interrupted => return None,
        };
        Some(hint.into())
    }
}

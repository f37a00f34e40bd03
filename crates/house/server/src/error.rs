use std::net::SocketAddr;
use std::path::PathBuf;

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}`: {message}", path.display())]
    Config { path: PathBuf, message: String },
    #[error("`{host}` is not an address to listen on")]
    BadHost { host: String },
    #[error("`{text}` does not say what to listen on")]
    BadListen { text: String },
    #[error("there is no door `{door}`")]
    NoDoor { door: String, known: String },
    #[error("`{path}` belongs to two doors on {address}: {first} and {second}")]
    AmbiguousRoute { address: SocketAddr, path: String, first: String, second: String },
    #[error("listening on {address} without users would let anybody in")]
    Exposed { address: SocketAddr },
    #[error("telemetry cannot start: {0}")]
    Telemetry(String),
    #[error("cannot make the administrator `{name}`: {reason}")]
    FirstAdmin { name: String, reason: String },
    #[error("{given} is set, but {missing} is not")]
    HalfAKey { given: &'static str, missing: &'static str },
    #[error(transparent)]
    Keys(#[from] kit::KeyError),
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error(transparent)]
    NotThePage(#[from] door_mlflow::NotThePage),
    #[error("{0}")]
    Stage(String),
    #[error("a task failed, so the server stopped: {0}")]
    Task(String),
}

impl Error {
    /// A stage that did not start.
    pub fn stage(error: impl Fault) -> Self {
        let hint = error.hint().map(|h| format!(" ({h})")).unwrap_or_default();
        Self::Stage(format!("{error}{hint}"))
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::Ledger(e) => e.class(),
            Error::Blobs(e) => e.class(),
            Error::Vault(e) => e.class(),
            Error::Io(e) => e.class(),
            Error::Keys(e) => e.class(),
            Error::Stage(_) | Error::Task(_) => Class::Internal,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        Some(match self {
            Error::Config { .. } => "`mlwright config` prints every key".into(),
            Error::BadHost { .. } => "give an IP address such as 127.0.0.1 or 0.0.0.0, or localhost".into(),
            Error::BadListen { .. } => "write ADDRESS=door,door as in 127.0.0.1:8000=oip".into(),
            Error::NoDoor { known, .. } => format!("known doors: {known}"),
            Error::AmbiguousRoute { .. } => {
                "give one of them an address of its own with --listen ADDRESS=door".into()
            }
            Error::Exposed { .. } => {
                "make a user first: `mlwright user create NAME --role admin`, then start again; \
                 or listen on 127.0.0.1"
                    .into()
            }
            Error::Telemetry(_) => {
                "see [telemetry] in the configuration, and the variables that begin with OTEL_".into()
            }
            Error::FirstAdmin { .. } => {
                "set MLWRIGHT_ADMIN_PASSWORD or MLWRIGHT_ADMIN_PASSWORD_FILE beside MLWRIGHT_ADMIN_USERNAME"
                    .into()
            }
            Error::HalfAKey { .. } => "an access key is an id and a secret: set both, or neither".into(),
            Error::Keys(e) => return e.hint(),
            Error::Bind { .. } => {
                "another program may have the port: choose another with --port, or 0 for a free one".into()
            }
            Error::NotThePage(_) => {
                "give the folder mlflow/server/js/build of an installed mlflow to --mlflow-ui".into()
            }
            Error::Ledger(e) => return e.hint(),
            Error::Blobs(e) => return e.hint(),
            Error::Vault(e) => return e.hint(),
            Error::Io(e) => return e.hint(),
            Error::Stage(_) | Error::Task(_) => return None,
        })
    }
}

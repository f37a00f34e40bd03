use std::path::PathBuf;

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot import from `{url}`")]
    BadOrigin { url: String },
    #[error("`{}` does not exist", path.display())]
    NoDatabase { path: PathBuf },
    #[error("`{url}` is no MLflow database: it has no table `{table}`")]
    NotMlflow { url: String, table: &'static str },
    #[error("the database refuses to {action}: {reason}")]
    Database { action: &'static str, reason: String },
    #[error("{url} answered with {status}: {message}")]
    Refused { url: String, status: u16, message: String },
    #[error("run `{0}` is gone from the source")]
    RunGone(String),
    /// What the receiving side said.
    #[error("{message}")]
    Receiver { message: String, hint: Hint },
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    #[error(transparent)]
    Io(#[from] types::io::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::BadOrigin { .. } | Self::NotMlflow { .. } => Class::Invalid,
            Self::NoDatabase { .. } | Self::RunGone(_) => Class::NotFound,
            Self::Database { .. } | Self::Refused { .. } | Self::Receiver { .. } => Class::Unavailable,
            Self::Outbound(e) => e.class(),
            Self::Io(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::BadOrigin { .. } => {
                "name sqlite:///path/to/mlflow.db, postgresql://user@host/database, or the http:// address of a running \
                 MLflow server (which also serves for MySQL, SQL Server and file stores)"
            }
            Self::NoDatabase { .. } => {
                "sqlite:///relative.db counts from this folder, sqlite:////absolute.db from the root"
            }
            Self::NotMlflow { .. } => "name the database that `mlflow server --backend-store-uri` uses",
            Self::Database { .. } => "check the address, user and password",
            Self::Refused { status: 401 | 403, .. } => {
                "give credentials with --source-authorization, such as `Basic …` or `Bearer …`"
            }
            Self::Receiver { hint, .. } => return hint.clone(),
            Self::Outbound(e) => return e.hint(),
            Self::Io(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
}

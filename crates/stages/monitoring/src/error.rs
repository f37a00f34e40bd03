use types::{Class, Digest, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("monitor `{0}` does not exist")]
    NoMonitor(String),
    #[error("`{0}` is no name for a monitor")]
    BadName(String),
    #[error("monitor `{monitor}`: {reason}")]
    BadSpec { monitor: String, reason: String },
    #[error("window `{0}` does not exist")]
    NoWindow(types::Uid),
    #[error("monitor `{monitor}` has no baseline: {reason}")]
    NoBaseline { monitor: String, reason: String },
    #[error("baseline {0} has no rows")]
    EmptyBaseline(Digest),
    #[error("the work was stopped")]
    Stopped,
    #[error(transparent)]
    Predictions(Box<predictions::Error>),
    #[error(transparent)]
    Pipelines(Box<pipelines::Error>),
    #[error(transparent)]
    Columns(Box<columns::Error>),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<pipelines::Error> for Error {
    fn from(error: pipelines::Error) -> Self {
        Self::Pipelines(Box::new(error))
    }
}

impl From<columns::Error> for Error {
    fn from(error: columns::Error) -> Self {
        Self::Columns(Box::new(error))
    }
}

impl From<predictions::Error> for Error {
    fn from(error: predictions::Error) -> Self {
        Self::Predictions(Box::new(error))
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::NoMonitor(_) | Self::NoWindow(_) => Class::NotFound,
            Self::BadName(_) | Self::BadSpec { .. } | Self::EmptyBaseline(_) => Class::Invalid,
            Self::NoBaseline { .. } => Class::Conflict,
            Self::Stopped => Class::Unavailable,
            Self::Predictions(e) => e.class(),
            Self::Pipelines(e) => e.class(),
            Self::Columns(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::NoMonitor(_) => "list the monitors, or declare it in mlwright.yaml",
            Self::BadName(_) => "use letters, digits, `.`, `_` and `-`, at most 128",
            Self::BadSpec { .. } => "mend the monitor's declaration",
            Self::NoWindow(_) => "list the monitor's windows",
            Self::NoBaseline { .. } => "run the pipeline, or name a blob as baseline",
            Self::EmptyBaseline(_) => "choose an output that holds the training rows",
            Self::Stopped => "try again",
            Self::Predictions(e) => return e.hint(),
            Self::Pipelines(e) => return e.hint(),
            Self::Columns(e) => return e.hint(),
            Self::Blobs(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
        };
        Some(hint.to_owned())
    }
}

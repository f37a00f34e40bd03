use types::{Class, Fault, Hint, Uid};

/// A parameter that already has another value.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamChange {
    pub key: String,
    pub old: String,
    pub new: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("experiment `{0}` does not exist")]
    ExperimentNotFound(String),
    #[error("experiment `{name}` already exists")]
    ExperimentExists { name: String },
    #[error("experiment {number} is {}", if *.deleted { "deleted" } else { "not deleted" })]
    ExperimentState { number: i64, deleted: bool },
    #[error("run `{0}` does not exist")]
    RunNotFound(String),
    #[error("run `{uid}` already exists")]
    RunExists { uid: Uid },
    #[error("run `{uid}` is deleted")]
    RunDeleted { uid: Uid },
    #[error("parameters of run `{run}` already have other values: {}", list(.changes))]
    ParamChanged { run: Uid, changes: Vec<ParamChange> },
    #[error("{owner} has no tag `{key}`")]
    TagNotFound { owner: String, key: String },
    #[error("logged model `{0}` does not exist")]
    LoggedModelNotFound(String),
    #[error("artifact `{0}` does not exist")]
    ArtifactNotFound(String),
    #[error("`{path}` is not a path inside the artifact store")]
    BadPath { path: String },
    #[error("`{path}` is {found}, so it cannot become {wanted}")]
    PathTaken { path: String, found: &'static str, wanted: &'static str },
    #[error("there is no saved view `{0}`")]
    ViewNotFound(String),
    #[error("a view's name has 1 to {most} bytes, and its address at most {most_address}", most = crate::views::NAME, most_address = crate::views::ADDRESS)]
    BadView,
    #[error("there is no {kind} `{key}` to link to")]
    NodeNotFound { kind: String, key: String },
    #[error(transparent)]
    Columns(Box<columns::Error>),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<columns::Error> for Error {
    fn from(error: columns::Error) -> Self {
        Self::Columns(Box::new(error))
    }
}

fn list(changes: &[ParamChange]) -> String {
    let texts: Vec<_> =
        changes.iter().map(|c| format!("`{}` is `{}`, not `{}`", c.key, c.old, c.new)).collect();
    texts.join(", ")
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::ExperimentNotFound(_)
            | Error::RunNotFound(_)
            | Error::TagNotFound { .. }
            | Error::LoggedModelNotFound(_)
            | Error::ArtifactNotFound(_)
            | Error::ViewNotFound(_)
            | Error::NodeNotFound { .. } => Class::NotFound,
            Error::ExperimentExists { .. } | Error::RunExists { .. } => Class::AlreadyExists,
            Error::ExperimentState { .. } | Error::RunDeleted { .. } | Error::PathTaken { .. } => {
                Class::Conflict
            }
            Error::ParamChanged { .. } | Error::BadPath { .. } | Error::BadView => Class::Invalid,
            Error::Columns(e) => e.class(),
            Error::Blobs(e) => e.class(),
            Error::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Error::ExperimentExists { .. } => "choose another name; a deleted experiment keeps its name",
            Error::ExperimentState { deleted: true, .. } => "restore it first",
            Error::RunDeleted { .. } => "restore it first",
            Error::ParamChanged { .. } => "log the new values in another run, or under other names",
            Error::BadPath { .. } => "use a relative path without `..`",
            Error::Columns(e) => return e.hint(),
            Error::Blobs(e) => return e.hint(),
            Error::Ledger(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
}

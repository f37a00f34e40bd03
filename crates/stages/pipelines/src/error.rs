use types::{Class, Digest, Fault, Hint, Uid};

use crate::Fence;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("pipeline `{pipeline}` cannot run: {what}")]
    Spec { pipeline: String, what: String },
    #[error("pipeline `{0}` does not exist")]
    PipelineNotFound(String),
    #[error("pipeline run `{0}` does not exist")]
    RunNotFound(String),
    #[error("pipeline run `{run}` has no step `{step}`")]
    StepNotFound { run: Uid, step: String },
    #[error("replay `{0}` does not exist")]
    ReplayNotFound(String),
    #[error("pipeline run `{run}` is {state}, so it cannot be {what}")]
    RunState { run: Uid, state: &'static str, what: &'static str },
    #[error("pipeline `{pipeline}` has no parameter `{name}`")]
    UnknownParam { pipeline: String, name: String },
    #[error("pipeline `{pipeline}` takes a version of dataset `{wanted}`, not of `{given}`")]
    OtherDataset { pipeline: String, wanted: String, given: String },
    #[error("pipeline `{pipeline}` takes a version of dataset `{dataset}`, and none was given")]
    NoDataset { pipeline: String, dataset: String },
    #[error("plan `{plan}` cannot run: {what}")]
    Plan { plan: String, what: String },
    #[error("input `{name}` of `{plan}`: {what}")]
    Input { plan: String, name: String, what: String },
    #[error("{what} `{name}` does not exist")]
    NotFound { what: &'static str, name: String },
    #[error("there is {what} `{name}` already")]
    Exists { what: &'static str, name: String },
    #[error("`{text}` is no schedule: {reason}")]
    Schedule { text: String, reason: String },
    #[error("secret `{name}` cannot be kept: {what}")]
    Secret { name: String, what: String },
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error("backfill `{name}` cannot start: {what}")]
    Backfill { name: String, what: String },
    #[error("backfill `{backfill}` is {state}, so it cannot be {what}")]
    BackfillState { backfill: Uid, state: &'static str, what: &'static str },
    #[error("task `{task}` is {state}, so it cannot be answered")]
    NotAsking { task: String, state: &'static str },
    #[error("the code snapshot {0} is not on this server")]
    NoCode(Digest),
    #[error("the code snapshot of `{directory}` is larger than {limit_mib} MiB")]
    CodeTooLarge { directory: String, limit_mib: u64 },
    #[error("the code snapshot {digest} cannot be read: {reason}")]
    BadCode { digest: Digest, reason: String },
    #[error("the code snapshot has no file `{path}`, which environment `{environment}` is built from")]
    NoLock { environment: String, path: String },
    #[error("lock file `{path}` of environment `{environment}`: `{requirement}` has no hash")]
    NoHash { environment: String, path: String, requirement: String },
    #[error("environment `{environment}` needs `uv`, which was not found")]
    NoUv { environment: String },
    #[error("`{command}` failed: {output}")]
    Command { command: String, output: String },
    /// An attempt that cannot start; the text says why.
    #[error("{0}")]
    Refused(String),
    /// A newer right to end the attempt was given away.
    #[error("attempt {} of task `{}` is not this server's any more", .0.attempt, .0.task)]
    Fenced(Fence),
    #[error("this server could not tell the others in time that it lives, and starts nothing until it has")]
    NoLease,
    #[error("`{}` is the data directory of another server", .0.display())]
    DataDirInUse(std::path::PathBuf),
    #[error("executor `{name}` cannot be used: {what}")]
    Executor { name: String, what: String },
    /// What was shown is no token of an attempt.
    #[error("this is no token of a task")]
    NoTask,
    #[error("attempt {attempt} of this task has ended")]
    TaskOver { attempt: i64 },
    #[error("attempt {attempt} of this task is another server's")]
    TaskElsewhere { attempt: i64 },
    #[error("attempt {attempt} of this task runs already, on `{host}`")]
    TaskTaken { attempt: i64, host: String },
    #[error("the result of attempt {attempt} cannot be read: {reason}")]
    BadResult { attempt: i64, reason: String },
    #[error("work was stopped: {0}")]
    Stopped(String),
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Datasets(Box<datasets::Error>),
    #[error(transparent)]
    Tracking(#[from] tracking::Error),
    #[error(transparent)]
    Models(Box<models::Error>),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<models::Error> for Error {
    fn from(error: models::Error) -> Self {
        Self::Models(Box::new(error))
    }
}

impl From<datasets::Error> for Error {
    fn from(error: datasets::Error) -> Self {
        Self::Datasets(Box::new(error))
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::Spec { .. }
            | Error::UnknownParam { .. }
            | Error::OtherDataset { .. }
            | Error::NoDataset { .. }
            | Error::Plan { .. }
            | Error::Input { .. }
            | Error::Schedule { .. }
            | Error::Backfill { .. }
            | Error::Secret { .. }
            | Error::Refused(_)
            | Error::BadCode { .. }
            | Error::Executor { .. }
            | Error::BadResult { .. }
            | Error::NoLock { .. }
            | Error::NoHash { .. } => Class::Invalid,
            Error::PipelineNotFound(_)
            | Error::RunNotFound(_)
            | Error::StepNotFound { .. }
            | Error::ReplayNotFound(_)
            | Error::NotFound { .. }
            | Error::NoCode(_) => Class::NotFound,
            Error::NoTask => Class::Unauthenticated,
            Error::TaskElsewhere { .. } => Class::Unavailable,
            Error::TaskOver { .. } | Error::TaskTaken { .. } => Class::Conflict,
            Error::RunState { .. }
            | Error::BackfillState { .. }
            | Error::Exists { .. }
            | Error::NotAsking { .. }
            | Error::Fenced(_)
            | Error::DataDirInUse(_) => Class::Conflict,
            Error::CodeTooLarge { .. } => Class::TooLarge,
            Error::NoUv { .. } | Error::Command { .. } | Error::NoLease => Class::Unavailable,
            Error::Stopped(_) => Class::Internal,
            Error::Io(e) => e.class(),
            Error::Blobs(e) => e.class(),
            Error::Datasets(e) => e.class(),
            Error::Tracking(e) => e.class(),
            Error::Models(e) => e.class(),
            Error::Vault(e) => e.class(),
            Error::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Error::PipelineNotFound(_) => "declare it in mlwright.yaml and run `mlwright apply`",
            Error::UnknownParam { .. } => "declare it under the pipeline's `params` with its default",
            Error::NoDataset { .. } => {
                "import data with `mlwright data import`, or declare its files and apply"
            }
            Error::NoCode(_) => "upload the snapshot first; `mlwright apply` does it",
            Error::CodeTooLarge { .. } => "leave data and models out of it, with .gitignore",
            Error::NoLock { .. } => {
                "`requirements` is relative to mlwright.yaml, and the file must not be ignored by git"
            }
            Error::NoHash { .. } => {
                "lock it with hashes: uv pip compile --generate-hashes requirements.in -o requirements.lock"
            }
            Error::NoUv { .. } => "install it: pip install uv",
            Error::DataDirInUse(_) => "servers that share a database have a data directory each: --data-dir",
            Error::Command { command, .. } if command.contains(" python find ") => {
                "name a Python that is installed under `environments`, or install that one: uv python install"
            }
            Error::Io(e) => return e.hint(),
            Error::Blobs(e) => return e.hint(),
            Error::Datasets(e) => return e.hint(),
            Error::Tracking(e) => return e.hint(),
            Error::Models(e) => return e.hint(),
            Error::Vault(e) => return e.hint(),
            Error::Ledger(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
}

/// Runs blocking file and process work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => Err(Error::Stopped(join.to_string())),
    }
}

/// What the user reads about a failed step: the error, and what to do.
pub(crate) fn told(error: &(impl Fault + ?Sized)) -> String {
    match error.hint() {
        Some(hint) => format!("{error} · hint: {hint}"),
        None => error.to_string(),
    }
}

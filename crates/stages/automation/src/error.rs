use types::{Class, Fault, Hint, Uid};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("retraining policy `{0}` does not exist")]
    NoPolicy(String),
    #[error("retraining `{0}` does not exist")]
    NoRetraining(Uid),
    #[error("retraining policy `{policy}`: {reason}")]
    BadPolicy { policy: String, reason: String },
    #[error("retraining `{active}` of endpoint `{endpoint}` has not ended yet")]
    Active { endpoint: String, active: Uid },
    #[error("retraining `{retraining}` cannot be decided: {why}")]
    NoDecision { retraining: Uid, why: String },
    #[error("retraining `{retraining}` cannot be cancelled: {why}")]
    NoCancel { retraining: Uid, why: String },
    #[error("{by} may not decide about retraining `{retraining}`")]
    NotYours { retraining: Uid, by: String },
    #[error("the {kind} `{name}` belongs to the project `{project}`")]
    Taken { kind: String, name: String, project: String },
    #[error("the labelled predictions do not fit the dataset `{dataset}`: {reason}")]
    Misfit { dataset: String, reason: String },
    /// Of a dataset, a run or an output that should be there.
    #[error("{0}")]
    Missing(String),
    #[error("the work was stopped")]
    Stopped,
    #[error(transparent)]
    Repositories(Box<repositories::Error>),
    #[error(transparent)]
    Datasets(Box<datasets::Error>),
    #[error(transparent)]
    Curation(Box<curation::Error>),
    #[error(transparent)]
    Models(Box<models::Error>),
    #[error(transparent)]
    Pipelines(Box<pipelines::Error>),
    #[error(transparent)]
    Predictions(Box<predictions::Error>),
    #[error(transparent)]
    Evaluation(Box<evaluation::Error>),
    #[error(transparent)]
    Serving(Box<serving::Error>),
    #[error(transparent)]
    Monitoring(Box<monitoring::Error>),
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

macro_rules! boxed {
    ($($variant:ident($from:ty),)*) => {$(
        impl From<$from> for Error {
            fn from(error: $from) -> Self {
                Self::$variant(Box::new(error))
            }
        }
    )*};
}
boxed! {
    Repositories(repositories::Error),
    Datasets(datasets::Error),
    Curation(curation::Error),
    Models(models::Error),
    Pipelines(pipelines::Error),
    Predictions(predictions::Error),
    Evaluation(evaluation::Error),
    Serving(serving::Error),
    Monitoring(monitoring::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::NoPolicy(_) | Self::NoRetraining(_) | Self::Missing(_) => Class::NotFound,
            Self::BadPolicy { .. } | Self::Misfit { .. } => Class::Invalid,
            Self::Active { .. } | Self::Taken { .. } | Self::NoDecision { .. } | Self::NoCancel { .. } => {
                Class::Conflict
            }
            Self::NotYours { .. } => Class::Forbidden,
            Self::Stopped => Class::Unavailable,
            Self::Repositories(e) => e.class(),
            Self::Datasets(e) => e.class(),
            Self::Curation(e) => e.class(),
            Self::Models(e) => e.class(),
            Self::Pipelines(e) => e.class(),
            Self::Predictions(e) => e.class(),
            Self::Evaluation(e) => e.class(),
            Self::Serving(e) => e.class(),
            Self::Monitoring(e) => e.class(),
            Self::Columns(e) => e.class(),
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::NoPolicy(_) => "list the policies, or declare it below `retrain:` in mlwright.yaml",
            Self::NoRetraining(_) => "list the retrainings",
            Self::BadPolicy { .. } => "mend the policy's declaration",
            Self::Active { .. } => "wait for it, or end it with `mlwright cancel`",
            Self::NoDecision { .. } => "`mlwright list retrainings` shows which wait for approval",
            Self::NoCancel { .. } => "`mlwright list retrainings` shows which have not ended",
            Self::NotYours { .. } => "ask one of those whom the policy's `rollout.approval.by` names",
            Self::Taken { .. } => "choose another name, or remove it from that project first",
            Self::Misfit { .. } => {
                "make the model's inputs columns of the dataset, and its key a text column"
            }
            Self::Missing(_) => "apply the project again",
            Self::Stopped => "try again",
            Self::Repositories(e) => return e.hint(),
            Self::Datasets(e) => return e.hint(),
            Self::Curation(e) => return e.hint(),
            Self::Models(e) => return e.hint(),
            Self::Pipelines(e) => return e.hint(),
            Self::Predictions(e) => return e.hint(),
            Self::Evaluation(e) => return e.hint(),
            Self::Serving(e) => return e.hint(),
            Self::Monitoring(e) => return e.hint(),
            Self::Columns(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
        };
        Some(hint.to_owned())
    }
}

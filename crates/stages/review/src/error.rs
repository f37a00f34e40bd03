use types::{Class, DataType, Fault, Hint, Uid};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("issue `{0}` does not exist")]
    IssueNotFound(Uid),
    #[error("label schema `{0}` does not exist")]
    SchemaNotFound(String),
    #[error("experiment {experiment} has a label schema `{name}` already")]
    SchemaExists { experiment: i64, name: String },
    #[error("the default question of an experiment cannot be changed or deleted")]
    DefaultSchema,
    #[error("the way in which a label schema is answered cannot be changed: {0}")]
    InputChanged(String),
    #[error("label schemas {missing:?} do not exist in experiment {experiment}")]
    UnknownSchemas { experiment: i64, missing: Vec<Uid> },
    #[error("review queue `{0}` does not exist")]
    QueueNotFound(String),
    #[error("experiment {experiment} has a review queue `{name}` already")]
    QueueExists { experiment: i64, name: String },
    #[error("a user's own queue cannot be changed")]
    UserQueue,
    #[error("the questions of a review queue with items cannot be changed")]
    QuestionsLocked,
    #[error("`{item}` is not in review queue `{queue}`")]
    ItemNotFound { queue: Uid, item: String },
    #[error("there is no prediction `{0}`")]
    NoPrediction(Uid),
    #[error("prediction `{0}` is in no review queue")]
    NotWaiting(Uid),
    #[error("prediction `{prediction}` is being looked at by {by}")]
    TakenBy { prediction: Uid, by: String },
    #[error("prediction `{prediction}` was judged by {by}")]
    Judged { prediction: Uid, by: String },
    #[error("the label of row {0} was not put before people")]
    LabelNotWaiting(i64),
    #[error("the label of row {row} was judged by {by}")]
    LabelJudged { row: i64, by: String },
    #[error("`{label}` is no label of column `{column}`, which is {}", .wanted.name())]
    BadLabel { column: String, label: String, wanted: DataType },
    #[error("label errors cannot be looked for: {0}")]
    LabelsNotJudged(String),
    #[error("no label of `{dataset}` version {number} was corrected")]
    NothingCorrected { dataset: String, number: i64 },
    #[error("the review was stopped: {0}")]
    Stopped(String),
    #[error(transparent)]
    Curation(Box<curation::Error>),
    #[error(transparent)]
    Datasets(Box<datasets::Error>),
    #[error(transparent)]
    Predictions(Box<predictions::Error>),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<predictions::Error> for Error {
    fn from(error: predictions::Error) -> Self {
        Self::Predictions(Box::new(error))
    }
}

impl From<curation::Error> for Error {
    fn from(error: curation::Error) -> Self {
        Self::Curation(Box::new(error))
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
            Self::IssueNotFound(_)
            | Self::SchemaNotFound(_)
            | Self::QueueNotFound(_)
            | Self::NoPrediction(_)
            | Self::NotWaiting(_)
            | Self::LabelNotWaiting(_)
            | Self::ItemNotFound { .. } => Class::NotFound,
            Self::SchemaExists { .. } | Self::QueueExists { .. } => Class::AlreadyExists,
            Self::DefaultSchema
            | Self::UserQueue
            | Self::QuestionsLocked
            | Self::TakenBy { .. }
            | Self::LabelJudged { .. }
            | Self::NothingCorrected { .. }
            | Self::Judged { .. } => Class::Conflict,
            Self::InputChanged(_)
            | Self::UnknownSchemas { .. }
            | Self::BadLabel { .. }
            | Self::LabelsNotJudged(_) => Class::Invalid,
            Self::Stopped(_) => Class::Unavailable,
            Self::Curation(e) => e.class(),
            Self::Datasets(e) => e.class(),
            Self::Predictions(e) => e.class(),
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::IssueNotFound(_) => "search the issues",
            Self::SchemaNotFound(_) | Self::UnknownSchemas { .. } => "list the experiment's label schemas",
            Self::SchemaExists { .. } | Self::QueueExists { .. } => "choose another name",
            Self::DefaultSchema | Self::InputChanged(_) => "make another label schema",
            Self::QueueNotFound(_) => "list the experiment's review queues",
            Self::UserQueue => "make a queue of its own",
            Self::QuestionsLocked => "remove the items first",
            Self::ItemNotFound { .. } => "list the queue's items",
            Self::NoPrediction(_) => "the record keeps predictions by the ids that answers carry",
            Self::NotWaiting(_) => {
                "`mlwright reviews list` shows what waits; POST /api/v1/reviews sends one there"
            }
            Self::TakenBy { .. } => {
                "take the next one; this one is free again half an hour after it was taken"
            }
            Self::Judged { .. } => "who judged it may correct it; POST /api/v1/labels replaces a label",
            Self::LabelNotWaiting(_) => {
                "look for label errors of the version first; its list shows what waits"
            }
            Self::LabelJudged { .. } => "who judged it may judge it again",
            Self::BadLabel { .. } => "give a label as the other rows have it",
            Self::LabelsNotJudged(_) => {
                "name the column of labels, and columns of probabilities where the features are no numbers"
            }
            Self::NothingCorrected { .. } => "correct a label first",
            Self::Stopped(_) => "try again",
            Self::Curation(e) => return e.hint(),
            Self::Datasets(e) => return e.hint(),
            Self::Predictions(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
        };
        Some(hint.to_owned())
    }
}

use types::{Class, Digest, Fault, Hint, Uid};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("evaluation `{0}` does not exist")]
    NotFound(Uid),
    #[error("version {number} of model `{model}` cannot be evaluated: {reason}")]
    NotEvaluable { model: String, number: i64, reason: String },
    #[error("data {digest} holds no row whose label `{label}` is known")]
    NoLabels { digest: Digest, label: String },
    #[error("no row has a label in `{0}`")]
    NoLabel(String),
    #[error("no column is named that holds {what} for label `{label}`")]
    NoPrediction { label: String, what: &'static str },
    #[error("the champion has {theirs} rows and the candidate {ours}")]
    OtherRows { ours: usize, theirs: usize },
    #[error("groups of `{column}` cannot be compared for a {task} task")]
    NotGrouped { column: String, task: &'static str },
    #[error(transparent)]
    Statistics(#[from] statistics::Error),
    #[error("label column `{label}` holds `{value}`, which is no {wanted}")]
    BadLabel { label: String, value: String, wanted: &'static str },
    #[error("the model has several outputs ({outputs}), and none is chosen")]
    ChooseOutput { outputs: String },
    #[error("metric `{metric}` is not known for a {task} model")]
    UnknownMetric { metric: String, task: &'static str, known: String },
    #[error("the threshold for `{0}` has neither a minimum nor a maximum")]
    EmptyBound(String),
    #[error("evaluation set `{0}` does not exist")]
    SetNotFound(String),
    #[error("scorer `{name}`{} does not exist in experiment {experiment}", version.map(|v| format!(" version {v}")).unwrap_or_default())]
    ScorerNotFound { experiment: i64, name: String, version: Option<i64> },
    #[error("the evaluation was stopped")]
    Stopped,
    #[error(transparent)]
    Models(Box<models::Error>),
    #[error(transparent)]
    Runtimes(#[from] runtimes::Error),
    #[error(transparent)]
    Columns(Box<columns::Error>),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<models::Error> for Error {
    fn from(error: models::Error) -> Self {
        Self::Models(Box::new(error))
    }
}

impl From<columns::Error> for Error {
    fn from(error: columns::Error) -> Self {
        Self::Columns(Box::new(error))
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::NotFound(_) | Self::SetNotFound(_) | Self::ScorerNotFound { .. } => Class::NotFound,
            Self::NotEvaluable { .. } => Class::Conflict,
            Self::NoLabel(_)
            | Self::NoPrediction { .. }
            | Self::OtherRows { .. }
            | Self::NotGrouped { .. } => Class::Invalid,
            Self::Statistics(e) => e.class(),
            Self::NoLabels { .. }
            | Self::BadLabel { .. }
            | Self::ChooseOutput { .. }
            | Self::UnknownMetric { .. }
            | Self::EmptyBound(_) => Class::Invalid,
            Self::Stopped => Class::Unavailable,
            Self::Models(e) => e.class(),
            Self::Runtimes(e) => e.class(),
            Self::Columns(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::NotFound(_) => "list the evaluations of the model version",
            Self::NotEvaluable { .. } => "log the model with mlflow.onnx.log_model through this server",
            Self::NoLabels { .. } => "give data whose label column has values",
            Self::NoLabel(_) => "give data with labels, or a reference with labels to estimate by",
            Self::NoPrediction { .. } => "name the columns of the prediction and of the score",
            Self::OtherRows { .. } => "give predictions of both for the same rows in the same order",
            Self::NotGrouped { .. } => "compare groups of a binary task; cut other tasks into slices",
            Self::Statistics(e) => return e.hint(),
            Self::BadLabel { .. } => "name the positive class, or mend the label",
            Self::ChooseOutput { .. } => "set the gate's `output` to one of them",
            Self::UnknownMetric { known, .. } => return Some(format!("choose one of {known}")),
            Self::EmptyBound(_) => "write {min: …}, {max: …} or both",
            Self::SetNotFound(_) => "search the evaluation sets",
            Self::ScorerNotFound { .. } => "list the experiment's scorers",
            Self::Stopped => "try again",
            Self::Models(e) => return e.hint(),
            Self::Runtimes(e) => return e.hint(),
            Self::Columns(e) => return e.hint(),
            Self::Blobs(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
        };
        Some(hint.to_owned())
    }
}

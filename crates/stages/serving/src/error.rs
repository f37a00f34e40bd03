use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Models(Box<models::Error>),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Runtime(#[from] runtimes::Error),
    #[error(transparent)]
    Packages(Box<packages::Error>),
    #[error(transparent)]
    Predictions(Box<predictions::Error>),
    #[error(transparent)]
    Datasets(Box<datasets::Error>),
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error("there is no endpoint `{0}`")]
    NoEndpoint(String),
    #[error("endpoint `{endpoint}` serves no version `{version}`; it serves {known}")]
    NoVersion { endpoint: String, version: String, known: String },
    #[error("endpoint `{endpoint}` has no variant or label `{label}`; it has {known}")]
    NoVariant { endpoint: String, label: String, known: String },
    #[error("{what} of endpoint `{endpoint}` is used up")]
    Limited { endpoint: String, what: &'static str, retry_after: std::time::Duration },
    #[error("endpoint `{endpoint}` is not for {actor}")]
    NotForYou { endpoint: String, actor: String },
    #[error("endpoint `{endpoint}` refuses these rows: {told}")]
    Refused { endpoint: String, check: &'static str, told: String },
    #[error(transparent)]
    Curation(Box<curation::Error>),
    #[error("endpoint `{endpoint}` has no rollout")]
    NoRollout { endpoint: String },
    #[error("rollout of `{endpoint}`: {message}")]
    BadRollout { endpoint: String, message: String },
    #[error("settings of `{endpoint}`: {message}")]
    BadSettings { endpoint: String, message: String },
    #[error("endpoint `{endpoint}` cannot serve: {reason}")]
    NotServing { endpoint: String, reason: String },
    #[error("`{0}` cannot be the name of an endpoint")]
    BadName(String),
    #[error("endpoint `{endpoint}`: {message}")]
    BadVariants { endpoint: String, message: String },
    #[error("model version \"{model}/{number}\" cannot be served: {reason}")]
    NotServable { model: String, number: i64, reason: &'static str },
    #[error("model version \"{model}/{number}\" failed its warm-up: {source}")]
    WarmUp { model: String, number: i64, source: runtimes::Error },
    #[error("graph {graph} failed its warm-up: {source}")]
    GraphWarmUp { graph: String, source: runtimes::Error },
    #[error("{rows} rows in one request; at most {most} are taken")]
    TooManyRows { rows: usize, most: usize },
    #[error(
        "the inputs disagree on the number of rows: `{first}` has {first_rows}, `{other}` has {other_rows}"
    )]
    RowsDiffer { first: String, first_rows: usize, other: String, other_rows: usize },
    #[error("the model's inputs are not columns: send tensors instead")]
    NotTabular,
    #[error("endpoint `{endpoint}` does not answer in parts")]
    NotInParts { endpoint: String },
    #[error("{rows} rows in one request; an answer in parts is for one")]
    NotOneRow { rows: usize },
    #[error("too many requests wait for this model")]
    Busy,
    #[error("the deadline passed before the model was free")]
    TooLate,
    #[error("a task of the server ended early")]
    Interrupted,
}

impl From<models::Error> for Error {
    fn from(error: models::Error) -> Self {
        Self::Models(Box::new(error))
    }
}

impl From<packages::Error> for Error {
    fn from(error: packages::Error) -> Self {
        Self::Packages(Box::new(error))
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

impl From<predictions::Error> for Error {
    fn from(error: predictions::Error) -> Self {
        Self::Predictions(Box::new(error))
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Ledger(e) => e.class(),
            Self::Models(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Runtime(e) | Self::WarmUp { source: e, .. } | Self::GraphWarmUp { source: e, .. } => {
                e.class()
            }
            Self::Packages(e) => e.class(),
            Self::Predictions(e) => e.class(),
            Self::Datasets(e) => e.class(),
            Self::Curation(e) => e.class(),
            Self::Columns(e) => e.class(),
            Self::NoEndpoint(_)
            | Self::NoVersion { .. }
            | Self::NoVariant { .. }
            | Self::NoRollout { .. } => Class::NotFound,
            Self::NotForYou { .. } => Class::Forbidden,
            Self::Limited { .. } | Self::Busy | Self::TooLate => Class::Unavailable,
            Self::BadRollout { .. } => Class::Conflict,
            Self::NotServing { .. } => Class::Unavailable,
            Self::TooManyRows { .. } => Class::TooLarge,
            Self::Interrupted => Class::Internal,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        match self {
            Self::Ledger(e) => e.hint(),
            Self::Models(e) => e.hint(),
            Self::Blobs(e) => e.hint(),
            Self::Runtime(e) | Self::WarmUp { source: e, .. } | Self::GraphWarmUp { source: e, .. } => e.hint(),
            Self::Packages(e) => e.hint(),
            Self::Predictions(e) => e.hint(),
            Self::Datasets(e) => e.hint(),
            Self::Curation(e) => e.hint(),
            Self::Refused { check, .. } => {
                Some(format!("its operator set `checks.{check}` to refuse; send other rows, or ask for flag or review"))
            }
            Self::Columns(e) => e.hint(),
            Self::NoEndpoint(_) => Some("`mlwright endpoints` lists those there are; deploy one first".into()),
            Self::NotServing { .. } => Some("it is tried again by itself; deploying another version helps too".into()),
            Self::BadName(_) => Some("1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit".into()),
            Self::NotServable { .. } => Some(
                "log it as ONNX: mlflow.onnx.log_model(skl2onnx.to_onnx(model, X, options={\"zipmap\": False}), …)".into(),
            ),
            Self::Limited { retry_after, .. } => {
                Some(format!("try again in {} ms, or have its limit raised", retry_after.as_millis()))
            }
            Self::NotForYou { .. } => Some("ask an operator to name you in its settings".into()),
            Self::NotInParts { .. } => Some(
                "a Python model that defines predict_stream does; ask this one without `stream`".into(),
            ),
            Self::NoRollout { .. } => Some("`mlwright rollout start` starts one".into()),
            Self::TooManyRows { .. } => Some("send several smaller requests".into()),
            _ => None,
        }
    }
}

use types::{Class, Digest, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the expectations are not understood: {0}")]
    BadExpectations(String),
    #[error("expectation `{rule}` of column `{column}`: {reason}")]
    BadExpectation { column: String, rule: &'static str, reason: String },
    #[error("expectation `rows`: {reason}")]
    BadRows { reason: String },
    #[error("the {format} suite is not understood: {reason}")]
    BadSuite { format: &'static str, reason: String },
    #[error("the verification: {0}")]
    BadVerification(String),
    #[error(transparent)]
    Statistics(#[from] statistics::Error),
    #[error("the rows cannot be told apart so: {reason}")]
    BadSplit { reason: String },
    #[error("object {digest} is no data report: {reason}")]
    BadReport { digest: Digest, reason: String },
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error("the check was stopped: {0}")]
    Stopped(String),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::BadExpectations(_)
            | Self::BadExpectation { .. }
            | Self::BadRows { .. }
            | Self::BadSuite { .. }
            | Self::BadSplit { .. }
            | Self::BadVerification(_) => Class::Invalid,
            Self::Statistics(e) => e.class(),
            Self::BadReport { .. } => Class::Internal,
            Self::Columns(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Ledger(e) => e.class(),
            Self::Stopped(_) => Class::Unavailable,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::BadExpectations(_) => {
                "there are rows: {min, max}, columns: {<name>: {type, not_null, max_null_share, unique, between, in_set, regex, min_length, max_length, finite, optional}} and unknown_columns: reject | allow"
            }
            Self::BadExpectation { .. } | Self::BadRows { .. } => "mend the expectation",
            Self::BadSuite { .. } => {
                "suites of Great Expectations (0.18 or 1), dbt tests, Pandera schemas, JSON Schema and SageMaker constraints are read; name the kind with --suite-format if it was guessed wrong"
            }
            Self::BadVerification(_) => {
                "name the columns that the check needs: label, probabilities, activations, annotators, protected, population"
            }
            Self::Statistics(e) => return e.hint(),
            Self::BadSplit { .. } => "mend the plan of the split",
            Self::BadReport { .. } => "check the data again",
            Self::Columns(e) => return e.hint(),
            Self::Blobs(e) => return e.hint(),
            Self::Ledger(e) => return e.hint(),
            Self::Stopped(_) => "try again",
        };
        Some(hint.to_owned())
    }
}

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("trace `{0}` does not exist")]
    TraceNotFound(String),
    #[error("trace `{trace}` has no tag `{name}`")]
    TagNotFound { trace: String, name: String },
    #[error("trace `{trace}` has no assessment `{uid}`")]
    AssessmentNotFound { trace: String, uid: String },
    #[error("assessment `{uid}` already exists")]
    AssessmentExists { uid: String },
    #[error("assessment `{uid}` is {found}, so its {given} cannot change")]
    WrongKind { uid: String, found: &'static str, given: &'static str },
    #[error("`{pattern}` is not a regular expression that can be searched for: {reason}")]
    BadPattern { pattern: String, reason: String },
    #[error(transparent)]
    Tracking(#[from] tracking::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::TraceNotFound(_) | Error::TagNotFound { .. } | Error::AssessmentNotFound { .. } => {
                Class::NotFound
            }
            Error::AssessmentExists { .. } => Class::AlreadyExists,
            Error::WrongKind { .. } | Error::BadPattern { .. } => Class::Invalid,
            Error::Tracking(e) => e.class(),
            Error::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Error::WrongKind { .. } => "make a new assessment of the other kind",
            Error::BadPattern { .. } => "look-around and back-references are not supported",
            Error::Tracking(e) => return e.hint(),
            Error::Ledger(e) => return e.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
}

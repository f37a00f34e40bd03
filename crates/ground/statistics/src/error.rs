use types::{Class, Fault, Hint};

/// Why a statistic cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{what} has {found} items and not {expected}")]
    Length { what: &'static str, expected: usize, found: usize },
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("{what} cannot be computed: {why}")]
    NotComputable { what: &'static str, why: String },
    #[error("{what} is {value}, which is not {wanted}")]
    OutOfRange { what: &'static str, value: String, wanted: &'static str },
}

impl Error {
    pub(crate) fn why(what: &'static str, why: impl Into<String>) -> Self {
        Self::NotComputable { what, why: why.into() }
    }

    /// Errors unless `found` is `expected`.
    pub(crate) fn length(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::Length { what, expected, found }) }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::Length { .. } => "give one item for each row",
            Self::Empty(_) => "give at least one row",
            Self::NotComputable { .. } => "give more rows, or leave this statistic out",
            Self::OutOfRange { wanted, .. } => return Some(format!("give {wanted}")),
        };
        Some(hint.to_owned())
    }
}

use types::{Class, Digest, Fault, Hint};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("node {0} is missing")]
    Missing(Digest),
    #[error("node {id} is damaged: {what}")]
    Damaged { id: Digest, what: String },
    #[error("node {id} cannot be read: {reason}")]
    Unreadable { id: Digest, reason: String },
    /// A caller's mistake: changes are in ascending order of distinct keys.
    #[error("changes are not in ascending order at key {}", .0.escape_ascii())]
    Unsorted(Vec<u8>),
}

impl Error {
    pub(crate) fn damaged(id: &Digest, what: impl Into<String>) -> Self {
        Self::Damaged { id: *id, what: what.into() }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Missing(_) | Self::Damaged { .. } | Self::Unsorted(_) => Class::Internal,
            Self::Unreadable { .. } => Class::Unavailable,
        }
    }

    fn hint(&self) -> Hint {
        match self {
            Self::Missing(_) | Self::Damaged { .. } => {
                Some("restore the object store of the repositories from a backup".into())
            }
            Self::Unreadable { .. } => {
                Some("check that the object store of the repositories answers, then try again".into())
            }
            Self::Unsorted(_) => None,
        }
    }
}

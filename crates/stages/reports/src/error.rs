use types::{Class, Fault, Hint, Uid};

use crate::Kind;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} `{uid}` does not exist", kind.name())]
    NotFound { kind: Kind, uid: Uid },
    #[error("there is no {} called `{name}`", kind.name())]
    NoSuchName { kind: Kind, name: String },
    #[error("the id `{0}` is taken by something else")]
    Taken(Uid),
    #[error("what is stored of `{uid}` is damaged: {reason}")]
    Damaged { uid: Uid, reason: String },
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } | Self::NoSuchName { .. } => Class::NotFound,
            Self::Taken(_) => Class::AlreadyExists,
            Self::Damaged { .. } => Class::Internal,
            Self::Ledger(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        Some(
            match self {
                Self::NotFound { .. } | Self::NoSuchName { .. } => "list what the project has",
                Self::Taken(_) => "choose another id, or let the server choose one",
                Self::Damaged { .. } => "send it again",
                Self::Ledger(e) => return e.hint(),
            }
            .to_owned(),
        )
    }
}

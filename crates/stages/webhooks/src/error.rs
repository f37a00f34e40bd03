use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("webhook `{0}` does not exist")]
    NotFound(String),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    /// What the door that composes messages could not find out.
    #[error("{0}")]
    Compose(String),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::NotFound(_) => Class::NotFound,
            Error::Ledger(e) => e.class(),
            Error::Vault(e) => e.class(),
            Error::Outbound(e) => e.class(),
            Error::Compose(_) => Class::Unavailable,
        }
    }

    fn hint(&self) -> Hint {
        match self {
            Error::Ledger(e) => e.hint(),
            Error::Vault(e) => e.hint(),
            Error::Outbound(e) => e.hint(),
            Error::NotFound(_) | Error::Compose(_) => None,
        }
    }
}

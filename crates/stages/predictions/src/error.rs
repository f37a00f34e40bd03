use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error("the prediction log's queue is full")]
    QueueFull,
    #[error("the prediction log has stopped")]
    Stopped,
    #[error("the prediction was not stored: {0}")]
    NotStored(String),
    #[error("label {index}: {message}")]
    BadLabel { index: usize, message: &'static str },
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Ledger(e) => e.class(),
            Self::Blobs(e) => e.class(),
            Self::Columns(e) => e.class(),
            Self::Io(e) => e.class(),
            Self::QueueFull | Self::Stopped | Self::NotStored(_) => Class::Unavailable,
            Self::BadLabel { .. } => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        match self {
            Self::Ledger(e) => e.hint(),
            Self::Blobs(e) => e.hint(),
            Self::Columns(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::QueueFull => Some("predictions come faster than the disk takes them; try again".into()),
            Self::BadLabel { .. } => Some("a label is a number, true or false, or a text".into()),
            Self::Stopped | Self::NotStored(_) => None,
        }
    }
}

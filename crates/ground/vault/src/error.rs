use std::path::PathBuf;

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the master key in {place} cannot be used: {reason}")]
    BadKeys { place: String, reason: String },
    #[error("the master key `{}` may be read by others (mode {mode:03o})", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("a secret was sealed under master key {id}, which is not here")]
    UnknownKey { id: String },
    #[error("the sealed secret of {context} does not open: it was altered or belongs to something else")]
    NotOpened { context: String },
    #[error("the master keys come from the environment, so they cannot be rotated here")]
    NotInFile,
    #[error("a {purpose} token cannot be signed: what it is to say is not JSON")]
    NotSigned { purpose: String },
    #[error("the system gives no random numbers")]
    NoRandomness,
    #[error("the master keys are unusable after a panic")]
    Poisoned,
    #[error(transparent)]
    Io(#[from] types::io::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Io(error) => error.class(),
            Self::NotInFile => Class::Conflict,
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Self::BadKeys { place, .. } if place.starts_with('`') => {
                "restore the file from a backup; without it nothing sealed can be read. To begin anew, move it away \
                 and enter every secret again"
            }
            Self::BadKeys { .. } => {
                "give base64 of 32 random bytes (`openssl rand -base64 32`); several, separated by commas, the newest last"
            }
            Self::Exposed { path, .. } => return Some(format!("chmod 600 {}", path.display())),
            Self::UnknownKey { .. } => {
                "put that key back (master.key in the data directory, or MLWRIGHT_MASTER_KEY), or enter the secret again"
            }
            Self::NotOpened { .. } => "enter the secret again",
            Self::NotInFile => "append the new key to MLWRIGHT_MASTER_KEY after a comma and start again",
            Self::NoRandomness | Self::NotSigned { .. } | Self::Poisoned => "start the server again",
            Self::Io(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }
}

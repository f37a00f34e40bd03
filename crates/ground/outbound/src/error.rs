use std::net::IpAddr;

use types::{Class, Fault, Hint};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{url}` is no address of a server: {reason}")]
    BadUrl { url: String, reason: String },
    #[error("`{host}` leads to {address}, which is not on the public internet")]
    Private { host: String, address: IpAddr },
    #[error("`{host}` cannot be resolved: {reason}")]
    Resolve { host: String, reason: String },
    #[error("{url} does not answer: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} did not answer within {seconds} s")]
    TimedOut { url: String, seconds: u64 },
    #[error("the answer of {url} is larger than {limit} bytes")]
    TooLarge { url: String, limit: u64 },
    #[error("the answer of {url} is no JSON: {reason}")]
    NoJson { url: String, reason: String },
    #[error("the answer of {url} is none of gRPC: {reason}")]
    NoGrpc { url: String, reason: String },
    #[error("the HTTP client cannot start: {0}")]
    Start(String),
    #[error("`{address}` is no e-mail address: {reason}")]
    BadMail { address: String, reason: String },
    #[error("the mail server {server} did not take a letter: {reason}")]
    Mail {
        server: String,
        reason: String,
        /// Trying again changes nothing.
        for_good: bool,
    },
    #[error(transparent)]
    Io(#[from] types::io::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::BadUrl { .. } | Self::BadMail { .. } => Class::Invalid,
            Self::Mail { for_good: true, .. } => Class::Conflict,
            Self::Mail { .. } => Class::Unavailable,
            Self::Private { .. } => Class::Forbidden,
            Self::Resolve { .. } | Self::Unreachable { .. } | Self::TimedOut { .. } => Class::Unavailable,
            Self::TooLarge { .. } => Class::TooLarge,
            Self::NoJson { .. } | Self::NoGrpc { .. } | Self::Start(_) => Class::Internal,
            Self::Io(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        Some(match self {
            Self::BadUrl { .. } => "write it like http://127.0.0.1:5000".into(),
            Self::Private { .. } => {
                "an administrator may allow private addresses in the configuration".into()
            }
            Self::BadMail { .. } => "write it like ann@example.org".into(),
            Self::Mail { .. } => {
                "check host, port, security and login below `[email]` in the configuration".into()
            }
            Self::Resolve { .. } => "check the name".into(),
            Self::Unreachable { .. } => "is the server running, and is this its address and port?".into(),
            Self::TimedOut { .. } => "try again later".into(),
            Self::Io(e) => return e.hint(),
            _ => return None,
        })
    }
}

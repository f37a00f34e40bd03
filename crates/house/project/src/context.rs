use blobs::Blobs;
use ledger::Ledger;
use serving::Serving;
use types::{Class, Digest, Fault, Hint};

use crate::Diagnostics;

/// What applying needs of the server.
#[derive(Clone)]
pub struct Context {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub serving: Serving,
}

/// Why a project was not planned or applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    File(Diagnostics),
    #[error("the server lacks {} file(s) that the project names, the first is {}", .0.len(), .0[0])]
    MissingBlobs(Vec<Digest>),
    #[error("the request does not carry `{path}`, which the project names")]
    MissingFile { path: String },
    #[error("{kind} `{name}`: {message}")]
    Spec { kind: &'static str, name: String, message: String },
    /// A stage's own error.
    #[error("{0}")]
    Stage(Box<dyn Fault>),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::Stage(e) => e.class(),
            Error::MissingBlobs(_) => Class::Conflict,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        Some(match self {
            Error::Stage(e) => return e.hint(),
            Error::MissingBlobs(_) | Error::MissingFile { .. } => {
                "send them with PUT /api/v1/blobs/{digest} first; `mlwright apply` does".into()
            }
            Error::File(_) | Error::Spec { .. } => return None,
        })
    }
}

macro_rules! stage_errors {
    ($($stage:ident),*) => {
        $(impl From<$stage::Error> for Error {
            fn from(error: $stage::Error) -> Self {
                Self::Stage(Box::new(error))
            }
        })*
    };
}

stage_errors!(ledger, blobs, datasets, curation, models, pipelines, serving, monitoring, automation);

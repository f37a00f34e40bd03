use types::Fault;

/// Why a command did not succeed, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub fn of(fault: &dyn Fault) -> Self {
        Self { message: fault.to_string(), hint: fault.hint() }
    }
}

macro_rules! from {
    ($($error:ty),+) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self {
            Self::of(&error)
        }
    })+ };
}
from!(
    columns::Error,
    curation::Error,
    evaluation::Error,
    outbound::Error,
    types::io::Error,
    pipelines::Error,
    server::Error,
    ledger::Error
);

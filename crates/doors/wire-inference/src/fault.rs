//! What every inference protocol does with an error of serving.

use http::StatusCode;
use types::{Class, Fault};

/// Of the class, except that a caller who asks too often is told so (429).
pub fn status(error: &serving::Error) -> StatusCode {
    match error {
        serving::Error::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
        other => kit::status(other.class()),
    }
}

pub fn with_hint(error: &impl Fault) -> String {
    match error.hint() {
        Some(hint) => format!("{error} (hint: {hint})"),
        None => error.to_string(),
    }
}

pub fn log_internal(error: &serving::Error) {
    if error.class() == Class::Internal {
        tracing::error!(%error, "a prediction failed");
    }
}

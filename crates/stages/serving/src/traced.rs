//! What a prediction's span says, and the spans below it: waiting for a thread, computing, recording.

use std::time::Instant;

use spans::{Kind, Open};
use types::{Class, Fault as _};

use crate::infer::Answer;
use crate::{Error, Target};

/// What the time of a run went into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// When it began to wait for a thread of the model; `None` if it needed none.
    pub came: Option<Instant>,
    pub started: Instant,
    pub ended: Instant,
    /// Requests that were run together.
    pub requests: usize,
}

/// The span of one prediction, if the request that asks for it is recorded.
pub(crate) fn begin(endpoint: &str) -> Option<Open> {
    let mut span = spans::child(format!("predict {endpoint}"), Kind::Internal)?;
    span.set("mlwright.endpoint", endpoint.to_owned());
    Some(span)
}

pub(crate) fn ran(span: Option<&Open>, target: &Target, timing: Option<Timing>) {
    let (Some(span), Some(timing)) = (span, timing) else { return };
    if let Some(came) = timing.came {
        span.past("queue", came, timing.started, Vec::new());
    }
    let about = vec![
        ("mlwright.runtime", target.model.engine.into()),
        ("mlwright.variant", target.name().to_owned().into()),
        ("mlwright.batch.requests", timing.requests.into()),
    ];
    span.past("compute", timing.started, timing.ended, about);
}

pub(crate) fn recorded(span: Option<&Open>, started: Instant) {
    if let Some(span) = span {
        span.past("record", started, Instant::now(), Vec::new());
    }
}

/// What the span says of the run that answered.
pub(crate) fn about(span: Option<&mut Open>, target: &Target, timing: Option<Timing>, rows: usize) {
    let Some(span) = span else { return };
    span.set("mlwright.model.name", target.model.model_name.clone());
    span.set("mlwright.model.version", target.model.number);
    span.set("mlwright.variant", target.name().to_owned());
    span.set("mlwright.revision", target.revision.number);
    span.set("mlwright.runtime", target.model.engine);
    span.set("mlwright.rows", rows);
    if let Some(fed) = &target.model.fed {
        span.set("mlwright.features", fed.features.name());
    }
    let Some(timing) = timing else {
        span.set("mlwright.cache.hit", true);
        return;
    };
    let waited = timing.came.map_or(0.0, |came| millis(came, timing.started));
    span.set("mlwright.queue.duration_ms", waited);
    span.set("mlwright.compute.duration_ms", millis(timing.started, timing.ended));
    span.set("mlwright.batch.requests", timing.requests);
}

pub(crate) fn end(span: Option<Open>, result: &Result<Answer, Error>) {
    let Some(mut span) = span else { return };
    match result {
        Ok(answer) => {
            if let Some(first) = answer.ids.first() {
                span.set("mlwright.prediction.id", first.hex());
            }
            if answer.flagged > 0 {
                span.set("mlwright.rows.flagged", answer.flagged);
            }
        }
        Err(error) => span.fail(word(error.class()), error.to_string()),
    }
}

fn millis(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}

pub(crate) fn word(class: Class) -> &'static str {
    match class {
        Class::Invalid => "invalid",
        Class::NotFound => "not_found",
        Class::AlreadyExists => "already_exists",
        Class::Conflict => "conflict",
        Class::Unauthenticated => "unauthenticated",
        Class::Forbidden => "forbidden",
        Class::Rejected => "rejected",
        Class::TooLarge => "too_large",
        Class::Unavailable => "unavailable",
        Class::Internal => "internal",
    }
}

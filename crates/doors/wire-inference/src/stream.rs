//! Answers in parts as server-sent events: one `data:` line a part, `[DONE]` at the end, as Databricks' endpoints send them.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::unfold;
use serving::{Answer, Streaming};

use crate::ScoringError;
use crate::forms::{Reply, write_reply};
use crate::scoring::PREDICTION_IDS;

const DONE: &str = "data: [DONE]\n\n";

/// Each part as `written` writes it, and `end` after the last one; an error is the last event.
pub fn body(
    streaming: Streaming,
    written: impl Fn(&str) -> Vec<u8> + Send + 'static,
    end: &'static str,
) -> Body {
    let parts = unfold(Some((streaming, written)), move |state| async move {
        let (mut streaming, written) = state?;
        match streaming.parts.recv().await {
            Some(Ok(part)) => {
                let bytes = Bytes::from(written(&part));
                Some((Ok::<_, Infallible>(bytes), Some((streaming, written))))
            }
            Some(Err(error)) => {
                let text = ScoringError::from(error).to_json();
                Some((Ok(Bytes::from(written(&text))), None))
            }
            None if end.is_empty() => None,
            None => Some((Ok(Bytes::from_static(end.as_bytes())), None)),
        }
    });
    Body::from_stream(parts)
}

/// One event of a part's JSON, which has no line breaks.
pub fn event(part: &str) -> Vec<u8> {
    format!("data: {part}\n\n").into_bytes()
}

/// A stream of events with the id of the prediction.
pub fn respond(streaming: Streaming) -> Response {
    let id = HeaderValue::from_str(&streaming.id.hex());
    let mut response = (events(), body(streaming, event, DONE)).into_response();
    if let Ok(id) = id {
        response.headers_mut().insert(PREDICTION_IDS, id);
    }
    response
}

/// The answer of a model that has no parts, as one event.
pub fn whole(answer: &Answer, reply: Reply) -> Response {
    let mut json = String::from("data: {\"predictions\":");
    write_reply(&mut json, answer, reply);
    json.push_str("}\n\n");
    json.push_str(DONE);
    (events(), json).into_response()
}

pub fn events() -> [(HeaderName, &'static str); 2] {
    [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")]
}

//! The word for success in `PipelineTaskFinalStatus`. The SDK's documentation, `kfp.local` and Vertex AI say `SUCCEEDED`; upstream's own
//! server passes on ML Metadata's `COMPLETE`, and components that were written on it compare with that.

use pipelines::{Call, Datum, Kind};
use serde_json::{Value, json};

use crate::ir::Container;

const SUCCEEDED: &str = "SUCCEEDED";
const COMPLETE: &str = "COMPLETE";

/// The call in the words of its component: `None` unless its source knows `COMPLETE` alone.
pub(super) fn worded(call: &Call, container: &Container) -> Option<Call> {
    let is_status = |name: &str| call.work.inputs.get(name).is_some_and(|port| port.of == Kind::Status);
    let of_success: Vec<&String> = call
        .inputs
        .iter()
        .filter(|(name, datum)| {
            is_status(name) && matches!(datum, Datum::Value(value) if value["state"] == json!(SUCCEEDED))
        })
        .map(|(name, _)| name)
        .collect();
    let source = container.command.last()?;
    let knows =
        |word: &str| ['\'', '"'].iter().any(|quote| source.contains(&format!("{quote}{word}{quote}")));
    if of_success.is_empty() || !knows(COMPLETE) || knows(SUCCEEDED) {
        return None;
    }
    let mut worded = call.clone();
    for name in of_success {
        if let Some(Datum::Value(value)) = worded.inputs.get_mut(name) {
            value["state"] = Value::from(COMPLETE);
        }
    }
    Some(worded)
}

//! What upstream's page asks of its server beside the data: telemetry, which this server never sends.

use serde_json::json;

use crate::call::{Answer, Cx, reply};
use crate::request::Fields;

/// `FALLBACK_UI_CONFIG`: nothing is to be sent.
pub(crate) async fn telemetry(_: Cx, _: Fields) -> Answer {
    reply(&json!({ "disable_ui_telemetry": true, "disable_ui_events": [], "ui_rollout_percentage": 0 }))
}

/// Events that a page sends all the same are dropped.
pub(crate) async fn drop_telemetry(_: Cx, _: Fields) -> Answer {
    reply(&json!({ "status": "disabled" }))
}

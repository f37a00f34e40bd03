use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use crate::UPSTREAM;

/// `GET /api/version`: the client asks it before everything else.
pub(crate) async fn version() -> impl IntoResponse {
    Json(json!({ "application": "Evidently UI", "version": UPSTREAM, "commit": "-" }))
}

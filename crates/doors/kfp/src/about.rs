//! `HealthzService` and `AuthService`.

use axum::response::IntoResponse;
use serde_json::json;

use crate::call::{Answer, Reader, empty};

/// Anybody may ask: `kfp.Client` does so before it signs in.
pub(crate) async fn health() -> impl IntoResponse {
    axum::Json(json!({ "multi_user": false, "pipeline_store": "database" }))
}

/// Whoever may read is let in; upstream asks Kubernetes.
pub(crate) async fn auth(Reader(_): Reader) -> Answer {
    empty()
}

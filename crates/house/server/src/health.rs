//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::Ledger;
use metrics_exporter_prometheus::PrometheusHandle;

#[derive(Clone)]
pub struct Health {
    pub ledger: Ledger,
    pub metrics: PrometheusHandle,
    /// Set once every model that serves is loaded.
    pub ready: Arc<AtomicBool>,
}

pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Ready: the metadata answers and the endpoints that were live before the start are live again.
async fn ready(State(health): State<Health>) -> Response {
    if !health.ready.load(Ordering::Acquire) {
        return (StatusCode::SERVICE_UNAVAILABLE, "starting: endpoints are being loaded\n").into_response();
    }
    match health.ledger.has_accounts().await {
        Ok(_) => "ok\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("metadata: {error}\n")).into_response(),
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render()).into_response()
}

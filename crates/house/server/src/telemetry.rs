//! Logs and metrics.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tasks::{OnStop, Supervisor};
use tracing_subscriber::EnvFilter;

use crate::config::Log;
use crate::traffic;

/// Starts logging to standard error. Does nothing if logging runs already.
pub fn start_logging(config: &Log) {
    let filter = EnvFilter::try_from_env("MLWRIGHT_LOG")
        .or_else(|_| EnvFilter::try_new(&config.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(true);
    // An error means that somebody, such as a test, has set a subscriber before.
    let _ = if config.json { builder.json().try_init() } else { builder.compact().try_init() };
}

/// Where the numbers for `/metrics` are gathered. One per process; a second server in the same process (tests)
/// has its own, empty one.
pub fn start_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
        .unwrap_or_else(|_| PrometheusBuilder::new())
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("metrics are recorded by another server of this process");
    }
    handle
}

/// Samples of histograms are kept one by one until somebody looks, or this puts them into their buckets.
pub fn keep_up(supervisor: &Supervisor, metrics: PrometheusHandle) {
    const EVERY: Duration = Duration::from_secs(5);
    supervisor.spawn_restarting("telemetry.metrics", OnStop::Abort, move || {
        let metrics = metrics.clone();
        async move {
            loop {
                tokio::time::sleep(EVERY).await;
                metrics.run_upkeep();
            }
        }
    });
}

/// Middleware: counts requests and their seconds by route, and tells the caller in `Server-Timing` how many milliseconds the
/// server took to the head of its answer (<https://www.w3.org/TR/server-timing/>).
pub async fn measure(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let start = Instant::now();
    let mut response = next.run(request).await;
    let took = start.elapsed();
    traffic::count(&method, &route, response.status(), took);
    if let Ok(timing) = HeaderValue::try_from(format!("total;dur={:.3}", took.as_secs_f64() * 1_000.0)) {
        response.headers_mut().insert("server-timing", timing);
    }
    response
}

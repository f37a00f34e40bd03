//! Logs and metrics.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::response::Response;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use spans::{Kind, Open, TraceContext, Tracer};
use tasks::{OnError, OnStop, Supervisor, TaskKind};
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
    let token = supervisor.token();
    let kind = TaskKind { name: "metrics", on_error: OnError::Log, on_stop: OnStop::Abort };
    supervisor.spawn(kind, async move {
        while !token.is_cancelled() {
            tokio::time::sleep(EVERY).await;
            metrics.run_upkeep();
        }
    });
}

/// Counts a request and its seconds by route, and tells the caller in `Server-Timing` how many milliseconds the
/// server took to the head of its answer (<https://www.w3.org/TR/server-timing/>). With a tracer each request is a span, and of
/// one that is recorded the caller is told its place, too.
pub async fn measure<F: Future<Output = Response>>(
    tracer: Option<&Tracer>,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    let method = request.method().clone();
    let start = Instant::now();
    let span = tracer.map(|tracer| begin(tracer, &request, method.as_str(), route));
    let mut response = match &span {
        Some(span) => spans::within(span.current(), answer(request)).await,
        None => answer(request).await,
    };
    let took = start.elapsed();
    let mut timing = format!("total;dur={:.3}", took.as_secs_f64() * 1_000.0);
    if let Some(span) = span.filter(Open::is_recorded) {
        timing = format!("{timing}, traceparent;desc=\"{}\"", span.context().parent());
        end(span, &response);
    }
    traffic::count(&method, route, response.status(), took);
    if let Ok(timing) = HeaderValue::try_from(timing) {
        response.headers_mut().insert("server-timing", timing);
    }
    response
}

const GRPC: &str = "application/grpc";

fn is_grpc(headers: &HeaderMap) -> bool {
    text(headers, header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with(GRPC))
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A request's span, by the conventions for HTTP and gRPC servers
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>, `…/rpc/grpc/`). Queries may hold secrets, and stay out.
fn begin(tracer: &Tracer, request: &Request, method: &str, route: &str) -> Open {
    let headers = request.headers();
    let parent = text(headers, "traceparent")
        .and_then(|parent| TraceContext::parse(parent, text(headers, "tracestate")));
    let path = request.uri().path();
    let grpc = is_grpc(headers).then(|| path.trim_start_matches('/').split_once('/')).flatten();
    // What no route matched has any number of paths: they are no names.
    let name = match (grpc, route) {
        (Some(_), _) => path.trim_start_matches('/').to_owned(),
        (None, "other") => method.to_owned(),
        (None, route) => format!("{method} {route}"),
    };
    let mut span = tracer.begin(parent, name, Kind::Server);
    if !span.is_recorded() {
        return span;
    }
    span.set("http.request.method", method.to_owned());
    span.set("url.scheme", "http");
    span.set("url.path", path.to_owned());
    if route != "other" {
        span.set("http.route", route.to_owned());
    }
    if let Some((service, method)) = grpc {
        span.set("rpc.system", "grpc");
        span.set("rpc.service", service.to_owned());
        span.set("rpc.method", method.to_owned());
    }
    let version = match request.version() {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    span.set("network.protocol.version", version);
    let host = text(headers, header::HOST).or_else(|| request.uri().authority().map(|a| a.as_str()));
    if let Some((host, port)) = host.map(|host| host.rsplit_once(':').unwrap_or((host, ""))) {
        span.set("server.address", host.to_owned());
        if let Ok(port) = port.parse::<u16>() {
            span.set("server.port", port);
        }
    }
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        span.set("client.address", peer.ip().to_canonical().to_string());
    }
    if let Some(agent) = text(headers, header::USER_AGENT) {
        span.set("user_agent.original", agent.to_owned());
    }
    span
}

/// Only what the server did wrong is an error of its span.
fn end(mut span: Open, response: &Response) {
    let status = response.status();
    span.set("http.response.status_code", status.as_u16());
    // Of an answer with a message the status comes after it.
    let grpc = text(response.headers(), "grpc-status").and_then(|code| code.parse::<i64>().ok());
    if let Some(code) = grpc {
        span.set("rpc.grpc.status_code", code);
    }
    // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
    if let Some(code) = grpc.filter(|code| matches!(code, 2 | 4 | 12..=15)) {
        span.fail(code.to_string(), text(response.headers(), "grpc-message").unwrap_or_default().to_owned());
    } else if status.is_server_error() {
        span.fail(status.as_str().to_owned(), String::new());
    }
}

//! Requests, counted by route, method and status.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use parking_lot::RwLock;

/// One line of `/metrics`.
#[derive(Clone)]
struct Series {
    method: Method,
    status: StatusCode,
    requests: Counter,
    seconds: Histogram,
}

/// By route. Found once: the recorder would make a key of owned labels of each request.
static KNOWN: LazyLock<RwLock<HashMap<String, Vec<Series>>>> = LazyLock::new(RwLock::default);

pub fn count(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let method = known(method);
    let is_it = |s: &&Series| s.status == status && s.method == method;
    let found = KNOWN.read().get(route).and_then(|of| of.iter().find(is_it).cloned());
    let series = found.unwrap_or_else(|| {
        let made = Series::new(method, route, status);
        KNOWN.write().entry(route.to_owned()).or_default().push(made.clone());
        made
    });
    series.requests.increment(1);
    series.seconds.record(took.as_secs_f64());
}

/// A method may be any word: those that no route knows are one.
fn known(method: &Method) -> Method {
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.clone() } else { Method::TRACE }
}

impl Series {
    fn new(method: Method, route: &str, status: StatusCode) -> Self {
        let named = if method == Method::TRACE { "other" } else { method.as_str() }.to_owned();
        let labels =
            [("method", named), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
        Self {
            method,
            status,
            requests: metrics::counter!("mlwright_http_requests_total", &labels),
            seconds: metrics::histogram!("mlwright_http_request_seconds", &labels),
        }
    }
}

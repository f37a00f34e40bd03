//! The web app, embedded: the files of `ui/dist` as they were when the binary was built.
//!
//! The app routes itself, so every page address (`/runs`, `/models/visits`, …) answers with the same
//! `index.html`. Addresses that belong to an API never do: a client with a wrong path gets 404 and
//! JSON, not a page that it cannot read.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../../ui/dist"]
struct Dist;

/// Everything comes from this server; no inline script, no inline style, no framing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Vite names these by their content, so a copy never grows old.
const HASHED: &str = "assets/";

/// First segments that belong to protocols; the app has no page below them.
const API_SEGMENTS: &[&str] = &[
    "api",
    "ajax-api",
    "v2",
    "mlflow",
    "mlflow-artifacts",
    "get-artifact",
    "model-versions",
    "graphql",
    "invocations",
    "ping",
    "version",
    "health",
    "healthz",
    "readyz",
    "metrics",
    "livez",
];

/// The web app as a fallback: merge it into the server's routes last.
pub fn router() -> Router {
    Router::new().fallback(serve)
}

/// Whether the binary carries a built web app.
pub fn is_built() -> bool {
    Dist::get("index.html").is_some()
}

async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if API_SEGMENTS.contains(&first) {
        return unknown(&method, uri.path());
    }
    if method != Method::GET && method != Method::HEAD {
        return unknown(&method, uri.path());
    }
    if let Some(file) = Dist::get(path) {
        return respond(path, file, &headers);
    }
    // A missing file is missing; only page addresses fall back to the app.
    if path.starts_with(HASHED) || path == "favicon.ico" || path == "robots.txt" {
        return unknown(&method, uri.path());
    }
    match Dist::get("index.html") {
        Some(index) => respond("index.html", index, &headers),
        None => not_built(),
    }
}

fn respond(path: &str, file: EmbeddedFile, request: &HeaderMap) -> Response {
    let etag = etag(&file.metadata.sha256_hash());
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let unchanged = request
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|tag| same_tag(tag, &etag)));
    let content_type = content_type(path, &file);
    let (status, body) = if unchanged {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        (StatusCode::OK, Body::from(file.data))
    };
    let mut response = page(status, content_type, body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// A weak tag (`W/"…"`, which a compressing layer makes of ours) names the same content.
fn same_tag(sent: &str, etag: &str) -> bool {
    let sent = sent.trim();
    sent == "*" || sent.trim_start_matches("W/") == etag
}

fn etag(sha256: &[u8; 32]) -> String {
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in &sha256[..16] {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('"');
    text
}

fn content_type(path: &str, file: &EmbeddedFile) -> HeaderValue {
    // Guessing gives no charset, and without one a browser may read the app's text as Latin-1.
    let known = match path.rsplit('.').next() {
        Some("html") => Some("text/html; charset=utf-8"),
        Some("js") => Some("text/javascript; charset=utf-8"),
        Some("css") => Some("text/css; charset=utf-8"),
        Some("svg") => Some("image/svg+xml"),
        Some("woff2") => Some("font/woff2"),
        Some("webmanifest") => Some("application/manifest+json"),
        _ => None,
    };
    match known {
        Some(known) => HeaderValue::from_static(known),
        None => HeaderValue::from_str(file.metadata.mimetype())
            .unwrap_or(HeaderValue::from_static("application/octet-stream")),
    }
}

fn unknown(method: &Method, path: &str) -> Response {
    let what = escape(&format!("no route answers {method} {path}"));
    let body = format!(
        r#"{{"error":{{"code":"not_found","message":"{what}","hint":"`mlwright routes` lists every route of this server"}}}}"#
    );
    page(StatusCode::NOT_FOUND, HeaderValue::from_static("application/json"), Body::from(body))
}

/// For a JSON string. A request's path and method are visible ASCII, so quotes and backslashes are all there is.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn not_built() -> Response {
    let mut response = page(
        StatusCode::OK,
        HeaderValue::from_static("text/html; charset=utf-8"),
        Body::from(include_str!("not_built.html")),
    );
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page(status: StatusCode, content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

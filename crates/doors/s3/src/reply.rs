//! Answers: their headers, dates and envelopes.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use types::Timestamp;
use wire_aws::Xml;

use crate::errors::Failure;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(crate) fn xml(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// The answer to a request that failed; to HEAD, without a body.
pub(crate) fn failed(failure: &Failure, resource: &str, request_id: &str, is_head: bool) -> Response {
    let mut response = if is_head || failure.status == StatusCode::NOT_MODIFIED {
        empty(failure.status)
    } else {
        xml(Xml::bare("Error", |xml| {
            xml.text("Code", failure.code).text("Message", &failure.message);
            for (name, value) in &failure.more {
                xml.text(name, value);
            }
            xml.text("Resource", resource).text("RequestId", request_id);
        }))
    };
    *response.status_mut() = failure.status;
    if let Some(size) = failure.size {
        put(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size}"));
    }
    if let Some(etag) = &failure.etag {
        put(response.headers_mut(), header::ETAG, &quoted(etag));
    }
    response
}

/// A header whose value can be one; anything else is left out.
pub(crate) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// An ETag in its quotes.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Whole seconds since 1970.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

/// As HTTP writes dates.
pub(crate) fn http_date(at: Timestamp) -> String {
    let since = Duration::from_secs(u64::try_from(seconds(at)).unwrap_or_default());
    httpdate::fmt_http_date(UNIX_EPOCH + since)
}

/// As S3's XML writes dates: whole seconds, like the header.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let whole = Timestamp::default().plus_seconds(seconds(at)).rfc3339();
    format!("{}.000Z", whole.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_dates_name_the_same_second() {
        let at = Timestamp(1_772_366_400_999_999);
        assert_eq!(http_date(at), "Sun, 01 Mar 2026 12:00:00 GMT");
        assert_eq!(iso_date(at), "2026-03-01T12:00:00.000Z");
    }
}

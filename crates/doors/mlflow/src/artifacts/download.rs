//! Sending a file: whole or a range of it, addressed by its digest, always as a download.

use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use blobs::Blobs;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use types::Digest;

use crate::errors::Failure;

/// What a request asks of a file, apart from which file it is.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    method: Method,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

impl Wish {
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Self {
            method: method.clone(),
            range: text(header::RANGE),
            if_range: text(header::IF_RANGE),
            if_none_match: text(header::IF_NONE_MATCH),
        }
    }

    fn has_it(&self, tag: &str) -> bool {
        let same = |sent: &str| sent == "*" || sent.trim_start_matches("W/") == tag;
        self.if_none_match.as_deref().is_some_and(|list| list.split(',').any(|sent| same(sent.trim())))
    }

    /// The bytes wanted of `size`: all, some, or bytes that are not there.
    fn bytes(&self, tag: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
        if self.if_range.as_deref().is_some_and(|known| known.trim() != tag) {
            return None;
        }
        parse(self.range.as_deref()?, size)
    }
}

/// One `bytes=` range (RFC 9110, 14.1.2). `None` for what is no such range, and for several at once: the whole file
/// is the allowed answer then.
fn parse(text: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let number =
        |text: &str| text.trim().bytes().all(|b| b.is_ascii_digit()).then(|| text.trim().parse().ok());
    let range = match (first.trim(), last.trim()) {
        ("", "") => return None,
        ("", last) => size.saturating_sub(number(last)?.unwrap_or(u64::MAX))..size,
        (first, "") => number(first)?.unwrap_or(u64::MAX)..size,
        (first, last) => {
            let (first, last): (u64, u64) =
                (number(first)?.unwrap_or(u64::MAX), number(last)?.unwrap_or(u64::MAX));
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.start < size && range.start < range.end { Ok(range) } else { Err(()) })
}

/// Always a download: a stored page must never run as one of ours. `name` is the file's path or its last part.
pub(crate) async fn send(
    blobs: &Blobs,
    wish: &Wish,
    name: &str,
    digest: Digest,
    size: u64,
) -> Result<Response, Failure> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let tag = format!("\"{}\"", digest.hex());
    let mut headers = HeaderMap::new();
    let mut add = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    add(header::CONTENT_TYPE, mime_type(name));
    add(header::CONTENT_DISPOSITION, disposition(name));
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    add(header::ETAG, tag.clone());
    add(header::ACCEPT_RANGES, "bytes".to_owned());
    add(header::CACHE_CONTROL, "no-cache".to_owned());
    if wish.has_it(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let (status, range) = match wish.bytes(&tag, size) {
        None => (StatusCode::OK, None),
        Some(Ok(range)) => {
            add(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1));
            (StatusCode::PARTIAL_CONTENT, Some(range))
        }
        Some(Err(())) => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    let length = range.as_ref().map_or(size, |r| r.end - r.start);
    add(header::CONTENT_LENGTH, length.to_string());
    let body = match wish.method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(blobs.get_stream(&digest, range).await?.stream),
    };
    Ok((status, headers, body).into_response())
}

/// `mlflow/utils/mime_type_utils.py` `_guess_mime_type`: what people read is plain text, whatever its language.
fn mime_type(name: &str) -> String {
    const TEXT: &[&str] = &[
        "txt",
        "log",
        "err",
        "cfg",
        "conf",
        "cnf",
        "cf",
        "ini",
        "properties",
        "prop",
        "hocon",
        "toml",
        "yaml",
        "yml",
        "xml",
        "json",
        "js",
        "py",
        "py3",
        "csv",
        "tsv",
        "md",
        "rst",
        "ipynb",
        "MLmodel",
        "mlproject",
    ];
    let extension = match name.trim_start_matches('.').rsplit_once('.') {
        Some((_, extension)) => extension,
        None => name,
    };
    if TEXT.contains(&extension) {
        return "text/plain".to_owned();
    }
    mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream").to_owned()
}

/// RFC 6266; a name beyond ASCII is given twice, as upstream gives it.
fn disposition(name: &str) -> String {
    let ascii: String = name.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
    if ascii.len() == name.len() {
        return format!("attachment; filename={}", quoted(name));
    }
    let fallback = if ascii.is_empty() { "download" } else { &ascii };
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) => encoded.push(b as char),
            b => encoded.push_str(&format!("%{b:02X}")),
        }
    }
    format!("attachment; filename={}; filename*=UTF-8''{encoded}", quoted(fallback))
}

fn quoted(text: &str) -> String {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(token) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let cases = [
            ("bytes=1-2", Some(Ok(1..3))),
            ("bytes=-2", Some(Ok(4..6))),
            ("bytes=-9", Some(Ok(0..6))),
            ("bytes=3-", Some(Ok(3..6))),
            ("bytes=0-99999999999999999999999", Some(Ok(0..6))),
            ("bytes=6-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=2-1", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=x-2", None),
            ("lines=1-2", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, 6), expected, "{text}");
        }
        assert_eq!(parse("bytes=0-", 0), Some(Err(())));
    }

    #[test]
    fn names_and_kinds_are_upstreams() {
        let kinds = [
            ("a.js", "text/plain"),
            ("MLmodel", "text/plain"),
            ("p.png", "image/png"),
            ("page.html", "text/html"),
            ("model.onnx", "application/octet-stream"),
            (".json", "application/octet-stream"),
        ];
        for (name, kind) in kinds {
            assert_eq!(mime_type(name), kind, "{name}");
        }
        assert_eq!(disposition("h.txt"), "attachment; filename=h.txt");
        assert_eq!(disposition("a \"b\".txt"), "attachment; filename=\"a \\\"b\\\".txt\"");
        assert_eq!(
            disposition("日 a.md"),
            "attachment; filename=\" a.md\"; filename*=UTF-8''%E6%97%A5%20a.md"
        );
        assert_eq!(disposition("日本"), "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC");
    }
}

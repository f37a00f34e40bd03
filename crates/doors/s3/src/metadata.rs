//! What is kept with an object beside its bytes: a writer's own headers (`x-amz-meta-…`) and five of HTTP's. And headers
//! that this door cannot keep and therefore refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use repositories::Metadata;

use crate::errors::Failure;

const PREFIX: &str = "x-amz-meta-";
/// Bytes of all names and values together, of each of the two kinds.
const MOST: usize = 2_048;

/// Of HTTP's; the content type has its own place.
const KEPT: [HeaderName; 5] = [
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::EXPIRES,
];
/// A content encoding that is about the way of the body and not about the object.
const OF_TRANSFER: &str = "aws-chunked";

/// Headers that ask for something that would not be done.
const REFUSED: [&str; 5] = [
    "x-amz-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
];
/// Begins like a refused one, and asks for nothing but what is done.
const HARMLESS: (&str, &str) = ("x-amz-tagging-directive", "COPY");

/// Errors: `NotImplemented`.
pub(crate) fn check_supported(headers: &HeaderMap) -> Result<(), Failure> {
    for (name, value) in headers {
        let name = name.as_str();
        let harmless = name == HARMLESS.0 && value.as_bytes() == HARMLESS.1.as_bytes();
        if !harmless && REFUSED.iter().any(|refused| name.starts_with(refused)) {
            return Err(Failure::not_implemented(name));
        }
    }
    Ok(())
}

/// Names without their prefix, values decoded. Errors: `MetadataTooLarge`.
pub(crate) fn of(headers: &HeaderMap) -> Result<Metadata, Failure> {
    let (mut metadata, mut bytes) = (Metadata::new(), 0);
    for name in headers.keys().filter(|name| name.as_str().starts_with(PREFIX)) {
        let value = decode_words(&joined(headers, name));
        let name = &name.as_str()[PREFIX.len()..];
        bytes += name.len() + value.len();
        metadata.insert(name.to_owned(), value);
    }
    within(bytes)?;
    Ok(metadata)
}

/// The headers of HTTP that come back with the object, `aws-chunked` taken off. Errors: `MetadataTooLarge`.
pub(crate) fn kept(headers: &HeaderMap) -> Result<Metadata, Failure> {
    let (mut kept, mut bytes) = (Metadata::new(), 0);
    for name in KEPT {
        let mut value = joined(headers, &name);
        if name == header::CONTENT_ENCODING {
            value = without_transfer(value);
        }
        if !value.is_empty() {
            bytes += name.as_str().len() + value.len();
            kept.insert(name.as_str().to_owned(), value);
        }
    }
    within(bytes)?;
    Ok(kept)
}

pub(crate) fn tell_kept(headers: &mut HeaderMap, kept: &Metadata) {
    for name in KEPT {
        let value = kept.get(name.as_str()).and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

/// All values of a header.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    values.collect::<Vec<_>>().join(",")
}

fn without_transfer(encodings: String) -> String {
    let all: Vec<&str> = encodings.split(',').map(str::trim).collect();
    let rest: Vec<&str> = all.iter().copied().filter(|e| !e.eq_ignore_ascii_case(OF_TRANSFER)).collect();
    if rest.len() == all.len() { encodings } else { rest.join(",") }
}

/// Errors: `MetadataTooLarge`.
fn within(bytes: usize) -> Result<(), Failure> {
    if bytes <= MOST {
        return Ok(());
    }
    let message = "your metadata headers exceed the maximum allowed metadata size of 2048 bytes";
    let failure = Failure::new(StatusCode::BAD_REQUEST, "MetadataTooLarge", message);
    Err(failure.with("Size", &bytes.to_string()).with("MaxSizeAllowed", "2048"))
}

pub(crate) fn tell(headers: &mut HeaderMap, metadata: &Metadata) {
    let mut missing = 0;
    for (name, value) in metadata {
        let name = HeaderName::from_bytes(format!("{PREFIX}{name}").as_bytes());
        match (name, HeaderValue::from_str(&encode_word(value))) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            // Written by another door, which allows names that no header can have.
            _ => missing += 1,
        }
    }
    if missing > 0 {
        headers.insert("x-amz-missing-meta", HeaderValue::from(missing));
    }
}

/// Printable ASCII stays; other text becomes an encoded word of RFC 2047, as S3 does.
fn encode_word(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.starts_with("=?") {
        return text.to_owned();
    }
    format!("=?UTF-8?B?{}?=", STANDARD.encode(text))
}

/// Encoded words of UTF-8 among plain text.
fn decode_words(text: &str) -> String {
    let (mut decoded, mut rest, mut after_word) = (String::new(), text, false);
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        // White space between two encoded words is not part of the text.
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        match decode_word(word) {
            Some((part, tail)) => {
                decoded.push_str(&part);
                (rest, after_word) = (tail, true);
            }
            None => {
                decoded.push_str("=?");
                (rest, after_word) = (&word[2..], false);
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// `=?UTF-8?B?…?=` or `=?UTF-8?Q?…?=` at the start, and what follows it.
fn decode_word(word: &str) -> Option<(String, &str)> {
    let mut fields = word.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let (content, tail) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => wire_aws::decode(&content.replace('%', "%25").replace('=', "%").replace('_', " "))?,
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_it_was_sent() {
        for text in ["plain text", "a=b?c=?d", "größe \u{1f4a9}", "=?UTF-8?B?x?=", ""] {
            assert_eq!(decode_words(&encode_word(text)), text);
        }
        assert_eq!(decode_words("=?utf-8?q?gr=C3=B6=C3=9Fe_100%?= =?UTF-8?B?IQ==?= end"), "größe 100%! end");
        assert_eq!(decode_words("=?latin1?q?x?= y"), "=?latin1?q?x?= y");
    }

    #[test]
    fn headers_of_http_are_kept_without_what_is_about_the_way() {
        for (sent, kept_as) in [
            ("aws-chunked", None),
            ("AWS-Chunked, gzip", Some("gzip")),
            ("gzip,aws-chunked", Some("gzip")),
            ("br,  gzip", Some("br,  gzip")),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-encoding", sent.parse().unwrap());
            headers.insert("expires", "tomorrow".parse().unwrap());
            headers.insert("content-type", "x/y".parse().unwrap());
            let found = kept(&headers).unwrap();
            assert_eq!(found.get("content-encoding").map(String::as_str), kept_as, "{sent}");
            let mut told = HeaderMap::new();
            tell_kept(&mut told, &found);
            assert_eq!(told.get("content-encoding").map(|v| v.to_str().unwrap()), kept_as);
            assert_eq!((told["expires"].to_str().unwrap(), told.get("content-type")), ("tomorrow", None));
        }
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", "x".repeat(2_036).parse().unwrap());
        assert_eq!(kept(&headers).unwrap_err().code, "MetadataTooLarge");
    }

    #[test]
    fn metadata_has_a_size_and_refused_headers_are_named() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-meta-a", "1".parse().unwrap());
        headers.insert("x-amz-tagging-directive", "COPY".parse().unwrap());
        assert_eq!(of(&headers).unwrap()["a"], "1");
        assert!(check_supported(&headers).is_ok());
        headers.insert("x-amz-meta-b", "x".repeat(2_047).parse().unwrap());
        assert_eq!(of(&headers).unwrap_err().code, "MetadataTooLarge");
        headers.insert("x-amz-server-side-encryption-customer-key", "x".parse().unwrap());
        assert_eq!(check_supported(&headers).unwrap_err().code, "NotImplemented");
    }
}

//! Digests that clients announce, in headers or in a trailer, and that must hold before an object can be seen.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use repositories::{Algorithm, ChecksumType, Received, Upload};
use wire_aws::{Opened, Xml};

use crate::call::Call;
use crate::errors::Failure;
use crate::reply::put;

const PREFIX: &str = "x-amz-checksum-";
/// Headers that begin alike and hold no checksum.
const OTHERS: [&str; 3] = ["algorithm", "type", "mode"];

/// Bytes of each.
const ALGORITHMS: [(Algorithm, usize); 5] = [
    (Algorithm::Crc32, 4),
    (Algorithm::Crc32c, 4),
    (Algorithm::Crc64Nvme, 8),
    (Algorithm::Sha1, 20),
    (Algorithm::Sha256, 32),
];

/// What a client says about the content that it sends.
#[derive(Debug, Default)]
struct Announced {
    md5: Option<Vec<u8>>,
    checksums: BTreeMap<Algorithm, Vec<u8>>,
    /// Those that a trailer will bring.
    trailing: Vec<Algorithm>,
}

/// Content that is durable and is what the client said it is.
pub(crate) struct Verified {
    pub received: Received,
    /// Base64 by name.
    pub checksums: BTreeMap<String, String>,
}

/// The algorithm of that name, in any case, and the bytes of its checksums. Errors: `InvalidRequest`.
pub(crate) fn algorithm(name: &str) -> Result<(Algorithm, usize), Failure> {
    let found = ALGORITHMS.into_iter().find(|(known, _)| known.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        Failure::invalid_request(format!(
            "the checksum algorithm `{name}` is not supported; use crc32, crc32c, crc64nvme, sha1 or sha256"
        ))
    })
}

/// The headers that hold checksums, by the names of their algorithms.
pub(crate) fn given(headers: &HeaderMap) -> impl Iterator<Item = (&str, &HeaderValue)> {
    let named = headers.iter().filter_map(|(name, value)| Some((name.as_str().strip_prefix(PREFIX)?, value)));
    named.filter(|(name, _)| !OTHERS.contains(name))
}

/// Errors: `InvalidRequest`.
pub(crate) fn mismatch(expected: &str, found: &str) -> Failure {
    Failure::invalid_request(format!(
        "checksum type mismatch occurred, expected checksum type: {expected}, actual checksum type: {found}"
    ))
}

/// Raw bytes. Errors: `InvalidRequest`.
pub(crate) fn value(name: &str, text: &str, bytes: usize) -> Result<Vec<u8>, Failure> {
    let decoded = STANDARD.decode(text.trim()).ok().filter(|decoded| decoded.len() == bytes);
    decoded.ok_or_else(|| {
        Failure::invalid_request(format!(
            "value for {PREFIX}{name} header is invalid: it must be base64 of {bytes} bytes"
        ))
    })
}

impl Announced {
    fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut announced = Self::default();
        if let Some(md5) = headers.get("content-md5") {
            let bytes = STANDARD.decode(md5.as_bytes()).ok().filter(|bytes| bytes.len() == 16);
            let wrong = || {
                let message = "the Content-MD5 you specified is not valid: it must be base64 of 16 bytes";
                Failure::new(http::StatusCode::BAD_REQUEST, "InvalidDigest", message)
            };
            announced.md5 = Some(bytes.ok_or_else(wrong)?);
        }
        for (name, text) in given(headers) {
            let (algorithm, bytes) = algorithm(name)?;
            announced.checksums.insert(algorithm, value(name, text.to_str().unwrap_or_default(), bytes)?);
        }
        let trailer = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok()).unwrap_or_default();
        for name in trailer.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            if let Some(name) = name.strip_prefix(PREFIX) {
                announced.trailing.push(algorithm(name)?.0);
            }
        }
        Ok(announced)
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        let mut all: Vec<Algorithm> =
            self.checksums.keys().copied().chain(self.trailing.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Adds what a trailer brought.
    fn add(&mut self, trailers: Vec<(String, String)>) -> Result<(), Failure> {
        for (name, text) in trailers {
            let Some(name) = name.strip_prefix(PREFIX) else { continue };
            let (algorithm, bytes) = algorithm(name)?;
            if !self.trailing.contains(&algorithm) {
                return Err(Failure::invalid_request(format!(
                    "the trailer {PREFIX}{name} was not announced"
                )));
            }
            self.checksums.insert(algorithm, value(name, &text, bytes)?);
        }
        Ok(())
    }

    /// Errors: `BadDigest`.
    fn verify(&self, received: &Received) -> Result<BTreeMap<String, String>, Failure> {
        if self.md5.as_deref().is_some_and(|md5| received.md5.is_none_or(|found| md5 != found)) {
            return Err(Failure::bad_digest("Content-MD5"));
        }
        let mut checked = BTreeMap::new();
        for (algorithm, announced) in &self.checksums {
            let name = algorithm.name();
            if received.checksums.get(algorithm) != Some(announced) {
                return Err(Failure::bad_digest(&name.to_uppercase()));
            }
            checked.insert(name.to_owned(), STANDARD.encode(announced));
        }
        Ok(checked)
    }
}

/// Takes the body of a request into the store and holds it against all that the request says about it. `upload`: what it
/// is a part of.
///
/// Errors: what the signature, the encoding, a digest or the length of the body breaks; another algorithm than that of the
/// upload. Nothing points to the content then.
pub(crate) async fn receive(call: &mut Call, upload: Option<&Upload>) -> Result<Verified, Failure> {
    let mut announced = Announced::of(call.headers())?;
    let mut algorithms = announced.algorithms();
    if let Some(upload) = upload {
        let own = upload.algorithm();
        let has_own = algorithms.contains(&own);
        if let (Some(first), true, false) = (algorithms.first(), upload.checksum.is_some(), has_own) {
            return Err(mismatch(own.name(), first.name()));
        }
        if !has_own {
            algorithms.push(own);
        }
    }
    let Opened { content, arrived, size } = call.open()?;
    let content = content.map(|piece| piece.map_err(|e| repositories::Error::Body(e.to_string())));
    let received = call.repositories().receive(content.boxed(), &algorithms).await;
    let received = match (received, arrived.error()) {
        (Ok(received), None) => received,
        (_, Some(error)) => return Err(error.into()),
        (Err(error), None) => return Err(error.into()),
    };
    if let Some(size) = size.filter(|size| *size != received.size) {
        return Err(wire_aws::Error::Length { announced: size, found: received.size }.into());
    }
    announced.add(arrived.finish(&received.sha256)?)?;
    let checksums = announced.verify(&received)?;
    Ok(Verified { received, checksums })
}

/// The headers that tell a client which checksums hold.
pub(crate) fn tell(headers: &mut HeaderMap, checksums: &BTreeMap<String, String>) {
    for (name, value) in checksums {
        if let Ok(header) = HeaderName::from_bytes(format!("{PREFIX}{name}").as_bytes()) {
            put(headers, header, value);
        }
    }
    if let Some(of) = type_of(checksums) {
        put(headers, HeaderName::from_static("x-amz-checksum-type"), of);
    }
}

/// What the checksums of an object are of.
pub(crate) fn type_of(checksums: &BTreeMap<String, String>) -> Option<&'static str> {
    checksums.values().next().map(|value| ChecksumType::of(value).name())
}

/// The same as elements of a document.
pub(crate) fn list<'a>(xml: &mut Xml, checksums: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (name, value) in checksums {
        xml.text(&format!("Checksum{}", name.to_uppercase()), value);
    }
}

/// Whether a reader wants to be told.
pub(crate) fn are_asked(call: &Call) -> bool {
    call.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(headers: &[(&str, &str)]) -> Result<Announced, Failure> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        Announced::of(&map)
    }

    #[test]
    fn headers_and_trailers_announce_checksums() {
        let found = announced(&[
            ("x-amz-checksum-crc32", "NjowIA=="),
            ("x-amz-sdk-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-mode", "ENABLED"),
            ("x-amz-trailer", "x-amz-checksum-sha256, x-amz-checksum-crc64nvme"),
        ]);
        let mut found = found.unwrap();
        assert_eq!(found.algorithms(), [Algorithm::Crc32, Algorithm::Crc64Nvme, Algorithm::Sha256]);
        found.add(vec![("x-amz-checksum-crc64nvme".into(), "mn+n1gx+BKQ=".into())]).unwrap();
        assert_eq!(found.checksums[&Algorithm::Crc64Nvme].len(), 8);
        assert!(found.add(vec![("x-amz-checksum-sha1".into(), "x".into())]).is_err());
    }

    #[test]
    fn what_cannot_be_a_checksum_is_refused() {
        for (headers, code) in [
            ([("x-amz-checksum-crc32", "NjowIA")], "InvalidRequest"),
            ([("x-amz-checksum-crc32", "NjowIAAA")], "InvalidRequest"),
            ([("x-amz-checksum-md6", "NjowIA==")], "InvalidRequest"),
            ([("x-amz-trailer", "x-amz-checksum-md6")], "InvalidRequest"),
            ([("content-md5", "NjowIA==")], "InvalidDigest"),
        ] {
            assert_eq!(announced(&headers).unwrap_err().code, code, "{headers:?}");
        }
    }
}

//! What a client says of an object of parts: when it begins the upload, and when it completes it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use repositories::{Algorithm, Announced, ChecksumType, Completion, Error, NamedPart, Upload};
use wire_aws::Node;

use crate::checksums::{algorithm, given, mismatch, value};
use crate::conditions;
use crate::errors::Failure;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default().trim())
}

/// Errors: `InvalidRequest`.
fn type_in(headers: &HeaderMap) -> Result<Option<ChecksumType>, Failure> {
    let Some(text) = text(headers, "x-amz-checksum-type") else { return Ok(None) };
    let found = text.to_ascii_uppercase().parse().ok();
    found.map(Some).ok_or_else(|| Failure::invalid_request("value for x-amz-checksum-type header is invalid"))
}

/// Errors: `InvalidRequest` if there is no such checksum.
fn check(algorithm: Algorithm, of: ChecksumType) -> Result<(), Failure> {
    if algorithm.allows(of) {
        return Ok(());
    }
    Err(Failure::invalid_request(format!(
        "the {} checksum type cannot be used with the {} checksum algorithm",
        of.name(),
        algorithm.name()
    )))
}

/// The checksum that the object is to have. Errors: `InvalidRequest`.
pub(crate) fn begun(headers: &HeaderMap) -> Result<Option<(Algorithm, ChecksumType)>, Failure> {
    let of = type_in(headers)?;
    let Some(name) = text(headers, "x-amz-checksum-algorithm") else {
        return match of {
            None => Ok(None),
            Some(_) => Err(Failure::invalid_request(
                "the x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header",
            )),
        };
    };
    let (algorithm, _) = algorithm(name)?;
    let default = match algorithm {
        Algorithm::Crc64Nvme => ChecksumType::FullObject,
        _ => ChecksumType::Composite,
    };
    let of = of.unwrap_or(default);
    check(algorithm, of)?;
    Ok(Some((algorithm, of)))
}

/// Errors: `MalformedXML`, `InvalidPartOrder`, and those of [`announced`]; `InvalidRequest` for a size that is none.
pub(crate) fn of(request: &Node, headers: &HeaderMap, upload: &Upload) -> Result<Completion, Failure> {
    let size = match text(headers, "x-amz-mp-object-size").map(str::parse) {
        None => None,
        Some(Ok(size)) => Some(size),
        Some(Err(_)) => {
            return Err(Failure::invalid_request("value for x-amz-mp-object-size header is invalid"));
        }
    };
    let checksum = announced(headers, upload)?;
    Ok(Completion { parts: parts(request)?, size, checksum, condition: conditions::of_write(headers) })
}

/// The checksum that the request expects of the object. The digests of the request's own body are no headers of it.
///
/// Errors: `BadDigest` for another type than the upload's; `InvalidRequest` for another algorithm, and for none.
fn announced(headers: &HeaderMap, upload: &Upload) -> Result<Option<Announced>, Failure> {
    let of = type_in(headers)?;
    if let (Some(of), Some((_, begun))) = (of, upload.checksum)
        && of != begun
    {
        let message = format!(
            "the upload was created using the {} checksum mode; the complete request must use the same checksum mode",
            begun.name()
        );
        return Err(Failure::new(StatusCode::BAD_REQUEST, "BadDigest", message));
    }
    let mut all = given(headers);
    let Some((name, text)) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Failure::invalid_request(
            "expecting a single x-amz-checksum- header; multiple checksum types are not allowed",
        ));
    }
    let (algorithm, bytes) = algorithm(name)?;
    if let Some((begun, _)) = upload.checksum.filter(|(begun, _)| *begun != algorithm) {
        return Err(mismatch(begun.name(), algorithm.name()));
    }
    let text = text.to_str().unwrap_or_default().trim();
    let (bare, parts) = match text.split_once('-') {
        Some((bare, parts)) => (bare, Some(parts)),
        None => (text, None),
    };
    let is_composite = parts.is_some() || !algorithm.allows(ChecksumType::FullObject);
    let guessed = if is_composite { ChecksumType::Composite } else { ChecksumType::FullObject };
    let of = upload.checksum.map(|(_, begun)| begun).or(of).unwrap_or(guessed);
    check(algorithm, of)?;
    // The number of parts has no place in a checksum of all bytes.
    let bare = if of == ChecksumType::Composite { bare } else { text };
    let mut value = STANDARD.encode(value(name, bare, bytes)?);
    if let (Some(parts), ChecksumType::Composite) = (parts, of) {
        value.push('-');
        value.push_str(parts);
    }
    Ok(Some(Announced { algorithm, of, value }))
}

/// Errors: `MalformedXML`; `InvalidPartOrder`; `InvalidPart` for a checksum that is none.
fn parts(request: &Node) -> Result<Vec<NamedPart>, Failure> {
    let bad = |what: &str| Failure::malformed_xml(what);
    let mut parts: Vec<NamedPart> = Vec::new();
    for part in request.all("Part") {
        let number = part.text_of("PartNumber").and_then(|n| n.trim().parse().ok());
        let number: u32 = number.ok_or_else(|| bad("a Part has no PartNumber"))?;
        let etag = part.text_of("ETag").ok_or_else(|| bad("a Part has no ETag"))?;
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(Error::PartOrder.into());
        }
        let etag = etag.trim().trim_matches('"').to_owned();
        parts.push(NamedPart { number, etag, checksums: checksums(part, number)? });
    }
    if request.name != "CompleteMultipartUpload" || parts.is_empty() {
        return Err(bad("the body must be a CompleteMultipartUpload with at least one Part"));
    }
    Ok(parts)
}

fn checksums(part: &Node, number: u32) -> Result<BTreeMap<Algorithm, Vec<u8>>, Failure> {
    let mut checksums = BTreeMap::new();
    for child in part.children.iter().filter(|child| !child.text.trim().is_empty()) {
        let Some(name) = child.name.strip_prefix("Checksum") else { continue };
        let (algorithm, bytes) = algorithm(name)?;
        let value = value(name, &child.text, bytes).map_err(|_| Error::BadPart { number })?;
        checksums.insert(algorithm, value);
    }
    Ok(checksums)
}

#[cfg(test)]
mod tests {
    use types::Timestamp;

    use super::*;

    const SHA256: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn upload(checksum: Option<(Algorithm, ChecksumType)>) -> Upload {
        Upload {
            id: "1".into(),
            repository: "data".into(),
            branch: "main".into(),
            path: "a".into(),
            content_type: None,
            metadata: Default::default(),
            headers: Default::default(),
            checksum,
            started_at: Timestamp(0),
        }
    }

    #[test]
    fn an_upload_begins_with_the_type_that_its_algorithm_allows() {
        use ChecksumType::{Composite, FullObject};
        let of =
            |pairs: &[(&'static str, &'static str)]| begun(&headers(pairs)).map_err(|failure| failure.code);
        assert_eq!(of(&[]), Ok(None));
        for (algorithm, of_type, expected) in [
            ("CRC32", None, Some((Algorithm::Crc32, Composite))),
            ("crc32c", Some("FULL_OBJECT"), Some((Algorithm::Crc32c, FullObject))),
            ("CRC64NVME", None, Some((Algorithm::Crc64Nvme, FullObject))),
            ("CRC64NVME", Some("COMPOSITE"), None),
            ("SHA1", Some("COMPOSITE"), Some((Algorithm::Sha1, Composite))),
            ("SHA256", Some("FULL_OBJECT"), None),
            ("CRC32", Some("WHOLE"), None),
            ("XXHASH64", None, None),
        ] {
            let mut pairs = vec![("x-amz-checksum-algorithm", algorithm)];
            pairs.extend(of_type.map(|of| ("x-amz-checksum-type", of)));
            assert_eq!(of(&pairs), expected.map(Some).ok_or("InvalidRequest"), "{pairs:?}");
        }
        assert_eq!(of(&[("x-amz-checksum-type", "COMPOSITE")]), Err("InvalidRequest"));
    }

    #[test]
    fn what_completes_an_upload_must_fit_what_began_it() {
        use ChecksumType::{Composite, FullObject};
        let crc = ("x-amz-checksum-crc32", "NhCmhg==");
        let sha = ("x-amz-checksum-sha256", SHA256);
        let (full, composite) =
            (("x-amz-checksum-type", "FULL_OBJECT"), ("x-amz-checksum-type", "COMPOSITE"));
        let counted = ("x-amz-checksum-crc32", "NhCmhg==-2");
        let of_parts = Some((Algorithm::Crc32, Composite));
        let of_whole = Some((Algorithm::Crc32, FullObject));
        type Case<'a> = (Option<(Algorithm, ChecksumType)>, &'a [(&'static str, &'static str)], &'a str);
        let cases: [Case<'_>; 15] = [
            (None, &[], "none"),
            (None, &[crc], "crc32 FULL_OBJECT NhCmhg=="),
            (None, &[counted], "crc32 COMPOSITE NhCmhg==-2"),
            (None, &[crc, composite], "crc32 COMPOSITE NhCmhg=="),
            (None, &[sha], "sha256 COMPOSITE 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            (None, &[sha, full], "InvalidRequest"),
            (None, &[crc, sha], "InvalidRequest"),
            (None, &[("x-amz-checksum-crc64nvme", "NhCmhg==")], "InvalidRequest"),
            (of_parts, &[full], "BadDigest"),
            (of_parts, &[sha], "InvalidRequest"),
            (of_parts, &[crc], "crc32 COMPOSITE NhCmhg=="),
            (of_parts, &[counted, composite], "crc32 COMPOSITE NhCmhg==-2"),
            (of_whole, &[crc, full], "crc32 FULL_OBJECT NhCmhg=="),
            (of_whole, &[counted], "InvalidRequest"),
            (of_whole, &[crc, composite], "BadDigest"),
        ];
        for (begun, pairs, expected) in cases {
            let found = match announced(&headers(pairs), &upload(begun)) {
                Ok(None) => "none".to_owned(),
                Ok(Some(found)) => format!("{} {} {}", found.algorithm.name(), found.of.name(), found.value),
                Err(failure) => failure.code.to_owned(),
            };
            assert_eq!(found, expected, "{begun:?} {pairs:?}");
        }
    }

    #[test]
    fn parts_are_named_by_number_etag_and_checksum() {
        let parts = |inside: &str| {
            let text = format!("<CompleteMultipartUpload>{inside}</CompleteMultipartUpload>");
            let found =
                Node::parse(text.as_bytes()).map_err(Failure::from).and_then(|node| super::parts(&node));
            found.map_err(|failure| failure.code)
        };
        let part = "<PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag>";
        let found =
            parts(&format!("<Part>{part}<ChecksumCRC32>NhCmhg==</ChecksumCRC32><ChecksumSHA1/></Part>"));
        let found = found.unwrap();
        assert_eq!((found[0].number, found[0].etag.as_str()), (1, "a"));
        assert_eq!(found[0].checksums, BTreeMap::from([(Algorithm::Crc32, vec![0x36, 0x10, 0xA6, 0x86])]));
        for (inside, code) in [
            (String::new(), "MalformedXML"),
            ("<Part><PartNumber>1</PartNumber></Part>".to_owned(), "MalformedXML"),
            (format!("<Part>{part}</Part><Part>{part}</Part>"), "InvalidPartOrder"),
            (format!("<Part>{part}<ChecksumCRC32>x</ChecksumCRC32></Part>"), "InvalidPart"),
            (format!("<Part>{part}<ChecksumMD9>x</ChecksumMD9></Part>"), "InvalidRequest"),
        ] {
            assert_eq!(parts(&inside).unwrap_err(), code, "{inside}");
        }
        let sized = |size| of(&Node::default(), &headers(&[("x-amz-mp-object-size", size)]), &upload(None));
        assert_eq!(sized("-1").unwrap_err().code, "InvalidRequest");
        assert_eq!(sized("1").unwrap_err().code, "MalformedXML");
    }
}

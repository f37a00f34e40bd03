//! Which key signed a request, in whichever of the four ways.

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use types::Timestamp;

use crate::v2::V2;
use crate::v4::V4;
use crate::{Error, Payload, Query};

/// What a request says about its signature; nothing of it is proven before [`Signature::verify`].
#[derive(Clone, Debug)]
pub struct Signature(Version);

#[derive(Clone, Debug)]
enum Version {
    V4(V4),
    V2(V2),
}

impl Signature {
    /// `None` if the request is not signed by AWS's rules.
    ///
    /// Errors: `BadHeader`, `BadParameters`, `Algorithm` if it is, but wrongly.
    pub fn of(parts: &Parts, query: &Query) -> Option<Result<Self, Error>> {
        let header = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        if let Some(header) = header {
            if header.starts_with("AWS4-") {
                return Some(V4::of_header(header, &parts.headers).map(|v4| Self(Version::V4(v4))));
            }
            if let Some(rest) = header.strip_prefix("AWS ") {
                return Some(V2::of_header(rest, &parts.headers).map(|v2| Self(Version::V2(v2))));
            }
        }
        if query.has("X-Amz-Algorithm") || query.has("X-Amz-Credential") {
            return Some(V4::of_query(query).map(|v4| Self(Version::V4(v4))));
        }
        if query.has("AWSAccessKeyId") && query.has("Signature") {
            return Some(V2::of_query(query).map(|v2| Self(Version::V2(v2))));
        }
        None
    }

    /// A cheap look at a request that may belong to another protocol: whether [`Signature::of`] would find one.
    pub fn is_on(parts: &Parts) -> bool {
        let in_header = parts.headers.get(AUTHORIZATION).is_some_and(|value| {
            let value = value.as_bytes();
            value.starts_with(b"AWS4-") || value.starts_with(b"AWS ")
        });
        let query = parts.uri.query().unwrap_or_default();
        in_header
            || query.contains("X-Amz-Credential=")
            || query.contains("X-Amz-Algorithm=")
            || (query.contains("AWSAccessKeyId=") && query.contains("Signature="))
    }

    /// The AWS service that the request is signed for.
    pub fn service(&self) -> &str {
        match &self.0 {
            Version::V4(v4) => v4.service(),
            Version::V2(_) => "s3",
        }
    }

    /// A cheap look at the service that a request's `Authorization` header is signed for; `None` if it says none.
    pub fn service_on(parts: &Parts) -> Option<&str> {
        let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let credential = header.split_once("Credential=")?.1;
        credential.split(',').next()?.trim().rsplit('/').nth(1)
    }

    /// As [`Signature::verify`], for a service other than S3, whose signatures cover the whole body.
    ///
    /// Errors: `Mismatch`, `Skewed`, `Expired`, `HeaderNotSigned`; `BadHeader` for signatures of version 2.
    pub fn verify_body(
        &self,
        parts: &Parts,
        query: &Query,
        body: &[u8],
        secret: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        match &self.0 {
            Version::V4(v4) => v4.verify_body(parts, query, body, secret, now),
            Version::V2(_) => Err(Error::BadHeader("only signatures of version 4 are taken".into())),
        }
    }

    pub fn key_id(&self) -> &str {
        match &self.0 {
            Version::V4(v4) => &v4.key_id,
            Version::V2(v2) => &v2.key_id,
        }
    }

    /// Holds the request against the key's secret; what it says about its body comes back.
    ///
    /// `bucket` is the one that the host names, if the host names one (version 2 signs it as part of the path).
    ///
    /// Errors: `Mismatch`, `Skewed`, `Expired`, `HeaderNotSigned`; `PayloadKind` and `MissingHeader` if the request does
    /// not say which body it signs.
    pub fn verify(
        &self,
        parts: &Parts,
        query: &Query,
        bucket: Option<&str>,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<Payload, Error> {
        match &self.0 {
            Version::V4(v4) => v4.verify(parts, query, secret, now),
            Version::V2(v2) => v2.verify(parts, query, bucket, secret, now),
        }
    }
}

/// The host that the request was sent to, with its port; of HTTP/2 requests, which have it elsewhere, too.
pub fn host(parts: &Parts) -> &str {
    match parts.headers.get(HOST) {
        Some(host) => host.to_str().unwrap_or_default(),
        None => parts.uri.authority().map_or("", http::uri::Authority::as_str),
    }
}

/// Compares all bytes, so that timing does not tell where two signatures differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    a.len() == b.len() && a.iter().zip(b).fold(0, |bits, (x, y)| bits | (x ^ y)) == 0
}

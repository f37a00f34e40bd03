//! Signature version 4: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>

use http::HeaderMap;
use http::request::Parts;
use types::{Digest, Timestamp};
use vault::hmac_sha256;

use crate::encode::{canonical_path, encode_path};
use crate::signature::{host, same};
use crate::{Error, Payload, Query};

/// The one service with rules of its own.
const S3: &str = "s3";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Seconds that a request's time may be away from the server's.
pub(crate) const SKEW: i64 = 15 * 60;
/// Seconds that an address may be valid.
const LONGEST: i64 = 7 * 24 * 3600;

#[derive(Clone, Debug)]
pub(crate) struct V4 {
    pub key_id: String,
    scope: Scope,
    /// `YYYYMMDDThhmmssZ`.
    timestamp: String,
    /// Lower case, as the request lists them.
    signed: Vec<String>,
    signature: String,
    /// Of an address: for how many seconds it is valid.
    expires: Option<i64>,
}

#[derive(Clone, Debug)]
struct Scope {
    date: String,
    region: String,
    service: String,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

impl V4 {
    pub fn of_header(header: &str, headers: &HeaderMap) -> Result<Self, Error> {
        let bad = |what: &str| Error::BadHeader(what.to_owned());
        let (algorithm, rest) = header.split_once(' ').ok_or_else(|| bad("it ends after the algorithm"))?;
        if algorithm != ALGORITHM {
            return Err(Error::Algorithm(algorithm.to_owned()));
        }
        let field = |name: &str| {
            let mut pairs = rest.split(',').filter_map(|pair| pair.trim().split_once('='));
            let found = pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned());
            found.ok_or_else(|| bad(&format!("{name} is missing")))
        };
        let (key_id, scope) = credential(&field("Credential")?).map_err(|e| bad(&e))?;
        let timestamp = match headers.get("x-amz-date").or_else(|| headers.get("date")) {
            Some(date) => basic_date(date.to_str().unwrap_or_default())
                .ok_or_else(|| bad("x-amz-date is no date such as 20260131T120000Z"))?,
            None => return Err(Error::MissingHeader("x-amz-date")),
        };
        let signed = signed_headers(&field("SignedHeaders")?).map_err(|e| bad(&e))?;
        let made = Self { key_id, scope, timestamp, signed, signature: field("Signature")?, expires: None };
        if !made.timestamp.starts_with(&made.scope.date) {
            return Err(bad("the date of the credential scope is another one than that of x-amz-date"));
        }
        Ok(made)
    }

    pub fn of_query(query: &Query) -> Result<Self, Error> {
        let bad = |what: &str| Error::BadParameters(what.to_owned());
        let field =
            |name: &str| query.get(name).ok_or_else(|| bad(&format!("{name} is missing"))).map(str::to_owned);
        let algorithm = field("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(Error::Algorithm(algorithm));
        }
        let (key_id, scope) = credential(&field("X-Amz-Credential")?).map_err(|e| bad(&e))?;
        let timestamp = field("X-Amz-Date")?;
        if !timestamp.starts_with(&scope.date) || parse_basic(&timestamp).is_none() {
            return Err(bad(
                "X-Amz-Date is no date such as 20260131T120000Z, or another one than the credential's",
            ));
        }
        let expires: i64 =
            field("X-Amz-Expires")?.parse().map_err(|_| bad("X-Amz-Expires is not a number of seconds"))?;
        if !(1..=LONGEST).contains(&expires) {
            return Err(bad("X-Amz-Expires must be between 1 and 604800 seconds (7 days)"));
        }
        let signed = signed_headers(&field("X-Amz-SignedHeaders")?).map_err(|e| bad(&e))?;
        let signature = field("X-Amz-Signature")?;
        Ok(Self { key_id, scope, timestamp, signed, signature, expires: Some(expires) })
    }

    pub fn verify(
        &self,
        parts: &Parts,
        query: &Query,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<Payload, Error> {
        if self.scope.service != S3 {
            let service = &self.scope.service;
            return Err(Error::BadHeader(format!("the credential is for the service `{service}`, not s3")));
        }
        self.check_time(now)?;
        self.check_headers(&parts.headers)?;
        let kind = self.payload_kind(parts, query)?;
        let key = self.signing_key(secret);
        let canonical_query = query.canonical("X-Amz-Signature");
        let mut tried = None;
        for path in paths(parts.uri.path()) {
            for name in hosts(parts) {
                let canonical = self.canonical_request(parts, &path, &canonical_query, name, &kind);
                let to_sign = format!(
                    "{ALGORITHM}\n{}\n{}\n{}",
                    self.timestamp,
                    self.scope,
                    Digest::of(&canonical).hex()
                );
                if same(&hex::encode(hmac_sha256(&key, to_sign.as_bytes())), &self.signature) {
                    return Payload::of_kind(&kind, || ChunkSigner {
                        key,
                        timestamp: self.timestamp.clone(),
                        scope: self.scope.to_string(),
                        previous: self.signature.clone(),
                    });
                }
                tried.get_or_insert((to_sign, canonical));
            }
        }
        let (string_to_sign, canonical_request) = tried.unwrap_or_default();
        Err(Error::Mismatch { string_to_sign, canonical_request })
    }

    pub fn service(&self) -> &str {
        &self.scope.service
    }

    /// Of any service but S3: those sign the whole body, and encode the path twice.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
    pub fn verify_body(
        &self,
        parts: &Parts,
        query: &Query,
        body: &[u8],
        secret: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        self.check_time(now)?;
        self.check_headers(&parts.headers)?;
        let hash = Digest::of(body).hex();
        let said = parts.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
        if said.is_some_and(|said| said != hash) {
            return Err(Error::BadHeader("x-amz-content-sha256 is not the SHA-256 of the body".into()));
        }
        let key = self.signing_key(secret);
        let canonical_query = query.canonical("X-Amz-Signature");
        let (mut tried, wire) = (None, parts.uri.path());
        let twice = canonical_path(wire).map(encode_path);
        for path in twice.into_iter().chain(paths(wire)) {
            for name in hosts(parts) {
                let canonical = self.canonical_request(parts, &path, &canonical_query, name, &hash);
                let digest = Digest::of(&canonical).hex();
                let to_sign = format!("{ALGORITHM}\n{}\n{}\n{digest}", self.timestamp, self.scope);
                if same(&hex::encode(hmac_sha256(&key, to_sign.as_bytes())), &self.signature) {
                    return Ok(());
                }
                tried.get_or_insert((to_sign, canonical));
            }
        }
        let (string_to_sign, canonical_request) = tried.unwrap_or_default();
        Err(Error::Mismatch { string_to_sign, canonical_request })
    }

    fn check_time(&self, now: Timestamp) -> Result<(), Error> {
        let at = parse_basic(&self.timestamp).unwrap_or_default();
        let away = (now.0 - at.0) / 1_000_000;
        let skewed = || Error::Skewed {
            request: at.rfc3339(),
            server: Timestamp::from_millis(now.millis()).rfc3339(),
        };
        match self.expires {
            None if away.abs() > SKEW => Err(skewed()),
            Some(_) if away < -SKEW => Err(skewed()),
            Some(expires) if away > expires => {
                Err(Error::Expired { until: at.plus_seconds(expires).rfc3339(), server: now.rfc3339() })
            }
            _ => Ok(()),
        }
    }

    /// What changes the meaning of a request must be signed: somebody in between could add it otherwise.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Error> {
        if !self.signed.iter().any(|name| name == "host") {
            return Err(Error::HeaderNotSigned("host".into()));
        }
        for name in headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-")) {
            // Of an address, the hash is a part of what is signed even where the header is not listed.
            let exempt = self.expires.is_some() && name == "x-amz-content-sha256";
            if !exempt && !self.signed.iter().any(|signed| signed == name) {
                return Err(Error::HeaderNotSigned(name.to_owned()));
            }
        }
        Ok(())
    }

    fn payload_kind(&self, parts: &Parts, query: &Query) -> Result<String, Error> {
        const NAME: &str = "x-amz-content-sha256";
        let header = parts.headers.get(NAME).map(|value| value.to_str().unwrap_or_default().to_owned());
        match self.expires {
            None => header.ok_or(Error::MissingHeader(NAME)),
            Some(_) => {
                let parameter = query.pairs().find(|(name, _)| name.eq_ignore_ascii_case(NAME));
                let said = parameter.map(|(_, value)| value.to_owned()).or(header);
                Ok(said.unwrap_or_else(|| "UNSIGNED-PAYLOAD".to_owned()))
            }
        }
    }

    fn signing_key(&self, secret: &[u8]) -> [u8; 32] {
        let date = hmac_sha256(&[b"AWS4", secret].concat(), self.scope.date.as_bytes());
        let region = hmac_sha256(&date, self.scope.region.as_bytes());
        let service = hmac_sha256(&region, self.scope.service.as_bytes());
        hmac_sha256(&service, b"aws4_request")
    }

    fn canonical_request(&self, parts: &Parts, path: &str, query: &str, host: &str, kind: &str) -> String {
        let mut text = format!("{}\n{path}\n{query}\n", parts.method);
        for name in &self.signed {
            text.push_str(name);
            text.push(':');
            if name == "host" {
                text.push_str(host.trim());
            } else {
                push_values(&mut text, &parts.headers, name);
            }
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.signed.join(";"));
        text.push('\n');
        text.push_str(kind);
        text
    }
}

/// Values of one name, joined by commas; runs of white space count as one space.
fn push_values(text: &mut String, headers: &HeaderMap, name: &str) {
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        for (index, word) in value.split_ascii_whitespace().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
}

/// The forms of the path that clients sign: the canonical one, the one on the wire, and the canonical one with plain
/// slashes. All of them mean the same path, so that trying one after the other lets nobody in.
fn paths(wire: &str) -> Vec<String> {
    let wire = if wire.is_empty() { "/" } else { wire };
    let canonical = canonical_path(wire);
    let plain = canonical.as_ref().map(|path| path.replace("%2F", "/"));
    let mut paths: Vec<String> = canonical.into_iter().chain([wire.to_owned()]).chain(plain).collect();
    paths.dedup();
    paths
}

/// The host that the client signed: before a proxy that names its own, it is another one.
fn hosts(parts: &Parts) -> Vec<&str> {
    let forwarded = parts.headers.get("x-forwarded-host").and_then(|value| value.to_str().ok());
    [host(parts)].into_iter().chain(forwarded).collect()
}

/// `id/YYYYMMDD/region/service/aws4_request`; an id may hold slashes.
fn credential(text: &str) -> Result<(String, Scope), String> {
    let mut from_end = text.rsplitn(5, '/');
    let (Some(end), Some(service), Some(region), Some(date), Some(id)) =
        (from_end.next(), from_end.next(), from_end.next(), from_end.next(), from_end.next())
    else {
        return Err("the credential is not ID/DATE/REGION/SERVICE/aws4_request".into());
    };
    if end != "aws4_request" {
        return Err("the credential does not end with aws4_request".into());
    }
    let scope = Scope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() };
    Ok((id.to_owned(), scope))
}

fn signed_headers(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split(';').filter(|n| !n.is_empty()).map(str::to_ascii_lowercase).collect();
    if names.is_empty() { Err("no headers are signed".into()) } else { Ok(names) }
}

/// `YYYYMMDDThhmmssZ`.
fn parse_basic(text: &str) -> Option<Timestamp> {
    let fits = text.len() == 16
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !fits {
        return None;
    }
    let part = |range: std::ops::Range<usize>| &text[range];
    Timestamp::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(9..11),
        part(11..13),
        part(13..15)
    ))
}

/// A date header in the form that is signed.
fn basic_date(text: &str) -> Option<String> {
    if parse_basic(text).is_some() {
        return Some(text.to_owned());
    }
    let seconds = crate::v2::http_date(text)?;
    Some(Timestamp::default().plus_seconds(seconds).rfc3339().replace(['-', ':'], ""))
}

/// Verifies the chunks of a streamed body, each of which signs the one before.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
#[derive(Clone)]
pub(crate) struct ChunkSigner {
    key: [u8; 32],
    timestamp: String,
    scope: String,
    previous: String,
}

impl std::fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkSigner").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl ChunkSigner {
    pub fn is_chunk(&mut self, content: &Digest, signature: &str) -> bool {
        let empty = Digest::of("").hex();
        self.is_next("AWS4-HMAC-SHA256-PAYLOAD", &format!("{empty}\n{}", content.hex()), signature)
    }

    pub fn is_trailer(&mut self, content: &Digest, signature: &str) -> bool {
        self.is_next("AWS4-HMAC-SHA256-TRAILER", &content.hex(), signature)
    }

    fn is_next(&mut self, algorithm: &str, what: &str, signature: &str) -> bool {
        let to_sign = format!("{algorithm}\n{}\n{}\n{}\n{what}", self.timestamp, self.scope, self.previous);
        self.previous = hex::encode(hmac_sha256(&self.key, to_sign.as_bytes()));
        same(&self.previous, signature)
    }
}

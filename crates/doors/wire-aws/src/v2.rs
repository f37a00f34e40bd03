//! Signature version 2: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::request::Parts;
use sha1::Sha1;
use types::Timestamp;

use crate::signature::same;
use crate::v4::SKEW;
use crate::{Error, Payload, Query};

/// The parameters that are signed.
const PARAMETERS: [&str; 35] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

#[derive(Clone, Debug)]
pub(crate) struct V2 {
    pub key_id: String,
    signature: String,
    /// Of an address: the second since 1970 at which it ends.
    expires: Option<i64>,
}

impl V2 {
    /// `rest` is what stands after `AWS `.
    pub fn of_header(rest: &str, headers: &HeaderMap) -> Result<Self, Error> {
        let (key_id, signature) = rest
            .trim()
            .rsplit_once(':')
            .ok_or_else(|| Error::BadHeader("it is not `AWS ID:SIGNATURE`".into()))?;
        if !headers.contains_key("x-amz-date") && !headers.contains_key("date") {
            return Err(Error::MissingHeader("Date"));
        }
        Ok(Self { key_id: key_id.to_owned(), signature: signature.to_owned(), expires: None })
    }

    pub fn of_query(query: &Query) -> Result<Self, Error> {
        let field = |name: &str| {
            query
                .get(name)
                .ok_or_else(|| Error::BadParameters(format!("{name} is missing")))
                .map(str::to_owned)
        };
        let expires = field("Expires")?
            .parse()
            .map_err(|_| Error::BadParameters("Expires is not a number of seconds since 1970".into()))?;
        // A client that forgot to encode the `+` of base64 sent a space.
        let signature = field("Signature")?.replace(' ', "+");
        Ok(Self { key_id: field("AWSAccessKeyId")?, signature, expires: Some(expires) })
    }

    pub fn verify(
        &self,
        parts: &Parts,
        query: &Query,
        bucket: Option<&str>,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<Payload, Error> {
        self.check_time(&parts.headers, now)?;
        let resource = format!("{}{}", bucket.map(|b| format!("/{b}")).unwrap_or_default(), parts.uri.path());
        let to_sign = self.string_to_sign(parts, query, &resource, false);
        let mut signed = self.is_signed(&to_sign, secret)?;
        // Of `?uploads=`, some sign the `=`, too; of `/bucket`, botocore signs `/bucket/`. They mean the same.
        let slashed = resource.rfind('/') == Some(0) && resource.len() > 1;
        let others = [(true, false), (false, slashed), (true, slashed)];
        for (equals, slash) in others.into_iter().filter(|(equals, slash)| *equals || *slash) {
            let resource = if slash { format!("{resource}/") } else { resource.clone() };
            signed =
                signed || self.is_signed(&self.string_to_sign(parts, query, &resource, equals), secret)?;
        }
        if !signed {
            return Err(Error::Mismatch { string_to_sign: to_sign, canonical_request: String::new() });
        }
        // Version 2 signs no body. Where a client streams it nevertheless, only the wrapping matters.
        match parts.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok()) {
            Some(kind @ "STREAMING-UNSIGNED-PAYLOAD-TRAILER") => Payload::of_unsigned(kind),
            _ => Ok(Payload::Unsigned),
        }
    }

    fn is_signed(&self, to_sign: &str, secret: &[u8]) -> Result<bool, Error> {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret)
            .map_err(|_| Error::BadHeader("the key's secret cannot be used".into()))?;
        mac.update(to_sign.as_bytes());
        Ok(same(&STANDARD.encode(mac.finalize().into_bytes()), &self.signature))
    }

    fn check_time(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Error> {
        let seconds = now.millis() / 1_000;
        let shown = |seconds: i64| Timestamp::default().plus_seconds(seconds).rfc3339();
        if let Some(expires) = self.expires {
            let valid = seconds <= expires;
            return if valid {
                Ok(())
            } else {
                Err(Error::Expired { until: shown(expires), server: shown(seconds) })
            };
        }
        let date = headers.get("x-amz-date").or_else(|| headers.get("date"));
        let date = date.and_then(|date| date.to_str().ok()).unwrap_or_default();
        let at = http_date(date).ok_or_else(|| Error::BadHeader(format!("`{date}` is no date of HTTP")))?;
        if (seconds - at).abs() > SKEW {
            return Err(Error::Skewed { request: shown(at), server: shown(seconds) });
        }
        Ok(())
    }

    fn string_to_sign(&self, parts: &Parts, query: &Query, resource: &str, equals: bool) -> String {
        let headers = &parts.headers;
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let date = match self.expires {
            Some(expires) => expires.to_string(),
            None if headers.contains_key("x-amz-date") => String::new(),
            None => header("date").to_owned(),
        };
        let mut text =
            format!("{}\n{}\n{}\n{date}\n", parts.method, header("content-md5"), header("content-type"));
        let mut amz = BTreeMap::new();
        for name in headers.keys().map(http::HeaderName::as_str).filter(|n| n.starts_with("x-amz-")) {
            let values = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()));
            let values: Vec<String> = values.map(|v| v.trim().to_owned()).collect();
            amz.insert(name, values.join(","));
        }
        for (name, value) in amz {
            text.push_str(&format!("{name}:{value}\n"));
        }
        text.push_str(resource);
        text.push_str(&signed_parameters(query, equals));
        text
    }
}

/// `?name&name=value`, sorted by name; values as they are meant, not as they were encoded. `equals`: also of a name
/// without a value.
fn signed_parameters(query: &Query, equals: bool) -> String {
    let mut pairs: Vec<(&str, &str)> = query.pairs().filter(|(name, _)| PARAMETERS.contains(name)).collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| match value.is_empty() && !equals {
            true => name.to_owned(),
            false => format!("{name}={value}"),
        })
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Seconds since 1970.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    // RFC 2822 writes the same zone in another way, and AWS's own examples do.
    let text = text.strip_suffix("+0000").map_or_else(|| text.to_owned(), |date| format!("{date}GMT"));
    let time = httpdate::parse_http_date(&text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

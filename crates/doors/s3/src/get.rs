//! GetObject and HeadObject. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use std::collections::BTreeMap;
use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use futures::TryStreamExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use repositories::{Object, Opened, Physical};
use types::{Digest, Level};

use crate::call::Call;
use crate::errors::Failure;
use crate::keys::Key;
use crate::reply::{empty, http_date, put, quoted};
use crate::{checksums, conditions, metadata, range};

/// Parameters that replace headers of the answer.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-expires", header::EXPIRES),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
];

pub(crate) async fn object(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Read)?;
    let of = Key::of(key)?;
    let mut seen = None;
    let object = if of.path.is_empty() && key.ends_with('/') {
        marker(&call, bucket, of.reference, key).await?
    } else if of.path.is_empty() {
        // So that a bucket that does not exist is told from a key that does not.
        call.repositories().repository(&call.actor, bucket).await?;
        return Err(Failure::no_such_key(key));
    } else {
        let found = call.repositories().look(&call.actor, bucket, of.reference, of.path).await;
        let (object, at) = found.map_err(|e| Failure::of_read(e, key))?;
        seen = Some(at);
        object
    };
    conditions::check_read(call.headers(), &object)?;
    let part = part(&call, &object)?;
    let range = match &part {
        Some((range, _)) => Some(range.clone()),
        None => range::parse(call.header("range"), object.size)?,
    };
    let length = range.as_ref().map_or(object.size, |range| range.end - range.start);
    let mut response = if call.parts.method == Method::HEAD || length == 0 {
        empty(StatusCode::OK)
    } else {
        let Opened { body, .. } = call.repositories().read(&object, range.clone()).await?;
        if let Some((reader, seen)) = kit::reader(call.headers()).zip(seen) {
            call.repositories().note_read(&call.actor, &reader, seen).await;
        }
        Response::new(Body::from_stream(body.inspect_err(|error| {
            // The head is out: all that is left is to cut the connection.
            tracing::error!(%error, "an object could not be read to its end");
        })))
    };
    describe(&mut response, &call, &object, range.as_ref());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some((_, count)) = part {
        response.headers_mut().insert("x-amz-mp-parts-count", HeaderValue::from(count));
    }
    Ok(response)
}

fn describe(response: &mut Response, call: &Call, object: &Object, range: Option<&Range<u64>>) {
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = response.headers_mut();
    put(headers, header::ETAG, &quoted(&object.etag));
    put(headers, header::LAST_MODIFIED, &http_date(object.modified_at));
    put(headers, header::ACCEPT_RANGES, "bytes");
    put(headers, header::CONTENT_TYPE, object.content_type.as_deref().unwrap_or("binary/octet-stream"));
    metadata::tell(headers, &object.metadata);
    metadata::tell_kept(headers, &object.headers);
    match range {
        Some(range) => {
            let text = format!("bytes {}-{}/{}", range.start, range.end - 1, object.size);
            put(headers, header::CONTENT_RANGE, &text);
        }
        // Of the whole object, so that clients hold no part of it against them.
        None if checksums::are_asked(call) => checksums::tell(headers, &object.checksums),
        None => {}
    }
    for (parameter, name) in OVERRIDES {
        if let Some(value) = call.query.get(parameter) {
            put(headers, name, value);
        }
    }
}

/// The range of the part that the request asks for, and how many parts there are.
fn part(call: &Call, object: &Object) -> Result<Option<(Range<u64>, usize)>, Failure> {
    let Some(number) = call.query.get("partNumber") else { return Ok(None) };
    let number: usize =
        number.parse().ok().filter(|n| (1..=10_000).contains(n)).ok_or_else(|| {
            Failure::invalid("part number must be an integer between 1 and 10000, inclusive")
        })?;
    let sizes: Vec<u64> = match &object.physical {
        Physical::Parts(parts) => parts.iter().map(|(_, size)| *size).collect(),
        _ => vec![object.size],
    };
    let Some(size) = sizes.get(number - 1) else {
        let message = "the requested part number is not satisfiable";
        return Err(Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidPartNumber", message));
    };
    let start: u64 = sizes[..number - 1].iter().sum();
    // An empty object has one part, which is no range.
    Ok((*size > 0).then(|| (start..start + size, sizes.len())))
}

/// What stands for the folder of a ref.
async fn marker(call: &Call, bucket: &str, reference: &str, key: &str) -> Result<Object, Failure> {
    let found = call.repositories().resolve(&call.actor, bucket, reference).await;
    found.map_err(|e| Failure::of_read(e, key))?;
    Ok(Object {
        physical: Physical::Blob(Digest::of("")),
        size: 0,
        etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        modified_at: call.now(),
        content_type: Some("application/x-directory".to_owned()),
        metadata: BTreeMap::new(),
        checksums: BTreeMap::new(),
        headers: BTreeMap::new(),
    })
}

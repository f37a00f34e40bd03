//! From a request to its operation.

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Version, header};
use wire_aws::{Query, Signature, host};

use crate::call::{Call, Unread};
use crate::errors::Failure;
use crate::keys::{Place, bucket_of_host};
use crate::reply::{REQUEST_ID, failed, put};
use crate::{S3, attributes, buckets, copy, delete, get, list, multipart};

/// Parameters that ask for something that there is not: access lists, tags, settings of buckets, versions.
const UNSUPPORTED: [&str; 29] = [
    "accelerate",
    "acl",
    "analytics",
    "append",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "versions",
    "session",
    "website",
];

pub(crate) async fn answer(s3: &S3, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let id = types::new_id(s3.0.clock.now()).hex();
    let (resource, is_head) = (parts.uri.path().to_owned(), parts.method == Method::HEAD);
    // Whoever waits for `100 Continue` has not begun to send.
    let waits = parts.headers.contains_key(header::EXPECT);
    let is_empty = parts.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    let is_http1 = parts.version < Version::HTTP_2;
    let body = Unread::new(body);
    let mut response = match operate(s3, parts, body.clone()).await {
        Ok(response) => response,
        Err(failure) => {
            if !waits {
                body.drain().await;
            }
            failed(&failure, &resource, &id, is_head)
        }
    };
    // They were never told to go on. Such a connection is used up: botocore takes this answer's status for that of the
    // next request on it, and Amazon closes it, too.
    if waits && is_http1 && (is_empty || body.is_unread()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    put(response.headers_mut(), REQUEST_ID, &id);
    response
}

async fn operate(s3: &S3, parts: Parts, body: Unread) -> Result<Response, Failure> {
    let query = Query::parse(parts.uri.query())?;
    let in_host = bucket_of_host(host(&parts), &s3.0.domains);
    let place = Place::of(in_host.as_deref(), parts.uri.path())?;
    let signature = Signature::of(&parts, &query)
        .ok_or_else(|| Failure::denied("sign the request with an access key: nothing is public here"))??;
    let id = signature.key_id();
    let (actor, secret) = s3.0.keys.find(id).await?.ok_or_else(|| Failure::unknown_key_id(id))?;
    let payload = signature.verify(&parts, &query, in_host.as_deref(), &secret, s3.0.clock.now())?;
    let call = Call::new(s3.clone(), actor, parts, query, payload, body);
    match place {
        Place::Service if call.parts.method == Method::GET => buckets::list(call).await,
        Place::Service => Err(Failure::method_not_allowed()),
        Place::Bucket(bucket) => of_bucket(call, &bucket).await,
        Place::Key { bucket, key } => of_key(call, &bucket, &key).await,
    }
}

/// Errors: `NotImplemented`; `InvalidArgument` for another version than the only one.
fn check_supported(query: &Query) -> Result<(), Failure> {
    if let Some(name) = query.pairs().map(|(name, _)| name).find(|name| UNSUPPORTED.contains(name)) {
        return Err(Failure::not_implemented(name));
    }
    match query.get("versionId") {
        None | Some("" | "null") => Ok(()),
        Some(_) => Err(Failure::invalid("objects have no versions: name a commit in the key instead")),
    }
}

async fn of_bucket(call: Call, bucket: &str) -> Result<Response, Failure> {
    check_supported(&call.query)?;
    match call.parts.method {
        Method::HEAD => buckets::head(call, bucket).await,
        Method::GET if call.query.has("location") => buckets::location(call, bucket).await,
        Method::GET if call.query.has("versioning") => buckets::versioning(call, bucket).await,
        Method::GET if call.query.has("uploads") => multipart::uploads(call, bucket).await,
        Method::GET => list::objects(call, bucket).await,
        Method::POST if call.query.has("delete") => delete::objects(call, bucket).await,
        Method::POST => Err(Failure::not_implemented("POST of a form")),
        Method::PUT if call.query.has("versioning") => Err(Failure::not_implemented("versioning")),
        Method::PUT => buckets::create(call, bucket).await,
        Method::DELETE => Err(Failure::not_implemented("DeleteBucket")),
        _ => Err(Failure::method_not_allowed()),
    }
}

async fn of_key(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    check_supported(&call.query)?;
    let in_upload = call.query.has("uploadId");
    let copies = call.parts.headers.contains_key("x-amz-copy-source");
    match call.parts.method {
        Method::GET if in_upload => multipart::parts(call, bucket, key).await,
        Method::GET if call.query.has("attributes") => attributes::object(call, bucket, key).await,
        Method::GET | Method::HEAD => get::object(call, bucket, key).await,
        Method::PUT if in_upload && copies => copy::part(call, bucket, key).await,
        Method::PUT if in_upload => multipart::part(call, bucket, key).await,
        Method::PUT if copies => copy::object(call, bucket, key).await,
        Method::PUT => crate::put::object(call, bucket, key).await,
        Method::POST if call.query.has("uploads") => multipart::create(call, bucket, key).await,
        Method::POST if in_upload => multipart::complete(call, bucket, key).await,
        Method::POST => Err(Failure::not_implemented("POST of an object")),
        Method::DELETE if in_upload => multipart::abort(call, bucket, key).await,
        Method::DELETE => delete::object(call, bucket, key).await,
        _ => Err(Failure::method_not_allowed()),
    }
}

//! PutObject. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use axum::response::Response;
use http::{StatusCode, header};
use repositories::{Error, Object};
use types::Level;

use crate::call::Call;
use crate::checksums::{self, Verified};
use crate::errors::Failure;
use crate::keys::Key;
use crate::reply::{empty, put, quoted};
use crate::{conditions, metadata};

/// The MD5 of nothing.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

pub(crate) async fn object(mut call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    metadata::check_supported(call.headers())?;
    let (metadata, headers) = (metadata::of(call.headers())?, metadata::kept(call.headers())?);
    let of = Key::of(key)?;
    if of.path.is_empty() && key.ends_with('/') {
        return marker(call, bucket, of.reference).await;
    }
    let of = Key::to_write(key)?;
    // Before anything is sent: who waits for `100 Continue` saves the whole body.
    call.repositories().branch(&call.actor, bucket, of.reference).await?;
    let Verified { received, checksums } = checksums::receive(&mut call, None).await?;
    let object = Object {
        etag: received.etag(),
        size: received.size,
        physical: received.physical,
        modified_at: call.now(),
        content_type: call.header("content-type").map(str::to_owned),
        metadata,
        checksums,
        headers,
    };
    let condition = conditions::of_write(call.headers());
    let staged =
        call.repositories().stage(&call.actor, bucket, of.reference, of.path, object, condition).await;
    let object = match staged {
        Ok(object) => object,
        Err(error) => return Err(unmet(&call, bucket, key, error).await),
    };
    let mut response = empty(StatusCode::OK);
    put(response.headers_mut(), header::ETAG, &quoted(&object.etag));
    checksums::tell(response.headers_mut(), &object.checksums);
    Ok(response)
}

/// Why a write was refused: an object that must have an ETag and is not there is none that has another.
pub(crate) async fn unmet(call: &Call, bucket: &str, key: &str, error: Error) -> Failure {
    if matches!(error, Error::Precondition)
        && call.header("if-match").is_some()
        && let Ok(of) = Key::of(key)
        && let Err(Error::ObjectNotFound { .. }) =
            call.repositories().stat(&call.actor, bucket, of.reference, of.path).await
    {
        return Failure::no_such_key(key);
    }
    error.into()
}

/// Clients that think in folders make the folder of a branch: it is there when the branch is.
async fn marker(mut call: Call, bucket: &str, branch: &str) -> Result<Response, Failure> {
    call.repositories().branch(&call.actor, bucket, branch).await?;
    if !call.bytes().await?.is_empty() {
        return Err(Failure::invalid("an object needs a path after its branch"));
    }
    let mut response = empty(StatusCode::OK);
    put(response.headers_mut(), header::ETAG, &quoted(EMPTY));
    Ok(response)
}

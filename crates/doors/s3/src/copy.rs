//! CopyObject, which copies no bytes, and UploadPartCopy.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use axum::response::Response;
use repositories::{Object, Opened};
use types::Level;
use wire_aws::{Xml, decode};

use crate::call::Call;
use crate::errors::Failure;
use crate::keys::Key;
use crate::reply::{iso_date, quoted, xml};
use crate::{checksums, conditions, metadata, multipart, range};

/// Where the bytes come from.
struct Source {
    bucket: String,
    key: String,
}

impl Source {
    /// `bucket/key`, percent-encoded, perhaps with a slash before it.
    fn of(call: &Call) -> Result<Self, Failure> {
        let bad = || Failure::invalid("x-amz-copy-source must be <bucket>/<key>, percent-encoded");
        let header = call.header("x-amz-copy-source").ok_or_else(bad)?;
        let (path, version) = match header.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version)),
            None => (header, None),
        };
        if version.is_some_and(|version| version != "null") {
            return Err(Failure::invalid("objects have no versions: read another commit instead"));
        }
        let path = decode(path).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) =
            path.split_once('/').filter(|(b, k)| !b.is_empty() && !k.is_empty()).ok_or_else(bad)?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    async fn object(&self, call: &Call) -> Result<Object, Failure> {
        call.require(&self.bucket, Level::Read)?;
        let of = Key::of(&self.key)?;
        let found = call.repositories().stat(&call.actor, &self.bucket, of.reference, of.path).await;
        let object = found.map_err(|e| Failure::of_read(e, &self.key))?;
        conditions::check_source(call.headers(), &object)?;
        Ok(object)
    }
}

pub(crate) async fn object(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    metadata::check_supported(call.headers())?;
    let (source, to) = (Source::of(&call)?, Key::to_write(key)?);
    let replaces = match call.header("x-amz-metadata-directive") {
        None | Some("COPY") => false,
        Some("REPLACE") => true,
        Some(other) => return Err(Failure::invalid(format!("unknown metadata directive `{other}`"))),
    };
    if !replaces && source.bucket == bucket && source.key == key {
        return Err(Failure::invalid_request(
            "this copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata",
        ));
    }
    let mut object = source.object(&call).await?;
    object.modified_at = call.now();
    if replaces {
        object.metadata = metadata::of(call.headers())?;
        object.headers = metadata::kept(call.headers())?;
        object.content_type = call.header("content-type").map(str::to_owned);
    }
    let condition = conditions::of_write(call.headers());
    let object =
        call.repositories().stage(&call.actor, bucket, to.reference, to.path, object, condition).await?;
    Ok(result("CopyObjectResult", &object))
}

/// A part whose bytes are those of an object, or of a range of one.
pub(crate) async fn part(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    let (upload, number) = multipart::named(&call)?;
    let begun = multipart::check(&call, bucket, key, &upload).await?;
    let object = Source::of(&call)?.object(&call).await?;
    let range = match call.header("x-amz-copy-source-range") {
        Some(header) => Some(range::parse_of_copy(header, object.size)?),
        None => None,
    };
    let Opened { body, .. } = call.repositories().read(&object, range).await?;
    let received = call.repositories().receive(body, &[begun.algorithm()]).await?;
    let part = call.repositories().put_part(&call.actor, bucket, &upload, number, received).await?;
    Ok(xml(Xml::document("CopyPartResult", |xml| {
        xml.text("LastModified", iso_date(part.modified_at)).text("ETag", quoted(&part.etag));
        multipart::checksums_of(xml, &begun, &part);
    })))
}

fn result(name: &str, object: &Object) -> Response {
    xml(Xml::document(name, |xml| {
        xml.text("LastModified", iso_date(object.modified_at)).text("ETag", quoted(&object.etag));
        checksums::list(xml, &object.checksums);
        xml.text_opt("ChecksumType", checksums::type_of(&object.checksums));
    }))
}

//! Uploads in parts. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use axum::response::Response;
use http::{HeaderName, StatusCode, header};
use repositories::{Paging, Upload};
use types::Level;
use wire_aws::{Node, Xml, encode_path};

use crate::call::Call;
use crate::checksums::{self, Verified};
use crate::errors::Failure;
use crate::keys::Key;
use crate::list::{self, limit};
use crate::reply::{empty, iso_date, put, quoted, xml};
use crate::{conditions, metadata};

pub(crate) async fn create(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    metadata::check_supported(call.headers())?;
    let algorithm = call.header("x-amz-checksum-algorithm");
    checksums::check_algorithm(algorithm)?;
    let of = Key::to_write(key)?;
    let content_type = call.header("content-type").map(str::to_owned);
    let metadata = metadata::of(call.headers())?;
    let upload = call
        .repositories()
        .create_upload(&call.actor, bucket, of.reference, of.path, content_type, metadata)
        .await?;
    let mut response = xml(Xml::document("InitiateMultipartUploadResult", |xml| {
        xml.text("Bucket", bucket).text("Key", key).text("UploadId", &upload.id);
    }));
    if let Some(algorithm) = algorithm {
        put(response.headers_mut(), HeaderName::from_static("x-amz-checksum-algorithm"), algorithm);
    }
    Ok(response)
}

/// The upload and the part's number that the address names.
pub(crate) fn named(call: &Call) -> Result<(String, u32), Failure> {
    let upload = call.query.get("uploadId").unwrap_or_default().to_owned();
    let number = call.query.get("partNumber").and_then(|n| n.parse().ok());
    let number = number
        .filter(|n| (1..=10_000).contains(n))
        .ok_or_else(|| Failure::invalid("part number must be an integer between 1 and 10000, inclusive"))?;
    Ok((upload, number))
}

/// Errors: `NoSuchUpload` unless the upload is there, and of this key.
pub(crate) async fn check(call: &Call, bucket: &str, key: &str, id: &str) -> Result<Upload, Failure> {
    let upload = call.repositories().upload(&call.actor, bucket, id).await?;
    if key_of(&upload) != key {
        return Err(repositories::Error::UploadNotFound(id.to_owned()).into());
    }
    Ok(upload)
}

fn key_of(upload: &Upload) -> String {
    format!("{}/{}", upload.branch, upload.path)
}

pub(crate) async fn part(mut call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    metadata::check_supported(call.headers())?;
    let (upload, number) = named(&call)?;
    check(&call, bucket, key, &upload).await?;
    let Verified { received, checksums } = checksums::receive(&mut call).await?;
    let part = call.repositories().put_part(&call.actor, bucket, &upload, number, received).await?;
    let mut response = empty(StatusCode::OK);
    put(response.headers_mut(), header::ETAG, &quoted(&part.etag));
    checksums::tell(response.headers_mut(), &checksums);
    response.headers_mut().remove("x-amz-checksum-type");
    Ok(response)
}

pub(crate) async fn complete(mut call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    let id = call.query.get("uploadId").unwrap_or_default().to_owned();
    check(&call, bucket, key, &id).await?;
    let parts = parts_of(&call.xml().await?)?;
    let condition = conditions::of_write(call.headers());
    let object = call.repositories().complete_upload(&call.actor, bucket, &id, parts, condition).await?;
    let location = format!("http://{}/{bucket}/{}", wire_aws::host(&call.parts), encode_path(key));
    Ok(xml(Xml::document("CompleteMultipartUploadResult", |xml| {
        xml.text("Location", location).text("Bucket", bucket).text("Key", key);
        xml.text("ETag", quoted(&object.etag));
    })))
}

/// Errors: `MalformedXML`; `InvalidPartOrder`.
fn parts_of(request: &Node) -> Result<Vec<(u32, String)>, Failure> {
    let bad = |what: &str| Failure::malformed_xml(what);
    let mut parts: Vec<(u32, String)> = Vec::new();
    for part in request.all("Part") {
        let number = part.text_of("PartNumber").and_then(|n| n.trim().parse().ok());
        let number: u32 = number.ok_or_else(|| bad("a Part has no PartNumber"))?;
        let etag = part.text_of("ETag").ok_or_else(|| bad("a Part has no ETag"))?;
        if parts.last().is_some_and(|(last, _)| *last >= number) {
            return Err(repositories::Error::PartOrder.into());
        }
        parts.push((number, etag.trim().trim_matches('"').to_owned()));
    }
    if request.name != "CompleteMultipartUpload" || parts.is_empty() {
        return Err(bad("the body must be a CompleteMultipartUpload with at least one Part"));
    }
    Ok(parts)
}

pub(crate) async fn abort(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    let id = call.query.get("uploadId").unwrap_or_default();
    check(&call, bucket, key, id).await?;
    call.repositories().abort_upload(&call.actor, bucket, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn parts(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Read)?;
    let id = call.query.get("uploadId").unwrap_or_default();
    check(&call, bucket, key, id).await?;
    let most = limit(&call.query, "max-parts")?;
    let after = match call.query.get("part-number-marker").filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| Failure::invalid("part-number-marker is not a number"))?,
        None => 0,
    };
    let page = call.repositories().parts(&call.actor, bucket, id, after, most).await?;
    Ok(xml(Xml::document("ListPartsResult", |xml| {
        xml.text("Bucket", bucket).text("Key", key).text("UploadId", id);
        xml.value("PartNumberMarker", after);
        if let (Some(_), Some(last)) = (&page.next, page.items.last()) {
            xml.value("NextPartNumberMarker", last.number);
        }
        xml.value("MaxParts", most).value("IsTruncated", page.next.is_some());
        for part in &page.items {
            xml.group("Part", |xml| {
                xml.value("PartNumber", part.number).text("LastModified", iso_date(part.modified_at));
                xml.text("ETag", quoted(&part.etag)).value("Size", part.size);
            });
        }
        owner(xml, "Initiator", &call.actor.name);
        owner(xml, "Owner", &call.actor.name);
        xml.text("StorageClass", "STANDARD");
    })))
}

pub(crate) async fn uploads(call: Call, bucket: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Read)?;
    let most = limit(&call.query, "max-uploads")?;
    let encoding = list::Encoding::of(&call.query)?;
    let prefix = call.query.get("prefix").unwrap_or_default();
    let (branch, below) = match prefix.split_once('/') {
        Some((branch, below)) => (Some(branch), below),
        None => (None, ""),
    };
    let given = |name: &str| call.query.get(name).unwrap_or_default();
    let (key_marker, marker) = (given("key-marker"), given("upload-id-marker"));
    let after = Key::of(key_marker)?.path;
    let after = if marker.is_empty() { after.to_owned() } else { format!("{after}\0{marker}") };
    let paging = Paging { prefix: below.to_owned(), after, limit: most };
    let page = call.repositories().uploads(&call.actor, bucket, branch, paging).await?;
    Ok(xml(Xml::document("ListMultipartUploadsResult", |xml| {
        xml.text("Bucket", bucket);
        xml.text("KeyMarker", encoding.apply(key_marker));
        xml.text("UploadIdMarker", marker).text("Prefix", encoding.apply(prefix));
        if let (Some(_), Some(last)) = (&page.next, page.items.last()) {
            xml.text("NextKeyMarker", encoding.apply(&key_of(last))).text("NextUploadIdMarker", &last.id);
        }
        xml.text_opt("EncodingType", encoding.name());
        xml.value("MaxUploads", most).value("IsTruncated", page.next.is_some());
        for upload in page.items.iter().filter(|upload| key_of(upload).starts_with(prefix)) {
            xml.group("Upload", |xml| {
                xml.text("Key", encoding.apply(&key_of(upload))).text("UploadId", &upload.id);
                owner(xml, "Initiator", &call.actor.name);
                owner(xml, "Owner", &call.actor.name);
                xml.text("StorageClass", "STANDARD").text("Initiated", iso_date(upload.started_at));
            });
        }
    })))
}

pub(crate) fn owner(xml: &mut Xml, element: &str, name: &str) {
    xml.group(element, |xml| {
        xml.text("ID", name).text("DisplayName", name);
    });
}

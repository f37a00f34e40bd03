//! Uploads in parts. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use axum::response::Response;
use http::{HeaderName, StatusCode, header};
use repositories::{NewUpload, Object, Paging, Upload, UploadPart, etag_of_parts};
use types::Level;
use wire_aws::{Node, Xml, encode_path};

use crate::call::Call;
use crate::checksums::{self, Verified};
use crate::errors::Failure;
use crate::keys::Key;
use crate::list::{self, limit};
use crate::put::unmet;
use crate::reply::{empty, iso_date, put, quoted, xml};
use crate::{completion, metadata};

pub(crate) async fn create(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Edit)?;
    metadata::check_supported(call.headers())?;
    let of = Key::to_write(key)?;
    let new = NewUpload {
        content_type: call.header("content-type").map(str::to_owned),
        metadata: metadata::of(call.headers())?,
        headers: metadata::kept(call.headers())?,
        checksum: completion::begun(call.headers())?,
    };
    let upload = call.repositories().create_upload(&call.actor, bucket, of.reference, of.path, new).await?;
    let mut response = xml(Xml::document("InitiateMultipartUploadResult", |xml| {
        xml.text("Bucket", bucket).text("Key", key).text("UploadId", &upload.id);
    }));
    if let Some((algorithm, of)) = upload.checksum {
        let (headers, name) = (response.headers_mut(), algorithm.name().to_uppercase());
        put(headers, HeaderName::from_static("x-amz-checksum-algorithm"), &name);
        put(headers, HeaderName::from_static("x-amz-checksum-type"), of.name());
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
    let begun = check(&call, bucket, key, &upload).await?;
    let Verified { received, checksums } = checksums::receive(&mut call, Some(&begun)).await?;
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
    let object = match check(&call, bucket, key, &id).await {
        Ok(upload) => {
            let completion = completion::of(&call.xml().await?, call.headers(), &upload)?;
            match call.repositories().complete_upload(&call.actor, bucket, &id, completion).await {
                Ok(object) => object,
                Err(error) => return Err(unmet(&call, bucket, key, error).await),
            }
        }
        Err(failure) if failure.code == "NoSuchUpload" => {
            let request = call.xml().await?;
            completed(&call, bucket, key, &request).await.ok_or(failure)?
        }
        Err(failure) => return Err(failure),
    };
    let location = format!("http://{}/{bucket}/{}", wire_aws::host(&call.parts), encode_path(key));
    Ok(xml(Xml::document("CompleteMultipartUploadResult", |xml| {
        xml.text("Location", location).text("Bucket", bucket).text("Key", key);
        xml.text("ETag", quoted(&object.etag));
        checksums::list(xml, &object.checksums);
        xml.text_opt("ChecksumType", checksums::type_of(&object.checksums));
    })))
}

/// The object, if it is what these parts make: a client that did not hear that its upload was completed asks once more.
async fn completed(call: &Call, bucket: &str, key: &str, request: &Node) -> Option<Object> {
    let of = Key::of(key).ok()?;
    let etags: Option<Vec<&str>> = request
        .all("Part")
        .map(|part| part.text_of("ETag").map(|etag| etag.trim().trim_matches('"')))
        .collect();
    let etags = etags.filter(|etags| !etags.is_empty() && etags.iter().all(|etag| !etag.is_empty()))?;
    let object = call.repositories().stat(&call.actor, bucket, of.reference, of.path).await.ok()?;
    (object.etag == etag_of_parts(etags.into_iter())).then_some(object)
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
    let upload = check(&call, bucket, key, id).await?;
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
                checksums_of(xml, &upload, part);
            });
        }
        owner(xml, "Initiator", &call.actor.name);
        owner(xml, "Owner", &call.actor.name);
        xml.text("StorageClass", "STANDARD");
        checksum_of(xml, &upload);
    })))
}

/// The checksum of the upload's algorithm; all that are known if the client chose none.
pub(crate) fn checksums_of(xml: &mut Xml, upload: &Upload, part: &UploadPart) {
    let own = upload.checksum.map(|(algorithm, _)| algorithm.name());
    checksums::list(xml, part.checksums.iter().filter(|(name, _)| own.is_none_or(|own| own == *name)));
}

fn checksum_of(xml: &mut Xml, upload: &Upload) {
    if let Some((algorithm, of)) = upload.checksum {
        xml.text("ChecksumAlgorithm", algorithm.name().to_uppercase()).text("ChecksumType", of.name());
    }
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
                checksum_of(xml, upload);
            });
        }
    })))
}

pub(crate) fn owner(xml: &mut Xml, element: &str, name: &str) {
    xml.group(element, |xml| {
        xml.text("ID", name).text("DisplayName", name);
    });
}

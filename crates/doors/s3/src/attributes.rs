//! GetObjectAttributes. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>

use axum::response::Response;
use http::{HeaderMap, header};
use repositories::{Object, Physical};
use types::Level;
use wire_aws::Xml;

use crate::call::Call;
use crate::errors::Failure;
use crate::keys::Key;
use crate::reply::{http_date, put, xml};
use crate::{checksums, conditions};

const ATTRIBUTES: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
/// Parts of one answer.
const MOST: usize = 1_000;

/// What a request asks of an object.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    names: Vec<&'static str>,
    parts: usize,
    /// The number of the part that the last answer ended with.
    after: usize,
}

impl Asked {
    /// Errors: `InvalidArgument`.
    fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let given = headers.get_all("x-amz-object-attributes").iter();
        let given = given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let mut names = Vec::new();
        for name in given.map(str::trim).filter(|name| !name.is_empty()) {
            let known = ATTRIBUTES.into_iter().find(|known| *known == name);
            names.push(known.ok_or_else(|| Failure::invalid("invalid attribute name specified"))?);
        }
        if names.is_empty() {
            return Err(Failure::invalid("the x-amz-object-attributes header must name an attribute"));
        }
        let number = |name: &'static str| {
            let text = headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
            let bad = || Failure::invalid(format!("the {name} header must be a number"));
            text.map(|text| text.parse::<usize>().map_err(|_| bad())).transpose()
        };
        let parts = number("x-amz-max-parts")?.unwrap_or(MOST).min(MOST);
        Ok(Self { names, parts, after: number("x-amz-part-number-marker")?.unwrap_or(0) })
    }

    fn document(&self, object: &Object) -> String {
        let has = |name| self.names.contains(&name);
        Xml::document("GetObjectAttributesResponse", |xml| {
            if has("ETag") {
                xml.text("ETag", &object.etag);
            }
            if has("Checksum") && !object.checksums.is_empty() {
                xml.group("Checksum", |xml| {
                    checksums::list(xml, &object.checksums);
                    xml.text_opt("ChecksumType", checksums::type_of(&object.checksums));
                });
            }
            if let (true, Physical::Parts(parts)) = (has("ObjectParts"), &object.physical) {
                let sizes: Vec<u64> = parts.iter().map(|(_, size)| *size).collect();
                self.parts(xml, &sizes);
            }
            if has("StorageClass") {
                xml.text("StorageClass", "STANDARD");
            }
            if has("ObjectSize") {
                xml.value("ObjectSize", object.size);
            }
        })
    }

    /// Parts are counted from 1, whichever numbers they came with.
    fn parts(&self, xml: &mut Xml, sizes: &[u64]) {
        let from = self.after.min(sizes.len());
        let to = from.saturating_add(self.parts).min(sizes.len());
        xml.group("ObjectParts", |xml| {
            xml.value("PartsCount", sizes.len()).value("PartNumberMarker", self.after);
            xml.value("NextPartNumberMarker", to).value("MaxParts", self.parts);
            xml.value("IsTruncated", to < sizes.len());
            for (index, size) in sizes[from..to].iter().enumerate() {
                xml.group("Part", |xml| {
                    xml.value("PartNumber", from + index + 1).value("Size", size);
                });
            }
        });
    }
}

pub(crate) async fn object(call: Call, bucket: &str, key: &str) -> Result<Response, Failure> {
    call.require(bucket, Level::Read)?;
    let asked = Asked::of(call.headers())?;
    let of = Key::of(key)?;
    if of.path.is_empty() {
        call.repositories().repository(&call.actor, bucket).await?;
        return Err(Failure::no_such_key(key));
    }
    let found = call.repositories().stat(&call.actor, bucket, of.reference, of.path).await;
    let object = found.map_err(|e| Failure::of_read(e, key))?;
    conditions::check_read(call.headers(), &object)?;
    let mut response = xml(asked.document(&object));
    put(response.headers_mut(), header::LAST_MODIFIED, &http_date(object.modified_at));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use types::{Digest, Timestamp};

    use super::*;

    fn asked(pairs: &[(&'static str, &'static str)]) -> Result<Asked, &'static str> {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Asked::of(&headers.collect()).map_err(|failure| failure.code)
    }

    fn object(parts: usize) -> Object {
        let part = |i: usize| (Digest::of(i.to_string()), 5 + i as u64);
        Object {
            physical: Physical::Parts((0..parts).map(part).collect()),
            size: 100,
            etag: "abc-3".into(),
            modified_at: Timestamp(0),
            content_type: None,
            metadata: Default::default(),
            checksums: [("crc32".to_owned(), "NhCmhg==-3".to_owned())].into(),
            headers: Default::default(),
        }
    }

    #[test]
    fn a_page_of_parts_says_where_the_next_one_begins() {
        let asked = asked(&[
            ("x-amz-object-attributes", "ETag, ObjectParts,Checksum"),
            ("x-amz-max-parts", "1"),
            ("x-amz-part-number-marker", "1"),
        ]);
        let text = asked.unwrap().document(&object(3));
        for part in [
            "<ETag>abc-3</ETag>",
            "<Checksum><ChecksumCRC32>NhCmhg==-3</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></Checksum>",
            "<PartsCount>3</PartsCount><PartNumberMarker>1</PartNumberMarker>",
            "<NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>",
            "<Part><PartNumber>2</PartNumber><Size>6</Size></Part></ObjectParts>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("ObjectSize") && !text.contains("StorageClass"));
    }

    #[test]
    fn an_object_of_one_piece_has_no_parts_and_a_marker_behind_the_last_finds_none() {
        let all = asked(&[("x-amz-object-attributes", "ObjectParts,ObjectSize,StorageClass")]).unwrap();
        let whole = Object { physical: Physical::Blob(Digest::of("")), ..object(1) };
        let text = all.document(&whole);
        assert!(text.contains("<StorageClass>STANDARD</StorageClass><ObjectSize>100</ObjectSize>"));
        assert!(!text.contains("ObjectParts"));
        let behind = Asked { after: 9, ..all };
        assert!(behind.document(&object(3)).contains("<IsTruncated>false</IsTruncated></ObjectParts>"));
    }

    #[test]
    fn what_is_no_attribute_is_refused() {
        assert_eq!(asked(&[]), Err("InvalidArgument"));
        assert_eq!(asked(&[("x-amz-object-attributes", "ETag,Colour")]), Err("InvalidArgument"));
        let bad = [("x-amz-object-attributes", "ETag"), ("x-amz-max-parts", "few")];
        assert_eq!(asked(&bad), Err("InvalidArgument"));
    }
}

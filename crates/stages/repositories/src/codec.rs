//! Objects as bytes: what trees and staged entries hold. A stored format: its first byte is its version. The second
//! version is that of objects with headers; all others are written in the first.

use std::collections::BTreeMap;

use types::{Digest, Timestamp};

use crate::{Error, Metadata, Object, Physical};

const VERSION: u8 = 1;
const WITH_HEADERS: u8 = 2;

const BLOB: u8 = 0;
const SLICE: u8 = 1;
const PARTS: u8 = 2;
const EXTERNAL: u8 = 3;

const ETAG_MD5: u8 = 0;
const ETAG_TEXT: u8 = 1;

impl Object {
    /// The same bytes for the same object. Fields in order: physical place, size, ETag, time, content type, metadata,
    /// checksums, headers if there are any. Numbers are LEB128, texts have their length before them.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        out.push(if self.headers.is_empty() { VERSION } else { WITH_HEADERS });
        match &self.physical {
            Physical::Blob(digest) => {
                out.push(BLOB);
                out.extend_from_slice(digest.as_bytes());
            }
            Physical::Slice { blob, offset } => {
                out.push(SLICE);
                out.extend_from_slice(blob.as_bytes());
                number(&mut out, *offset);
            }
            Physical::Parts(parts) => {
                out.push(PARTS);
                number(&mut out, parts.len() as u64);
                for (digest, size) in parts {
                    out.extend_from_slice(digest.as_bytes());
                    number(&mut out, *size);
                }
            }
            Physical::External(address) => {
                out.push(EXTERNAL);
                text(&mut out, address);
            }
        }
        number(&mut out, self.size);
        match md5(&self.etag) {
            Some(bytes) => {
                out.push(ETAG_MD5);
                out.extend_from_slice(&bytes);
            }
            None => {
                out.push(ETAG_TEXT);
                text(&mut out, &self.etag);
            }
        }
        out.extend_from_slice(&self.modified_at.0.to_le_bytes());
        match &self.content_type {
            Some(content_type) => {
                out.push(1);
                text(&mut out, content_type);
            }
            None => out.push(0),
        }
        pairs(&mut out, &self.metadata);
        pairs(&mut out, &self.checksums);
        if !self.headers.is_empty() {
            pairs(&mut out, &self.headers);
        }
        out
    }

    /// Errors: `Tree` if the bytes are none that [`Object::encode`] made.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Input(bytes);
        read(&mut input).filter(|_| input.0.is_empty()).ok_or_else(|| {
            Error::Damaged(format!("an object's record of {} bytes cannot be read", bytes.len()))
        })
    }

    /// Whether a client sees the same thing: bytes, metadata, content type and headers, but not when and where they were
    /// written. It is what diffs and merges compare (as lakeFS's entry identity). The same ETag stands for the same bytes,
    /// and so does the same place in the own store: how an object came gives it one ETag or another.
    pub fn same_content(&self, other: &Self) -> bool {
        self.size == other.size
            && (self.etag == other.etag || (self.physical == other.physical && !self.blobs().is_empty()))
            && self.content_type == other.content_type
            && self.metadata == other.metadata
            && self.headers == other.headers
    }

    /// The blobs that its bytes are in; none of an imported object.
    pub fn blobs(&self) -> Vec<Digest> {
        self.physical.blobs()
    }
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn pairs(out: &mut Vec<u8>, map: &Metadata) {
    number(out, map.len() as u64);
    for (key, value) in map {
        text(out, key);
        text(out, value);
    }
}

/// The bytes of an ETag that is 32 lower-case hexadecimal digits.
fn md5(etag: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let lower = etag.len() == 32 && etag.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (lower && hex::decode_to_slice(etag, &mut bytes).is_ok()).then_some(bytes)
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn number(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
            shift += 7;
            if shift > 63 {
                return None;
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        Some(std::str::from_utf8(self.take(length)?).ok()?.to_owned())
    }

    fn digest(&mut self) -> Option<Digest> {
        Some(Digest::from_bytes(self.take(32)?.try_into().ok()?))
    }

    fn pairs(&mut self) -> Option<Metadata> {
        let mut map = BTreeMap::new();
        for _ in 0..self.number()? {
            map.insert(self.text()?, self.text()?);
        }
        Some(map)
    }
}

fn read(input: &mut Input<'_>) -> Option<Object> {
    let version = input.byte()?;
    if ![VERSION, WITH_HEADERS].contains(&version) {
        return None;
    }
    let physical = match input.byte()? {
        BLOB => Physical::Blob(input.digest()?),
        SLICE => Physical::Slice { blob: input.digest()?, offset: input.number()? },
        PARTS => {
            let mut parts = Vec::new();
            for _ in 0..input.number()? {
                parts.push((input.digest()?, input.number()?));
            }
            Physical::Parts(parts)
        }
        EXTERNAL => Physical::External(input.text()?),
        _ => return None,
    };
    let size = input.number()?;
    let etag = match input.byte()? {
        ETAG_MD5 => hex::encode(input.take(16)?),
        ETAG_TEXT => input.text()?,
        _ => return None,
    };
    let modified_at = Timestamp(i64::from_le_bytes(input.take(8)?.try_into().ok()?));
    let content_type = match input.byte()? {
        0 => None,
        1 => Some(input.text()?),
        _ => return None,
    };
    let (metadata, checksums) = (input.pairs()?, input.pairs()?);
    let headers = match version {
        VERSION => Metadata::new(),
        _ => input.pairs().filter(|headers| !headers.is_empty())?,
    };
    Some(Object { physical, size, etag, modified_at, content_type, metadata, checksums, headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(physical: Physical) -> Object {
        Object {
            physical,
            size: 1 << 40,
            etag: "d41d8cd98f00b204e9800998ecf8427e".into(),
            modified_at: Timestamp(-5),
            content_type: Some("text/plain".into()),
            metadata: Metadata::from([("a".into(), "ü".into())]),
            checksums: Metadata::from([("crc32".into(), "AAAAAA==".into())]),
            headers: Metadata::new(),
        }
    }

    fn with_headers() -> Object {
        let headers = Metadata::from([("cache-control".into(), "no-store".into())]);
        Object { headers, ..object(Physical::Blob(Digest::of("x"))) }
    }

    #[test]
    fn every_kind_of_object_comes_back_as_it_was() {
        let digest = Digest::of("x");
        let mut odd = object(Physical::Parts(vec![(digest, 5 << 20), (digest, 1)]));
        odd.etag = "D41D8CD98F00B204E9800998ECF8427E-2".into();
        odd.content_type = None;
        for object in [
            object(Physical::Blob(digest)),
            object(Physical::Slice { blob: digest, offset: u64::MAX }),
            object(Physical::External("local:///data/a b".into())),
            odd,
            with_headers(),
        ] {
            assert_eq!(Object::decode(&object.encode()).unwrap(), object);
        }
    }

    #[test]
    fn the_same_bytes_are_the_same_content_under_another_etag() {
        let renamed = |physical: Physical| Object { etag: "ba78-1".into(), ..object(physical) };
        let blob = || Physical::Blob(Digest::of("x"));
        assert!(object(blob()).same_content(&renamed(blob())));
        assert!(!object(blob()).same_content(&renamed(Physical::Blob(Digest::of("y")))));
        // What lies elsewhere changes under its address.
        let elsewhere = || Physical::External("local:///a".into());
        assert!(!object(elsewhere()).same_content(&renamed(elsewhere())));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic() {
        for object in [object(Physical::Blob(Digest::of("x"))), with_headers()] {
            let bytes = object.encode();
            for length in 0..bytes.len() {
                assert!(Object::decode(&bytes[..length]).is_err(), "{length}");
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Object::decode(&longer).is_err());
            for at in 0..bytes.len() {
                let mut bent = bytes.clone();
                bent[at] ^= 0x80;
                let _ = Object::decode(&bent);
            }
        }
    }

    #[test]
    fn headers_are_part_of_what_a_client_sees_and_of_the_second_version() {
        let (without, with) = (object(Physical::Blob(Digest::of("x"))), with_headers());
        assert!(!without.same_content(&with));
        let mut expected = without.encode();
        assert_eq!(expected[0], VERSION);
        expected[0] = WITH_HEADERS;
        expected.extend_from_slice(b"\x01\x0dcache-control\x08no-store");
        assert_eq!(with.encode(), expected);
        // No object is written in two ways.
        let mut empty = without.encode();
        empty[0] = WITH_HEADERS;
        empty.push(0);
        assert!(Object::decode(&empty).is_err());
    }

    #[test]
    fn the_first_version_of_the_format_is_read_for_ever() {
        let bytes = hex::decode(concat!(
            "01",
            "00",
            "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            "05",
            "00",
            "d41d8cd98f00b204e9800998ecf8427e",
            "0100000000000000",
            "00",
            "0101610162",
            "00"
        ))
        .unwrap();
        let object = Object::decode(&bytes).unwrap();
        assert_eq!(object.physical, Physical::Blob(Digest::of("x")));
        assert_eq!((object.size, object.modified_at), (5, Timestamp(1)));
        assert_eq!(object.metadata["a"], "b");
        assert_eq!(object.encode(), bytes);
    }
}

//! Universal Binary JSON, as XGBoost writes it: <https://ubjson.org>, draft 12, with typed arrays.

use super::document::Document;
use crate::Error;

/// Nesting that is read; XGBoost's models have about 8 levels.
const DEEPEST: usize = 64;

pub(crate) fn read(bytes: &[u8]) -> Result<Document, Error> {
    let mut reader = Reader { bytes, at: 0 };
    let marker = reader.marker()?;
    reader.value(marker, 0)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn broken(&self, what: &str) -> Error {
        Error::Broken(format!("the UBJSON model, byte {}: {what}", self.at))
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], Error> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else { return Err(self.broken("it ends too early")) };
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    /// The next marker; no-ops are skipped.
    fn marker(&mut self) -> Result<u8, Error> {
        loop {
            let marker = self.byte()?;
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    fn number(&mut self, marker: u8) -> Result<Option<f64>, Error> {
        Ok(Some(match marker {
            b'i' => f64::from(self.byte()? as i8),
            b'U' => f64::from(self.byte()?),
            b'I' => f64::from(i16::from_be_bytes(self.array()?)),
            b'l' => f64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?) as f64,
            b'd' => f64::from(f32::from_be_bytes(self.array()?)),
            b'D' => f64::from_be_bytes(self.array()?),
            _ => return Ok(None),
        }))
    }

    fn length(&mut self) -> Result<usize, Error> {
        let marker = self.byte()?;
        match self.number(marker)? {
            Some(x) if x >= 0.0 && x <= self.bytes.len() as f64 => Ok(x as usize),
            _ => Err(self.broken("a length is no length")),
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.broken("a text is not UTF-8"))
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Document, Error> {
        if depth > DEEPEST {
            return Err(self.broken("it is nested too deeply"));
        }
        if let Some(x) = self.number(marker)? {
            return Ok(Document::Number(x));
        }
        match marker {
            b'Z' => Ok(Document::Null),
            b'T' => Ok(Document::Boolean(true)),
            b'F' => Ok(Document::Boolean(false)),
            b'C' => Ok(Document::Text((self.byte()? as char).to_string())),
            b'S' | b'H' => Ok(Document::Text(self.text()?)),
            b'[' => self.list(depth),
            b'{' => self.map(depth),
            _ => Err(self.broken("the type is not known")),
        }
    }

    /// `$type` and `#count` after the opening of a container.
    fn header(&mut self) -> Result<(Option<u8>, Option<usize>), Error> {
        let mut kind = None;
        if self.bytes.get(self.at) == Some(&b'$') {
            self.at += 1;
            kind = Some(self.byte()?);
            if self.bytes.get(self.at) != Some(&b'#') {
                return Err(self.broken("a typed container has no count"));
            }
        }
        if self.bytes.get(self.at) == Some(&b'#') {
            self.at += 1;
            return Ok((kind, Some(self.length()?)));
        }
        Ok((kind, None))
    }

    fn list(&mut self, depth: usize) -> Result<Document, Error> {
        let (kind, count) = self.header()?;
        if let (Some(kind), Some(count)) = (kind, count)
            && kind != b'['
            && kind != b'{'
        {
            // Types without a body would let a count of millions stand in a few bytes.
            if matches!(kind, b'Z' | b'T' | b'F' | b'N') && count > 0 {
                return Err(self.broken("a typed list has no values"));
            }
            let mut numbers = Vec::new();
            if matches!(kind, b'i' | b'U' | b'I' | b'l' | b'L' | b'd' | b'D') {
                for _ in 0..count {
                    numbers.extend(self.number(kind)?);
                }
                return Ok(Document::Numbers(numbers));
            }
        }
        let mut items = Vec::new();
        loop {
            if count.is_some_and(|c| items.len() == c) {
                break;
            }
            let marker = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            if count.is_none() && marker == b']' {
                break;
            }
            items.push(self.value(marker, depth + 1)?);
        }
        Ok(Document::from_items(items))
    }

    fn map(&mut self, depth: usize) -> Result<Document, Error> {
        let (kind, count) = self.header()?;
        let mut fields = Vec::new();
        loop {
            if count.is_some_and(|c| fields.len() == c) {
                break;
            }
            if count.is_none() && self.bytes.get(self.at) == Some(&b'}') {
                self.at += 1;
                break;
            }
            let key = self.text()?;
            let marker = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            fields.push((key, self.value(marker, depth + 1)?));
        }
        Ok(Document::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_lists_and_maps_are_read() {
        let bytes = b"{L\x00\x00\x00\x00\x00\x00\x00\x01a[$d#L\x00\x00\x00\x00\x00\x00\x00\x02\x3f\x80\x00\x00\x40\x00\x00\x00}";
        let document = read(bytes).unwrap();
        assert_eq!(document.numbers("a").unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn lies_about_lengths_and_deep_nesting_are_errors() {
        for bytes in [
            &b"[$d#L\x00\x00\x00\xff\x00\x00\x00\x00"[..],
            b"[$Z#l\x00\xff\xff\xff",
            b"[$[#l\x00\x00\x00\x09",
            b"{i\x7fa",
            b"SL\xff\xff\xff\xff\xff\xff\xff\xff",
            b"",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&vec![b'['; 100_000]).is_err());
    }
}

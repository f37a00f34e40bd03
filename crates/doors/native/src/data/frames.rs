//! Many objects in one body, one after the other: the length of the path (4 bytes, big-endian), the path (UTF-8), the
//! length of the content (8 bytes, big-endian), the content. A path length of 0 ends the body, so that a cut is seen.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::{Stream, TryStreamExt as _};
use repositories::Error;

/// Longest path in bytes.
const PATH: usize = 16 << 10;

pub const END: [u8; 4] = [0; 4];

/// What stands before the content of an object.
pub fn head(path: &str, size: u64) -> Bytes {
    let mut head = BytesMut::with_capacity(12 + path.len());
    head.put_u32(u32::try_from(path.len()).unwrap_or(u32::MAX));
    head.extend_from_slice(path.as_bytes());
    head.put_u64(size);
    head.freeze()
}

/// Reads the objects of a body.
pub struct Frames<S> {
    body: S,
    buffer: BytesMut,
    /// Bytes of the current content that were not taken yet.
    left: u64,
    count: u64,
    ended: bool,
}

impl<S: Stream<Item = Result<Bytes, Error>> + Unpin> Frames<S> {
    pub fn new(body: S) -> Self {
        Self { body, buffer: BytesMut::new(), left: 0, count: 0, ended: false }
    }

    fn cut(&self, what: &str) -> Error {
        Error::Body(format!("it ends inside {what} of object {}", self.count + 1))
    }

    /// Until there are `length` bytes.
    async fn fill(&mut self, length: usize, what: &str) -> Result<(), Error> {
        while self.buffer.len() < length {
            match self.body.try_next().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Err(self.cut(what)),
            }
        }
        Ok(())
    }

    /// The path and the size of the next object; its content must be taken before the one after it. `None` at the end.
    pub async fn next(&mut self) -> Result<Option<(String, u64)>, Error> {
        if self.ended {
            return Ok(None);
        }
        self.fill(4, "the path").await?;
        let length = self.buffer.get_u32() as usize;
        if length == 0 {
            self.ended = true;
            return Ok(None);
        }
        if length > PATH {
            return Err(Error::Invalid(format!("object {} has a path of {length} bytes", self.count + 1)));
        }
        self.fill(length + 8, "the path").await?;
        let path = self.buffer.split_to(length);
        let size = self.buffer.get_u64();
        let path = String::from_utf8(path.to_vec())
            .map_err(|_| Error::Invalid(format!("the path of object {} is not UTF-8", self.count + 1)))?;
        self.left = size;
        Ok(Some((path, size)))
    }

    /// The whole content of the object.
    pub async fn content(&mut self) -> Result<Bytes, Error> {
        let length = self.left as usize;
        self.fill(length, "the content").await?;
        (self.left, self.count) = (0, self.count + 1);
        Ok(self.buffer.split_to(length).freeze())
    }

    /// The next bytes of the object's content; `None` when it is all taken.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.left == 0 {
            self.count += 1;
            return Ok(None);
        }
        self.fill(1, "the content").await?;
        let length = self.buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= length as u64;
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    fn frames(
        bytes: &[u8],
        chunk: usize,
    ) -> Frames<futures::stream::BoxStream<'static, Result<Bytes, Error>>> {
        let chunks: Vec<_> = bytes.chunks(chunk).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        Frames::new(futures::stream::iter(chunks).boxed())
    }

    #[tokio::test]
    async fn objects_come_out_as_they_went_in_however_the_body_is_cut() {
        let mut body = Vec::new();
        for (path, content) in [("a", "one"), ("ü/b", ""), ("c", "three")] {
            body.extend_from_slice(&head(path, content.len() as u64));
            body.extend_from_slice(content.as_bytes());
        }
        body.extend_from_slice(&END);
        for chunk in [1, 3, 1_000] {
            let mut read = frames(&body, chunk);
            assert_eq!(read.next().await.unwrap(), Some(("a".into(), 3)));
            assert_eq!(read.content().await.unwrap(), "one");
            assert_eq!(read.next().await.unwrap(), Some(("ü/b".into(), 0)));
            assert_eq!(read.content().await.unwrap(), "");
            assert_eq!(read.next().await.unwrap(), Some(("c".into(), 5)));
            let mut content = Vec::new();
            while let Some(part) = read.chunk().await.unwrap() {
                content.extend_from_slice(&part);
            }
            assert_eq!(content, b"three");
            assert_eq!(read.next().await.unwrap(), None);
            assert_eq!(read.next().await.unwrap(), None);
        }
        for cut in [2, 6, 14, body.len() - 4] {
            let mut read = frames(&body[..cut], 5);
            let mut failed = false;
            while !failed {
                match read.next().await {
                    Ok(Some(_)) => failed = read.content().await.is_err(),
                    Ok(None) => break,
                    Err(_) => failed = true,
                }
            }
            assert!(failed, "cut at {cut}");
        }
    }
}

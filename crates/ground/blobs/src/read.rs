use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use types::{Digest, Hasher, io};

use crate::spool::CHUNK;
use crate::{Error, blocking};

/// An object being read.
pub struct ObjectStream {
    /// Bytes of the whole object, whatever the range.
    pub size: u64,
    /// The bytes that the stream yields.
    pub range: Range<u64>,
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl ObjectStream {
    /// Reads the stream to its end into memory.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let length = usize::try_from(self.range.end - self.range.start).unwrap_or(0);
        let buffer = self
            .stream
            .try_fold(Vec::with_capacity(length.min(1 << 26)), |mut buffer, chunk| async move {
                buffer.extend_from_slice(&chunk);
                Ok(buffer)
            })
            .await?;
        Ok(buffer.into())
    }

    /// Errs at the end of the stream when the bytes do not have the digest that they are stored under.
    pub(crate) fn verified(self, digest: Digest, place: String) -> Self {
        let Self { size, range, stream } = self;
        let state = (stream, Some(Hasher::new()));
        let stream = stream::unfold(state, move |(mut stream, mut hasher)| {
            let place = place.clone();
            async move {
                match stream.next().await {
                    Some(Ok(chunk)) => {
                        if let Some(h) = &mut hasher {
                            h.update(&chunk);
                        }
                        Some((Ok(chunk), (stream, hasher)))
                    }
                    Some(Err(e)) => Some((Err(e), (stream, None))),
                    None => {
                        let actual = hasher?.finish();
                        let error = Error::Damaged { digest, actual, place };
                        (actual != digest).then_some((Err(error), (stream, None)))
                    }
                }
            }
        });
        Self { size, range, stream: stream.boxed() }
    }
}

/// `range` clamped to an object of `size` bytes. Errs when it starts beyond the end or is reversed.
pub(crate) fn clamp(range: Option<Range<u64>>, size: u64) -> Result<Range<u64>, Error> {
    let Some(range) = range else { return Ok(0..size) };
    let end = range.end.min(size);
    if range.start > end || range.start > range.end {
        return Err(Error::BadRange { start: range.start, end: range.end, size });
    }
    Ok(range.start..end)
}

/// Streams a local file, whose opening is already done, in chunks read off the async threads. The first one, if it is all,
/// is read at once.
pub(crate) fn file(mut file: File, path: PathBuf, range: Option<Range<u64>>) -> Result<ObjectStream, Error> {
    let size = file.metadata().map_err(|e| io::Error::new("inspect", &path, e))?.len();
    let range = clamp(range, size)?;
    file.seek(SeekFrom::Start(range.start)).map_err(|e| io::Error::new("read", &path, e))?;
    let left = range.end - range.start;
    if left <= CHUNK as u64 {
        let chunk = chunk(&mut file, &path, left)?;
        let stream = stream::once(async move { Ok(chunk) });
        return Ok(ObjectStream { size, range, stream: stream.boxed() });
    }
    let stream = stream::try_unfold((file, path, left), |(mut file, path, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        blocking(move || {
            let chunk = chunk(&mut file, &path, left)?;
            let left = left - chunk.len() as u64;
            Ok(Some((chunk, (file, path, left))))
        })
        .await
    });
    Ok(ObjectStream { size, range, stream: stream.boxed() })
}

/// The next bytes of a file, of which `left` are wanted.
fn chunk(file: &mut File, path: &Path, left: u64) -> Result<Bytes, Error> {
    let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
    file.read_exact(&mut chunk).map_err(|e| io::Error::new("read", path, e))?;
    Ok(chunk.into())
}

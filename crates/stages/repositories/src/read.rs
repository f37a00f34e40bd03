//! The bytes of an object, wherever they are.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use types::{Digest, io};

use crate::objects::within;
use crate::receive::Body;
use crate::{Error, Object, Physical, Repositories};

/// An object whose bytes are at hand.
pub struct Opened {
    pub object: Object,
    /// The bytes that the body yields.
    pub range: Range<u64>,
    pub body: Body,
}

/// Bytes read at once.
const CHUNK: u64 = 256 << 10;

impl Repositories {
    /// Opens the object's bytes; `range` is within its size. A whole blob is verified while it is read.
    ///
    /// Errors: `BadAddress` for an imported object that may not be read or has another size now.
    pub async fn read(&self, object: &Object, range: Option<Range<u64>>) -> Result<Opened, Error> {
        let whole = range.is_none();
        let range = within(range, object.size)?;
        let body = match &object.physical {
            // In one go, where that is little.
            Physical::Blob(digest) if whole && object.size <= CHUNK => {
                let bytes = self.blobs().get_bytes(digest).await?;
                stream::once(async move { Ok(bytes) }).boxed()
            }
            Physical::Blob(digest) => self.blob(*digest, (!whole).then(|| range.clone())).await?,
            Physical::Slice { blob, offset } => {
                self.blob(*blob, Some(offset + range.start..offset + range.end)).await?
            }
            Physical::Parts(parts) => self.parts_body(parts, &range),
            Physical::External(address) => self.external(address, object.size, range.clone()).await?,
        };
        Ok(Opened { object: object.clone(), range, body })
    }

    async fn blob(&self, digest: Digest, range: Option<Range<u64>>) -> Result<Body, Error> {
        if range.as_ref().is_some_and(|range| range.is_empty()) {
            return Ok(stream::empty().boxed());
        }
        let opened = self.blobs().get_stream(&digest, range).await?;
        Ok(opened.stream.map_err(Error::from).boxed())
    }

    /// The pieces of parts that lie in the range, each opened when the one before it is read.
    fn parts_body(&self, parts: &[(Digest, u64)], range: &Range<u64>) -> Body {
        let mut pieces = Vec::new();
        let mut start = 0;
        for (digest, size) in parts {
            let (from, to) = (range.start.max(start), range.end.min(start + size));
            if from < to {
                pieces.push((*digest, from - start..to - start));
            }
            start += size;
        }
        let state = (self.clone(), pieces.into_iter());
        stream::try_unfold(state, |(stage, mut pieces)| async move {
            let Some((digest, range)) = pieces.next() else { return Ok(None) };
            let body = stage.blob(digest, Some(range)).await?;
            Ok::<_, Error>(Some((body, (stage, pieces))))
        })
        .try_flatten()
        .boxed()
    }

    async fn external(&self, address: &str, size: u64, range: Range<u64>) -> Result<Body, Error> {
        let path = self.local_file(address)?;
        let bad = |reason: String| Error::BadAddress { address: address.to_owned(), reason };
        let file =
            tokio::fs::File::open(&path).await.map_err(|e| bad(format!("it cannot be opened: {e}")))?;
        let found = file.metadata().await.map_err(|e| bad(e.to_string()))?.len();
        if found != size {
            return Err(bad(format!("it has {found} bytes now, and had {size} when it was imported")));
        }
        let file = file.into_std().await;
        let state = (file, path, range);
        Ok(stream::try_unfold(state, |(file, path, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let work = move || read_chunk(file, path, range);
            match tokio::task::spawn_blocking(work).await {
                Ok(result) => result.map(Some),
                Err(join) => Err(Error::Stopped(join.to_string())),
            }
        })
        .boxed())
    }

    /// The file of a `local://` or `file://` address. Errors: `BadAddress` unless it lies in a directory that the
    /// configuration allows, links followed.
    pub(crate) fn local_file(&self, address: &str) -> Result<PathBuf, Error> {
        let bad = |reason: &str| Error::BadAddress { address: address.to_owned(), reason: reason.to_owned() };
        let path = address
            .strip_prefix("local://")
            .or_else(|| address.strip_prefix("file://"))
            .ok_or_else(|| bad("only local:// and file:// are read in place"))?;
        let path = Path::new(path);
        let real = path.canonicalize().map_err(|e| bad(&format!("it cannot be found: {e}")))?;
        let roots = &self.0.options.local_roots;
        let allowed =
            roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| real.starts_with(root));
        if path.is_absolute() && allowed {
            Ok(real)
        } else {
            Err(bad(
                "it is in no directory that may be read; see repositories.local_import in the configuration",
            ))
        }
    }
}

type Rest = (std::fs::File, PathBuf, Range<u64>);

fn read_chunk(mut file: std::fs::File, path: PathBuf, range: Range<u64>) -> Result<(Bytes, Rest), Error> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let count = CHUNK.min(range.end - range.start);
    let mut chunk = vec![0; count as usize];
    file.seek(SeekFrom::Start(range.start)).map_err(|e| io::Error::new("read", &path, e))?;
    file.read_exact(&mut chunk).map_err(|e| io::Error::new("read", &path, e))?;
    let rest = range.start + count..range.end;
    Ok((chunk.into(), (file, path, rest)))
}

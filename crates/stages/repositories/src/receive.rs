//! Bodies on their way into the store, read once.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use types::Digest;

use crate::checksum::{Algorithm, Checksums};
use crate::{Error, Physical, Repositories};

/// Bodies from here on may have an ETag that is not their MD5, which S3's clients know of multipart uploads.
pub const LARGE: u64 = 8 << 20;

pub type Body = BoxStream<'static, Result<Bytes, Error>>;

/// Bytes that arrived and are durable; nothing points to them yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Received {
    pub physical: Physical,
    pub size: u64,
    pub sha256: Digest,
    /// `None` of what [`Repositories::receive_large`] took.
    pub md5: Option<[u8; 16]>,
    /// Raw bytes of those asked for, most significant first.
    pub checksums: BTreeMap<Algorithm, Vec<u8>>,
}

/// Bodies up to here are held in memory and share a file with others that come at the same time.
pub(crate) const SMALL: usize = 64 << 10;

impl Received {
    /// The MD5, or, without one, [`large_etag`].
    pub fn etag(&self) -> String {
        self.md5.map_or_else(|| large_etag(&self.sha256), hex::encode)
    }
}

/// `<first half of the SHA-256>-1`: the form of a multipart upload's, which nobody takes for an MD5.
pub fn large_etag(sha256: &Digest) -> String {
    let half = &sha256.as_bytes()[..16];
    format!("{}-1", hex::encode(half))
}

impl Repositories {
    /// Takes a body into the store. Nothing sees it before [`Repositories::stage`]; the garbage collector leaves it
    /// alone for a day. `algorithms` beside SHA-256 and MD5.
    ///
    /// Errors: the body's own, and nothing of it is kept then.
    pub async fn receive(&self, body: Body, algorithms: &[Algorithm]) -> Result<Received, Error> {
        self.take(body, Checksums::new(algorithms)).await
    }

    /// As [`Repositories::receive`], without an MD5: it costs more than everything else about a large body.
    pub async fn receive_large(&self, body: Body) -> Result<Received, Error> {
        self.take(body, Checksums::none()).await
    }

    async fn take(&self, body: Body, mut sums: Checksums) -> Result<Received, Error> {
        let mut body = body;
        let mut head: Vec<Bytes> = Vec::new();
        let mut held = 0;
        let small = loop {
            match body.next().await {
                Some(chunk) => {
                    let chunk = chunk?;
                    held += chunk.len();
                    sums.update(&chunk);
                    head.push(chunk);
                    if held > SMALL {
                        break false;
                    }
                }
                None => break true,
            }
        };
        if small {
            let bytes = Bytes::from(head.concat());
            let sha256 = Digest::of(&bytes);
            let size = bytes.len() as u64;
            let physical = self.0.small.put(self.blobs(), sha256, bytes).await?;
            self.0.fresh.note(&physical, self.ledger().clock().now());
            let (md5, checksums) = sums.finish(&sha256);
            return Ok(Received { physical, size, sha256, md5, checksums });
        }
        // The rest streams through; the sums are carried along and handed back at the end.
        let (give, take) = tokio::sync::oneshot::channel();
        let state = (head.into_iter(), body, Some((sums, give)));
        let stream = futures::stream::unfold(state, |(mut head, mut body, mut sums)| async move {
            if let Some(chunk) = head.next() {
                return Some((Ok(chunk), (head, body, sums)));
            }
            match body.next().await {
                Some(Ok(chunk)) => {
                    if let Some((sums, _)) = &mut sums {
                        sums.update(&chunk);
                    }
                    Some((Ok(chunk), (head, body, sums)))
                }
                Some(Err(error)) => Some((Err(error), (head, body, None))),
                None => {
                    if let Some((sums, give)) = sums.take() {
                        // Whoever asked may have gone away.
                        let _ = give.send(sums);
                    }
                    None
                }
            }
        });
        let (sha256, size) = self.blobs().put_stream(stream, None).await.map_err(own)?;
        let sums = take.await.map_err(|_| Error::Body("its end was not seen".into()))?;
        let (md5, checksums) = sums.finish(&sha256);
        let physical = Physical::Blob(sha256);
        self.0.fresh.note(&physical, self.ledger().clock().now());
        Ok(Received { physical, size, sha256, md5, checksums })
    }
}

/// The body's own error, where it cut the upload.
fn own(error: blobs::Error) -> Error {
    match error {
        blobs::Error::Cut { received, source } => match source.downcast::<Error>() {
            Ok(own) => *own,
            Err(source) => blobs::Error::Cut { received, source }.into(),
        },
        error => error.into(),
    }
}

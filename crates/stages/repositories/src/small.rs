//! Small bodies that come at the same time are written as one blob: what a sync costs is then paid once for all of
//! them. Whoever comes while a blob is written waits for the next one; nobody waits for company.

use std::sync::{Mutex, PoisonError};

use blobs::Blobs;
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use types::Digest;

use crate::{Error, Physical};

/// Most bytes of one blob of small bodies.
const PACK: usize = 8 << 20;

#[derive(Default)]
pub(crate) struct Packer {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
}

struct Waiting {
    digest: Digest,
    bytes: Bytes,
    reply: oneshot::Sender<Result<Physical, String>>,
}

impl Packer {
    /// Where the bytes are, once they are durable.
    pub async fn put(&self, blobs: &Blobs, digest: Digest, bytes: Bytes) -> Result<Physical, Error> {
        loop {
            let (reply, mut answer) = oneshot::channel();
            self.lock().push(Waiting { digest, bytes: bytes.clone(), reply });
            let _turn = self.writing.lock().await;
            loop {
                match answer.try_recv() {
                    Ok(done) => return done.map_err(Error::Stopped),
                    // Nobody has taken it yet.
                    Err(TryRecvError::Empty) => self.write(blobs).await,
                    // Whoever took it went away before it was written.
                    Err(TryRecvError::Closed) => break,
                }
            }
        }
    }

    async fn write(&self, blobs: &Blobs) {
        let batch = self.take();
        let written = write(blobs, &batch).await.map_err(|error| error.to_string());
        for (index, waiting) in batch.into_iter().enumerate() {
            let answer = match &written {
                Ok(places) => places.get(index).cloned().ok_or_else(|| "it was left out".to_owned()),
                Err(text) => Err(text.clone()),
            };
            // Whoever asked may have gone away.
            let _ = waiting.reply.send(answer);
        }
    }

    /// What waits, in order, as much as one blob takes.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.lock();
        let mut bytes = 0;
        let fits = waiting.iter().take_while(|w| {
            bytes += w.bytes.len();
            bytes <= PACK
        });
        let count = fits.count().max(1).min(waiting.len());
        waiting.drain(..count).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(blobs: &Blobs, batch: &[Waiting]) -> Result<Vec<Physical>, blobs::Error> {
    if let [alone] = batch {
        blobs.put_bytes(alone.bytes.clone()).await?;
        return Ok(vec![Physical::Blob(alone.digest)]);
    }
    let mut pack = Vec::with_capacity(batch.iter().map(|w| w.bytes.len()).sum());
    let mut offsets = Vec::with_capacity(batch.len());
    for waiting in batch {
        offsets.push(pack.len() as u64);
        pack.extend_from_slice(&waiting.bytes);
    }
    let blob = blobs.put_bytes(pack).await?;
    Ok(offsets.into_iter().map(|offset| Physical::Slice { blob, offset }).collect())
}

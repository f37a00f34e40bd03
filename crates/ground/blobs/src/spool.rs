//! Writing a stream to a file aside, digesting it on the way.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use types::{Digest, Hasher, io};

use crate::{BoxError, Error, blocking};

/// Bytes read or written at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// A file that vanishes when it is dropped before it was renamed to its place.
pub(crate) struct TempFile {
    path: PathBuf,
    file: File,
}

/// A whole upload, written aside, neither synced nor visible.
pub(crate) struct Spooled {
    pub temp: TempFile,
    pub digest: Digest,
    pub size: u64,
}

impl TempFile {
    /// A file that no other process or thread has, in `dir`.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let n = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{}-{n}", std::process::id()));
            match File::options().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // Left by a process that had our id, or made by one in another container.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(io::Error::new("create", path, e).into()),
            }
        }
    }

    /// Over an open file, for tests of what the disk answers.
    #[cfg(test)]
    pub fn over(path: PathBuf, file: File) -> Self {
        Self { path, file }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|e| io::Error::new("write", &self.path, e).into())
    }

    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|e| io::Error::new("sync", &self.path, e).into())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // After a rename there is nothing to remove: that is the usual case.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes the stream to a new file in `dir`. When the stream errs or this future is dropped the file goes away.
pub(crate) async fn stream<S, E>(dir: PathBuf, stream: S) -> Result<Spooled, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    enum Part {
        Bytes(Bytes),
        End,
    }
    let (sender, mut receiver) = mpsc::channel::<Part>(16);
    // The writer lives on a blocking thread; a channel that closes without `End` means that the sender is gone.
    let writer = blocking(move || {
        let mut temp = TempFile::create(&dir)?;
        let mut hasher = Hasher::new();
        let mut size = 0;
        while let Some(part) = receiver.blocking_recv() {
            match part {
                Part::Bytes(bytes) => {
                    hasher.update(&bytes);
                    temp.write(&bytes)?;
                    size += bytes.len() as u64;
                }
                Part::End => return Ok(Spooled { temp, digest: hasher.finish(), size }),
            }
        }
        Err(Error::Cut { received: size, source: "the sender went away".into() })
    });
    let feed = async move {
        let mut stream = std::pin::pin!(stream);
        let mut received = 0;
        while let Some(next) = stream.next().await {
            match next {
                Ok(bytes) => {
                    received += bytes.len() as u64;
                    if sender.send(Part::Bytes(bytes)).await.is_err() {
                        return Ok(()); // the writer failed, and says why
                    }
                }
                Err(e) => return Err(Error::Cut { received, source: e.into() }),
            }
        }
        let _ = sender.send(Part::End).await;
        Ok(())
    };
    let (fed, written) = futures::join!(feed, writer);
    fed?;
    written
}

/// Copies a file aside, digesting it. Blocking.
pub(crate) fn file(dir: &Path, source: &Path) -> Result<Spooled, Error> {
    let mut from = io::open(source)?;
    let mut temp = TempFile::create(dir)?;
    let (digest, size) = copy(&mut from, source, |bytes| temp.write(bytes))?;
    Ok(Spooled { temp, digest, size })
}

/// Writes bytes aside. Blocking.
pub(crate) fn bytes(dir: &Path, bytes: &[u8]) -> Result<Spooled, Error> {
    let mut temp = TempFile::create(dir)?;
    temp.write(bytes)?;
    Ok(Spooled { temp, digest: Digest::of(bytes), size: bytes.len() as u64 })
}

/// Joins files, in order, digesting the whole. Blocking.
pub(crate) fn joined(dir: &Path, sources: &[PathBuf]) -> Result<Spooled, Error> {
    let mut temp = TempFile::create(dir)?;
    let mut hasher = Hasher::new();
    let mut size = 0;
    for source in sources {
        let mut from = io::open(source)?;
        size += copy_into(&mut hasher, &mut from, source, |bytes| temp.write(bytes))?;
    }
    Ok(Spooled { temp, digest: hasher.finish(), size })
}

/// Reads `from` to its end, hands each chunk on, and digests it. `path` is for the error.
pub(crate) fn copy(
    from: &mut File,
    path: &Path,
    to: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(Digest, u64), Error> {
    let mut hasher = Hasher::new();
    let size = copy_into(&mut hasher, from, path, to)?;
    Ok((hasher.finish(), size))
}

fn copy_into(
    hasher: &mut Hasher,
    from: &mut File,
    path: &Path,
    mut to: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(io::Error::new("read", path, e).into()),
        };
        hasher.update(&buffer[..n]);
        to(&buffer[..n])?;
        size += n as u64;
    }
}

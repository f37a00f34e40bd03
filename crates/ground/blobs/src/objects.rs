//! Objects by digest.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use types::{Digest, io};

use crate::spool::{self, Spooled};
use crate::{Blobs, BoxError, Error, ObjectStream, Store, blocking};

impl Blobs {
    pub async fn put_bytes(&self, bytes: impl Into<Bytes>) -> Result<Digest, Error> {
        let bytes: Bytes = bytes.into();
        let dir = self.uploads();
        let spooled = blocking(move || spool::bytes(&dir, &bytes)).await?;
        Ok(self.keep(spooled, None).await?.0)
    }

    /// Copies a file into the store. Answers its digest and size in bytes.
    pub async fn put_file(&self, path: &Path) -> Result<(Digest, u64), Error> {
        self.put_file_expecting(path, None).await
    }

    /// Errors: `Mismatch` if the file has another digest than `expected`; it is not kept then.
    pub async fn put_file_expecting(
        &self,
        path: &Path,
        expected: Option<Digest>,
    ) -> Result<(Digest, u64), Error> {
        let (dir, path) = (self.uploads(), path.to_owned());
        let spooled = blocking(move || spool::file(&dir, &path)).await?;
        self.keep(spooled, expected).await
    }

    /// Keeps what the stream brings, when it ends well and has the `expected` digest. Otherwise nothing of it
    /// becomes visible: `Cut` or `Mismatch`.
    pub async fn put_stream<S, E>(&self, stream: S, expected: Option<Digest>) -> Result<(Digest, u64), Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        let spooled = spool::stream(self.uploads(), stream).await?;
        self.keep(spooled, expected).await
    }

    /// The whole object, verified against its digest.
    pub async fn get_bytes(&self, digest: &Digest) -> Result<Bytes, Error> {
        let Store::Local(local) = &*self.store else {
            return self.get_stream(digest, None).await?.bytes().await;
        };
        let (path, digest) = (local.object(digest), *digest);
        blocking(move || {
            let bytes = io::read(&path).map_err(|e| absent(e, digest))?;
            let actual = Digest::of(&bytes);
            if actual != digest {
                return Err(Error::Damaged { digest, actual, place: path.display().to_string() });
            }
            Ok(bytes.into())
        })
        .await
    }

    /// A stream of the object. A whole read ends with `Damaged` when its bytes are not those of the digest;
    /// a range is not verified.
    pub async fn get_stream(
        &self,
        digest: &Digest,
        range: Option<Range<u64>>,
    ) -> Result<ObjectStream, Error> {
        let whole = range.is_none();
        let digest = *digest;
        let (object, place) = match &*self.store {
            Store::Local(local) => {
                let path = local.object(&digest);
                let place = path.display().to_string();
                let object = blocking(move || {
                    let file = io::open(&path).map_err(|e| absent(e, digest))?;
                    crate::read::file(file, path, range)
                });
                (object.await?, place)
            }
            Store::Remote(remote) => {
                let key = remote.object(&digest);
                let object = remote.get(&key, range).await?.ok_or(Error::NotFound { digest })?;
                (object, remote.place(&key))
            }
        };
        Ok(if whole { object.verified(digest, place) } else { object })
    }

    pub async fn exists(&self, digest: &Digest) -> Result<bool, Error> {
        match self.size(digest).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Bytes of the object.
    pub async fn size(&self, digest: &Digest) -> Result<u64, Error> {
        let digest = *digest;
        match &*self.store {
            Store::Local(local) => {
                let path = local.object(&digest);
                blocking(move || {
                    let meta = std::fs::metadata(&path).map_err(|e| io::Error::new("inspect", path, e));
                    meta.map(|m| m.len()).map_err(|e| absent(e, digest))
                })
                .await
            }
            Store::Remote(remote) => {
                remote.size(&remote.object(&digest)).await?.ok_or(Error::NotFound { digest })
            }
        }
    }

    /// The read-only file of the object, where the store is local and has it. Not to be written or linked.
    pub fn local_path(&self, digest: &Digest) -> Option<PathBuf> {
        match &*self.store {
            Store::Local(local) => Some(local.object(digest)).filter(|path| path.is_file()),
            Store::Remote(_) => None,
        }
    }

    /// Writes the object to a file, verified, replacing one that is there. A copy, never a hard link: a
    /// program that is given the file may write to it, and must not write to the store.
    pub async fn materialize(&self, digest: &Digest, to: &Path) -> Result<(), Error> {
        let object = self.get_stream(digest, None).await?;
        crate::remote::download(object, to).await
    }

    /// Whether there was one to remove. For garbage collection only: nothing checks that it is unused.
    pub async fn delete(&self, digest: &Digest) -> Result<bool, Error> {
        let digest = *digest;
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.remove_object(&digest)).await,
            Store::Remote(remote) => remote.remove(&remote.object(&digest)).await,
        }
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        match &*self.store {
            Store::Local(local) => local.uploads(),
            Store::Remote(remote) => remote.scratch(),
        }
    }

    pub(crate) async fn keep(
        &self,
        spooled: Spooled,
        expected: Option<Digest>,
    ) -> Result<(Digest, u64), Error> {
        let (digest, size) = (spooled.digest, spooled.size);
        if let Some(expected) = expected
            && expected != digest
        {
            return Err(Error::Mismatch { expected, actual: digest, size });
        }
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.keep(&spooled)).await?,
            Store::Remote(remote) => {
                let key = remote.object(&digest);
                remote.keep(&key, &remote.removal(&digest), &spooled).await?;
            }
        }
        Ok((digest, size))
    }

    /// Runs file work on the local store; only called where the store is local.
    pub(crate) async fn on_local<T: Send + 'static>(
        &self,
        work: impl FnOnce(&crate::local::Local) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = Arc::clone(&self.store);
        blocking(move || match &*store {
            Store::Local(local) => work(local),
            Store::Remote(_) => Err(Error::Stopped { reason: "the store is not local".into() }),
        })
        .await
    }
}

fn absent(e: io::Error, digest: Digest) -> Error {
    if e.source.kind() == std::io::ErrorKind::NotFound { Error::NotFound { digest } } else { e.into() }
}

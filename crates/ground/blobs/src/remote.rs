//! Objects in an object store such as S3. Uploads are spooled to a local file first: their digest must be
//! known before the key, and a cut upload must leave nothing.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path as Key;
use object_store::signer::Signer;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};
use types::{Digest, Timestamp, io};

use crate::spool::Spooled;
use crate::{Error, NamedObject, NamedPath, ObjectStream, blocking};

/// Up to here an object is sent in one request.
const SINGLE: u64 = 8 << 20;
/// S3 takes 10,000 parts at most.
const MAX_PARTS: u64 = 9_000;

pub(crate) struct Remote {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Of stores that let clients in by a signed address.
    signer: Option<Arc<dyn Signer>>,
    name: String,
    prefix: String,
    scratch: PathBuf,
}

impl Remote {
    pub fn new(
        store: Arc<dyn ObjectStore>,
        signer: Option<Arc<dyn Signer>>,
        name: String,
        prefix: String,
        scratch: PathBuf,
    ) -> Result<Self, Error> {
        io::create_dir_all(&scratch)?;
        Ok(Self { store, signer, name, prefix, scratch })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn scratch(&self) -> PathBuf {
        self.scratch.clone()
    }

    pub fn object(&self, digest: &Digest) -> Key {
        let hex = digest.hex();
        self.key(&format!("objects/{}/{hex}", &hex[..2]))
    }

    /// Where objects whose digest begins with `first` are.
    pub fn shard(&self, first: u8) -> Key {
        self.key(&format!("objects/{first:02x}"))
    }

    pub fn named(&self, path: &NamedPath) -> Key {
        self.key(&format!("named/{path}"))
    }

    pub fn staged(&self, upload: &str, rest: &str) -> Key {
        self.key(&format!("uploads/{upload}{rest}"))
    }

    /// Every part was checked before: digests are hexadecimal, names are `NamedPath`.
    fn key(&self, rest: &str) -> Key {
        let full = if self.prefix.is_empty() { rest.to_owned() } else { format!("{}/{rest}", self.prefix) };
        Key::parse(&full).unwrap_or_else(|_| Key::from(full))
    }

    pub async fn size(&self, key: &Key) -> Result<Option<u64>, Error> {
        match self.store.head(key).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error("inspect", key, e)),
        }
    }

    /// Sends a spooled file. It becomes visible whole, when the store acknowledges it.
    pub async fn put(&self, key: &Key, spooled: &Spooled) -> Result<(), Error> {
        let path = spooled.temp.path().to_owned();
        if spooled.size <= SINGLE {
            let bytes = blocking(move || Ok(io::read(path)?)).await?;
            let sent = self.store.put(key, PutPayload::from(bytes)).await;
            return sent.map(|_| ()).map_err(|e| self.error("write", key, e));
        }
        let upload = self.store.put_multipart(key).await.map_err(|e| self.error("write", key, e))?;
        let part = SINGLE.max(spooled.size / MAX_PARTS);
        let mut upload =
            WriteMultipart::new_with_chunk_size(upload, usize::try_from(part).unwrap_or(usize::MAX));
        let sent = self.send_parts(&mut upload, key, path).await;
        match sent {
            Ok(()) => upload.finish().await.map(|_| ()).map_err(|e| self.error("write", key, e)),
            Err(e) => {
                if let Err(abort) = upload.abort().await {
                    tracing::warn!(%key, error = %abort, "an upload that failed could not be aborted");
                }
                Err(e)
            }
        }
    }

    async fn send_parts(&self, upload: &mut WriteMultipart, key: &Key, path: PathBuf) -> Result<(), Error> {
        let open = path.clone();
        let file = blocking(move || Ok(io::open(open)?)).await?;
        let mut chunks = crate::read::file(file, path, None)?.stream;
        while let Some(chunk) = chunks.next().await {
            upload.wait_for_capacity(4).await.map_err(|e| self.error("write", key, e))?;
            upload.put(chunk?);
        }
        Ok(())
    }

    /// `None` when there is no such object.
    pub async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<ObjectStream>, Error> {
        let range = match range {
            None => None,
            Some(range) => {
                let Some(size) = self.size(key).await? else { return Ok(None) };
                let range = crate::read::clamp(Some(range), size)?;
                if range.is_empty() {
                    // S3 has no empty range.
                    return Ok(Some(ObjectStream { size, range, stream: futures::stream::empty().boxed() }));
                }
                Some(GetRange::Bounded(range))
            }
        };
        let result = match self.store.get_opts(key, GetOptions { range, ..GetOptions::default() }).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(self.error("read", key, e)),
        };
        let (size, range) = (result.meta.size, result.range.clone());
        let (place, store) = (key.to_string(), self.name.clone());
        let stream = result.into_stream().map_err(move |source| Error::Remote {
            action: "read",
            key: place.clone(),
            store: store.clone(),
            source: Box::new(source),
        });
        Ok(Some(ObjectStream { size, range, stream: stream.boxed() }))
    }

    /// Deletes are idempotent on S3: whether it was there is asked first.
    pub async fn remove(&self, key: &Key) -> Result<bool, Error> {
        if self.size(key).await?.is_none() {
            return Ok(false);
        }
        match self.store.delete(key).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(self.error("remove", key, e)),
        }
    }

    pub async fn list_named(&self, prefix: Option<&NamedPath>) -> Result<Vec<NamedObject>, Error> {
        let base = self.key("named");
        let start = prefix.map_or_else(|| base.clone(), |p| self.named(p));
        let skip = base.as_ref().len() + 1;
        let mut found: Vec<NamedObject> = self
            .store
            .list(Some(&start))
            .map_ok(|meta| NamedObject {
                path: meta.location.as_ref().get(skip..).unwrap_or_default().to_owned(),
                size: meta.size,
                modified: Timestamp(meta.last_modified.timestamp_micros()),
            })
            .try_collect()
            .await
            .map_err(|e| self.error("list", &start, e))?;
        found.retain(|o| !o.path.is_empty());
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// An address under which anybody may do `method` to the object for a while; `None` where the store has none.
    pub async fn signed(
        &self,
        method: http::Method,
        key: &Key,
        lasts: Duration,
    ) -> Result<Option<String>, Error> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let url = signer.signed_url(method, key, lasts).await;
        url.map(|url| Some(url.into())).map_err(|e| self.error("sign", key, e))
    }

    /// The store's own tag of an object.
    pub async fn tag(&self, key: &Key) -> Result<Option<String>, Error> {
        match self.store.head(key).await {
            Ok(meta) => Ok(meta.e_tag),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error("inspect", key, e)),
        }
    }

    pub async fn put_small(&self, key: &Key, bytes: Vec<u8>) -> Result<(), Error> {
        self.store.put(key, bytes.into()).await.map(|_| ()).map_err(|e| self.error("write", key, e))
    }

    /// Removes the objects below `prefix` that are older than `age`.
    pub async fn sweep(&self, prefix: &Key, age: Duration) -> Result<(), Error> {
        let found: Vec<_> =
            self.store.list(Some(prefix)).try_collect().await.map_err(|e| self.error("list", prefix, e))?;
        let newest = found.iter().map(|meta| meta.last_modified).max();
        let old = |meta: &object_store::ObjectMeta| {
            // The store's own clock: what was written last is the best known now.
            newest.is_some_and(|newest| (newest - meta.last_modified).to_std().is_ok_and(|a| a >= age))
        };
        for meta in found.iter().filter(|meta| old(meta)) {
            self.remove(&meta.location).await?;
        }
        Ok(())
    }

    pub fn place(&self, key: &Key) -> String {
        format!("{key} in {}", self.name)
    }

    pub(crate) fn error(&self, action: &'static str, key: &Key, source: object_store::Error) -> Error {
        Error::Remote { action, key: key.to_string(), store: self.name.clone(), source: Box::new(source) }
    }
}

/// Writes a stream to a local file, atomically and durably.
pub(crate) async fn download(object: ObjectStream, to: &Path) -> Result<(), Error> {
    let dir = to.parent().unwrap_or(Path::new(".")).to_owned();
    let spooled = crate::spool::stream(dir.clone(), object.stream).await.map_err(|e| match e {
        // Our own read failed: say that, not that an upload was cut.
        Error::Cut { source, received } => match source.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(source) => Error::Cut { received, source },
        },
        other => other,
    })?;
    let to = to.to_owned();
    blocking(move || {
        spooled.temp.sync()?;
        std::fs::rename(spooled.temp.path(), &to).map_err(|e| io::Error::new("place", to, e))?;
        Ok(io::sync_dir(dir)?)
    })
    .await
}

/// An empty stream type for callers that hold the whole object.
pub(crate) fn once(bytes: Bytes) -> impl futures::Stream<Item = Result<Bytes, Error>> + Send {
    futures::stream::once(async move { Ok(bytes) })
}

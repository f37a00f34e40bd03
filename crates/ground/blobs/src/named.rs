//! Objects by name, such as the artifacts that MLflow addresses by path. They can be replaced and deleted.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use futures::Stream;
use types::{Digest, Timestamp, io};

use crate::{Blobs, BoxError, Error, NamedPath, ObjectStream, Store, blocking, spool};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedObject {
    pub path: String,
    /// Bytes.
    pub size: u64,
    pub modified: Timestamp,
}

/// One line of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEntry {
    /// The last segment.
    pub name: String,
    pub path: String,
    /// Bytes of an object; `None` for a folder.
    pub size: Option<u64>,
}

impl Blobs {
    /// Keeps what the stream brings under `path`, replacing an older object in one step when the stream ended
    /// well. Answers digest and size in bytes. Errors: `BadName`, `NameTaken`, `Cut`.
    pub async fn put_named<S, E>(&self, path: &str, stream: S) -> Result<(Digest, u64), Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        let name = NamedPath::parse(path)?;
        let spooled = spool::stream(self.uploads(), stream).await?;
        let stored = (spooled.digest, spooled.size);
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.keep_named(&spooled, &name)).await?,
            Store::Remote(remote) => remote.put(&remote.named(&name), &spooled).await?,
        }
        Ok(stored)
    }

    pub async fn put_named_bytes(&self, path: &str, bytes: impl Into<Bytes>) -> Result<Digest, Error> {
        let (digest, _) = self.put_named(path, crate::remote::once(bytes.into())).await?;
        Ok(digest)
    }

    pub async fn get_named(&self, path: &str, range: Option<Range<u64>>) -> Result<ObjectStream, Error> {
        let name = NamedPath::parse(path)?;
        let absent = Error::NameNotFound { path: path.to_owned() };
        match &*self.store {
            Store::Local(local) => {
                let file_path = local.named(&name);
                blocking(move || match io::open(&file_path) {
                    Ok(file) if file.metadata().is_ok_and(|m| m.is_file()) => {
                        crate::read::file(file, file_path, range)
                    }
                    Ok(_) => Err(absent),
                    Err(e) if is_absent(&e.source) => Err(absent),
                    Err(e) => Err(e.into()),
                })
                .await
            }
            Store::Remote(remote) => remote.get(&remote.named(&name), range).await?.ok_or(absent),
        }
    }

    pub async fn get_named_bytes(&self, path: &str) -> Result<Bytes, Error> {
        self.get_named(path, None).await?.bytes().await
    }

    /// Bytes of the object; `None` where there is none of that name.
    pub async fn named_size(&self, path: &str) -> Result<Option<u64>, Error> {
        let name = NamedPath::parse(path)?;
        match &*self.store {
            Store::Local(local) => {
                let path = local.named(&name);
                blocking(move || match std::fs::metadata(&path) {
                    Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
                    Err(e) if is_absent(&e) => Ok(None),
                    Err(e) => Err(io::Error::new("inspect", path, e).into()),
                })
                .await
            }
            Store::Remote(remote) => remote.size(&remote.named(&name)).await,
        }
    }

    /// Every object below `prefix` (a folder, or empty for all), sorted by path. An object of exactly that
    /// name is not below it.
    pub async fn list_named(&self, prefix: &str) -> Result<Vec<NamedObject>, Error> {
        let prefix = NamedPath::parse_prefix(prefix)?;
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.list_named(prefix.as_ref())).await,
            Store::Remote(remote) => remote.list_named(prefix.as_ref()).await,
        }
    }

    /// The objects and folders directly in a folder, sorted by name. Empty where there is no such folder.
    pub async fn list_named_dir(&self, folder: &str) -> Result<Vec<NamedEntry>, Error> {
        let below = self.list_named(folder).await?;
        let trimmed = folder.trim_end_matches('/');
        let skip = if trimmed.is_empty() { 0 } else { trimmed.len() + 1 };
        let mut entries = BTreeMap::new();
        for object in below {
            let Some(rest) = object.path.get(skip..) else { continue };
            let (name, size) = match rest.split_once('/') {
                Some((folder, _)) => (folder, None),
                None => (rest, Some(object.size)),
            };
            let path = object.path[..skip + name.len()].to_owned();
            entries.entry(name.to_owned()).or_insert(NamedEntry { name: name.to_owned(), path, size });
        }
        Ok(entries.into_values().collect())
    }

    /// Whether there was one to remove.
    pub async fn delete_named(&self, path: &str) -> Result<bool, Error> {
        let name = NamedPath::parse(path)?;
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.remove_named(&name)).await,
            Store::Remote(remote) => remote.remove(&remote.named(&name)).await,
        }
    }

    /// Removes every object below a folder; answers how many. An empty prefix is refused.
    pub async fn delete_named_prefix(&self, folder: &str) -> Result<u64, Error> {
        NamedPath::parse(folder.strip_suffix('/').unwrap_or(folder))?;
        let mut removed = 0;
        for object in self.list_named(folder).await? {
            removed += u64::from(self.delete_named(&object.path).await?);
        }
        Ok(removed)
    }
}

fn is_absent(e: &std::io::Error) -> bool {
    matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

//! What garbage collection needs: which objects there are, how old they are, and a removal that cannot take an object
//! from somebody who put it again at that moment.
//!
//! Putting an object that is there already, or [`Blobs::renew`], makes it new. Files have their time of modification
//! set, and an old one is first moved aside, looked at once more, and moved back if it became new meanwhile. In an
//! object store the object is written again, and a mark tells everybody that an object is about to be removed: whoever
//! writes looks for the mark afterwards, whoever removes looks at the object's age after setting it.

use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use types::{Clock as _, Digest, SystemClock, Timestamp};

use crate::remote::Remote;
use crate::spool::Spooled;
use crate::{Blobs, Error, Store};

/// In object stores, an object younger than this is not written again when it is put again. So only objects that are
/// older than this by far may be removed there.
const YOUNG: Duration = Duration::from_secs(3600);
/// How long a removal may take. One that was killed leaves its mark for as long.
const REMOVAL: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// When it was put or renewed last, by the clock of the store.
    pub renewed_at: Timestamp,
}

impl Blobs {
    /// All objects whose digest begins with the byte `first`, by digest.
    pub async fn list_objects(&self, first: u8) -> Result<Vec<StoredObject>, Error> {
        let mut found = match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.list_objects(first)).await?,
            Store::Remote(remote) => remote.list_objects(first).await?,
        };
        found.sort_unstable_by_key(|object| object.digest);
        Ok(found)
    }

    /// Makes an object as new as one that was just put. Whether there is one.
    pub async fn renew(&self, digest: &Digest) -> Result<bool, Error> {
        let digest = *digest;
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.renew(&local.object(&digest), None)).await,
            Store::Remote(remote) => remote.renew(&remote.object(&digest), &remote.removal(&digest)).await,
        }
    }

    /// Removes an object that was neither put nor renewed since `before`. Whether it did. In an object store `before`
    /// is at least two hours ago. For garbage collection only: nothing checks that it is unused.
    pub async fn remove_old(&self, digest: &Digest, before: Timestamp) -> Result<bool, Error> {
        let digest = *digest;
        match &*self.store {
            Store::Local(_) => self.on_local(move |local| local.remove_old(&digest, before)).await,
            Store::Remote(remote) => {
                remote.remove_old(&remote.object(&digest), &remote.removal(&digest), before).await
            }
        }
    }
}

impl Remote {
    pub(crate) fn removal(&self, digest: &Digest) -> Key {
        self.staged("removing-", &digest.hex())
    }

    /// Sends an object unless it is there and young.
    pub(crate) async fn keep(&self, key: &Key, mark: &Key, spooled: &Spooled) -> Result<(), Error> {
        loop {
            match self.meta(key).await? {
                // Whoever removes objects saw it, or will see nothing.
                None => return self.put(key, spooled).await,
                Some(meta) if meta.size != spooled.size => return self.put(key, spooled).await,
                Some(meta) if is_young(&meta) => return Ok(()),
                Some(_) => self.put(key, spooled).await?,
            }
            if self.is_left_alone(mark).await? {
                return Ok(());
            }
        }
    }

    pub(crate) async fn renew(&self, key: &Key, mark: &Key) -> Result<bool, Error> {
        loop {
            match self.meta(key).await? {
                None => return Ok(false),
                Some(meta) if is_young(&meta) => return Ok(true),
                Some(_) => {}
            }
            // A copy onto itself changes nothing, which stores refuse.
            let aside = self.staged("renewing-", mark.filename().unwrap_or_default());
            self.store.copy(key, &aside).await.map_err(|e| self.error("copy", key, e))?;
            self.store.copy(&aside, key).await.map_err(|e| self.error("renew", key, e))?;
            self.remove(&aside).await?;
            if self.is_left_alone(mark).await? {
                return Ok(true);
            }
        }
    }

    pub(crate) async fn list_objects(&self, first: u8) -> Result<Vec<StoredObject>, Error> {
        let prefix = self.shard(first);
        let found: Vec<ObjectMeta> =
            self.store.list(Some(&prefix)).try_collect().await.map_err(|e| self.error("list", &prefix, e))?;
        let object = |meta: &ObjectMeta| {
            let digest = meta.location.filename()?.parse().ok()?;
            Some(StoredObject { digest, size: meta.size, renewed_at: renewed_at(meta) })
        };
        Ok(found.iter().filter_map(object).collect())
    }

    pub(crate) async fn remove_old(&self, key: &Key, mark: &Key, before: Timestamp) -> Result<bool, Error> {
        let is_old = async || Ok::<_, Error>(self.meta(key).await?.is_some_and(|m| renewed_at(&m) < before));
        if !is_old().await? {
            return Ok(false);
        }
        self.put_small(mark, Vec::new()).await?;
        let removed = if is_old().await? { self.remove(key).await } else { Ok(false) };
        // Also when that failed: others wait for it.
        self.remove(mark).await?;
        removed
    }

    /// Waits while the object is being removed. Whether it was not.
    async fn is_left_alone(&self, mark: &Key) -> Result<bool, Error> {
        let mut waited = false;
        while let Some(meta) = self.meta(mark).await? {
            if age(&meta) > REMOVAL {
                break;
            }
            waited = true;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(!waited)
    }

    async fn meta(&self, key: &Key) -> Result<Option<ObjectMeta>, Error> {
        match self.store.head(key).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error("inspect", key, e)),
        }
    }
}

fn renewed_at(meta: &ObjectMeta) -> Timestamp {
    Timestamp(meta.last_modified.timestamp_micros())
}

/// By our clock, which differs from the store's by much less than the times that are compared.
fn age(meta: &ObjectMeta) -> Duration {
    let micros = SystemClock.now().0.saturating_sub(renewed_at(meta).0);
    Duration::from_micros(micros.try_into().unwrap_or_default())
}

fn is_young(meta: &ObjectMeta) -> bool {
    age(meta) < YOUNG
}

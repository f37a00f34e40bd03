//! The nodes of all trees: packed into blobs when a commit makes them, found by rows of the ledger, kept decoded in
//! memory while they are used.

mod cache;
mod pack;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use blobs::Blobs;
use bytes::Bytes;
use ledger::Ledger;
use tokio::runtime::Handle;
use tree::{NewNodes, Node};
use types::{Actor, Digest, WorkspaceId, io};

use crate::Error;
use crate::nodes::cache::Cache;
use crate::store::nodes::{self as store, Found};

/// All rows are of one workspace: what a node is follows from its id.
pub(crate) const WORKSPACE: WorkspaceId = WorkspaceId::DEFAULT;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Nodes(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    blobs: Blobs,
    cache: Cache,
    /// Where reads of a store that is not local run.
    runtime: Option<Handle>,
}

impl Nodes {
    /// `memory`: about how many bytes of decoded nodes are kept.
    pub fn open(ledger: Ledger, blobs: Blobs, memory: usize) -> Self {
        let runtime = Handle::try_current().ok();
        Self(Arc::new(Inner { ledger, blobs, cache: Cache::new(memory), runtime }))
    }

    /// Durable when it answers. A node that is kept already is not written again.
    pub async fn keep(&self, new: NewNodes) -> Result<(), Error> {
        let new = self.without_kept(new).await?;
        if new.0.is_empty() {
            return Ok(());
        }
        let work = tokio::task::spawn_blocking(move || pack::pack(new)).await;
        let (packs, nodes) = work.map_err(|join| Error::Stopped(join.to_string()))??;
        let mut rows = Vec::with_capacity(nodes.len());
        for pack in packs {
            let blob = self.0.blobs.put_bytes(pack.bytes).await?;
            rows.extend(pack.places.into_iter().map(|place| (place, blob)));
        }
        let actor = Actor::system("repositories");
        self.0
            .ledger
            .record(&actor, move |tx| {
                let rows = rows.iter().map(|(place, pack)| {
                    let found = Found { pack: *pack, start: place.start.into(), length: place.length.into() };
                    (place.id, found)
                });
                store::insert(tx, rows)
            })
            .await?;
        for node in nodes {
            self.0.cache.insert(node);
        }
        Ok(())
    }

    /// Leaves out what is kept. What a collection condemned counts as made now; the rest needs no write, since from when one
    /// condemns it until it may go there is time enough for a commit that leads to it.
    async fn without_kept(&self, mut new: NewNodes) -> Result<NewNodes, Error> {
        let ids: Vec<Digest> = new.0.iter().map(|(id, _)| *id).collect();
        let known = self.0.ledger.read(WORKSPACE, move |rx| store::find_many(rx, &ids)).await?;
        let (condemned, safe): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, condemned)| *condemned);
        let mut kept: HashSet<Digest> = safe.into_iter().map(|(id, _)| id).collect();
        if !condemned.is_empty() {
            let actor = Actor::system("repositories");
            let ids: Vec<Digest> = condemned.into_iter().map(|(id, _)| id).collect();
            // One may have been collected since it was read; those that are renewed are there.
            kept.extend(self.0.ledger.record(&actor, move |tx| store::renew(tx, &ids)).await?);
        }
        new.0.retain(|(id, _)| !kept.contains(id));
        Ok(new)
    }

    /// The canonical bytes of a node.
    pub async fn bytes(&self, id: &Digest) -> Result<Bytes, Error> {
        let (this, id) = (self.clone(), *id);
        let load = move || tree::Nodes::load(&this, &id);
        let node =
            tokio::task::spawn_blocking(load).await.map_err(|join| Error::Stopped(join.to_string()))??;
        Ok(Bytes::copy_from_slice(node.bytes()))
    }

    fn find(&self, id: &Digest) -> Result<Found, tree::Error> {
        let wanted = *id;
        // The ledger answers from threads of its own, so waiting here is safe on any thread.
        let found =
            futures::executor::block_on(self.0.ledger.read(WORKSPACE, move |rx| store::find(rx, &wanted)));
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(tree::Error::Missing(*id)),
            Err(error) => Err(unreadable(id, &error)),
        }
    }

    fn read(&self, id: &Digest, found: &Found) -> Result<Vec<u8>, tree::Error> {
        if let Some(path) = self.0.blobs.local_path(&found.pack) {
            let length = usize::try_from(found.length).unwrap_or_default();
            let mut bytes = vec![0; length];
            return io::open(&path)
                .and_then(|file| {
                    file.read_exact_at(&mut bytes, found.start).map_err(|e| io::Error::new("read", path, e))
                })
                .map(|()| bytes)
                .map_err(|e| unreadable(id, &e));
        }
        let Some(runtime) = &self.0.runtime else {
            return Err(tree::Error::Unreadable {
                id: *id,
                reason: format!("pack {} is absent", found.pack),
            });
        };
        let (give, take) = std::sync::mpsc::sync_channel(1);
        let (blobs, pack, range) =
            (self.0.blobs.clone(), found.pack, found.start..found.start + found.length);
        runtime.spawn(async move {
            let read = async { blobs.get_stream(&pack, Some(range)).await?.bytes().await };
            // Whoever asked waits for it.
            let _ = give.send(read.await);
        });
        let answer = take.recv().map_err(|e| unreadable(id, &e))?;
        answer.map(Into::into).map_err(|e| unreadable(id, &e))
    }
}

impl Nodes {
    /// Like `load`, for a walk over everything: what is in memory is used, but nothing is put there.
    pub fn peek(&self, id: &Digest) -> Result<Arc<Node>, tree::Error> {
        if let Some(node) = self.0.cache.get(id) {
            return Ok(node);
        }
        let found = self.find(id)?;
        let bytes = match self.read(id, &found) {
            // It may have been packed anew since it was found.
            Err(error) => {
                let again = self.find(id)?;
                if again == found {
                    return Err(error);
                }
                self.read(id, &again)?
            }
            Ok(bytes) => bytes,
        };
        Ok(Arc::new(pack::unpack(id, &bytes)?))
    }
}

impl tree::Nodes for Nodes {
    fn load(&self, id: &Digest) -> Result<Arc<Node>, tree::Error> {
        if let Some(node) = self.0.cache.get(id) {
            return Ok(node);
        }
        let node = self.peek(id)?;
        self.0.cache.insert(Arc::clone(&node));
        Ok(node)
    }
}

/// Only the nodes that are in memory; any other is `Missing`. Never waits.
pub(crate) struct InMemory<'a>(pub &'a Nodes);

impl tree::Nodes for InMemory<'_> {
    fn load(&self, id: &Digest) -> Result<Arc<Node>, tree::Error> {
        self.0.0.cache.get(id).ok_or(tree::Error::Missing(*id))
    }
}

fn unreadable(id: &Digest, error: &dyn std::error::Error) -> tree::Error {
    tree::Error::Unreadable { id: *id, reason: error.to_string() }
}

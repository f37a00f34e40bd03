//! Nodes, each a blob of its own.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use blobs::Blobs;
use bytes::Bytes;
use ledger::Ledger;
use tokio::runtime::Handle;
use tree::{NewNodes, Node};
use types::Digest;

use crate::Error;

pub(crate) struct Nodes {
    blobs: Blobs,
    cache: RwLock<HashMap<Digest, Arc<Node>>>,
}

impl Nodes {
    pub fn open(_ledger: Ledger, blobs: Blobs) -> Self {
        Self { blobs, cache: RwLock::default() }
    }

    pub async fn keep(&self, new: NewNodes) -> Result<(), Error> {
        for (_, bytes) in new.0 {
            self.blobs.put_bytes(bytes).await?;
        }
        Ok(())
    }

    pub async fn bytes(&self, id: &Digest) -> Result<Bytes, Error> {
        Ok(self.blobs.get_bytes(id).await?)
    }
}

impl tree::Nodes for Nodes {
    fn load(&self, id: &Digest) -> Result<Arc<Node>, tree::Error> {
        if let Some(node) = self.cache.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Arc::clone(node));
        }
        let bytes = Handle::current().block_on(self.blobs.get_bytes(id));
        let bytes = bytes.map_err(|e| tree::Error::Unreadable { id: *id, reason: e.to_string() })?;
        let node = Arc::new(Node::decode(id, bytes.as_ref())?);
        self.cache.write().unwrap_or_else(PoisonError::into_inner).insert(*id, Arc::clone(&node));
        Ok(node)
    }
}

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use types::Digest;

use crate::{Error, NewNodes, Node, Nodes};

/// Nodes in memory: for tests, and for trees that live as long as one operation.
#[derive(Debug, Default)]
pub struct Memory(RwLock<HashMap<Digest, Arc<Node>>>);

impl Memory {
    pub fn keep(&self, new: NewNodes) -> Result<(), Error> {
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (id, bytes) in new.0 {
            nodes.insert(id, Arc::new(Node::made(id, bytes)?));
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Nodes for Memory {
    fn load(&self, id: &Digest) -> Result<Arc<Node>, Error> {
        let nodes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        nodes.get(id).cloned().ok_or(Error::Missing(*id))
    }
}

/// Nodes that are not kept yet over those that are, so that one change can be made on top of another before anything
/// is written.
pub struct Overlay<'a> {
    below: &'a dyn Nodes,
    new: Memory,
}

impl<'a> Overlay<'a> {
    pub fn new(below: &'a dyn Nodes) -> Self {
        Self { below, new: Memory::default() }
    }

    pub fn add(&self, new: &NewNodes) -> Result<(), Error> {
        self.new.keep(new.clone())
    }
}

impl Nodes for Overlay<'_> {
    fn load(&self, id: &Digest) -> Result<Arc<Node>, Error> {
        match self.new.load(id) {
            Err(Error::Missing(_)) => self.below.load(id),
            found => found,
        }
    }
}

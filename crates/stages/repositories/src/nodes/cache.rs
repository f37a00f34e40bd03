use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tree::Node;
use types::Digest;

const SHARDS: usize = 16;

/// Decoded nodes, up to a number of bytes in all; those that were not used for longest go first (second chance).
pub(crate) struct Cache {
    shards: [RwLock<Shard>; SHARDS],
    /// Bytes of one shard.
    limit: usize,
}

#[derive(Default)]
struct Shard {
    nodes: HashMap<Digest, Cached, BuildHasherDefault<Plain>>,
    /// In the order of their coming.
    queue: VecDeque<Digest>,
    bytes: usize,
}

struct Cached {
    node: Arc<Node>,
    used: AtomicBool,
}

/// Digests are spread evenly already.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn write(&mut self, bytes: &[u8]) {
        for (index, byte) in bytes.iter().skip(8).take(8).enumerate() {
            self.0 ^= u64::from(*byte) << (8 * index);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }

    fn write_usize(&mut self, _: usize) {}
}

impl Cache {
    pub fn new(bytes: usize) -> Self {
        Self { shards: Default::default(), limit: bytes / SHARDS }
    }

    pub fn get(&self, id: &Digest) -> Option<Arc<Node>> {
        let shard = self.shard(id).read().unwrap_or_else(PoisonError::into_inner);
        let found = shard.nodes.get(id)?;
        if !found.used.load(Ordering::Relaxed) {
            found.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&found.node))
    }

    pub fn insert(&self, node: Arc<Node>) {
        let id = node.id();
        let mut shard = self.shard(&id).write().unwrap_or_else(PoisonError::into_inner);
        shard.bytes += node.memory();
        if let Some(before) = shard.nodes.insert(id, Cached { node, used: AtomicBool::new(false) }) {
            shard.bytes -= before.node.memory();
        } else {
            shard.queue.push_back(id);
        }
        while shard.bytes > self.limit && shard.queue.len() > 1 {
            let Some(oldest) = shard.queue.pop_front() else { break };
            let is_used = shard.nodes.get(&oldest).is_some_and(|c| c.used.swap(false, Ordering::Relaxed));
            if is_used {
                shard.queue.push_back(oldest);
            } else if let Some(gone) = shard.nodes.remove(&oldest) {
                shard.bytes -= gone.node.memory();
            }
        }
    }

    fn shard(&self, id: &Digest) -> &RwLock<Shard> {
        &self.shards[usize::from(id.as_bytes()[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tree::{Item, Memory, Nodes as _, apply, empty};

    #[test]
    fn what_is_used_stays_and_the_rest_makes_room() {
        let memory = Memory::default();
        let node = |n: u32| {
            let item = Item { value: vec![7; 4000], weight: 0 };
            let (root, new) = apply(&memory, &empty(), vec![(n.to_be_bytes().to_vec(), Some(item))]).unwrap();
            memory.keep(new).unwrap();
            memory.load(&root).unwrap()
        };
        let cache = Cache::new(SHARDS * 40_000);
        let favourite = node(0);
        cache.insert(Arc::clone(&favourite));
        for n in 1..2000 {
            cache.insert(node(n));
            assert!(cache.get(&favourite.id()).is_some());
        }
        for shard in &cache.shards {
            let shard = shard.read().unwrap();
            assert!(shard.bytes <= 40_000);
            assert_eq!(shard.nodes.len(), shard.queue.len());
            assert_eq!(shard.bytes, shard.nodes.values().map(|c| c.node.memory()).sum::<usize>());
        }
    }
}

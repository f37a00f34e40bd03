use types::Digest;

use crate::builder::common;
use crate::node::{Node, RESTART};
use crate::{Totals, varint};

/// One entry of a node, or behind its last. Keys are put together as it goes, so it owns the current one and
/// allocates no more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    /// Of the current entry; the number of entries when behind the last.
    pub index: usize,
    pub key: Vec<u8>,
    /// Where what follows the key starts and ends.
    payload: (usize, usize),
}

impl Position {
    pub fn first(node: &Node) -> Self {
        let mut position = Self::default();
        position.read(node, node.start());
        position
    }

    /// At the first entry whose key is not below `key`.
    pub fn at_or_after(node: &Node, key: &[u8]) -> Self {
        let mut position = Self::first(node);
        position.seek(node, key);
        position
    }

    pub fn is_end(&self, node: &Node) -> bool {
        self.index >= node.entries()
    }

    pub fn is_last(&self, node: &Node) -> bool {
        self.index + 1 >= node.entries()
    }

    pub fn advance(&mut self, node: &Node) {
        self.index += 1;
        self.read(node, self.payload.1);
    }

    pub fn go_last(&mut self, node: &Node) {
        if self.is_last(node) {
            return;
        }
        let last = node.entries() - 1;
        if self.index / RESTART < last / RESTART {
            self.restart(node, last / RESTART);
        }
        while self.index < last {
            self.advance(node);
        }
    }

    /// Forward to the first entry whose key is not below `key`; stays if it is there or beyond.
    pub fn seek(&mut self, node: &Node, key: &[u8]) {
        if self.is_end(node) || self.key.as_slice() >= key {
            return;
        }
        // The last restart that is not beyond `key`, if it is ahead.
        let (mut low, mut high) = (self.index / RESTART, node.restarts());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if node.restart_key(middle) <= key {
                low = middle;
            } else {
                high = middle;
            }
        }
        if low > self.index / RESTART {
            self.restart(node, low);
        }
        while !self.is_end(node) && self.key.as_slice() < key {
            self.advance(node);
        }
    }

    /// Passes, here and in another node of the same level, over whole runs of [`RESTART`] entries that are the same in
    /// both; whether there were any. Only between such runs: elsewhere nothing is compared. What a run is encoded as
    /// follows from its entries alone, so runs of the same bytes are the same, and comparing bytes is many times as fast
    /// as comparing entries.
    pub fn pass_same_runs(&mut self, node: &Node, other: &mut Self, there: &Node) -> bool {
        let is_between =
            |position: &Self, node: &Node| position.index.is_multiple_of(RESTART) && !position.is_end(node);
        if !is_between(self, node) || !is_between(other, there) {
            return false;
        }
        let (first, second) = (self.index / RESTART, other.index / RESTART);
        let (start, begin) = (node.restart(first), there.restart(second));
        let same = common(&node.entry_bytes()[start..], &there.entry_bytes()[begin..]);
        // The last run of a node ends with it, and is left to the comparison of entries.
        let (mut low, mut high) = (0, (node.restarts() - first).min(there.restarts() - second));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if node.restart(first + middle) - start <= same {
                low = middle;
            } else {
                high = middle;
            }
        }
        if low > 0 {
            self.restart(node, first + low);
            other.restart(there, second + low);
        }
        low > 0
    }

    /// Where what follows the key starts and ends among the node's bytes.
    pub fn payload_range(&self) -> (usize, usize) {
        self.payload
    }

    /// Value and weight of an entry of a leaf.
    #[inline]
    pub fn value<'n>(&self, node: &'n Node) -> (&'n [u8], u64) {
        let bytes = node.bytes();
        let (weight, at) = varint::get(bytes, self.payload.0);
        let (_, at) = varint::get(bytes, at);
        (&bytes[at..self.payload.1], weight)
    }

    /// Id and sums of a child.
    pub fn child(&self, node: &Node) -> (Digest, Totals) {
        let bytes = node.bytes();
        let start = self.payload.0;
        let mut id = [0; 32];
        id.copy_from_slice(&bytes[start..start + 32]);
        let (count, at) = varint::get(bytes, start + 32);
        let (weight, _) = varint::get(bytes, at);
        (Digest::from_bytes(id), Totals { count, weight })
    }

    /// What follows the key, as it is encoded.
    pub fn payload<'n>(&self, node: &'n Node) -> &'n [u8] {
        &node.bytes()[self.payload.0..self.payload.1]
    }

    fn restart(&mut self, node: &Node, restart: usize) {
        self.index = restart * RESTART;
        self.read(node, node.restart(restart));
    }

    #[inline]
    fn read(&mut self, node: &Node, at: usize) {
        if self.is_end(node) {
            return;
        }
        let bytes = node.bytes();
        let (shared, at) = varint::get(bytes, at);
        let (suffix, at) = varint::get(bytes, at);
        let end = at + suffix as usize;
        self.key.truncate(shared as usize);
        self.key.extend_from_slice(&bytes[at..end]);
        self.payload = (end, node.payload_end(end));
    }
}

//! An ordered map from byte strings to byte strings as a tree of content-addressed nodes (a prolly tree).
//!
//! The same content gives the same root, whatever the order and batching of the changes that led to it: where a node
//! ends follows from the keys in it ([`split`]). Trees that differ little share nearly all nodes, so a copy costs
//! nothing, and diffs and merges cost what changed. Operations are synchronous and CPU-bound; nodes come from
//! [`Nodes`], and new ones go back to the caller, who keeps them before the new root is used.
//!
//! A node is either a leaf, with keys, values and weights, or has for each child its last key, its id and what is
//! below it. Leaves have level 0; all leaves are equally deep. The lowest level with one node is the root.

mod apply;
mod builder;
mod diff;
mod error;
mod level;
mod memory;
mod merge;
mod node;
mod position;
mod prefix;
mod scan;
mod splice;
mod split;
#[cfg(test)]
mod tests;
mod varint;

use std::sync::Arc;

pub use apply::apply;
pub use diff::{Diff, diff};
pub use error::Error;
pub use memory::{Memory, Overlay};
pub use merge::{Merges, merge};
pub use node::Node;
pub use prefix::{digest, end_of_prefix, totals};
pub use scan::{Entry, Scan, get, scan};
use types::Digest;

/// Where nodes are kept. `load` may block.
pub trait Nodes: Send + Sync {
    /// The decoded node. Implementations cache.
    fn load(&self, id: &Digest) -> Result<Arc<Node>, Error>;
}

/// Nodes that an operation made: id and canonical bytes. Children stand before their parents.
#[derive(Clone, Debug, Default)]
pub struct NewNodes(pub Vec<(Digest, Vec<u8>)>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub value: Vec<u8>,
    /// Summed up in every subtree; repositories put an object's bytes here.
    pub weight: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub count: u64,
    /// At most `u64::MAX`: a sum that would be higher stays there.
    pub weight: u64,
}

/// A key whose items differ between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: Vec<u8>,
    pub left: Option<Item>,
    pub right: Option<Item>,
}

/// A key that differs between base and theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    pub key: Vec<u8>,
    pub base: Option<Item>,
    pub ours: Option<Item>,
    pub theirs: Option<Item>,
}

/// The root of the empty tree. It is never kept: operations know it without a `load`.
pub fn empty() -> Digest {
    node::empty().id
}

impl Totals {
    pub(crate) fn add(&mut self, other: Totals) {
        self.count = self.count.saturating_add(other.count);
        self.weight = self.weight.saturating_add(other.weight);
    }

    /// With `new` for `old`, which is part of it; `None` where a sum is so high that it may be none.
    pub(crate) fn replace(self, old: Totals, new: Totals) -> Option<Self> {
        let one = |sum: u64, old: u64, new: u64| {
            let known = sum < u64::MAX && old < u64::MAX && new < u64::MAX;
            if known { sum.checked_sub(old)?.checked_add(new).filter(|sum| *sum < u64::MAX) } else { None }
        };
        Some(Self {
            count: one(self.count, old.count, new.count)?,
            weight: one(self.weight, old.weight, new.weight)?,
        })
    }
}

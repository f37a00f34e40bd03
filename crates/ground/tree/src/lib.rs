//! An ordered map from byte strings to byte strings as a tree of content-addressed nodes (a prolly tree).
//!
//! The same content gives the same root, whatever the order and batching of the changes that led to it: a node ends
//! where the hash of a key says so. Trees that differ little share nearly all nodes, so a copy costs nothing, and
//! diffs and merges cost what changed. Operations are synchronous and CPU-bound; nodes come from [`Nodes`], and new
//! ones go back to the caller, who keeps them before the new root is used.

use std::sync::Arc;

use types::Digest;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("node {0} is missing")]
    Missing(Digest),
    #[error("node {id} is damaged: {what}")]
    Damaged { id: Digest, what: String },
    #[error("node {id} cannot be read: {reason}")]
    Unreadable { id: Digest, reason: String },
}

/// Where nodes are kept. `load` may block.
pub trait Nodes: Send + Sync {
    /// The decoded node. Implementations cache.
    fn load(&self, id: &Digest) -> Result<Arc<Node>, Error>;
}

/// A decoded node.
#[derive(Debug)]
pub struct Node;

impl Node {
    /// Checks the digest, then decodes.
    pub fn decode(_id: &Digest, _bytes: &[u8]) -> Result<Self, Error> {
        todo!()
    }
    /// What its children are, for a walk over all that a root reaches. None in a leaf.
    pub fn children(&self) -> Vec<Digest> {
        todo!()
    }
}

/// Nodes that an operation made: id and canonical bytes.
#[derive(Debug, Default)]
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

/// The root of the empty tree. It is never kept: every `load` of it is answered by this crate.
pub fn empty() -> Digest {
    todo!()
}

/// `changes` in ascending order of distinct keys; `None` removes. New nodes are those that are not part of `root`.
pub fn apply(
    _nodes: &dyn Nodes,
    _root: &Digest,
    _changes: Vec<(Vec<u8>, Option<Item>)>,
) -> Result<(Digest, NewNodes), Error> {
    todo!()
}

pub fn get(_nodes: &dyn Nodes, _root: &Digest, _key: &[u8]) -> Result<Option<Item>, Error> {
    todo!()
}

/// In order; starts at the first key `>= from` and ends behind the last with `prefix`. Seekable, so that a listing by
/// delimiter jumps over what it folds.
pub struct Scan<'a>(std::marker::PhantomData<&'a ()>);

pub fn scan<'a>(
    _nodes: &'a dyn Nodes,
    _root: &Digest,
    _prefix: &[u8],
    _from: &[u8],
) -> Result<Scan<'a>, Error> {
    todo!()
}

impl Scan<'_> {
    /// Goes forward to the first key `>= key`.
    pub fn seek(&mut self, _key: &[u8]) -> Result<(), Error> {
        todo!()
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Vec<u8>, Item), Error>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

/// Keys with `prefix`, `>= from`, whose items differ. Equal subtrees are passed over unread. Lazy.
pub fn diff<'a>(
    _nodes: &'a dyn Nodes,
    _left: &Digest,
    _right: &Digest,
    _prefix: &[u8],
    _from: &[u8],
) -> Result<Box<dyn Iterator<Item = Result<Change, Error>> + 'a>, Error> {
    todo!()
}

/// What theirs changed since base, beside what ours has. Costs what theirs changed. Lazy.
pub fn merge<'a>(
    _nodes: &'a dyn Nodes,
    _base: &Digest,
    _ours: &Digest,
    _theirs: &Digest,
) -> Result<Box<dyn Iterator<Item = Result<Merge, Error>> + 'a>, Error> {
    todo!()
}

pub fn totals(_nodes: &dyn Nodes, _root: &Digest, _prefix: &[u8]) -> Result<Totals, Error> {
    todo!()
}

/// The identity of the content below a prefix: the root of the tree that holds these keys alone.
pub fn digest(_nodes: &dyn Nodes, _root: &Digest, _prefix: &[u8]) -> Result<Digest, Error> {
    todo!()
}

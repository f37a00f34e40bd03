use std::sync::Arc;

use types::Digest;

use crate::level::{Level, root};
use crate::node::Node;
use crate::position::Position;
use crate::{Error, Item, Nodes, end_of_prefix};

pub fn get(nodes: &dyn Nodes, id: &Digest, key: &[u8]) -> Result<Option<Item>, Error> {
    let walk = Level::open(nodes, &root(nodes, id)?, 0, Some(key))?;
    let at = Position::at_or_after(walk.node(), key);
    Ok((!at.is_end(walk.node()) && at.key == key).then(|| item(walk.node(), &at)))
}

pub(crate) fn item(node: &Node, at: &Position) -> Item {
    let (value, weight) = at.value(node);
    Item { value: value.to_vec(), weight }
}

/// In order; starts at the first key `>= from` and ends behind the last with `prefix`. Seekable, so that a listing by
/// delimiter jumps over what it folds. After an error it is at its end.
pub struct Scan<'a> {
    walk: Level<'a>,
    at: Position,
    end: Option<Vec<u8>>,
    is_done: bool,
}

/// A key and its item, borrowed from the node they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'s> {
    pub key: &'s [u8],
    pub value: &'s [u8],
    pub weight: u64,
}

pub fn scan<'a>(nodes: &'a dyn Nodes, id: &Digest, prefix: &[u8], from: &[u8]) -> Result<Scan<'a>, Error> {
    let from = from.max(prefix);
    let walk = Level::open(nodes, &root(nodes, id)?, 0, Some(from))?;
    let at = Position::at_or_after(walk.node(), from);
    Ok(Scan { walk, at, end: end_of_prefix(prefix), is_done: false })
}

impl Scan<'_> {
    /// Goes forward to the first key `>= key`; stays where it is beyond already.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        if self.is_done {
            return Ok(());
        }
        if self.walk.last_key() < key {
            let before = Arc::clone(self.walk.node());
            let moved = self.walk.seek(Some(key));
            moved.inspect_err(|_| self.is_done = true)?;
            if !Arc::ptr_eq(&before, self.walk.node()) {
                self.at = Position::first(self.walk.node());
            }
        }
        self.at.seek(self.walk.node(), key);
        Ok(())
    }

    /// The entry that comes next, if there is one. It stays the next one.
    pub fn peek(&mut self) -> Result<Option<Entry<'_>>, Error> {
        if self.is_done {
            return Ok(None);
        }
        if self.at.is_end(self.walk.node()) {
            match self.walk.next() {
                Ok(true) => self.at = Position::first(self.walk.node()),
                other => {
                    self.is_done = true;
                    return other.map(|_| None);
                }
            }
        }
        if self.end.as_ref().is_some_and(|end| self.at.key >= *end) || self.at.is_end(self.walk.node()) {
            self.is_done = true;
            return Ok(None);
        }
        let (value, weight) = self.at.value(self.walk.node());
        Ok(Some(Entry { key: &self.at.key, value, weight }))
    }

    /// Passes over the entry that `peek` told.
    pub fn pass(&mut self) {
        if !self.is_done && !self.at.is_end(self.walk.node()) {
            self.at.advance(self.walk.node());
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Vec<u8>, Item), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = match self.peek() {
            Ok(found) => found.map(|e| (e.key.to_vec(), Item { value: e.value.to_vec(), weight: e.weight })),
            Err(error) => return Some(Err(error)),
        };
        self.pass();
        found.map(Ok)
    }
}

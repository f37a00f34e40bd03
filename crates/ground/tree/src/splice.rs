//! Replacing stretches of a tree: the one way in which trees are made.
//!
//! Levels are rebuilt from the leaves up. On each, nodes that a splice touches are fed through a [`Builder`] entry by
//! entry, and so are those behind them until a new node ends where an old one did: from there on nodes would come out
//! as they were. What a level replaced are the splices of the level above.

use std::sync::Arc;

use types::Digest;

use crate::builder::{Builder, Built};
use crate::level::{Level, root};
use crate::node::{Node, empty};
use crate::position::Position;
use crate::{Error, Item, NewNodes, Nodes};

/// Puts `items` where the keys from `from` to `to` are. All items' keys are below the next one that stays.
pub(crate) struct Splice<'s, T> {
    /// Inclusive.
    pub from: &'s [u8],
    pub to: To<'s>,
    pub items: &'s [T],
}

#[derive(Clone, Copy)]
pub(crate) enum To<'s> {
    Through(&'s [u8]),
    Before(&'s [u8]),
    End,
}

impl<'s> To<'s> {
    fn key(self) -> Option<&'s [u8]> {
        match self {
            Self::Through(key) | Self::Before(key) => Some(key),
            Self::End => None,
        }
    }

    fn has(self, key: &[u8]) -> bool {
        match self {
            Self::Through(end) => key <= end,
            Self::Before(end) => key < end,
            Self::End => true,
        }
    }
}

/// What a splice brings.
pub(crate) trait Feed {
    fn feed(&self, builder: &mut Builder);
}

impl Feed for (Vec<u8>, Option<Item>) {
    fn feed(&self, builder: &mut Builder) {
        if let (key, Some(item)) = self {
            builder.push_item(key, item);
        }
    }
}

impl Feed for Built {
    fn feed(&self, builder: &mut Builder) {
        builder.push_child(self);
    }
}

/// Neighbouring nodes of a level and what came to be in their place.
struct Replaced {
    from: Vec<u8>,
    to: Vec<u8>,
    built: Vec<Built>,
}

/// The nodes that were made, level by level.
#[derive(Default)]
struct Made(Vec<Vec<(Digest, Vec<u8>)>>);

/// `splices` are in order and apart.
pub(crate) fn splice<T: Feed>(
    nodes: &dyn Nodes,
    id: &Digest,
    splices: &[Splice<'_, T>],
) -> Result<(Digest, NewNodes), Error> {
    let old = root(nodes, id)?;
    let mut made = Made::default();
    if *id == empty().id {
        let mut builder = Builder::new(0);
        splices.iter().flat_map(|s| s.items).for_each(|item| item.feed(&mut builder));
        builder.flush();
        return grow(nodes, 0, builder.take(), made);
    }
    let mut replaced = rebuild(nodes, &old, 0, splices)?;
    for level in 1..=old.level() {
        made.keep(replaced.iter_mut().flat_map(|r| &mut r.built));
        let above: Vec<_> = replaced
            .iter()
            .map(|r| Splice { from: &r.from, to: To::Through(&r.to), items: r.built.as_slice() })
            .collect();
        replaced = rebuild(nodes, &old, level, &above)?;
    }
    // The old root is alone on its level.
    match replaced.pop() {
        None => Ok((*id, NewNodes::default())),
        Some(top) => grow(nodes, old.level(), top.built, made),
    }
}

/// One level; what of it changed.
fn rebuild<T: Feed>(
    nodes: &dyn Nodes,
    root: &Arc<Node>,
    level: u8,
    splices: &[Splice<'_, T>],
) -> Result<Vec<Replaced>, Error> {
    let mut replaced = Vec::new();
    let Some(first) = splices.first() else { return Ok(replaced) };
    let mut walk = Level::open(nodes, root, level, Some(first.from))?;
    let mut builder = Builder::new(level);
    let mut pending = splices.iter().peekable();
    while let Some(next) = pending.peek() {
        walk.seek(Some(next.from))?;
        let from = walk.last_key().to_vec();
        let mut passed = vec![walk.node().id];
        loop {
            let mut at = Position::first(walk.node());
            while let Some(splice) = pending.next_if(|s| s.from <= walk.last_key() || walk.is_last()) {
                while !at.is_end(walk.node()) && at.key.as_slice() < splice.from {
                    builder.push_old(walk.node(), &at);
                    at.advance(walk.node());
                }
                splice.items.iter().for_each(|item| item.feed(&mut builder));
                let before = walk.node().id;
                walk.seek(splice.to.key())?;
                if walk.node().id != before {
                    passed.push(walk.node().id);
                    at = Position::first(walk.node());
                }
                while !at.is_end(walk.node()) && splice.to.has(&at.key) {
                    at.advance(walk.node());
                }
            }
            while !at.is_end(walk.node()) {
                builder.push_old(walk.node(), &at);
                at.advance(walk.node());
            }
            if builder.is_fresh() || !walk.next()? {
                break;
            }
            passed.push(walk.node().id);
        }
        if walk.is_last() {
            builder.flush();
        }
        let mut built = builder.take();
        let same = built.len() == passed.len() && built.iter().zip(&passed).all(|(b, p)| b.id == *p);
        if !same {
            built.iter_mut().filter(|b| passed.contains(&b.id)).for_each(|b| b.bytes = Vec::new());
            replaced.push(Replaced { from, to: walk.last_key().to_vec(), built });
        }
    }
    Ok(replaced)
}

/// Builds the levels above `top`, all nodes of level `level`, or goes down while there is one child alone.
fn grow(
    nodes: &dyn Nodes,
    mut level: u8,
    mut top: Vec<Built>,
    mut made: Made,
) -> Result<(Digest, NewNodes), Error> {
    while top.len() > 1 {
        made.keep(&mut top);
        level += 1;
        let mut builder = Builder::new(level);
        top.iter().for_each(|child| builder.push_child(child));
        builder.flush();
        top = builder.take();
    }
    let Some(root) = top.first() else { return Ok((empty().id, NewNodes::default())) };
    let mut id = root.id;
    made.keep(&mut top);
    loop {
        let node = match made.top(&id) {
            Some(bytes) => Arc::new(Node::made(id, bytes.to_vec())?),
            None => nodes.load(&id)?,
        };
        if node.level() == 0 || node.entries() > 1 {
            return Ok((id, NewNodes(made.0.into_iter().flatten().collect())));
        }
        made.0.pop();
        id = Position::first(&node).child(&node).0;
    }
}

impl Made {
    /// Takes the bytes of a level's new nodes.
    fn keep<'b>(&mut self, built: impl IntoIterator<Item = &'b mut Built>) {
        let new = built.into_iter().filter(|b| !b.bytes.is_empty());
        self.0.push(new.map(|b| (b.id, std::mem::take(&mut b.bytes))).collect());
    }

    fn top(&self, id: &Digest) -> Option<&[u8]> {
        self.0.last()?.iter().find(|(new, _)| new == id).map(|(_, bytes)| bytes.as_slice())
    }
}

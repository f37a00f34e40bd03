//! Replacing stretches of a tree: the one way in which trees are made.
//!
//! Levels are rebuilt from the leaves up. On each, nodes that a splice touches are fed through a [`Builder`] entry by
//! entry, and so are those behind them until a new node ends where an old one did: from there on nodes would come out
//! as they were. What a level replaced are the splices of the level above. Where splices do no more than give keys other
//! values, nodes are patched instead.

use std::sync::Arc;

use types::Digest;

use crate::builder::{Builder, Built, put_child, put_item};
use crate::level::{Level, root};
use crate::node::{Node, empty};
use crate::position::Position;
use crate::{Error, Item, NewNodes, Nodes, Totals, split};

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

    /// As an entry to put in the place of another one with the same key; `None` of what is no entry.
    fn entry(&self, payload: &mut Vec<u8>) -> Option<Entry<'_>>;
}

/// An entry without what follows its key.
pub(crate) struct Entry<'e> {
    pub key: &'e [u8],
    /// The length of its value; 0 in inner nodes.
    pub value: usize,
    pub totals: Totals,
}

impl Feed for (Vec<u8>, Option<Item>) {
    fn feed(&self, builder: &mut Builder) {
        if let (key, Some(item)) = self {
            builder.push_item(key, item);
        }
    }

    fn entry(&self, payload: &mut Vec<u8>) -> Option<Entry<'_>> {
        let item = self.1.as_ref()?;
        put_item(payload, item);
        let totals = Totals { count: 1, weight: item.weight };
        Some(Entry { key: &self.0, value: item.value.len(), totals })
    }
}

impl Feed for Built {
    fn feed(&self, builder: &mut Builder) {
        builder.push_child(self);
    }

    fn entry(&self, payload: &mut Vec<u8>) -> Option<Entry<'_>> {
        put_child(payload, self);
        Some(Entry { key: &self.key, value: 0, totals: self.totals })
    }
}

/// Neighbouring nodes of a level and what came to be in their place.
struct Replaced {
    from: Vec<u8>,
    to: Vec<u8>,
    built: Vec<Built>,
    /// Where one node was patched: what it was. The new one has no id yet.
    patched: Option<Digest>,
}

/// Patched nodes that are worth a thread: it takes as long to start as a leaf to hash.
const EACH: usize = 8;

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
        let here: Vec<_> = pending.clone().take_while(|s| s.from <= walk.last_key()).collect();
        // The last node of a level also takes what comes behind it.
        let is_all = !walk.is_last() || pending.len() == here.len();
        let patched = if is_all { patch(walk.node(), &here) } else { None };
        if let Some(built) = patched {
            for _ in &here {
                pending.next();
            }
            let (key, patched) = (walk.last_key().to_vec(), Some(walk.node().id));
            replaced.push(Replaced { from: key.clone(), to: key, built: vec![built], patched });
            continue;
        }
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
            replaced.push(Replaced { from, to: walk.last_key().to_vec(), built, patched: None });
        }
    }
    name(&mut replaced);
    // A patch may have changed nothing.
    replaced.retain(|r| r.patched.is_none_or(|before| r.built.iter().any(|built| built.id != before)));
    Ok(replaced)
}

/// Gives patched nodes their ids. Uses all processors where there are many.
fn name(replaced: &mut [Replaced]) {
    fn all(built: &mut [&mut Built]) {
        built.iter_mut().for_each(|built| built.id = Digest::of(&built.bytes));
    }
    let mut unnamed: Vec<&mut Built> =
        replaced.iter_mut().filter(|r| r.patched.is_some()).flat_map(|r| &mut r.built).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(unnamed.len() / EACH);
    if threads < 2 {
        return all(&mut unnamed);
    }
    let part = unnamed.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for part in unnamed.chunks_mut(part) {
            scope.spawn(move || all(part));
        }
    });
}

/// The node with other values for keys that it has: what most commits and merges do. Where nodes end follows from keys and
/// from classes of values, so if these are as they were, the node ends where it did, and only what follows those keys
/// differs in its bytes. It still has the id of the old one.
///
/// `None` where a splice does anything else.
fn patch<T: Feed>(node: &Node, splices: &[&Splice<'_, T>]) -> Option<Built> {
    let old = node.entry_bytes();
    let (mut totals, mut at) = (node.totals(), Position::first(node));
    let mut bytes = Vec::with_capacity(node.bytes().len() + 64 * splices.len());
    // Up to where the old bytes are taken over, and how far what follows each place was moved.
    let (mut taken, mut moved) = (0, Vec::with_capacity(splices.len()));
    let mut payload = Vec::new();
    for splice in splices {
        let (To::Through(to), [item]) = (splice.to, splice.items) else { return None };
        payload.clear();
        let new = item.entry(&mut payload)?;
        at.seek(node, splice.from);
        if to != splice.from || new.key != to || at.is_end(node) || at.key != to {
            return None;
        }
        let before = match node.level() {
            0 => {
                let (value, weight) = at.value(node);
                if split::size(0, 0, value.len()) != split::size(0, 0, new.value) {
                    return None;
                }
                Totals { count: 1, weight }
            }
            _ => at.child(node).1,
        };
        totals = totals.replace(before, new.totals)?;
        let (start, end) = at.payload_range();
        bytes.extend_from_slice(&old[taken..start]);
        bytes.extend_from_slice(&payload);
        taken = end;
        moved.push((end, bytes.len()));
    }
    bytes.extend_from_slice(&old[taken..]);
    let mut moved = moved.into_iter().peekable();
    let (mut from, mut to) = (0, 0);
    for index in 0..node.restarts() {
        let restart = node.restart(index);
        while let Some(place) = moved.next_if(|(end, _)| *end <= restart) {
            (from, to) = place;
        }
        bytes.extend_from_slice(&u32::try_from(restart - from + to).ok()?.to_le_bytes());
    }
    Some(Built { key: node.last_key().to_vec(), id: node.id, totals, bytes })
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

//! The encoding of a node: a version byte, its level, the number of entries (4 bytes, little-endian), the entries, and
//! the place of every sixteenth of them (4 bytes each). Numbers are shortest varints elsewhere. An entry is the number
//! of bytes that its key has in common with the key before (none for every sixteenth, so that a search can start
//! there), the number of its other bytes, these, and then
//! - in a leaf: weight, length of the value, value;
//! - in an inner node: id of the child (32 bytes), entries below it, their weight.
//!
//! Content has one encoding, and a node's id is its SHA-256.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use types::Digest;

use crate::position::Position;
use crate::{Error, Totals, varint};

pub(crate) const VERSION: u8 = 1;
/// Of this many keys one is stored in full.
pub(crate) const RESTART: usize = 16;
pub(crate) const HEADER: usize = 6;
/// Far above what any number of keys needs, as levels shrink by half at least; keeps damaged data from deep walks.
const MAX_LEVEL: u8 = 60;

/// A decoded node: its bytes, known to be well-formed.
#[derive(Debug)]
pub struct Node {
    pub(crate) id: Digest,
    bytes: Box<[u8]>,
    entries: usize,
    totals: Totals,
    last_key: Box<[u8]>,
}

static EMPTY: LazyLock<Arc<Node>> = LazyLock::new(|| {
    let bytes: Box<[u8]> = [VERSION, 0, 0, 0, 0, 0].into();
    let id = Digest::of(&bytes);
    Arc::new(Node { id, bytes, entries: 0, totals: Totals::default(), last_key: Box::default() })
});

pub(crate) fn empty() -> &'static Arc<Node> {
    &EMPTY
}

impl Node {
    /// Checks the digest and the form, then keeps the bytes.
    ///
    /// Errors: `Damaged` if these are not the bytes of `id`, or no node that this crate would make.
    pub fn decode(id: &Digest, bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        let found = Digest::of(&bytes);
        if found != *id {
            return Err(Error::damaged(id, format!("its {} bytes have digest {found}", bytes.len())));
        }
        Self::made(*id, bytes)
    }

    /// Like `decode`, of bytes that this crate made: their digest is believed.
    pub fn made(id: Digest, bytes: Vec<u8>) -> Result<Self, Error> {
        let shape = check(&bytes).map_err(|what| Error::damaged(&id, what))?;
        Ok(Self {
            id,
            bytes: bytes.into_boxed_slice(),
            entries: shape.entries,
            totals: shape.totals,
            last_key: shape.last_key.into_boxed_slice(),
        })
    }

    pub fn id(&self) -> Digest {
        self.id
    }

    /// 0: a leaf, whose entries are the map's.
    pub fn level(&self) -> u8 {
        self.bytes[1]
    }

    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Of all that is below it.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// About the bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        self.bytes.len() + self.last_key.len() + size_of::<Self>() + 16
    }

    /// What its children are, for a walk over all that a root reaches. None in a leaf.
    pub fn children(&self) -> Vec<Digest> {
        let mut children = Vec::new();
        if self.level() > 0 {
            let mut position = Position::first(self);
            while !position.is_end(self) {
                children.push(position.child(self).0);
                position.advance(self);
            }
        }
        children
    }

    /// Calls `each` with key, value and weight of every entry of a leaf; never in an inner node.
    pub fn for_each(&self, mut each: impl FnMut(&[u8], &[u8], u64)) {
        if self.level() == 0 {
            let mut position = Position::first(self);
            while !position.is_end(self) {
                let (value, weight) = position.value(self);
                each(&position.key, value, weight);
                position.advance(self);
            }
        }
    }

    /// Its canonical bytes, whose SHA-256 is its id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    pub(crate) fn start(&self) -> usize {
        HEADER
    }

    pub(crate) fn restarts(&self) -> usize {
        self.entries.div_ceil(RESTART)
    }

    /// Its bytes without the table of restarts.
    pub(crate) fn entry_bytes(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - 4 * self.restarts()]
    }

    pub(crate) fn restart(&self, index: usize) -> usize {
        let at = self.bytes.len() - 4 * (self.restarts() - index);
        u32::from_le_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]])
            as usize
    }

    pub(crate) fn restart_key(&self, index: usize) -> &[u8] {
        // The common part is none and takes one byte.
        let (length, at) = varint::get(&self.bytes, self.restart(index) + 1);
        &self.bytes[at..at + length as usize]
    }

    #[inline]
    pub(crate) fn payload_end(&self, start: usize) -> usize {
        if self.level() == 0 {
            let (_, at) = varint::get(&self.bytes, start);
            let (length, at) = varint::get(&self.bytes, at);
            at + length as usize
        } else {
            let (_, at) = varint::get(&self.bytes, start + 32);
            varint::get(&self.bytes, at).1
        }
    }
}

struct Shape {
    entries: usize,
    totals: Totals,
    last_key: Vec<u8>,
}

/// Walks over all entries; later reads rely on what this saw.
fn check(bytes: &[u8]) -> Result<Shape, String> {
    let [version, level, a, b, c, d, rest @ ..] = bytes else { return Err("it is cut in its header".into()) };
    if *version != VERSION {
        return Err(format!("it has version {version}; this program reads version {VERSION}"));
    }
    if *level > MAX_LEVEL {
        return Err(format!("level {level} is too high"));
    }
    let entries = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let restarts = entries.div_ceil(RESTART);
    if entries == 0 || rest.len() / 4 < restarts {
        return Err(format!("it cannot have {entries} entries in {} bytes", bytes.len()));
    }
    let (body, table) = bytes.split_at(bytes.len() - 4 * restarts);
    let mut shape = Shape { entries, totals: Totals::default(), last_key: Vec::new() };
    let mut at = HEADER;
    for index in 0..entries {
        if index % RESTART == 0 {
            let place = index / RESTART * 4;
            if table[place..place + 4] != u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes() {
                return Err(format!("entry {index} is not where it should be"));
            }
        }
        at = entry(body, at, *level, index, &mut shape)
            .ok_or_else(|| format!("entry {index} is malformed"))?;
    }
    if at != body.len() {
        return Err(format!("{} bytes follow the last entry", body.len() - at));
    }
    Ok(shape)
}

fn entry(body: &[u8], at: usize, level: u8, index: usize, shape: &mut Shape) -> Option<usize> {
    let (shared, at) = varint::checked(body, at)?;
    let (length, at) = varint::checked(body, at)?;
    let (shared, length) = (usize::try_from(shared).ok()?, usize::try_from(length).ok()?);
    let suffix = body.get(at..at.checked_add(length)?)?;
    let at = at + length;
    let rest = shape.last_key.get(shared..)?;
    let in_order = match index % RESTART {
        _ if index == 0 => shared == 0,
        0 => shared == 0 && suffix > rest,
        // The first bytes that are told differ, or one key is the start of the other.
        _ => match (rest.first(), suffix.first()) {
            (Some(before), Some(now)) => before.cmp(now) == Ordering::Less,
            (None, Some(_)) => true,
            (_, None) => false,
        },
    };
    if !in_order {
        return None;
    }
    shape.last_key.truncate(shared);
    shape.last_key.extend_from_slice(suffix);
    let (below, at) = if level == 0 {
        let (weight, at) = varint::checked(body, at)?;
        let (length, at) = varint::checked(body, at)?;
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        (Totals { count: 1, weight }, end)
    } else {
        let (count, at) = varint::checked(body, at.checked_add(32)?)?;
        let (weight, at) = varint::checked(body, at)?;
        (Totals { count, weight }, at)
    };
    shape.totals.add(below);
    (at <= body.len()).then_some(at)
}

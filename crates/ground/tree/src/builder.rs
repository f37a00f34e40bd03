use types::Digest;

use crate::node::{HEADER, Node, RESTART, VERSION};
use crate::position::Position;
use crate::{Item, Totals, split, varint};

/// A node that was made.
#[derive(Debug)]
pub(crate) struct Built {
    /// Its last.
    pub key: Vec<u8>,
    pub id: Digest,
    pub totals: Totals,
    pub bytes: Vec<u8>,
}

/// Takes the entries of a level in order, and makes nodes of them.
pub(crate) struct Builder {
    level: u8,
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    entries: usize,
    last_key: Vec<u8>,
    size: u64,
    totals: Totals,
    payload: Vec<u8>,
    built: Vec<Built>,
}

impl Builder {
    pub fn new(level: u8) -> Self {
        let mut builder = Self {
            level,
            bytes: Vec::new(),
            restarts: Vec::new(),
            entries: 0,
            last_key: Vec::new(),
            size: 0,
            totals: Totals::default(),
            payload: Vec::new(),
            built: Vec::new(),
        };
        builder.begin();
        builder
    }

    /// Whether the last entry that was pushed ended a node.
    pub fn is_fresh(&self) -> bool {
        self.entries == 0
    }

    pub fn push_item(&mut self, key: &[u8], item: &Item) {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        put_item(&mut payload, item);
        self.push(key, &payload, item.value.len(), Totals { count: 1, weight: item.weight });
        self.payload = payload;
    }

    pub fn push_child(&mut self, child: &Built) {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        put_child(&mut payload, child);
        self.push(&child.key, &payload, 0, child.totals);
        self.payload = payload;
    }

    /// The entry of `node` at `position`, whose level is the builder's.
    pub fn push_old(&mut self, node: &Node, position: &Position) {
        let (value, totals) = if self.level == 0 {
            let (value, weight) = position.value(node);
            (value.len(), Totals { count: 1, weight })
        } else {
            (0, position.child(node).1)
        };
        self.push(&position.key, position.payload(node), value, totals);
    }

    /// Ends the node at the end of the level, wherever that is.
    pub fn flush(&mut self) {
        if self.entries > 0 {
            self.finish();
        }
    }

    /// The nodes that were ended since the last call.
    pub fn take(&mut self) -> Vec<Built> {
        std::mem::take(&mut self.built)
    }

    fn push(&mut self, key: &[u8], payload: &[u8], value: usize, totals: Totals) {
        let common = if self.entries == 0 { 0 } else { common(&self.last_key, key) };
        let shared = if self.entries.is_multiple_of(RESTART) {
            self.restarts.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
            0
        } else {
            common
        };
        varint::put(&mut self.bytes, shared as u64);
        varint::put(&mut self.bytes, (key.len() - shared) as u64);
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(payload);
        self.last_key.truncate(common);
        self.last_key.extend_from_slice(&key[common..]);
        self.entries += 1;
        self.totals.add(totals);
        let size = split::size(self.level, key.len() - common, value);
        self.size += size;
        if split::ends(self.level, key, size, self.size, self.entries) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let entries = u32::try_from(self.entries).unwrap_or(u32::MAX);
        self.bytes[HEADER - 4..HEADER].copy_from_slice(&entries.to_le_bytes());
        for restart in self.restarts.drain(..) {
            self.bytes.extend_from_slice(&restart.to_le_bytes());
        }
        let bytes = std::mem::take(&mut self.bytes);
        self.built.push(Built {
            key: std::mem::take(&mut self.last_key),
            id: Digest::of(&bytes),
            totals: self.totals,
            bytes,
        });
        self.begin();
    }

    fn begin(&mut self) {
        let like = self.built.last().map_or(0, |built| built.bytes.len() + built.bytes.len() / 2);
        self.bytes.reserve(like);
        self.bytes.extend_from_slice(&[VERSION, self.level, 0, 0, 0, 0]);
        self.entries = 0;
        self.size = 0;
        self.totals = Totals::default();
    }
}

/// What follows the key of an entry of a leaf.
pub(crate) fn put_item(to: &mut Vec<u8>, item: &Item) {
    varint::put(to, item.weight);
    varint::put(to, item.value.len() as u64);
    to.extend_from_slice(&item.value);
}

/// What follows the key of an entry of an inner node.
pub(crate) fn put_child(to: &mut Vec<u8>, child: &Built) {
    to.extend_from_slice(child.id.as_bytes());
    varint::put(to, child.totals.count);
    varint::put(to, child.totals.weight);
}

/// How many first bytes are the same.
pub(crate) fn common(a: &[u8], b: &[u8]) -> usize {
    let mut at = 0;
    for (x, y) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        if x != y {
            break;
        }
        at += 8;
    }
    at + a[at..].iter().zip(&b[at..]).take_while(|(x, y)| x == y).count()
}

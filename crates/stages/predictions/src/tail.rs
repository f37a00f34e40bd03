//! The rows that are not in a segment yet, in memory as well as in the spool files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use types::{Timestamp, Uid, WorkspaceId};

use crate::Batch;
use crate::chunk::Chunk;

pub type Key = (WorkspaceId, String);

/// One spool: a segment in the making.
#[derive(Clone, Debug)]
pub struct Part {
    pub segment: Uid,
    /// `None` if the file could not be written; the rows live in memory only.
    pub path: Option<PathBuf>,
    pub opened_at: Timestamp,
    pub first_ordinal: i64,
    pub rows: usize,
    /// No more rows are added.
    pub closed: bool,
    pub chunks: Vec<Arc<Chunk>>,
}

impl Part {
    pub fn push(&mut self, batch: Batch) {
        self.rows += batch.ids.len();
        match self.chunks.last_mut() {
            Some(last) if last.fits(&batch) => Arc::make_mut(last).push(batch),
            _ => self.chunks.push(Arc::new(Chunk::new(batch))),
        }
    }
}

#[derive(Debug, Default)]
pub struct Endpoint {
    /// Oldest first; only the last may be open.
    pub parts: Vec<Part>,
    pub next_ordinal: i64,
}

#[derive(Debug, Default)]
pub struct Tail {
    pub endpoints: HashMap<Key, Endpoint>,
    pub rows: usize,
}

impl Tail {
    pub fn remove(&mut self, key: &Key, segment: Uid) -> Option<Part> {
        let endpoint = self.endpoints.get_mut(key)?;
        let index = endpoint.parts.iter().position(|p| p.segment == segment)?;
        let part = endpoint.parts.remove(index);
        self.rows = self.rows.saturating_sub(part.rows);
        Some(part)
    }
}

use serde::Serialize;
use types::{Digest, Hasher, Timestamp, WorkspaceId};

use crate::{Error, Row};

/// Something that happened, at its place in the one order that everybody sees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// From 1, without gaps.
    pub position: i64,
    pub at: Timestamp,
    pub workspace: WorkspaceId,
    /// `user:<name>`, `system:<component>` or `local`.
    pub actor: String,
    /// `<noun>.<what happened>`, such as `model.alias_moved`.
    pub kind: String,
    /// Version of the payload's shape.
    pub version: i64,
    /// What it happened to: `<kind>:<id>`.
    pub subject: String,
    /// Ids, digests and numbers; never personal data, so that erasure leaves the chain whole.
    pub payload: serde_json::Value,
    /// SHA-256 over the previous event's hash and every field above.
    pub hash: Digest,
}

/// What a walk over the whole event log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    pub events: i64,
    /// Hash of the last event; export it elsewhere to notice a rewritten history.
    pub head: Digest,
}

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub position: i64,
    pub hash: Digest,
}

impl Head {
    pub const START: Self = Self { position: 0, hash: Digest::from_bytes([0; 32]) };
}

/// An event before it has a position.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub workspace: WorkspaceId,
    pub at: Timestamp,
    pub actor: String,
    pub kind: String,
    pub version: i64,
    pub subject: String,
    pub payload: String,
}

impl Draft {
    /// The hash of this event when it follows `head`. Fields are length-prefixed, so that none can lend
    /// characters to its neighbour.
    pub fn hash_after(&self, head: &Head) -> Head {
        let position = head.position + 1;
        let mut hasher = Hasher::new();
        hasher.update(head.hash.as_bytes());
        for number in [position, self.workspace.0, self.at.0, self.version] {
            hasher.update(number.to_be_bytes());
        }
        for text in [&self.actor, &self.kind, &self.subject, &self.payload] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        Head { position, hash: hasher.finish() }
    }

    pub fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            workspace: row.get("workspace_id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            kind: row.get("kind")?,
            version: row.get("version")?,
            subject: row.get("subject")?,
            payload: row.get("payload")?,
        })
    }
}

//! Where nodes are.

use std::collections::HashSet;

use ledger::{FactTx, Insert, Row, Value, params};
use types::{Digest, Timestamp};

use crate::store::{Reads, Result, placeholders};

/// A node's part of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub pack: Digest,
    pub start: u64,
    pub length: u64,
}

/// How many rows or ids one statement has at most.
const PIECE: usize = 128;

pub(crate) fn find(db: &mut impl Reads, id: &Digest) -> Result<Option<Found>> {
    let values = params![db.workspace(), id.as_bytes().as_slice()];
    let row =
        db.row("SELECT pack, start, length FROM tree_node WHERE workspace_id = $1 AND id = $2", &values)?;
    row.map(|row| {
        Ok(Found {
            pack: digest(&row, "pack")?,
            start: row.get::<i64>("start")?.unsigned_abs(),
            length: row.get::<i64>("length")?.unsigned_abs(),
        })
    })
    .transpose()
}

/// Those of `ids` that are kept, each with whether a collection has condemned it.
pub(crate) fn find_many(db: &mut impl Reads, ids: &[Digest]) -> Result<Vec<(Digest, bool)>> {
    let mut found = Vec::new();
    for piece in ids.chunks(PIECE) {
        let sql = format!(
            "SELECT id, condemned_at FROM tree_node WHERE workspace_id = $1 AND id IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = params![db.workspace()].to_vec();
        values.extend(piece.iter().map(bytes));
        for row in db.rows(&sql, &values)? {
            let condemned_at: Option<Timestamp> = row.get("condemned_at")?;
            found.push((digest(&row, "id")?, condemned_at.is_some()));
        }
    }
    Ok(found)
}

/// Those of `ids` that are still kept; they count as made now.
pub(crate) fn renew(tx: &mut FactTx<'_>, ids: &[Digest]) -> Result<HashSet<Digest>> {
    let mut renewed = HashSet::new();
    for piece in ids.chunks(PIECE) {
        let sql = format!(
            "UPDATE tree_node SET kept_at = $2, condemned_at = NULL \
             WHERE workspace_id = $1 AND id IN ({}) RETURNING id",
            placeholders(3, piece.len())
        );
        let mut values = params![tx.workspace(), tx.now()].to_vec();
        values.extend(piece.iter().map(bytes));
        for row in tx.query(&sql, &values)? {
            renewed.insert(digest(&row, "id")?);
        }
    }
    Ok(renewed)
}

/// One that is there already is from now on where it was written last.
pub(crate) fn insert(tx: &mut FactTx<'_>, rows: impl Iterator<Item = (Digest, Found)>) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let into = Insert {
        table: "tree_node",
        columns: &[
            ("workspace_id", "BIGINT"),
            ("id", "BYTEA"),
            ("pack", "BYTEA"),
            ("start", "BIGINT"),
            ("length", "BIGINT"),
            ("kept_at", "BIGINT"),
        ],
        tail: " ON CONFLICT (workspace_id, id) DO UPDATE SET pack = excluded.pack, start = excluded.start, \
               length = excluded.length, kept_at = excluded.kept_at, condemned_at = NULL",
    };
    let mut values = Vec::new();
    for (id, found) in rows {
        let (start, length) = (found.start as i64, found.length as i64);
        values.extend(params![workspace, bytes(&id), bytes(&found.pack), start, length, now]);
    }
    tx.insert(&into, &values)?;
    Ok(())
}

pub(crate) fn bytes(digest: &Digest) -> Value {
    Value::Bytes(digest.as_bytes().to_vec())
}

pub(crate) fn digest(row: &Row, column: &'static str) -> Result<Digest> {
    let bytes: Vec<u8> = row.get(column)?;
    let length = bytes.len();
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| ledger::Error::WrongType {
        column: column.into(),
        wanted: "32 bytes",
        found: format!("{length} bytes"),
    })?;
    Ok(Digest::from_bytes(bytes))
}

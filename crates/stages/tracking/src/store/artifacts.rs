use ledger::{Row, Tx, params};
use types::{Digest, Timestamp};

use super::{Reads, Result};
use crate::artifacts::Entry;

fn entry(row: &Row) -> Result<Entry> {
    let digest: Option<Digest> = row.get("digest")?;
    Ok(Entry { name: row.get("name")?, digest, bytes: row.get::<Option<i64>>("bytes")?.unwrap_or(0) })
}

pub(crate) fn list(on: &mut impl Reads, folder: &str) -> Result<Vec<Entry>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT name, digest, bytes FROM artifact WHERE workspace_id = $1 AND folder = $2 ORDER BY name",
        &params![workspace, folder],
    )?;
    rows.iter().map(entry).collect()
}

pub(crate) fn find(on: &mut impl Reads, folder: &str, name: &str) -> Result<Option<Entry>> {
    let workspace = on.workspace();
    on.row(
        "SELECT name, digest, bytes FROM artifact WHERE workspace_id = $1 AND folder = $2 AND name = $3",
        &params![workspace, folder, name],
    )?
    .as_ref()
    .map(entry)
    .transpose()
}

pub(crate) fn put_file(
    tx: &mut Tx<'_>,
    folder: &str,
    name: &str,
    digest: &Digest,
    bytes: i64,
    now: Timestamp,
) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO artifact (workspace_id, folder, name, digest, bytes, stored_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (workspace_id, folder, name) DO UPDATE SET digest = excluded.digest, bytes = excluded.bytes, \
         stored_at = excluded.stored_at",
        &params![workspace, folder, name, digest, bytes, now],
    )
}

pub(crate) fn put_folder(tx: &mut Tx<'_>, folder: &str, name: &str, now: Timestamp) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO artifact (workspace_id, folder, name, stored_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, folder, name) DO NOTHING",
        &params![workspace, folder, name, now],
    )
}

pub(crate) fn delete(tx: &mut Tx<'_>, folder: &str, name: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM artifact WHERE workspace_id = $1 AND folder = $2 AND name = $3",
        &params![workspace, folder, name],
    )
}

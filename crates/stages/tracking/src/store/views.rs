use ledger::{Tx, params};

use super::{Reads, Result};
use crate::views::SavedView;

pub(crate) fn all(on: &mut impl Reads) -> Result<Vec<SavedView>> {
    let workspace = on.workspace();
    on.rows(
        "SELECT name, address, saved_by, saved_at FROM run_view WHERE workspace_id = $1 ORDER BY name",
        &params![workspace],
    )?
    .iter()
    .map(|row| {
        Ok(SavedView {
            name: row.get("name")?,
            address: row.get("address")?,
            saved_by: row.get("saved_by")?,
            saved_at: row.get("saved_at")?,
        })
    })
    .collect()
}

pub(crate) fn save(tx: &mut Tx<'_>, name: &str, address: &str, by: &str) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO run_view (workspace_id, name, address, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET address = excluded.address, saved_by = excluded.saved_by, \
         saved_at = excluded.saved_at",
        &params![workspace, name, address, by, now],
    )
}

/// Whether there was one.
pub(crate) fn delete(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    let workspace = tx.workspace();
    Ok(tx.execute("DELETE FROM run_view WHERE workspace_id = $1 AND name = $2", &params![workspace, name])?
        > 0)
}

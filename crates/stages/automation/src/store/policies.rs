use ledger::{Tx, params};
use types::WorkspaceId;

use super::{Reads, Result, json, text};
use crate::Policy;

pub(crate) fn put(tx: &mut Tx<'_>, policy: &Policy) -> Result<()> {
    let (workspace, now, by) = (tx.workspace(), tx.now(), tx.actor().to_string());
    tx.execute(
        "INSERT INTO retrain_policy (workspace_id, name, monitor, spec, created_at, updated_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $5, $6) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET monitor = excluded.monitor, spec = excluded.spec, \
         updated_at = excluded.updated_at",
        &params![workspace, &policy.name, &policy.on, text(policy)?, now, by],
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    let workspace = tx.workspace();
    let gone = tx.execute(
        "DELETE FROM retrain_policy WHERE workspace_id = $1 AND name = $2",
        &params![workspace, name],
    )?;
    Ok(gone == 1)
}

pub(crate) fn find(r: &mut impl Reads, name: &str) -> Result<Option<Policy>> {
    let workspace = r.workspace();
    let sql = "SELECT spec FROM retrain_policy WHERE workspace_id = $1 AND name = $2";
    r.rows(sql, &params![workspace, name])?.first().map(|row| json(row, "spec")).transpose()
}

pub(crate) fn list(r: &mut impl Reads) -> Result<Vec<Policy>> {
    let workspace = r.workspace();
    let sql = "SELECT spec FROM retrain_policy WHERE workspace_id = $1 ORDER BY name";
    r.rows(sql, &params![workspace])?.iter().map(|row| json(row, "spec")).collect()
}

/// Of every workspace.
pub(crate) fn of_all(r: &mut impl Reads) -> Result<Vec<(WorkspaceId, Policy)>> {
    let sql = "SELECT workspace_id, spec FROM retrain_policy ORDER BY workspace_id, name";
    let rows = r.rows(sql, &[])?;
    rows.iter().map(|row| Ok((WorkspaceId(row.get("workspace_id")?), json(row, "spec")?))).collect()
}

pub(crate) fn of_monitor(r: &mut impl Reads, monitor: &str) -> Result<Vec<Policy>> {
    let workspace = r.workspace();
    let sql = "SELECT spec FROM retrain_policy WHERE workspace_id = $1 AND monitor = $2 ORDER BY name";
    r.rows(sql, &params![workspace, monitor])?.iter().map(|row| json(row, "spec")).collect()
}

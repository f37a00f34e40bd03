use ledger::{FactTx, params};
use types::{Timestamp, Uid};

use super::{Reads, Result};

/// The alarm stands; one that stood already stays as it was.
pub(crate) fn raise(tx: &mut FactTx<'_>, policy: &str, window: Uid, since: Timestamp) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO retrain_alarm (workspace_id, policy, monitor_window, label_since) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, policy) DO NOTHING",
        &params![workspace, policy, window, since],
    )?;
    Ok(())
}

pub(crate) fn clear(tx: &mut FactTx<'_>, policy: &str) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM retrain_alarm WHERE workspace_id = $1 AND policy = $2",
        &params![workspace, policy],
    )?;
    Ok(())
}

/// The moment that labels are counted from, if the alarm stands.
pub(crate) fn standing(r: &mut impl Reads, policy: &str) -> Result<Option<Timestamp>> {
    let workspace = r.workspace();
    let sql = "SELECT label_since FROM retrain_alarm WHERE workspace_id = $1 AND policy = $2";
    r.rows(sql, &params![workspace, policy])?.first().map(|row| row.get("label_since")).transpose()
}

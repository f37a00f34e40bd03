use ledger::{FactTx, Tx, Value, params};
use types::Timestamp;

use super::{Reads, Result};
use crate::trigger::Mark;

/// A mark as it stands.
pub(crate) struct Kept {
    pub value: i64,
    pub at: Timestamp,
}

const PUT: &str = "INSERT INTO retrain_mark (workspace_id, policy, kind, mark, at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (workspace_id, policy, kind) DO UPDATE SET mark = excluded.mark, at = excluded.at";

pub(crate) fn put(tx: &mut Tx<'_>, policy: &str, mark: &Mark) -> Result<()> {
    let values: [Value; 5] = params![tx.workspace(), policy, &mark.kind, mark.value, tx.now()];
    tx.execute(PUT, &values)?;
    Ok(())
}

pub(crate) fn put_fact(tx: &mut FactTx<'_>, policy: &str, mark: &Mark) -> Result<()> {
    let values: [Value; 5] = params![tx.workspace(), policy, &mark.kind, mark.value, tx.now()];
    tx.execute(PUT, &values)?;
    Ok(())
}

/// The policy begins anew.
pub(crate) fn forget(tx: &mut Tx<'_>, policy: &str) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM retrain_mark WHERE workspace_id = $1 AND policy = $2";
    tx.execute(sql, &params![workspace, policy])?;
    Ok(())
}

pub(crate) fn find(r: &mut impl Reads, policy: &str, kind: &str) -> Result<Option<Kept>> {
    let workspace = r.workspace();
    let sql = "SELECT mark, at FROM retrain_mark WHERE workspace_id = $1 AND policy = $2 AND kind = $3";
    r.rows(sql, &params![workspace, policy, kind])?
        .first()
        .map(|row| Ok(Kept { value: row.get("mark")?, at: row.get("at")? }))
        .transpose()
}

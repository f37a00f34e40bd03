//! Clusters that tasks may run on.

use ledger::{Row, Tx, Value, params};

use super::{Reads, Result, json, text};
use crate::ExecutorSpec;

const COLUMNS: &str = "SELECT spec, is_default FROM pipeline_executor WHERE workspace_id = $1";

pub(crate) fn put(tx: &mut Tx<'_>, spec: &ExecutorSpec) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    if spec.default {
        tx.execute(
            "UPDATE pipeline_executor SET is_default = FALSE WHERE workspace_id = $1",
            &params![workspace],
        )?;
    }
    tx.execute(
        "INSERT INTO pipeline_executor (workspace_id, name, spec, is_default, updated_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET spec = excluded.spec, is_default = excluded.is_default, \
         updated_at = excluded.updated_at",
        &params![workspace, &spec.name, text(spec)?, spec.default, now],
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    let workspace = tx.workspace();
    let gone = tx.execute(
        "DELETE FROM pipeline_executor WHERE workspace_id = $1 AND name = $2",
        &params![workspace, name],
    )?;
    Ok(gone == 1)
}

pub(crate) fn find(r: &mut impl Reads, name: &str) -> Result<Option<ExecutorSpec>> {
    let workspace = r.workspace();
    one(r, &format!("{COLUMNS} AND name = $2"), &params![workspace, name])
}

/// The one that takes tasks which name none.
pub(crate) fn default(r: &mut impl Reads) -> Result<Option<ExecutorSpec>> {
    let workspace = r.workspace();
    one(r, &format!("{COLUMNS} AND is_default = TRUE"), &params![workspace])
}

/// By name.
pub(crate) fn all(r: &mut impl Reads) -> Result<Vec<ExecutorSpec>> {
    let workspace = r.workspace();
    let rows = r.rows(&format!("{COLUMNS} ORDER BY name"), &params![workspace])?;
    rows.iter().map(read).collect()
}

fn one(r: &mut impl Reads, sql: &str, values: &[Value]) -> Result<Option<ExecutorSpec>> {
    let rows = r.rows(sql, values)?;
    rows.first().map(read).transpose()
}

/// Another one may have become the default since.
fn read(row: &Row) -> Result<ExecutorSpec> {
    let spec: ExecutorSpec = json(row, "spec")?;
    Ok(ExecutorSpec { default: row.get("is_default")?, ..spec })
}

//! What graphs and loops count of the tasks that they hold.

use ledger::{Row, Tx, Update, params};
use types::Uid;

use super::Result;

/// Of a graph or loop that was expanded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Those that have not ended.
    pub left: i64,
    pub failed: i64,
    pub cancelled: i64,
    /// Of a loop: the iteration that starts next.
    pub next_iteration: Option<i64>,
}

fn counts(row: &Row) -> Result<Counts> {
    Ok(Counts {
        left: row.get("left_over")?,
        failed: row.get("failed")?,
        cancelled: row.get("cancelled")?,
        next_iteration: row.get("next_iteration")?,
    })
}

/// So many have not ended, and none has failed.
pub(crate) fn set(tx: &mut Tx<'_>, of: Uid, left: usize, next_iteration: Option<i64>) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO step_children (workspace_id, step_uid, left_over, failed, cancelled, next_iteration) \
         VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT (workspace_id, step_uid) DO UPDATE SET left_over = excluded.left_over, \
         failed = 0, cancelled = 0, next_iteration = excluded.next_iteration",
        &params![workspace, of, left, next_iteration],
    )?;
    Ok(())
}

/// How some of them ended: so many fewer are left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    pub all: i64,
    pub failed: i64,
    pub cancelled: i64,
}

/// `None` if it was not expanded.
pub(crate) fn count(tx: &mut Tx<'_>, of: Uid, ends: Ends) -> Result<Option<Counts>> {
    let workspace = tx.workspace();
    let update = Update {
        table: "step_children",
        set: "left_over = left_over - $1, failed = failed + $2, cancelled = cancelled + $3",
        filter: "workspace_id = $4 AND step_uid = $5",
        returning: "left_over, failed, cancelled, next_iteration",
    };
    let values = params![ends.all, ends.failed, ends.cancelled, workspace, of];
    tx.update_returning(&update, &values)?.first().map(counts).transpose()
}

/// `None` if all have started.
pub(crate) fn set_next(tx: &mut Tx<'_>, of: Uid, iteration: Option<i64>) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE step_children SET next_iteration = $1 WHERE workspace_id = $2 AND step_uid = $3",
        &params![iteration, workspace, of],
    )?;
    Ok(())
}

//! Rows of a run that has ended, or that is from before there were plans, become rows that go on.

use ledger::{Tx, Value, params};
use types::Uid;

use super::Result;
use super::tree::PIECE;
use crate::StepState;

/// Makes a row of a run that has ended start again: `waiting` for a task, `running` for a graph that goes on.
pub(crate) fn reopen(
    tx: &mut Tx<'_>,
    uid: Uid,
    state: StepState,
    needs_left: usize,
    children: Option<(usize, Option<i64>)>,
) -> Result<()> {
    super::attempts::keep(tx, uid)?;
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE step_run SET state = $1, needs_left = $2, message = NULL, ended_at = NULL, exit_code = NULL, \
         signal = NULL, owner = NULL, tracking_run = NULL, outputs = NULL, due_at = NULL, attempts_before = attempt, \
         lost = 0 WHERE workspace_id = $3 AND uid = $4",
        &params![state.name(), needs_left, workspace, uid],
    )?;
    children.map_or(Ok(()), |(left, next)| super::children::set(tx, uid, left, next))
}

/// Takes away everything that a row holds, on every level: it will unfold anew. Gives what went.
pub(crate) fn remove_below(tx: &mut Tx<'_>, uid: Uid) -> Result<Vec<Uid>> {
    let workspace = tx.workspace();
    let rows = tx.query(
        "WITH RECURSIVE below (uid) AS (SELECT s.uid FROM step_run s WHERE s.workspace_id = $1 AND s.parent = $2 \
         UNION ALL SELECT s.uid FROM step_run s JOIN below b ON s.parent = b.uid WHERE s.workspace_id = $1) \
         SELECT uid FROM below",
        &params![workspace, uid],
    )?;
    let gone: Vec<Uid> = rows.iter().map(|row| row.get("uid")).collect::<Result<_>>()?;
    for piece in gone.chunks(PIECE) {
        let list: Vec<String> = (0..piece.len()).map(|i| format!("${}", i + 2)).collect();
        let mut values = params![workspace].to_vec();
        values.extend(piece.iter().map(Value::from));
        let list = list.join(", ");
        tx.execute(
            &format!("DELETE FROM step_output WHERE workspace_id = $1 AND step_uid IN ({list})"),
            &values,
        )?;
        for table in ["step_attempt", "step_children"] {
            let sql = format!("DELETE FROM {table} WHERE workspace_id = $1 AND step_uid IN ({list})");
            tx.execute(&sql, &values)?;
        }
        tx.execute(&format!("DELETE FROM step_run WHERE workspace_id = $1 AND uid IN ({list})"), &values)?;
    }
    tx.execute(
        "UPDATE step_run SET children = NULL, inputs = NULL WHERE workspace_id = $1 AND uid = $2 AND iteration IS NULL",
        &params![workspace, uid],
    )?;
    tx.execute(
        "UPDATE step_run SET children = NULL WHERE workspace_id = $1 AND uid = $2 AND iteration IS NOT NULL",
        &params![workspace, uid],
    )?;
    Ok(gone)
}

/// The steps of a run from before there were plans become tasks of its root.
pub(crate) fn adopt(tx: &mut Tx<'_>, run: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE step_run SET parent = $1, task = name, component = name \
         WHERE workspace_id = $2 AND run_uid = $1 AND uid <> $1",
        &params![run, workspace],
    )?;
    Ok(())
}

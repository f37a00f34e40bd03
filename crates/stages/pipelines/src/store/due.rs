//! What happens at its moment: further attempts, schedules, deadlines.

use ledger::{Tx, params};
use types::Timestamp;

use super::{Reads, Result};

/// What waits for its moment waits for one that is so many microseconds earlier.
pub(crate) fn set_back(tx: &mut Tx<'_>, micros: i64) -> Result<()> {
    for sql in [
        "UPDATE step_run SET due_at = due_at - $1 WHERE due_at IS NOT NULL",
        "UPDATE pipeline_run SET deadline_at = deadline_at - $1 WHERE deadline_at IS NOT NULL",
    ] {
        tx.execute(sql, &params![micros])?;
    }
    Ok(())
}

/// The earliest moment after `now` at which something is due: another attempt, a schedule, or a deadline.
pub(crate) fn next(r: &mut impl Reads, now: Timestamp) -> Result<Option<Timestamp>> {
    let mut earliest = None;
    for sql in [
        "SELECT min(due_at) AS due FROM step_run WHERE due_at IS NOT NULL AND due_at > $1",
        "SELECT min(next_at) AS due FROM pipeline_schedule WHERE next_at > $1 AND enabled = TRUE",
        "SELECT min(deadline_at) AS due FROM pipeline_run WHERE deadline_at IS NOT NULL AND deadline_at > $1",
    ] {
        let rows = r.rows(sql, &params![now])?;
        let due: Option<Timestamp> = rows.first().map(|row| row.get("due")).transpose()?.flatten();
        earliest = match (earliest, due) {
            (Some(a), Some(b)) => Some(std::cmp::min(a, b)),
            (a, b) => a.or(b),
        };
    }
    Ok(earliest)
}

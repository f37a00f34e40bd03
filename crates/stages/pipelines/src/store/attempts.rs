use ledger::{Row, Tx, params};
use types::{Digest, Uid};

use super::{Reads, Result};
use crate::{Attempt, StepRun};

/// Keeps what a failed attempt tells before the task's row tells of the next one.
pub(crate) fn put(tx: &mut Tx<'_>, step: &StepRun, message: &str) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO step_attempt (workspace_id, step_uid, attempt, state, server, started_at, ended_at, exit_code, \
         signal, message, tracking_run, log_digest) VALUES ($1, $2, $3, 'failed', $4, $5, $6, $7, $8, $9, $10, NULL) \
         ON CONFLICT (workspace_id, step_uid, attempt) DO NOTHING",
        &params![
            workspace,
            step.uid,
            step.attempt,
            step.server.as_deref(),
            step.started_at,
            now,
            step.exit_code,
            step.signal,
            message,
            step.tracking_run
        ],
    )?;
    Ok(())
}

/// Keeps the last attempt of a task that starts again.
pub(crate) fn keep(tx: &mut Tx<'_>, step: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO step_attempt (workspace_id, step_uid, attempt, state, server, started_at, ended_at, exit_code, \
         signal, message, tracking_run, log_digest) \
         SELECT workspace_id, uid, attempt, state, owner, started_at, ended_at, exit_code, signal, message, \
         tracking_run, log_digest FROM step_run \
         WHERE workspace_id = $1 AND uid = $2 AND attempt > 0 AND state IN ('succeeded', 'failed', 'cancelled') \
         ON CONFLICT (workspace_id, step_uid, attempt) DO NOTHING",
        &params![workspace, step],
    )?;
    Ok(())
}

const ATTEMPT: &str = "SELECT a.step_uid, a.attempt, a.state, a.server, a.started_at, a.ended_at, a.exit_code, a.signal, \
     a.message, a.tracking_run, a.log_digest FROM step_attempt a";

/// Of every task of a run.
pub(crate) fn of_run(r: &mut impl Reads, run: Uid) -> Result<Vec<(Uid, Attempt)>> {
    let workspace = r.workspace();
    let sql = format!(
        "{ATTEMPT} JOIN step_run s ON s.workspace_id = a.workspace_id AND s.uid = a.step_uid \
         WHERE a.workspace_id = $1 AND s.run_uid = $2 ORDER BY a.step_uid, a.attempt"
    );
    let rows = r.rows(&sql, &params![workspace, run])?;
    rows.iter().map(|row| Ok((row.get("step_uid")?, attempt(row)?))).collect()
}

pub(crate) fn find(r: &mut impl Reads, step: Uid, number: i64) -> Result<Option<Attempt>> {
    let workspace = r.workspace();
    let sql = format!("{ATTEMPT} WHERE a.workspace_id = $1 AND a.step_uid = $2 AND a.attempt = $3");
    r.rows(&sql, &params![workspace, step, number])?.first().map(attempt).transpose()
}

/// False if there is no such attempt.
pub(crate) fn set_log(tx: &mut Tx<'_>, step: Uid, number: i64, log: Digest) -> Result<bool> {
    let workspace = tx.workspace();
    let changed = tx.execute(
        "UPDATE step_attempt SET log_digest = $1 WHERE workspace_id = $2 AND step_uid = $3 AND attempt = $4",
        &params![log, workspace, step, number],
    )?;
    Ok(changed == 1)
}

fn attempt(row: &Row) -> Result<Attempt> {
    Ok(Attempt {
        attempt: row.get("attempt")?,
        state: row.get::<String>("state")?.parse()?,
        server: row.get("server")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        exit_code: row.get("exit_code")?,
        signal: row.get("signal")?,
        message: row.get("message")?,
        tracking_run: row.get("tracking_run")?,
        log_digest: row.get("log_digest")?,
    })
}

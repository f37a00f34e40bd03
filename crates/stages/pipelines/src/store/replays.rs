use ledger::{Row, Rx, Tx, params};
use types::{Uid, WorkspaceId};

use super::{Reads, Result, json_opt, text};
use crate::Replay;

pub(crate) fn insert(tx: &mut Tx<'_>, replay: &Replay) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO replay (workspace_id, uid, run_uid, replay_run, state, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &params![
            workspace,
            replay.uid,
            replay.run,
            replay.replay_run,
            replay.state.name(),
            replay.created_at
        ],
    )?;
    Ok(())
}

const REPLAY: &str = "SELECT uid, run_uid, replay_run, state, verdict, first_difference, message, created_at, ended_at \
     FROM replay WHERE workspace_id = $1";

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<Replay>> {
    let workspace = r.workspace();
    r.rows(&format!("{REPLAY} AND uid = $2"), &params![workspace, uid])?.first().map(replay).transpose()
}

/// Newest first.
pub(crate) fn of_run(r: &mut impl Reads, run: Uid) -> Result<Vec<Replay>> {
    let workspace = r.workspace();
    let rows = r.rows(&format!("{REPLAY} AND run_uid = $2 ORDER BY id DESC"), &params![workspace, run])?;
    rows.iter().map(replay).collect()
}

/// Replays of all workspaces whose run has ended but that have no verdict yet.
pub(crate) fn to_judge(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, Uid)>> {
    let rows = rx.query(
        "SELECT p.workspace_id, p.uid FROM replay p \
         JOIN pipeline_run r ON r.workspace_id = p.workspace_id AND r.uid = p.replay_run \
         WHERE p.state = 'running' AND r.state IN ('succeeded', 'failed', 'cancelled')",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, row.get("uid")?))).collect()
}

/// False if it has been judged already.
pub(crate) fn judge(tx: &mut Tx<'_>, replay: &Replay) -> Result<bool> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let first = replay.first.as_ref().map(text).transpose()?;
    let changed = tx.execute(
        "UPDATE replay SET state = $1, verdict = $2, first_difference = $3, message = $4, ended_at = $5 \
         WHERE workspace_id = $6 AND uid = $7 AND state = 'running'",
        &params![
            replay.state.name(),
            replay.verdict.map(|verdict| verdict.name()),
            first,
            replay.message.as_deref(),
            now,
            workspace,
            replay.uid
        ],
    )?;
    Ok(changed == 1)
}

fn replay(row: &Row) -> Result<Replay> {
    let verdict: Option<String> = row.get("verdict")?;
    Ok(Replay {
        uid: row.get("uid")?,
        run: row.get("run_uid")?,
        replay_run: row.get("replay_run")?,
        state: row.get::<String>("state")?.parse()?,
        verdict: verdict.map(|text| text.parse()).transpose()?,
        first: json_opt(row, "first_difference")?,
        message: row.get("message")?,
        created_at: row.get("created_at")?,
        ended_at: row.get("ended_at")?,
    })
}

use ledger::{Row, Rx, Tx, params};
use types::{Timestamp, Uid, WorkspaceId};

use super::{Reads, Result, json, text};
use crate::{Backfill, BackfillMoment, BackfillState, NewBackfill, Progress};

/// One that has not started.
pub(crate) struct Moment {
    pub place: i64,
    pub moment: Timestamp,
    pub until: Option<Timestamp>,
}

pub(crate) fn insert(
    tx: &mut Tx<'_>,
    uid: Uid,
    new: &NewBackfill,
    moments: &[(Timestamp, Option<Timestamp>)],
) -> Result<()> {
    let (workspace, now, by) = (tx.workspace(), tx.now(), tx.actor().to_string());
    tx.execute(
        "INSERT INTO pipeline_backfill (workspace_id, uid, pipeline, what, state, created_at, updated_at, created_by) \
         VALUES ($1, $2, $3, $4, 'running', $5, $5, $6)",
        &params![workspace, uid, &new.submit.pipeline, text(new)?, now, by],
    )?;
    let rows: Vec<_> = moments
        .iter()
        .enumerate()
        .map(|(place, (moment, until))| params![workspace, uid, place, *moment, *until].to_vec())
        .collect();
    tx.execute_many(
        "INSERT INTO backfill_moment (workspace_id, backfill_uid, place, moment, until, state) \
         VALUES ($1, $2, $3, $4, $5, 'waiting')",
        rows,
    )?;
    Ok(())
}

const BACKFILL: &str = "SELECT b.uid, b.what, b.state, b.message, b.created_at, b.updated_at, b.ended_at, \
     b.created_by FROM pipeline_backfill b WHERE b.workspace_id = $1";

/// Newest first.
pub(crate) fn all(r: &mut impl Reads, pipeline: Option<&str>) -> Result<Vec<Backfill>> {
    let workspace = r.workspace();
    let rows = match pipeline {
        Some(name) => {
            r.rows(&format!("{BACKFILL} AND b.pipeline = $2 ORDER BY b.id DESC"), &params![workspace, name])?
        }
        None => r.rows(&format!("{BACKFILL} ORDER BY b.id DESC"), &params![workspace])?,
    };
    rows.iter().map(|row| backfill(r, row)).collect()
}

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<Backfill>> {
    let workspace = r.workspace();
    let rows = r.rows(&format!("{BACKFILL} AND b.uid = $2"), &params![workspace, uid])?;
    rows.first().map(|row| backfill(r, row)).transpose()
}

fn backfill(r: &mut impl Reads, row: &Row) -> Result<Backfill> {
    let uid = row.get("uid")?;
    Ok(Backfill {
        uid,
        what: json(row, "what")?,
        state: state(&row.get::<String>("state")?)?,
        progress: progress(r, uid)?,
        message: row.get("message")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        ended_at: row.get("ended_at")?,
        created_by: row.get("created_by")?,
    })
}

fn state(text: &str) -> Result<BackfillState> {
    match text {
        "running" => Ok(BackfillState::Running),
        "paused" => Ok(BackfillState::Paused),
        "finished" => Ok(BackfillState::Finished),
        "cancelled" => Ok(BackfillState::Cancelled),
        other => Err(ledger::Error::WrongType {
            column: "state".into(),
            wanted: "BackfillState",
            found: other.to_owned(),
        }),
    }
}

fn progress(r: &mut impl Reads, uid: Uid) -> Result<Progress> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT m.state, r.state AS run_state, count(*) AS n FROM backfill_moment m \
         LEFT JOIN pipeline_run r ON r.workspace_id = m.workspace_id AND r.uid = m.run_uid AND m.state = 'started' \
         WHERE m.workspace_id = $1 AND m.backfill_uid = $2 GROUP BY m.state, r.state",
        &params![workspace, uid],
    )?;
    let mut progress = Progress::default();
    for row in rows {
        let (own, run, n): (String, Option<String>, i64) =
            (row.get("state")?, row.get("run_state")?, row.get("n")?);
        progress.total += n;
        let place = match (own.as_str(), run.as_deref()) {
            ("waiting", _) => &mut progress.waiting,
            ("skipped", _) => &mut progress.skipped,
            ("started", Some("queued" | "running")) => &mut progress.running,
            ("started", Some("succeeded")) => &mut progress.succeeded,
            ("started", Some("failed")) => &mut progress.failed,
            // Also one whose run was deleted.
            _ => &mut progress.cancelled,
        };
        *place += n;
    }
    Ok(progress)
}

/// In the order in which they start.
pub(crate) fn moments(r: &mut impl Reads, uid: Uid) -> Result<Vec<BackfillMoment>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT m.moment, m.until, m.run_uid, m.message, \
         CASE WHEN m.state = 'started' THEN COALESCE(r.state, 'deleted') ELSE m.state END AS state \
         FROM backfill_moment m \
         LEFT JOIN pipeline_run r ON r.workspace_id = m.workspace_id AND r.uid = m.run_uid \
         WHERE m.workspace_id = $1 AND m.backfill_uid = $2 ORDER BY m.place",
        &params![workspace, uid],
    )?;
    rows.iter()
        .map(|row| {
            Ok(BackfillMoment {
                moment: row.get("moment")?,
                until: row.get("until")?,
                state: row.get("state")?,
                run: row.get("run_uid")?,
                message: row.get("message")?,
            })
        })
        .collect()
}

/// Backfills of all workspaces that may start another run, or are through.
pub(crate) fn to_go_on(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, Uid)>> {
    let rows = rx.query(
        "SELECT b.workspace_id, b.uid, b.what, \
         (SELECT count(*) FROM pipeline_run r WHERE r.workspace_id = b.workspace_id AND r.backfill_uid = b.uid \
         AND r.state IN ('queued', 'running')) AS running, \
         (SELECT count(*) FROM backfill_moment m WHERE m.workspace_id = b.workspace_id AND m.backfill_uid = b.uid \
         AND m.state = 'waiting') AS waiting FROM pipeline_backfill b WHERE b.state = 'running' ORDER BY b.id",
        &[],
    )?;
    let mut open = Vec::new();
    for row in rows {
        let what: NewBackfill = json(&row, "what")?;
        let (running, waiting): (i64, i64) = (row.get("running")?, row.get("waiting")?);
        if (waiting == 0 && running == 0) || (waiting > 0 && running < i64::from(what.max_active)) {
            open.push((row.get("workspace_id")?, row.get("uid")?));
        }
    }
    Ok(open)
}

/// The next ones.
pub(crate) fn waiting(r: &mut impl Reads, uid: Uid, limit: usize) -> Result<Vec<Moment>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT place, moment, until FROM backfill_moment \
         WHERE workspace_id = $1 AND backfill_uid = $2 AND state = 'waiting' ORDER BY place LIMIT $3",
        &params![workspace, uid, limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Moment { place: row.get("place")?, moment: row.get("moment")?, until: row.get("until")? })
        })
        .collect()
}

pub(crate) fn start(tx: &mut Tx<'_>, uid: Uid, place: i64, run: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE backfill_moment SET state = 'started', run_uid = $1 \
         WHERE workspace_id = $2 AND backfill_uid = $3 AND place = $4",
        &params![run, workspace, uid, place],
    )?;
    Ok(())
}

pub(crate) fn skip(tx: &mut Tx<'_>, uid: Uid, place: i64, run: Option<Uid>, why: &str) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE backfill_moment SET state = 'skipped', run_uid = $1, message = $2 \
         WHERE workspace_id = $3 AND backfill_uid = $4 AND place = $5",
        &params![run, why, workspace, uid, place],
    )?;
    Ok(())
}

pub(crate) fn cancel_waiting(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE backfill_moment SET state = 'cancelled' \
         WHERE workspace_id = $1 AND backfill_uid = $2 AND state = 'waiting'",
        &params![workspace, uid],
    )?;
    end(tx, uid)
}

pub(crate) fn end(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_backfill SET ended_at = $1 WHERE workspace_id = $2 AND uid = $3",
        &params![now, workspace, uid],
    )?;
    Ok(())
}

pub(crate) fn set(tx: &mut Tx<'_>, uid: Uid, state: BackfillState, message: Option<&str>) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_backfill SET state = $1, message = $2, updated_at = $3 \
         WHERE workspace_id = $4 AND uid = $5",
        &params![state.name(), message, now, workspace, uid],
    )?;
    Ok(())
}

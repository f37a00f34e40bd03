use ledger::{Row, Rx, Tx, params};
use types::{Timestamp, Uid, WorkspaceId};

use super::{Reads, Result, json, text};
use crate::{NewSchedule, Schedule, Trigger};

/// `heard`: the event after which one that waits for events listens.
pub(crate) fn insert(tx: &mut Tx<'_>, made: &Schedule, heard: i64) -> Result<()> {
    let workspace = tx.workspace();
    let on = match &made.what.trigger {
        Trigger::Event { on, .. } => Some(on.as_str()),
        _ => None,
    };
    tx.execute(
        "INSERT INTO pipeline_schedule \
         (workspace_id, uid, what, enabled, max_concurrency, next_at, last_at, created_at, updated_at, created_by, \
         on_kind, heard) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)",
        &params![
            workspace,
            made.uid,
            text(&made.what)?,
            made.what.enabled,
            made.what.max_concurrency,
            made.next_at,
            made.last_at,
            made.created_at,
            &made.created_by,
            on,
            heard
        ],
    )?;
    Ok(())
}

/// A schedule that waits for events.
pub(crate) struct Listening {
    pub workspace: WorkspaceId,
    pub schedule: Schedule,
    /// How far it has heard.
    pub heard: i64,
    /// What is older is not answered, wherever it stands in the order of events.
    pub since: Timestamp,
}

/// Those of all workspaces that are enabled.
pub(crate) fn listening(rx: &mut Rx<'_>) -> Result<Vec<Listening>> {
    let rows = rx.query(
        "SELECT workspace_id, heard, COALESCE(listens_since, created_at) AS since, uid, what, enabled, next_at, last_at, \
         created_at, updated_at, created_by FROM pipeline_schedule WHERE on_kind IS NOT NULL AND enabled = TRUE ORDER BY id",
        &[],
    )?;
    let listens = |row: &Row| {
        Ok(Listening {
            workspace: row.get("workspace_id")?,
            schedule: schedule(row)?,
            heard: row.get::<Option<i64>>("heard")?.unwrap_or(0),
            since: row.get("since")?,
        })
    };
    rows.iter().map(listens).collect()
}

/// Whether it has answered the event at `position`, or began to listen after it happened.
pub(crate) fn is_past(r: &mut impl Reads, uid: Uid, position: i64, at: Timestamp) -> Result<bool> {
    let workspace = r.workspace();
    let sql = "SELECT heard, COALESCE(listens_since, created_at) AS since FROM pipeline_schedule \
        WHERE workspace_id = $1 AND uid = $2";
    let rows = r.rows(sql, &params![workspace, uid])?;
    let Some(row) = rows.first() else { return Ok(false) };
    let heard: Option<i64> = row.get("heard")?;
    Ok(heard.is_some_and(|heard| heard >= position) || at < row.get("since")?)
}

pub(crate) fn set_heard(tx: &mut Tx<'_>, uid: Uid, position: i64) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE pipeline_schedule SET heard = $1 WHERE workspace_id = $2 AND uid = $3",
        &params![position, workspace, uid],
    )?;
    Ok(())
}

/// From now on it answers what comes after `position`.
pub(crate) fn listen(tx: &mut Tx<'_>, uid: Uid, position: i64) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_schedule SET heard = $1, listens_since = $2 WHERE workspace_id = $3 AND uid = $4",
        &params![position, now, workspace, uid],
    )?;
    Ok(())
}

const SCHEDULE: &str = "SELECT uid, what, enabled, next_at, last_at, created_at, updated_at, created_by \
     FROM pipeline_schedule WHERE workspace_id = $1";

/// Oldest first.
pub(crate) fn all(r: &mut impl Reads) -> Result<Vec<Schedule>> {
    let workspace = r.workspace();
    r.rows(&format!("{SCHEDULE} ORDER BY id"), &params![workspace])?.iter().map(schedule).collect()
}

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<Schedule>> {
    let workspace = r.workspace();
    r.rows(&format!("{SCHEDULE} AND uid = $2"), &params![workspace, uid])?.first().map(schedule).transpose()
}

/// Schedules of all workspaces that are due and have room for another run.
pub(crate) fn due(rx: &mut Rx<'_>, now: Timestamp) -> Result<Vec<(WorkspaceId, Uid)>> {
    let rows = rx.query(
        "SELECT s.workspace_id, s.uid FROM pipeline_schedule s WHERE s.next_at <= $1 AND s.enabled = TRUE \
         AND s.max_concurrency > (SELECT count(*) FROM pipeline_run r WHERE r.workspace_id = s.workspace_id \
         AND r.schedule_uid = s.uid AND r.state IN ('queued', 'running')) ORDER BY s.next_at, s.id",
        &params![now],
    )?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, row.get("uid")?))).collect()
}

pub(crate) fn set(
    tx: &mut Tx<'_>,
    uid: Uid,
    enabled: bool,
    next_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_schedule SET enabled = $1, next_at = $2, last_at = $3, updated_at = $4 \
         WHERE workspace_id = $5 AND uid = $6",
        &params![enabled, next_at, last_at, now, workspace, uid],
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<bool> {
    let workspace = tx.workspace();
    let gone = tx.execute(
        "DELETE FROM pipeline_schedule WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, uid],
    )?;
    Ok(gone > 0)
}

fn schedule(row: &Row) -> Result<Schedule> {
    let mut what: NewSchedule = json(row, "what")?;
    what.enabled = row.get("enabled")?;
    Ok(Schedule {
        uid: row.get("uid")?,
        what,
        next_at: row.get("next_at")?,
        last_at: row.get("last_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
    })
}

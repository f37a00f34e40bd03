use std::collections::BTreeMap;

use ledger::{Row, Rx, Tx, params};
use types::{Digest, Timestamp, Uid, WorkspaceId};

use super::{Reads, Result, json, text};
use crate::{PipelineRun, RunFilter, RunState};

/// `deadline_ms` counts from the run's beginning.
pub(crate) fn insert(tx: &mut Tx<'_>, run: &PipelineRun, deadline_ms: Option<u64>) -> Result<()> {
    let deadline_ms = deadline_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX / 1000));
    tx.execute(
        "INSERT INTO pipeline_run (workspace_id, uid, pipeline, spec, state, params, dataset_version, code, cause, \
         use_cache, cancel_requested, replay_of, created_at, created_by, name, plan_digest, pipeline_root, labels, \
         schedule_uid, scheduled_at, backfill_uid, interval_end, deadline_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        &params![
            run.workspace,
            run.uid,
            &run.pipeline,
            text(&run.spec)?,
            run.state.name(),
            text(&run.params)?,
            run.dataset_version,
            text(&run.code)?,
            &run.trigger,
            run.use_cache,
            run.replay_of,
            run.created_at,
            &run.created_by,
            &run.name,
            run.plan,
            run.pipeline_root.as_deref(),
            &run.labels,
            run.schedule,
            run.scheduled_at,
            run.backfill,
            run.interval_end,
            deadline_ms
        ],
    )?;
    Ok(())
}

const RUN: &str = "SELECT uid, workspace_id, pipeline, spec, state, params, dataset_version, code, cause, use_cache, \
     cancel_requested, replay_of, message, created_at, created_by, started_at, ended_at, name, plan_digest, \
     pipeline_root, labels, schedule_uid, scheduled_at, archived, backfill_uid, interval_end FROM pipeline_run \
     WHERE workspace_id = $1";

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<PipelineRun>> {
    let workspace = r.workspace();
    r.rows(&format!("{RUN} AND uid = $2"), &params![workspace, uid])?.first().map(run).transpose()
}

/// What transitions ask of a run.
pub(crate) struct Head {
    pub plan: Option<Digest>,
    pub cancel_requested: bool,
    /// Nothing of it has started.
    pub is_queued: bool,
}

pub(crate) fn head(r: &mut impl Reads, uid: Uid) -> Result<Option<Head>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT plan_digest, cancel_requested, state = 'queued' AS is_queued FROM pipeline_run WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, uid],
    )?;
    rows.first().map(Head::read).transpose()
}

impl Head {
    pub fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            plan: row.get("plan_digest")?,
            cancel_requested: row.get("cancel_requested")?,
            is_queued: row.get("is_queued")?,
        })
    }
}

/// Its place among all runs: the older, the smaller. 0 if there is none.
pub(crate) fn place(r: &mut impl Reads, uid: Uid) -> Result<i64> {
    let workspace = r.workspace();
    let sql = "SELECT id FROM pipeline_run WHERE workspace_id = $1 AND uid = $2";
    r.rows(sql, &params![workspace, uid])?.first().map_or(Ok(0), |row| row.get("id"))
}

/// A plan as JSON.
pub(crate) fn plan(r: &mut impl Reads, digest: Digest) -> Result<Option<String>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT plan FROM pipeline_plan WHERE workspace_id = $1 AND digest = $2",
        &params![workspace, digest],
    )?;
    rows.first().map(|row| row.get("plan")).transpose()
}

pub(crate) fn put_plan(tx: &mut Tx<'_>, digest: Digest, plan: &str) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO pipeline_plan (workspace_id, digest, plan, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, digest) DO NOTHING",
        &params![workspace, digest, plan, now],
    )?;
    Ok(())
}

pub(crate) fn set_plan(tx: &mut Tx<'_>, uid: Uid, digest: Digest) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE pipeline_run SET plan_digest = $1 WHERE workspace_id = $2 AND uid = $3",
        &params![digest, workspace, uid],
    )?;
    Ok(())
}

/// Runs of all workspaces that go on and have no plan: from before there were plans.
pub(crate) fn without_plan(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, Uid)>> {
    let rows = rx.query(
        "SELECT workspace_id, uid FROM pipeline_run WHERE state IN ('queued', 'running') AND plan_digest IS NULL",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, row.get("uid")?))).collect()
}

/// Newest first, those that are older than the run `before`.
pub(crate) fn page(
    r: &mut impl Reads,
    filter: &RunFilter,
    before: Option<Uid>,
    limit: usize,
) -> Result<Vec<PipelineRun>> {
    let mut sql = RUN.to_owned();
    let mut values = params![r.workspace()].to_vec();
    let mut and = |sql: &mut String, what: &str, value: ledger::Value| {
        values.push(value);
        sql.push_str(&format!(" AND {}", what.replace('?', &format!("${}", values.len()))));
    };
    if let Some(pipeline) = &filter.pipeline {
        and(&mut sql, "pipeline = ?", pipeline.into());
    }
    if let Some(schedule) = filter.schedule {
        and(&mut sql, "schedule_uid = ?", schedule.into());
    }
    if let Some(backfill) = filter.backfill {
        and(&mut sql, "backfill_uid = ?", backfill.into());
    }
    if let Some(archived) = filter.archived {
        and(&mut sql, "archived = ?", archived.into());
    }
    if let Some(before) = before {
        and(
            &mut sql,
            "id < (SELECT o.id FROM pipeline_run o WHERE o.workspace_id = pipeline_run.workspace_id AND o.uid = ?)",
            before.into(),
        );
    }
    values.push(limit.into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    r.rows(&sql, &values)?.iter().map(run).collect()
}

/// Runs of a schedule that have not ended.
pub(crate) fn active_of(r: &mut impl Reads, schedule: Uid) -> Result<i64> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT count(*) AS n FROM pipeline_run \
         WHERE workspace_id = $1 AND schedule_uid = $2 AND state IN ('queued', 'running')",
        &params![workspace, schedule],
    )?;
    rows.first().map_or(Ok(0), |row| row.get("n"))
}

/// Runs of a backfill that have not ended.
pub(crate) fn active_of_backfill(r: &mut impl Reads, backfill: Uid) -> Result<Vec<Uid>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT uid FROM pipeline_run \
         WHERE workspace_id = $1 AND backfill_uid = $2 AND state IN ('queued', 'running') ORDER BY id",
        &params![workspace, backfill],
    )?;
    rows.iter().map(|row| row.get("uid")).collect()
}

/// The newest run of a pipeline for a moment.
pub(crate) fn newest_at(
    r: &mut impl Reads,
    pipeline: &str,
    moment: Timestamp,
) -> Result<Option<(Uid, RunState)>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT uid, state FROM pipeline_run WHERE workspace_id = $1 AND pipeline = $2 AND scheduled_at = $3 \
         ORDER BY id DESC LIMIT 1",
        &params![workspace, pipeline, moment],
    )?;
    rows.first().map(|row| Ok((row.get("uid")?, row.get::<String>("state")?.parse()?))).transpose()
}

pub(crate) fn set_archived(tx: &mut Tx<'_>, uid: Uid, archived: bool) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE pipeline_run SET archived = $1 WHERE workspace_id = $2 AND uid = $3",
        &params![archived, workspace, uid],
    )?;
    Ok(())
}

/// A run that has ended goes on.
pub(crate) fn reopen(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_run SET state = 'running', message = NULL, ended_at = NULL, cancel_requested = FALSE, \
         overdue = FALSE, deadline_at = $3 + deadline_ms * 1000 WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, uid, now],
    )?;
    Ok(())
}

/// With everything that only it has. What its cached steps stand for stays with those who took it.
pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    let values = params![workspace, uid];
    for sql in [
        "DELETE FROM step_cache WHERE workspace_id = $1 \
         AND step_uid IN (SELECT s.uid FROM step_run s WHERE s.workspace_id = $1 AND s.run_uid = $2)",
        "DELETE FROM step_output WHERE workspace_id = $1 \
         AND step_uid IN (SELECT s.uid FROM step_run s WHERE s.workspace_id = $1 AND s.run_uid = $2)",
        "DELETE FROM step_children WHERE workspace_id = $1 \
         AND step_uid IN (SELECT s.uid FROM step_run s WHERE s.workspace_id = $1 AND s.run_uid = $2)",
        "DELETE FROM step_attempt WHERE workspace_id = $1 \
         AND step_uid IN (SELECT s.uid FROM step_run s WHERE s.workspace_id = $1 AND s.run_uid = $2)",
        "DELETE FROM step_run WHERE workspace_id = $1 AND run_uid = $2",
        "DELETE FROM pipeline_run WHERE workspace_id = $1 AND uid = $2",
    ] {
        tx.execute(sql, &values)?;
    }
    Ok(())
}

/// Of these runs, whatever their workspace, those that there are, with the moment of their end.
pub(crate) fn ends(rx: &mut Rx<'_>, runs: &[Uid]) -> Result<BTreeMap<Uid, Option<Timestamp>>> {
    let (list, values) = list_of(runs);
    let rows = rx.query(&format!("SELECT uid, ended_at FROM pipeline_run WHERE uid IN ({list})"), &values)?;
    rows.iter().map(|row| Ok((row.get("uid")?, row.get("ended_at")?))).collect()
}

/// A task whose log is not in the blob store, or that printed nothing.
pub(crate) struct Unkept {
    pub run: Uid,
    pub step: Uid,
    pub name: String,
    pub attempt: i64,
}

pub(crate) fn without_log(rx: &mut Rx<'_>, runs: &[Uid]) -> Result<Vec<Unkept>> {
    let (list, values) = list_of(runs);
    let sql = format!(
        "SELECT run_uid, uid, name, attempt FROM step_run \
         WHERE run_uid IN ({list}) AND shape = 'work' AND attempt > 0 AND cached = FALSE AND log_digest IS NULL"
    );
    let unkept = |row: &Row| {
        Ok(Unkept {
            run: row.get("run_uid")?,
            step: row.get("uid")?,
            name: row.get("name")?,
            attempt: row.get("attempt")?,
        })
    };
    rx.query(&sql, &values)?.iter().map(unkept).collect()
}

fn list_of(runs: &[Uid]) -> (String, Vec<ledger::Value>) {
    let list: Vec<String> = (1..=runs.len()).map(|i| format!("${i}")).collect();
    (list.join(", "), runs.iter().map(ledger::Value::from).collect())
}

/// Newest first.
pub(crate) fn list(r: &mut impl Reads, pipeline: Option<&str>, limit: i64) -> Result<Vec<PipelineRun>> {
    let workspace = r.workspace();
    let rows = match pipeline {
        Some(name) => r.rows(
            &format!("{RUN} AND pipeline = $2 ORDER BY id DESC LIMIT $3"),
            &params![workspace, name, limit],
        )?,
        None => r.rows(&format!("{RUN} ORDER BY id DESC LIMIT $2"), &params![workspace, limit])?,
    };
    rows.iter().map(run).collect()
}

pub(crate) fn start(tx: &mut Tx<'_>, uid: Uid) -> Result<bool> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let changed = tx.execute(
        "UPDATE pipeline_run SET state = 'running', started_at = $1, deadline_at = $1 + deadline_ms * 1000 \
         WHERE workspace_id = $2 AND uid = $3 AND state = 'queued'",
        &params![now, workspace, uid],
    )?;
    Ok(changed == 1)
}

pub(crate) fn finish(tx: &mut Tx<'_>, uid: Uid, state: RunState, message: Option<&str>) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_run SET state = $1, message = $2, ended_at = $3, deadline_at = NULL \
         WHERE workspace_id = $4 AND uid = $5",
        &params![state.name(), message, now, workspace, uid],
    )?;
    Ok(())
}

/// Runs of all workspaces whose deadline has come.
pub(crate) fn overdue(rx: &mut Rx<'_>, now: Timestamp) -> Result<Vec<(WorkspaceId, Uid)>> {
    let sql =
        "SELECT workspace_id, uid FROM pipeline_run WHERE deadline_at IS NOT NULL AND deadline_at <= $1";
    let rows = rx.query(sql, &params![now])?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, row.get("uid")?))).collect()
}

/// Asks a run to end because its deadline has come. False if it has ended, or was asked before.
pub(crate) fn set_overdue(tx: &mut Tx<'_>, uid: Uid) -> Result<bool> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let changed = tx.execute(
        "UPDATE pipeline_run SET cancel_requested = TRUE, overdue = TRUE, deadline_at = NULL \
         WHERE workspace_id = $1 AND uid = $2 AND deadline_at <= $3",
        &params![workspace, uid, now],
    )?;
    Ok(changed == 1)
}

/// How long a run could take that was ended by its deadline, in milliseconds; `None` of any other.
pub(crate) fn missed_deadline(r: &mut impl Reads, uid: Uid) -> Result<Option<i64>> {
    let workspace = r.workspace();
    let sql = "SELECT deadline_ms FROM pipeline_run WHERE workspace_id = $1 AND uid = $2 AND overdue = TRUE";
    r.rows(sql, &params![workspace, uid])?.first().map_or(Ok(None), |row| row.get("deadline_ms"))
}

/// A deadline counts no more.
pub(crate) fn request_cancel(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE pipeline_run SET cancel_requested = TRUE, deadline_at = NULL WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, uid],
    )?;
    Ok(())
}

fn run(row: &Row) -> Result<PipelineRun> {
    let pipeline: String = row.get("pipeline")?;
    let name: Option<String> = row.get("name")?;
    Ok(PipelineRun {
        uid: row.get("uid")?,
        workspace: row.get("workspace_id")?,
        name: name.unwrap_or_else(|| pipeline.clone()),
        pipeline,
        plan: row.get("plan_digest")?,
        pipeline_root: row.get("pipeline_root")?,
        labels: json(row, "labels")?,
        schedule: row.get("schedule_uid")?,
        scheduled_at: row.get("scheduled_at")?,
        backfill: row.get("backfill_uid")?,
        interval_end: row.get("interval_end")?,
        archived: row.get("archived")?,
        spec: json(row, "spec")?,
        state: row.get::<String>("state")?.parse()?,
        params: json(row, "params")?,
        dataset_version: row.get("dataset_version")?,
        code: json(row, "code")?,
        trigger: json(row, "cause")?,
        use_cache: row.get("use_cache")?,
        cancel_requested: row.get("cancel_requested")?,
        replay_of: row.get("replay_of")?,
        message: row.get("message")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
    })
}

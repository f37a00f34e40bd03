use ledger::{Row, Tx, params};
use types::Uid;

use super::{Reads, Result, json, text};
use crate::{PipelineRun, RunState};

pub(crate) fn insert(tx: &mut Tx<'_>, run: &PipelineRun) -> Result<()> {
    tx.execute(
        "INSERT INTO pipeline_run (workspace_id, uid, pipeline, spec, state, params, dataset_version, code, cause, \
         use_cache, cancel_requested, replay_of, created_at, created_by, name, plan_digest, pipeline_root, labels, \
         schedule_uid, scheduled_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
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
            run.scheduled_at
        ],
    )?;
    Ok(())
}

const RUN: &str = "SELECT uid, workspace_id, pipeline, spec, state, params, dataset_version, code, cause, use_cache, \
     cancel_requested, replay_of, message, created_at, created_by, started_at, ended_at, name, plan_digest, \
     pipeline_root, labels, schedule_uid, scheduled_at, archived FROM pipeline_run \
     WHERE workspace_id = $1";

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<PipelineRun>> {
    let workspace = r.workspace();
    r.rows(&format!("{RUN} AND uid = $2"), &params![workspace, uid])?.first().map(run).transpose()
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
        "UPDATE pipeline_run SET state = 'running', started_at = $1 \
         WHERE workspace_id = $2 AND uid = $3 AND state = 'queued'",
        &params![now, workspace, uid],
    )?;
    Ok(changed == 1)
}

pub(crate) fn finish(tx: &mut Tx<'_>, uid: Uid, state: RunState, message: Option<&str>) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE pipeline_run SET state = $1, message = $2, ended_at = $3 WHERE workspace_id = $4 AND uid = $5",
        &params![state.name(), message, now, workspace, uid],
    )?;
    Ok(())
}

pub(crate) fn request_cancel(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE pipeline_run SET cancel_requested = TRUE WHERE workspace_id = $1 AND uid = $2",
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

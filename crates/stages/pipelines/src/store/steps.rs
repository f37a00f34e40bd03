use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use ledger::{Row, Rx, Tx, params};
use types::{Digest, Timestamp, Uid, WorkspaceId};

use super::tree::{self, WithHead};
use super::{Reads, Result, json, json_opt, text};
use crate::{Fence, StepOutput, StepRun, StepState, TaskFilter};

/// Columns of [`step`].
macro_rules! columns {
    () => {
        "uid, run_uid, name, needs, state, attempt, cached, cache_key, environment, started_at, ended_at, exit_code, \
         signal, message, tracking_run, log_digest, shape, parent, task, component, iteration, inputs, outputs, due_at, \
         priority, pool, display_name, created_at, owner, disk, fence"
    };
}

const STEP: &str = concat!("SELECT ", columns!(), " FROM step_run WHERE workspace_id = $1");

/// In the order in which they came to be, without the root.
pub(crate) fn of_run(r: &mut impl Reads, run: Uid) -> Result<Vec<StepRun>> {
    let workspace = r.workspace();
    let sql = format!("{STEP} AND run_uid = $2 AND name <> '' ORDER BY id");
    let mut steps: Vec<StepRun> =
        r.rows(&sql, &params![workspace, run])?.iter().map(step).collect::<Result<_>>()?;
    let rows = r.rows(
        "SELECT o.step_uid, o.name, o.digest, o.bytes, o.is_dir FROM step_output o \
         JOIN step_run s ON s.workspace_id = o.workspace_id AND s.uid = o.step_uid \
         WHERE s.workspace_id = $1 AND s.run_uid = $2 ORDER BY o.place",
        &params![workspace, run],
    )?;
    let mut outputs: HashMap<Uid, Vec<StepOutput>> = HashMap::new();
    for row in &rows {
        outputs.entry(row.get("step_uid")?).or_default().push(output(row)?);
    }
    for step in &mut steps {
        step.outputs = outputs.remove(&step.uid).unwrap_or_default();
    }
    Ok(steps)
}

/// Some of the tasks that one holds, without their kept outputs.
pub(crate) fn page(r: &mut impl Reads, run: Uid, filter: &TaskFilter) -> Result<Vec<StepRun>> {
    let mut values = params![r.workspace(), filter.parent.unwrap_or(run), run].to_vec();
    let mut sql = format!("{STEP} AND parent = $2 AND run_uid = $3");
    if !filter.states.is_empty() {
        let list: Vec<String> =
            (0..filter.states.len()).map(|i| format!("${}", values.len() + 1 + i)).collect();
        values.extend(filter.states.iter().map(|state| ledger::Value::from(state.name())));
        sql.push_str(&format!(" AND state IN ({})", list.join(", ")));
    }
    if let Some(after) = filter.after {
        values.push(after.into());
        sql.push_str(&format!(
            " AND id > (SELECT o.id FROM step_run o WHERE o.workspace_id = $1 AND o.uid = ${})",
            values.len()
        ));
    }
    if let Some(from) = filter.from_iteration {
        values.push(from.into());
        sql.push_str(&format!(" AND iteration >= ${}", values.len()));
    }
    values.push(filter.limit.unwrap_or(i32::MAX as usize).into());
    sql.push_str(&format!(" ORDER BY id LIMIT ${}", values.len()));
    r.rows(&sql, &values)?.iter().map(step).collect()
}

pub(crate) fn child_counts(
    r: &mut impl Reads,
    run: Uid,
) -> Result<BTreeMap<Uid, BTreeMap<&'static str, i64>>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT parent, state, count(*) AS n FROM step_run \
         WHERE workspace_id = $1 AND run_uid = $2 AND parent IS NOT NULL GROUP BY parent, state",
        &params![workspace, run],
    )?;
    let mut counts: BTreeMap<Uid, BTreeMap<&'static str, i64>> = BTreeMap::new();
    for row in rows {
        let state: StepState = row.get::<String>("state")?.parse()?;
        counts.entry(row.get("parent")?).or_default().insert(state.name(), row.get("n")?);
    }
    Ok(counts)
}

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<StepRun>> {
    let Some(mut step) = find_row(r, uid)? else { return Ok(None) };
    step.outputs = outputs(r, uid)?;
    Ok(Some(step))
}

/// A task that keeps no outputs, with its place in the tree, in one statement.
pub(crate) fn find_with_head(r: &mut impl Reads, uid: Uid) -> Result<Option<(StepRun, WithHead)>> {
    // Columns that only the place in the tree asks for come behind those of the task.
    static SQL: LazyLock<String> =
        LazyLock::new(|| tree::with_head(concat!(columns!(), ", attempts_before, lost, children")));
    let workspace = r.workspace();
    let rows = r.rows(&SQL, &params![workspace, uid])?;
    rows.first().map(|row| Ok((step(row)?, WithHead::read(row)?))).transpose()
}

/// Ends a task of which the caller saw, with its run locked, that a person is asked.
pub(crate) fn answer(tx: &mut Tx<'_>, step: StepRun, state: StepState, message: String) -> Result<StepRun> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE step_run SET state = $1, message = $2, outputs = NULL, ended_at = $3, due_at = NULL \
         WHERE workspace_id = $4 AND uid = $5",
        &params![state.name(), &message, now, workspace, step.uid],
    )?;
    let results = BTreeMap::new();
    Ok(StepRun { state, message: Some(message), results, ended_at: Some(now), due_at: None, ..step })
}

/// [`find`] for a task that keeps no outputs.
pub(crate) fn find_row(r: &mut impl Reads, uid: Uid) -> Result<Option<StepRun>> {
    let workspace = r.workspace();
    r.rows(&format!("{STEP} AND uid = $2"), &params![workspace, uid])?.first().map(step).transpose()
}

pub(crate) fn find_name(r: &mut impl Reads, run: Uid, name: &str) -> Result<Option<StepRun>> {
    let workspace = r.workspace();
    let rows = r.rows(&format!("{STEP} AND run_uid = $2 AND name = $3"), &params![workspace, run, name])?;
    rows.first().map(step).transpose()
}

/// Outputs of several steps of a run with the names of the steps, in the order of `names`.
pub(crate) fn outputs_of(
    r: &mut impl Reads,
    run: Uid,
    names: &[String],
) -> Result<Vec<(String, StepOutput)>> {
    let mut found = Vec::new();
    for name in names {
        if let Some(step) = find_name(r, run, name)? {
            found.extend(outputs(r, step.uid)?.into_iter().map(|output| (name.clone(), output)));
        }
    }
    Ok(found)
}

pub(crate) fn count_cached(r: &mut impl Reads, run: Uid) -> Result<i64> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT count(*) AS n FROM step_run WHERE workspace_id = $1 AND run_uid = $2 AND cached = TRUE",
        &params![workspace, run],
    )?;
    rows.first().map_or(Ok(0), |row| row.get("n"))
}

fn outputs(r: &mut impl Reads, step: Uid) -> Result<Vec<StepOutput>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT name, digest, bytes, is_dir FROM step_output WHERE workspace_id = $1 AND step_uid = $2 ORDER BY place",
        &params![workspace, step],
    )?;
    rows.iter().map(output).collect()
}

fn output(row: &Row) -> Result<StepOutput> {
    Ok(StepOutput {
        name: row.get("name")?,
        digest: row.get("digest")?,
        bytes: row.get("bytes")?,
        is_dir: row.get("is_dir")?,
    })
}

/// Pools that have as many running tasks as they may.
pub(crate) fn full_pools(r: &mut impl Reads, limits: &BTreeMap<String, usize>) -> Result<Vec<String>> {
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let rows = r.rows(
        "SELECT pool, count(*) AS n FROM step_run WHERE state = 'running' AND pool IS NOT NULL GROUP BY pool",
        &[],
    )?;
    let mut full = Vec::new();
    for row in rows {
        let (pool, running): (String, i64) = (row.get("pool")?, row.get("n")?);
        if limits.get(&pool).is_some_and(|limit| running >= *limit as i64) {
            full.push(pool);
        }
    }
    full.extend(limits.iter().filter(|(_, limit)| **limit == 0).map(|(pool, _)| pool.clone()));
    Ok(full)
}

/// Tasks that may start, of all workspaces or of one: those with the highest priority first, then those of the oldest
/// run, so that no run waits behind the roots of newer ones.
pub(crate) fn ready(
    r: &mut impl Reads,
    workspace: Option<WorkspaceId>,
    limit: usize,
    now: Timestamp,
    full: &[String],
) -> Result<Vec<(WorkspaceId, Uid, Option<String>)>> {
    let mut sql =
        "SELECT workspace_id, uid, pool FROM step_run WHERE state = 'ready' AND (due_at IS NULL OR due_at <= $1)"
            .to_owned();
    let mut values = params![now, limit].to_vec();
    if let Some(workspace) = workspace {
        values.push(workspace.into());
        sql.push_str(&format!(" AND workspace_id = ${}", values.len()));
    }
    if !full.is_empty() {
        let list: Vec<String> = (0..full.len()).map(|i| format!("${}", values.len() + 1 + i)).collect();
        values.extend(full.iter().map(ledger::Value::from));
        sql.push_str(&format!(" AND (pool IS NULL OR pool NOT IN ({}))", list.join(", ")));
    }
    sql.push_str(" ORDER BY priority DESC, run_id, id LIMIT $2");
    sql.push_str(r.skip_locked());
    let rows = r.rows(&sql, &values)?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, row.get("uid")?, row.get("pool")?))).collect()
}

/// Steps of all workspaces whose running attempt lies on this server.
pub(crate) fn running(rx: &mut Rx<'_>, owner: &str) -> Result<Vec<(WorkspaceId, Uid)>> {
    let rows = rx.query(
        "SELECT workspace_id, uid FROM step_run WHERE state = 'running' AND owner = $1 ORDER BY id",
        &params![owner],
    )?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, row.get("uid")?))).collect()
}

/// A running attempt that should end.
pub(crate) struct Ending {
    pub run: Uid,
    pub step: Uid,
    pub name: String,
    pub attempt: i64,
    /// The data directory that holds it, if not the owner's.
    pub disk: Option<String>,
}

/// Running attempts of this server that should end.
pub(crate) fn to_cancel(rx: &mut Rx<'_>, owner: &str) -> Result<Vec<Ending>> {
    let rows = rx.query(
        "SELECT s.run_uid, s.uid, s.name, s.attempt, d.data_dir FROM step_run s \
         JOIN pipeline_run r ON r.workspace_id = s.workspace_id AND r.uid = s.run_uid \
         LEFT JOIN server d ON d.uid = s.disk \
         WHERE s.state = 'running' AND s.owner = $1 AND r.cancel_requested = TRUE",
        &params![owner],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Ending {
                run: row.get("run_uid")?,
                step: row.get("uid")?,
                name: row.get("name")?,
                attempt: row.get("attempt")?,
                disk: row.get("data_dir")?,
            })
        })
        .collect()
}

/// A task that a server has just taken.
pub(crate) struct Claimed {
    pub run: Uid,
    pub name: String,
    pub attempt: i64,
}

/// Takes a ready step for this server; `None` if someone else was faster.
pub(crate) fn claim(tx: &mut Tx<'_>, uid: Uid, owner: &str) -> Result<Option<Claimed>> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let rows = tx.query(
        "UPDATE step_run SET state = 'running', owner = $1, disk = NULL, fence = fence + 1, attempt = attempt + 1, \
         started_at = $2, ended_at = NULL, due_at = NULL, log_digest = NULL \
         WHERE workspace_id = $3 AND uid = $4 AND state = 'ready' RETURNING run_uid, name, attempt",
        &params![owner, now, workspace, uid],
    )?;
    let claimed = |row: &Row| {
        Ok(Claimed { run: row.get("run_uid")?, name: row.get("name")?, attempt: row.get("attempt")? })
    };
    rows.first().map(claimed).transpose()
}

/// Whether the attempt runs and this is the newest right to end it.
pub(crate) fn holds(r: &mut impl Reads, fence: Fence) -> Result<bool> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT 1 AS held FROM step_run \
         WHERE workspace_id = $1 AND uid = $2 AND state = 'running' AND attempt = $3 AND fence = $4",
        &params![workspace, fence.task, fence.attempt, fence.token],
    )?;
    Ok(!rows.is_empty())
}

/// Notes what the attempt will use, before it starts.
pub(crate) fn prepared(
    tx: &mut Tx<'_>,
    uid: Uid,
    key: Digest,
    environment: Option<Digest>,
    tracking_run: Option<Uid>,
) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE step_run SET cache_key = $1, environment = $2, tracking_run = $3 WHERE workspace_id = $4 AND uid = $5",
        &params![key, environment, tracking_run, workspace, uid],
    )?;
    Ok(())
}

/// Writes the state and everything that the end of an attempt tells; false if that attempt is not running any more.
pub(crate) fn finish(tx: &mut Tx<'_>, step: &StepRun) -> Result<bool> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let changed = tx.execute(
        "UPDATE step_run SET state = $1, cached = $2, exit_code = $3, signal = $4, message = $5, tracking_run = $6, \
         log_digest = COALESCE($7, log_digest), ended_at = $8, cache_key = $9, environment = $10, outputs = $11 \
         WHERE workspace_id = $12 AND uid = $13 AND state = 'running' AND attempt = $14 AND fence = $15",
        &params![
            step.state.name(),
            step.cached,
            step.exit_code,
            step.signal,
            step.message.as_deref(),
            step.tracking_run,
            step.log_digest,
            now,
            step.cache_key,
            step.environment,
            text(&step.results)?,
            workspace,
            step.uid,
            step.attempt,
            step.token
        ],
    )?;
    let rows: Vec<_> = step
        .outputs
        .iter()
        .enumerate()
        .map(|(place, output)| {
            params![workspace, step.uid, place, &output.name, output.digest, output.bytes, output.is_dir]
                .to_vec()
        })
        .collect();
    if changed == 1 {
        tx.execute_many(
            "INSERT INTO step_output (workspace_id, step_uid, place, name, digest, bytes, is_dir) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            rows,
        )?;
    }
    Ok(changed == 1)
}

/// Puts a step whose attempt failed back in line, from `due` on.
pub(crate) fn again(tx: &mut Tx<'_>, step: &StepRun, message: &str, due: Option<Timestamp>) -> Result<bool> {
    let workspace = tx.workspace();
    let changed = tx.execute(
        "UPDATE step_run SET state = 'ready', owner = NULL, tracking_run = NULL, message = $1, due_at = $2 \
         WHERE workspace_id = $3 AND uid = $4 AND state = 'running' AND attempt = $5 AND fence = $6",
        &params![message, due, workspace, step.uid, step.attempt, step.token],
    )?;
    Ok(changed == 1)
}

/// False if there is no such attempt.
pub(crate) fn set_log(tx: &mut Tx<'_>, uid: Uid, attempt: i64, log: Digest) -> Result<bool> {
    let workspace = tx.workspace();
    let changed = tx.execute(
        "UPDATE step_run SET log_digest = $1 WHERE workspace_id = $2 AND uid = $3 AND attempt = $4",
        &params![log, workspace, uid, attempt],
    )?;
    // An earlier one by now, or as well: a task that waits for its next attempt still tells of the last.
    Ok(super::attempts::set_log(tx, uid, attempt, log)? || changed == 1)
}

pub(crate) fn remember(tx: &mut Tx<'_>, key: Digest, step: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO step_cache (workspace_id, cache_key, step_uid) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace_id, cache_key) DO UPDATE SET step_uid = excluded.step_uid",
        &params![workspace, key, step],
    )?;
    Ok(())
}

pub(crate) fn remembered(r: &mut impl Reads, key: Digest) -> Result<Option<StepRun>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT step_uid FROM step_cache WHERE workspace_id = $1 AND cache_key = $2",
        &params![workspace, key],
    )?;
    match rows.first() {
        Some(row) => find(r, row.get("step_uid")?),
        None => Ok(None),
    }
}

fn step(row: &Row) -> Result<StepRun> {
    let (run, name): (Uid, String) = (row.get("run_uid")?, row.get("name")?);
    let task: Option<String> = row.get("task")?;
    Ok(StepRun {
        uid: row.get("uid")?,
        run,
        task: task.unwrap_or_else(|| name.clone()),
        name,
        shape: row.get::<String>("shape")?.parse()?,
        parent: row.get::<Option<Uid>>("parent")?.filter(|parent| *parent != run),
        display_name: row.get("display_name")?,
        created_at: row.get("created_at")?,
        iteration: row.get("iteration")?,
        component: row.get("component")?,
        inputs: json_opt(row, "inputs")?.unwrap_or_default(),
        results: json_opt(row, "outputs")?.unwrap_or_default(),
        due_at: row.get("due_at")?,
        priority: row.get("priority")?,
        pool: row.get("pool")?,
        needs: json(row, "needs")?,
        state: row.get::<String>("state")?.parse()?,
        attempt: row.get("attempt")?,
        server: row.get("owner")?,
        disk: row.get("disk")?,
        token: row.get("fence")?,
        cached: row.get("cached")?,
        cache_key: row.get("cache_key")?,
        environment: row.get("environment")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        exit_code: row.get("exit_code")?,
        signal: row.get("signal")?,
        message: row.get("message")?,
        tracking_run: row.get("tracking_run")?,
        log_digest: row.get("log_digest")?,
        outputs: Vec::new(),
    })
}

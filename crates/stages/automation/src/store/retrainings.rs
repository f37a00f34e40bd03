use ledger::{Row, Tx, params};
use types::{Timestamp, Uid};

use super::{Reads, Result, json, json_opt, text};
use crate::steps::Changes;
use crate::{Cancellation, Decision, Recipe, Retraining, State, StepTaken, Trigger};

pub(crate) struct New<'a> {
    pub policy: &'a str,
    pub trigger: &'a Trigger,
    pub position: Option<i64>,
    pub recipe: &'a Recipe,
    pub state: State,
    pub reason: Option<&'a str>,
}

pub(crate) fn insert(tx: &mut Tx<'_>, new: &New<'_>) -> Result<Uid> {
    let (workspace, now, by, uid) = (tx.workspace(), tx.now(), tx.actor().to_string(), tx.new_id());
    let since = match new.trigger {
        Trigger::Drift { from, .. } => Some(*from),
        _ => None,
    };
    let ended = new.state.is_final().then_some(now);
    tx.execute(
        "INSERT INTO retraining (workspace_id, uid, policy, cause, cause_kind, cause_position, recipe, endpoint, state, \
         reason, label_since, created_at, updated_at, ended_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)",
        &params![
            workspace,
            uid,
            new.policy,
            text(new.trigger)?,
            new.trigger.kind(),
            new.position,
            text(new.recipe)?,
            &new.recipe.endpoint,
            new.state.name(),
            new.reason,
            since,
            now,
            ended,
            by
        ],
    )?;
    step(tx, uid, new.state, new.reason)?;
    Ok(uid)
}

/// Counts another one in, if the newest retraining of the policy was skipped for the same kind of trigger. Which one, and
/// how often it was now.
pub(crate) fn skip_again(tx: &mut Tx<'_>, new: &New<'_>) -> Result<Option<(Uid, i64)>> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let sql = "SELECT uid, state, cause_kind, times FROM retraining WHERE workspace_id = $1 AND policy = $2 \
         ORDER BY id DESC LIMIT 1";
    let rows = tx.rows(sql, &params![workspace, new.policy])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (state, kind): (String, String) = (row.get("state")?, row.get("cause_kind")?);
    if state != State::Skipped.name() || kind != new.trigger.kind() {
        return Ok(None);
    }
    let (uid, times): (Uid, i64) = (row.get("uid")?, row.get::<i64>("times")? + 1);
    tx.execute(
        "UPDATE retraining SET cause = $1, cause_position = $2, reason = $3, times = $4, updated_at = $5, ended_at = $5 \
         WHERE workspace_id = $6 AND uid = $7",
        &params![text(new.trigger)?, new.position, new.reason, times, now, workspace, uid],
    )?;
    Ok(Some((uid, times)))
}

fn step(tx: &mut Tx<'_>, uid: Uid, state: State, detail: Option<&str>) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO retraining_step (workspace_id, retraining, place, state, at, detail) \
         SELECT $1, $2, COUNT(*), $3, $4, $5 FROM retraining_step WHERE workspace_id = $1 AND retraining = $2",
        &params![workspace, uid, state.name(), now, detail],
    )?;
    Ok(())
}

/// Moves on, unless somebody else did: then false, and nothing changes.
pub(crate) fn transition(
    tx: &mut Tx<'_>,
    uid: Uid,
    from: State,
    to: State,
    detail: Option<&str>,
    changes: &Changes,
) -> Result<bool> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let ended = to.is_final().then_some(now);
    let moved = tx.execute(
        "UPDATE retraining SET state = $1, reason = $2, updated_at = $3, ended_at = $4, \
         label_deadline = COALESCE($5, label_deadline), dataset_version = COALESCE($6, dataset_version), \
         pipeline_run = COALESCE($7, pipeline_run), model_version = COALESCE($8, model_version), \
         evaluation = COALESCE($9, evaluation), alias_from = COALESCE($10, alias_from), \
         endpoint_revision = COALESCE($11, endpoint_revision), shadow_since = COALESCE($12, shadow_since), \
         shadow = COALESCE($13, shadow), rollout = COALESCE($14, rollout), \
         approval_deadline = COALESCE($15, approval_deadline) \
         WHERE workspace_id = $16 AND uid = $17 AND state = $18",
        &params![
            to.name(),
            detail,
            now,
            ended,
            changes.label_deadline,
            changes.dataset_version,
            changes.pipeline_run,
            changes.model_version,
            changes.evaluation,
            changes.alias_from,
            changes.endpoint_revision,
            changes.shadow_since,
            changes.shadow.as_ref().map(text).transpose()?,
            changes.rollout,
            changes.approval_deadline,
            workspace,
            uid,
            from.name()
        ],
    )?;
    if moved == 0 {
        return Ok(false);
    }
    step(tx, uid, to, detail)?;
    Ok(true)
}

const COLUMNS: &str = "SELECT uid, workspace_id, policy, cause, recipe, endpoint, state, reason, label_deadline, \
     dataset_version, pipeline_run, model_version, evaluation, alias_from, endpoint_revision, shadow_since, shadow, rollout, approval_deadline, decision, cancel, times, \
     created_at, updated_at, ended_at, created_by FROM retraining";

const ACTIVE: &str = "state NOT IN ('done', 'refused', 'rolled_back', 'failed', 'cancelled', 'skipped')";

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<Retraining>> {
    let workspace = r.workspace();
    let sql = format!("{COLUMNS} WHERE workspace_id = $1 AND uid = $2");
    let rows = r.rows(&sql, &params![workspace, uid])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut found = retraining(row)?;
    let sql = "SELECT state, at, detail FROM retraining_step WHERE workspace_id = $1 AND retraining = $2 ORDER BY place";
    for row in r.rows(sql, &params![workspace, uid])? {
        let state: String = row.get("state")?;
        found.history.push(StepTaken {
            state: state.parse()?,
            at: row.get("at")?,
            detail: row.get("detail")?,
        });
    }
    Ok(Some(found))
}

/// Newest first.
pub(crate) fn list(r: &mut impl Reads, limit: i64) -> Result<Vec<Retraining>> {
    let workspace = r.workspace();
    let sql = format!("{COLUMNS} WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2");
    r.rows(&sql, &params![workspace, limit])?.iter().map(retraining).collect()
}

/// Of every workspace, oldest first.
pub(crate) fn active(r: &mut impl Reads) -> Result<Vec<Retraining>> {
    r.rows(&format!("{COLUMNS} WHERE {ACTIVE} ORDER BY id"), &[])?.iter().map(retraining).collect()
}

/// The one that has not ended, of a policy or of an endpoint.
pub(crate) fn active_of(r: &mut impl Reads, policy: &str, endpoint: &str) -> Result<Option<Retraining>> {
    let workspace = r.workspace();
    let sql = format!(
        "{COLUMNS} WHERE workspace_id = $1 AND {ACTIVE} AND ((policy = $2 AND policy <> '') OR endpoint = $3) ORDER BY id"
    );
    r.rows(&sql, &params![workspace, policy, endpoint])?.first().map(retraining).transpose()
}

/// Keeps what a person decided.
pub(crate) fn decide(tx: &mut Tx<'_>, uid: Uid, decision: &Decision) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "UPDATE retraining SET decision = $1 WHERE workspace_id = $2 AND uid = $3";
    tx.execute(sql, &params![text(decision)?, workspace, uid])?;
    Ok(())
}

/// Keeps that somebody asked for its end.
pub(crate) fn cancel(tx: &mut Tx<'_>, uid: Uid, asked: &Cancellation) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "UPDATE retraining SET cancel = $1 WHERE workspace_id = $2 AND uid = $3";
    tx.execute(sql, &params![text(asked)?, workspace, uid])?;
    Ok(())
}

/// When the newest retraining of a policy was triggered that was not skipped.
pub(crate) fn last_of(r: &mut impl Reads, policy: &str) -> Result<Option<Timestamp>> {
    let workspace = r.workspace();
    let sql = "SELECT MAX(created_at) AS created FROM retraining \
         WHERE workspace_id = $1 AND policy = $2 AND state <> 'skipped'";
    match r.rows(sql, &params![workspace, policy])?.first() {
        Some(row) => row.get("created"),
        None => Ok(None),
    }
}

/// What starts by itself.
const BY_ITSELF: &str =
    "cause_kind IN ('drift', 'performance', 'labels', 'data_commit', 'schedule') AND state <> 'skipped'";

/// When the last retraining ended that started by itself; `None` if there was none.
pub(crate) fn last_by_itself(r: &mut impl Reads, policy: &str) -> Result<Option<Timestamp>> {
    let workspace = r.workspace();
    let sql = format!(
        "SELECT MAX(ended_at) AS ended FROM retraining WHERE workspace_id = $1 AND policy = $2 AND {BY_ITSELF}"
    );
    match r.rows(&sql, &params![workspace, policy])?.first() {
        Some(row) => row.get("ended"),
        None => Ok(None),
    }
}

/// How many started by themselves since then.
pub(crate) fn count_by_itself(r: &mut impl Reads, policy: &str, since: Timestamp) -> Result<i64> {
    let workspace = r.workspace();
    let sql = format!(
        "SELECT COUNT(*) AS n FROM retraining WHERE workspace_id = $1 AND policy = $2 AND {BY_ITSELF} \
         AND created_at > $3"
    );
    match r.rows(&sql, &params![workspace, policy, since])?.first() {
        Some(row) => row.get("n"),
        None => Ok(0),
    }
}

/// Whether an event of this kind of trigger, or a later one, was answered: they are read in their order.
pub(crate) fn seen(r: &mut impl Reads, policy: &str, kind: &str, position: i64) -> Result<bool> {
    let workspace = r.workspace();
    let sql = "SELECT uid FROM retraining WHERE workspace_id = $1 AND policy = $2 AND cause_kind = $3 \
         AND cause_position >= $4 LIMIT 1";
    Ok(!r.rows(sql, &params![workspace, policy, kind, position])?.is_empty())
}

fn retraining(row: &Row) -> Result<Retraining> {
    let recipe: Recipe = json(row, "recipe")?;
    let state: String = row.get("state")?;
    Ok(Retraining {
        uid: row.get("uid")?,
        workspace: types::WorkspaceId(row.get("workspace_id")?),
        policy: row.get("policy")?,
        trigger: json(row, "cause")?,
        state: state.parse()?,
        reason: row.get("reason")?,
        label_deadline: row.get("label_deadline")?,
        dataset_version: row.get("dataset_version")?,
        pipeline_run: row.get("pipeline_run")?,
        model: recipe.model.clone(),
        model_version: row.get("model_version")?,
        evaluation: row.get("evaluation")?,
        alias_from: row.get("alias_from")?,
        endpoint: row.get("endpoint")?,
        endpoint_revision: row.get("endpoint_revision")?,
        shadow_since: row.get("shadow_since")?,
        shadow: json_opt(row, "shadow")?,
        rollout: row.get("rollout")?,
        approval_deadline: row.get("approval_deadline")?,
        decision: json_opt(row, "decision")?,
        cancel: json_opt(row, "cancel")?,
        times: row.get("times")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        ended_at: row.get("ended_at")?,
        created_by: row.get("created_by")?,
        history: Vec::new(),
        recipe,
    })
}

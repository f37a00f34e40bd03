use ledger::{Error, Row, Rx, Tx, params};
use types::WorkspaceId;

use crate::Rollout;

fn rollout(row: &Row) -> Result<Rollout, Error> {
    let json: serde_json::Value = row.get("body")?;
    serde_json::from_value(json)
        .map_err(|e| Error::Database { message: format!("endpoint_rollout.body cannot be read: {e}") })
}

pub fn save_rollout(tx: &mut Tx<'_>, rollout: &Rollout) -> Result<(), Error> {
    let workspace = tx.workspace();
    let body = serde_json::to_value(rollout)
        .map_err(|e| Error::Database { message: format!("a rollout cannot be written: {e}") })?;
    tx.execute(
        "INSERT INTO endpoint_rollout (workspace_id, uid, endpoint, state, body, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (workspace_id, uid) DO UPDATE SET state = excluded.state, body = excluded.body",
        &params![workspace, rollout.uid, &rollout.endpoint, rollout.state.name(), body, rollout.created_at],
    )?;
    Ok(())
}

/// The one of an endpoint that is running or paused.
pub fn active_rollout(tx: &mut Tx<'_>, endpoint: &str) -> Result<Option<Rollout>, Error> {
    let workspace = tx.workspace();
    let row = tx.query_opt(
        "SELECT body FROM endpoint_rollout WHERE workspace_id = $1 AND endpoint = $2 \
         AND state IN ('running', 'paused') ORDER BY created_at DESC LIMIT 1",
        &params![workspace, endpoint],
    )?;
    row.as_ref().map(rollout).transpose()
}

/// All that are running or paused, of every workspace.
pub fn active_rollouts(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, Rollout)>, Error> {
    let rows = rx.query(
        "SELECT workspace_id, body FROM endpoint_rollout WHERE state IN ('running', 'paused')",
        &params![],
    )?;
    rows.iter().map(|row| Ok((row.get("workspace_id")?, rollout(row)?))).collect()
}

/// Newest first.
pub fn rollouts(rx: &mut Rx<'_>, endpoint: &str, limit: i64) -> Result<Vec<Rollout>, Error> {
    let workspace = rx.workspace();
    let rows = rx.query(
        "SELECT body FROM endpoint_rollout WHERE workspace_id = $1 AND endpoint = $2 \
         ORDER BY created_at DESC, uid DESC LIMIT $3",
        &params![workspace, endpoint, limit],
    )?;
    rows.iter().map(rollout).collect()
}

mod rollouts;
mod settings;
mod shadows;

use ledger::{Error, Row, Rx, Tx, params};
use types::{Uid, WorkspaceId};

use crate::{Revision, VariantView};

pub use rollouts::{active_rollout, active_rollouts, rollouts, save_rollout};
pub use settings::{all_settings, save_settings};
pub use shadows::{save_shadow, shadows};

const COLUMNS: &str = "r.uid, r.endpoint, r.number, r.variants, r.created_at, r.created_by";

fn revision(row: &Row) -> Result<Revision, Error> {
    let variants: serde_json::Value = row.get("variants")?;
    let variants: Vec<VariantView> = serde_json::from_value(variants).map_err(|e| Error::Database {
        message: format!("endpoint_revision.variants cannot be read: {e}"),
    })?;
    Ok(Revision {
        uid: row.get("uid")?,
        endpoint: row.get("endpoint")?,
        number: row.get("number")?,
        variants,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

/// Stores the next revision and makes it the current one.
pub fn insert_revision(tx: &mut Tx<'_>, endpoint: &str, variants: &[VariantView]) -> Result<Revision, Error> {
    let (workspace, now, actor) = (tx.workspace(), tx.now(), tx.actor().to_string());
    let number: i64 = tx
        .query_one(
            "SELECT coalesce(max(number), 0) + 1 AS next FROM endpoint_revision \
             WHERE workspace_id = $1 AND endpoint = $2",
            &params![workspace, endpoint],
        )?
        .get("next")?;
    let uid = tx.new_id();
    let json = serde_json::to_value(variants)
        .map_err(|e| Error::Database { message: format!("variants cannot be written: {e}") })?;
    tx.execute(
        "INSERT INTO endpoint_revision (workspace_id, uid, endpoint, number, variants, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![workspace, uid, endpoint, number, json, now, &actor],
    )?;
    tx.execute(
        "INSERT INTO endpoint (workspace_id, name, revision, updated_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET revision = excluded.revision, updated_at = excluded.updated_at",
        &params![workspace, endpoint, uid, now],
    )?;
    Ok(Revision {
        uid,
        endpoint: endpoint.to_owned(),
        number,
        variants: variants.to_vec(),
        created_at: now,
        created_by: actor,
    })
}

/// Whether there was one.
pub fn delete_endpoint(tx: &mut Tx<'_>, endpoint: &str) -> Result<bool, Error> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM endpoint WHERE workspace_id = $1 AND name = $2";
    Ok(tx.execute(sql, &params![workspace, endpoint])? > 0)
}

/// What every endpoint of every workspace serves now.
pub fn current(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, Revision)>, Error> {
    let sql = format!(
        "SELECT e.workspace_id, {COLUMNS} FROM endpoint e JOIN endpoint_revision r \
         ON r.workspace_id = e.workspace_id AND r.uid = e.revision ORDER BY e.workspace_id, e.name"
    );
    rx.query(&sql, &params![])?.iter().map(|row| Ok((row.get("workspace_id")?, revision(row)?))).collect()
}

/// Newest first.
pub fn revisions(rx: &mut Rx<'_>, endpoint: &str, limit: i64) -> Result<Vec<Revision>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM endpoint_revision r WHERE r.workspace_id = $1 AND r.endpoint = $2 \
         ORDER BY r.number DESC LIMIT $3"
    );
    rx.query(&sql, &params![workspace, endpoint, limit])?.iter().map(revision).collect()
}

/// Those with a variant that answers nobody.
pub fn revisions_with_shadows(rx: &mut Rx<'_>, endpoint: &str) -> Result<Vec<Revision>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM endpoint_revision r WHERE r.workspace_id = $1 AND r.endpoint = $2 AND r.variants LIKE $3"
    );
    rx.query(&sql, &params![workspace, endpoint, "%\"shadow\":true%"])?.iter().map(revision).collect()
}

pub fn revision_by_uid(rx: &mut Rx<'_>, uid: Uid) -> Result<Option<Revision>, Error> {
    let workspace = rx.workspace();
    let sql = format!("SELECT {COLUMNS} FROM endpoint_revision r WHERE r.workspace_id = $1 AND r.uid = $2");
    rx.query_opt(&sql, &params![workspace, uid])?.as_ref().map(revision).transpose()
}

use ledger::{Tx, params};
use types::{Digest, Uid};

use super::Result;
use crate::import::ImportVersion;

/// Whether a version has the number, a deleted one too.
pub(crate) fn has_number(tx: &mut Tx<'_>, model: i64, number: i64) -> Result<bool> {
    let workspace = tx.workspace();
    let found = tx.query_opt(
        "SELECT id FROM model_version WHERE workspace_id = $1 AND model_id = $2 AND number = $3",
        &params![workspace, model, number],
    )?;
    Ok(found.is_some())
}

/// The new version's row id. The caller holds the model's row ([`super::registry::touch`]).
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    model: i64,
    uid: Uid,
    request: &ImportVersion,
    digest: Option<Digest>,
) -> Result<i64> {
    let (workspace, version) = (tx.workspace(), &request.version);
    tx.query_one(
        "INSERT INTO model_version (workspace_id, uid, model_id, number, source, location, run, run_link, \
         logged_model, description, stage, digest, created_by, created_at, updated_at, deleted) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, FALSE) RETURNING id",
        &params![
            workspace,
            uid,
            model,
            request.number,
            &version.source,
            &version.location,
            version.run.clone(),
            version.run_link.clone(),
            version.logged_model.clone(),
            version.description.clone(),
            &request.stage,
            digest,
            &request.created_by,
            request.created_at,
            request.updated_at
        ],
    )?
    .get("id")
}

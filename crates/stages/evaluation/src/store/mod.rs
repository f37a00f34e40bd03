//! All SQL of this stage.

pub(crate) mod scorers;
pub(crate) mod sets;

use ledger::{Error, Row, Rx, Tx, params};
use types::Uid;

use crate::Evaluation;

pub(crate) fn insert(tx: &mut Tx<'_>, e: &Evaluation) -> Result<(), Error> {
    let workspace = tx.workspace();
    let body = serde_json::to_value(e).unwrap_or_default();
    tx.execute(
        "INSERT INTO evaluation (workspace_id, uid, gate, model, number, model_version, data_digest, champion, verdict, \
         report_digest, body, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &params![
            workspace,
            e.uid,
            e.gate.clone(),
            &e.model,
            e.number,
            e.model_version,
            e.data,
            e.champion.as_ref().map(|c| c.model_version),
            e.verdict.name(),
            e.report,
            body,
            e.created_at,
            &e.created_by
        ],
    )?;
    Ok(())
}

pub(crate) fn find(rx: &mut Rx<'_>, uid: Uid) -> Result<Option<Evaluation>, Error> {
    let workspace = rx.workspace();
    let sql = "SELECT body FROM evaluation WHERE workspace_id = $1 AND uid = $2";
    rx.query_opt(sql, &params![workspace, uid])?.as_ref().map(evaluation).transpose()
}

/// Newest first.
pub(crate) fn of_version(rx: &mut Rx<'_>, version: Uid) -> Result<Vec<Evaluation>, Error> {
    let workspace = rx.workspace();
    let sql = "SELECT body FROM evaluation WHERE workspace_id = $1 AND model_version = $2 \
               ORDER BY created_at DESC, uid DESC";
    rx.query(sql, &params![workspace, version])?.iter().map(evaluation).collect()
}

fn evaluation(row: &Row) -> Result<Evaluation, Error> {
    let body: serde_json::Value = row.get("body")?;
    serde_json::from_value(body).map_err(|e| Error::Database { message: format!("a kept evaluation: {e}") })
}

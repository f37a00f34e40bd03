use ledger::{Error, Row, Rx, Tx, params};
use types::Uid;

use super::Reads;
use crate::schemas::LabelSchema;

const SCHEMA: &str = "SELECT uid, experiment, name, is_expectation, instruction, enable_comment, input, is_default, \
                      created_at, updated_at FROM label_schema";

fn schema(row: &Row) -> Result<LabelSchema, Error> {
    Ok(LabelSchema {
        uid: row.get("uid")?,
        experiment: row.get("experiment")?,
        name: row.get("name")?,
        is_expectation: row.get("is_expectation")?,
        instruction: row.get("instruction")?,
        enable_comment: row.get("enable_comment")?,
        input: row.get("input")?,
        is_default: row.get("is_default")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<LabelSchema>, Error> {
    let sql = format!("{SCHEMA} WHERE workspace_id = $1 AND uid = $2");
    on.rows(&sql, &params![on.home(), uid])?.first().map(schema).transpose()
}

pub(crate) fn named(on: &mut impl Reads, experiment: i64, name: &str) -> Result<Option<LabelSchema>, Error> {
    let sql = format!("{SCHEMA} WHERE workspace_id = $1 AND experiment = $2 AND name = $3");
    on.rows(&sql, &params![on.home(), experiment, name])?.first().map(schema).transpose()
}

pub(crate) fn has_default(rx: &mut Rx<'_>, experiment: i64) -> Result<bool, Error> {
    let sql = "SELECT uid FROM label_schema WHERE workspace_id = $1 AND experiment = $2 AND is_default";
    Ok(rx.query_opt(sql, &params![rx.workspace(), experiment])?.is_some())
}

/// Up to `limit` + 1 schemas.
pub(crate) fn list(
    rx: &mut Rx<'_>,
    experiment: i64,
    limit: i64,
    offset: i64,
) -> Result<Vec<LabelSchema>, Error> {
    let sql = format!(
        "{SCHEMA} WHERE workspace_id = $1 AND experiment = $2 ORDER BY created_at DESC, uid LIMIT $3 OFFSET $4"
    );
    let values = params![rx.workspace(), experiment, limit.saturating_add(1), offset];
    rx.query(&sql, &values)?.iter().map(schema).collect()
}

pub(crate) fn insert(tx: &mut Tx<'_>, s: &LabelSchema) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        s.uid,
        s.experiment,
        &s.name,
        s.is_expectation,
        s.instruction.as_ref(),
        s.enable_comment,
        &s.input,
        s.is_default,
        s.created_at,
        s.updated_at
    ];
    tx.execute(
        "INSERT INTO label_schema (workspace_id, uid, experiment, name, is_expectation, instruction, enable_comment, \
         input, is_default, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn update(tx: &mut Tx<'_>, s: &LabelSchema) -> Result<(), Error> {
    let values = params![
        &s.name,
        s.instruction.as_ref(),
        s.enable_comment,
        &s.input,
        s.updated_at,
        tx.workspace(),
        s.uid
    ];
    tx.execute(
        "UPDATE label_schema SET name = $1, instruction = $2, enable_comment = $3, input = $4, updated_at = $5 \
         WHERE workspace_id = $6 AND uid = $7",
        &values,
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("DELETE FROM label_schema WHERE workspace_id = $1 AND uid = $2", &key)?;
    Ok(())
}

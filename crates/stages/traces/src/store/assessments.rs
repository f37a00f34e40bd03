use std::collections::BTreeMap;

use ledger::{Row, Value, params};

use super::{Reads, Result, Writes};
use crate::model::{Assessment, AssessmentKind};

const COLUMNS: &str = "a.uid, a.trace_id, t.uid AS trace, a.kind, a.name, a.value, a.error, a.source_kind, a.source, a.run, \
     a.span, a.rationale, a.metadata, a.of_session, a.overrides, a.valid, a.created_at, a.updated_at";
const FROM: &str = "assessment a JOIN trace t ON t.workspace_id = a.workspace_id AND t.id = a.trace_id";

fn stored(row: &Row) -> Result<Assessment> {
    let metadata: Option<Value> = row.get("metadata")?;
    let metadata = match metadata {
        Some(Value::Text(text)) => serde_json::from_str(&text)
            .map_err(|e| ledger::Error::Database { message: format!("assessment metadata: {e}") })?,
        _ => BTreeMap::new(),
    };
    Ok(Assessment {
        uid: row.get("uid")?,
        trace: row.get("trace")?,
        kind: AssessmentKind::of_name(&row.get::<String>("kind")?),
        name: row.get("name")?,
        value: row.get("value")?,
        error: row.get("error")?,
        source_kind: row.get("source_kind")?,
        source: row.get("source")?,
        run: row.get("run")?,
        span: row.get("span")?,
        rationale: row.get("rationale")?,
        metadata,
        of_session: row.get("of_session")?,
        overrides: row.get("overrides")?,
        valid: row.get("valid")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Those of the traces whose ids are `values` from the second on, with the trace's id, in the order of their making.
pub(crate) fn of_traces(on: &mut impl Reads, list: &str, values: &[Value]) -> Result<Vec<(i64, Assessment)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE a.workspace_id = $1 AND a.trace_id IN ({list}) ORDER BY a.id"
    );
    on.rows(&sql, values)?.iter().map(|row| Ok((row.get("trace_id")?, stored(row)?))).collect()
}

pub(crate) fn find(on: &mut impl Reads, trace: i64, uid: &str) -> Result<Option<Assessment>> {
    let sql =
        format!("SELECT {COLUMNS} FROM {FROM} WHERE a.workspace_id = $1 AND a.uid = $2 AND a.trace_id = $3");
    let values = params![on.workspace(), uid, trace];
    on.row(&sql, &values)?.as_ref().map(stored).transpose()
}

fn metadata(a: &Assessment) -> Option<serde_json::Value> {
    (!a.metadata.is_empty()).then(|| serde_json::json!(a.metadata))
}

/// Whether it was inserted: false if the uid is taken.
pub(crate) fn insert(on: &mut impl Writes, trace: i64, a: &Assessment) -> Result<bool> {
    let (number, is_number) = a.number();
    let values = params![
        on.workspace(),
        &a.uid,
        trace,
        a.kind.name(),
        &a.name,
        &a.value,
        number,
        is_number,
        a.error.as_ref(),
        &a.source_kind,
        a.source.as_ref(),
        a.run.as_ref(),
        a.span.as_ref(),
        a.rationale.as_ref(),
        metadata(a),
        a.of_session,
        a.overrides.as_ref(),
        a.valid,
        a.created_at,
        a.updated_at
    ];
    let rows = on.run(
        "INSERT INTO assessment (workspace_id, uid, trace_id, kind, name, value, number, is_number, error, source_kind, \
         source, run, span, rationale, metadata, of_session, overrides, valid, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
         ON CONFLICT (workspace_id, uid) DO NOTHING",
        &values,
    )?;
    Ok(rows > 0)
}

/// Changes what can change.
pub(crate) fn update(on: &mut impl Writes, trace: i64, a: &Assessment) -> Result<()> {
    let (number, is_number) = a.number();
    let values = params![
        &a.name,
        &a.value,
        number,
        is_number,
        a.error.as_ref(),
        a.rationale.as_ref(),
        metadata(a),
        a.of_session,
        a.valid,
        a.updated_at,
        on.workspace(),
        &a.uid,
        trace
    ];
    on.run(
        "UPDATE assessment SET name = $1, value = $2, number = $3, is_number = $4, error = $5, rationale = $6, \
         metadata = $7, of_session = $8, valid = $9, updated_at = $10 \
         WHERE workspace_id = $11 AND uid = $12 AND trace_id = $13",
        &values,
    )?;
    Ok(())
}

/// Rows changed.
pub(crate) fn set_valid(on: &mut impl Writes, trace: i64, uid: &str, valid: bool) -> Result<u64> {
    let values = params![valid, on.workspace(), uid, trace];
    on.run("UPDATE assessment SET valid = $1 WHERE workspace_id = $2 AND uid = $3 AND trace_id = $4", &values)
}

pub(crate) fn delete(on: &mut impl Writes, trace: i64, uid: &str) -> Result<u64> {
    let values = params![on.workspace(), uid, trace];
    on.run("DELETE FROM assessment WHERE workspace_id = $1 AND uid = $2 AND trace_id = $3", &values)
}

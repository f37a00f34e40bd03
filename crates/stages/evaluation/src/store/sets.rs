//! SQL of evaluation sets and their records.

use std::collections::BTreeMap;

use ledger::{Error, Row, Rx, Tx, Value, params};
use tracking::search::{Clause, Statement};
use types::{Digest, Uid, WorkspaceId};

use crate::sets::{EvaluationSet, Record, RecordsCursor, SetField, SetQuery};

/// What both kinds of transaction read with.
pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error>;
    fn home(&self) -> WorkspaceId;
}

impl Reads for Tx<'_> {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.query(sql, values)
    }
    fn home(&self) -> WorkspaceId {
        self.workspace()
    }
}

impl Reads for Rx<'_> {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.query(sql, values)
    }
    fn home(&self) -> WorkspaceId {
        self.workspace()
    }
}

const SET: &str =
    "s.uid, s.name, s.schema, s.digest, s.records, s.created_at, s.updated_at, s.created_by, s.updated_by";

pub(crate) fn insert(tx: &mut Tx<'_>, set: &EvaluationSet) -> Result<(), Error> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO evaluation_set (workspace_id, uid, name, schema, digest, records, created_at, updated_at, \
         created_by, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &params![
            workspace,
            set.uid,
            &set.name,
            set.schema.as_ref(),
            &set.digest,
            set.records,
            set.created_at,
            set.updated_at,
            set.created_by.as_ref(),
            set.updated_by.as_ref()
        ],
    )?;
    for (name, value) in &set.tags {
        set_tag(tx, set.uid, name, value.as_deref())?;
    }
    for (place, experiment) in set.experiments.iter().enumerate() {
        add_experiment(tx, set.uid, experiment, place)?;
    }
    Ok(())
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<EvaluationSet>, Error> {
    let sql = format!("SELECT {SET} FROM evaluation_set s WHERE s.workspace_id = $1 AND s.uid = $2");
    let rows = on.rows(&sql, &params![on.home(), uid])?;
    let mut found = rows.iter().map(set).collect::<Result<Vec<_>, _>>()?;
    load(on, &mut found)?;
    Ok(found.pop())
}

fn set(row: &Row) -> Result<EvaluationSet, Error> {
    Ok(EvaluationSet {
        uid: row.get("uid")?,
        name: row.get("name")?,
        tags: BTreeMap::new(),
        schema: row.get("schema")?,
        records: row.get("records")?,
        digest: row.get("digest")?,
        experiments: Vec::new(),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
        updated_by: row.get("updated_by")?,
    })
}

/// Adds tags and experiments.
fn load(on: &mut impl Reads, sets: &mut [EvaluationSet]) -> Result<(), Error> {
    for set in sets {
        let key = params![on.home(), set.uid];
        let sql = "SELECT name, value FROM evaluation_set_tag WHERE workspace_id = $1 AND set_uid = $2";
        for row in on.rows(sql, &key)? {
            set.tags.insert(row.get("name")?, row.get("value")?);
        }
        let sql = "SELECT experiment FROM evaluation_set_experiment WHERE workspace_id = $1 AND set_uid = $2 \
                   ORDER BY place, experiment";
        for row in on.rows(sql, &key)? {
            set.experiments.push(row.get("experiment")?);
        }
    }
    Ok(())
}

/// Up to `limit` + 1 sets.
pub(crate) fn search(rx: &mut Rx<'_>, query: &SetQuery) -> Result<Vec<EvaluationSet>, Error> {
    let mut s = Statement::default();
    s.push("SELECT ").push(SET).push(" FROM evaluation_set s WHERE s.workspace_id = ").bind(rx.workspace());
    if !query.experiments.is_empty() {
        s.push(
            " AND EXISTS (SELECT 1 FROM evaluation_set_experiment e WHERE e.workspace_id = s.workspace_id",
        );
        s.push(" AND e.set_uid = s.uid AND e.experiment IN ").list(query.experiments.iter()).push(")");
    }
    for Clause { field, test } in &query.filter {
        s.push(" AND ");
        if let SetField::Tag(name) = field {
            s.push("EXISTS (SELECT 1 FROM evaluation_set_tag t WHERE t.workspace_id = s.workspace_id");
            s.push(" AND t.set_uid = s.uid AND t.name = ")
                .bind(name)
                .push(" AND ")
                .test("t.value", test)
                .push(")");
        } else {
            s.test(column(field), test);
        }
    }
    s.push(" ORDER BY ");
    for order in &query.order {
        s.push(column(&order.field)).push(if order.descending { " DESC, " } else { " ASC, " });
    }
    s.push("s.uid DESC LIMIT ").bind(query.limit.saturating_add(1)).push(" OFFSET ").bind(query.offset);
    let rows = rx.query(&s.sql, &s.values)?;
    let mut found = rows.iter().map(set).collect::<Result<Vec<_>, _>>()?;
    load(rx, &mut found)?;
    Ok(found)
}

fn column(field: &SetField) -> &'static str {
    match field {
        SetField::Name | SetField::Tag(_) => "s.name",
        SetField::CreatedAt => "s.created_at / 1000",
        SetField::UpdatedAt => "s.updated_at / 1000",
        SetField::CreatedBy => "s.created_by",
        SetField::UpdatedBy => "s.updated_by",
    }
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<bool, Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("DELETE FROM evaluation_record WHERE workspace_id = $1 AND set_uid = $2", &key)?;
    tx.execute("DELETE FROM evaluation_set_tag WHERE workspace_id = $1 AND set_uid = $2", &key)?;
    tx.execute("DELETE FROM evaluation_set_experiment WHERE workspace_id = $1 AND set_uid = $2", &key)?;
    Ok(tx.execute("DELETE FROM evaluation_set WHERE workspace_id = $1 AND uid = $2", &key)? > 0)
}

pub(crate) fn set_tag(tx: &mut Tx<'_>, uid: Uid, name: &str, value: Option<&str>) -> Result<(), Error> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO evaluation_set_tag (workspace_id, set_uid, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, set_uid, name) DO UPDATE SET value = excluded.value",
        &params![workspace, uid, name, value],
    )?;
    Ok(())
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, uid: Uid, name: &str) -> Result<bool, Error> {
    let sql = "DELETE FROM evaluation_set_tag WHERE workspace_id = $1 AND set_uid = $2 AND name = $3";
    let key = params![tx.workspace(), uid, name];
    Ok(tx.execute(sql, &key)? > 0)
}

pub(crate) fn add_experiment(tx: &mut Tx<'_>, uid: Uid, experiment: &str, place: usize) -> Result<(), Error> {
    let values = params![tx.workspace(), uid, experiment, place];
    tx.execute(
        "INSERT INTO evaluation_set_experiment (workspace_id, set_uid, experiment, place) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, set_uid, experiment) DO NOTHING",
        &values,
    )?;
    Ok(())
}

/// Whether any was there.
pub(crate) fn remove_experiments(tx: &mut Tx<'_>, uid: Uid, experiments: &[String]) -> Result<bool, Error> {
    let workspace = tx.workspace();
    let sql =
        "DELETE FROM evaluation_set_experiment WHERE workspace_id = $1 AND set_uid = $2 AND experiment = $3";
    Ok(tx.execute_many(sql, experiments.iter().map(|e| params![workspace, uid, e].to_vec()))? > 0)
}

pub(crate) fn touch(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    let values = params![tx.now(), tx.workspace(), uid];
    tx.execute("UPDATE evaluation_set SET updated_at = $1 WHERE workspace_id = $2 AND uid = $3", &values)?;
    Ok(())
}

pub(crate) fn records_changed(
    tx: &mut Tx<'_>,
    uid: Uid,
    schema: Option<&serde_json::Value>,
    digest: &str,
    user: Option<&str>,
) -> Result<(), Error> {
    let values = params![tx.now(), schema, digest, user, tx.workspace(), uid];
    tx.execute(
        "UPDATE evaluation_set SET updated_at = $1, schema = $2, digest = $3, updated_by = $4, \
         records = (SELECT count(*) FROM evaluation_record WHERE workspace_id = $5 AND set_uid = $6) \
         WHERE workspace_id = $5 AND uid = $6",
        &values,
    )?;
    Ok(())
}

const RECORD: &str =
    "uid, inputs, outputs, expectations, tags, source, created_at, updated_at, created_by, updated_by";

fn record(row: &Row) -> Result<Record, Error> {
    Ok(Record {
        uid: row.get("uid")?,
        inputs: row.get("inputs")?,
        outputs: row.get("outputs")?,
        expectations: row.get("expectations")?,
        tags: row.get("tags")?,
        source: row.get("source")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
        updated_by: row.get("updated_by")?,
    })
}

pub(crate) fn record_of_input(tx: &mut Tx<'_>, set: Uid, input: Digest) -> Result<Option<Record>, Error> {
    let sql = format!(
        "SELECT {RECORD} FROM evaluation_record WHERE workspace_id = $1 AND set_uid = $2 AND input_digest = $3"
    );
    let key = params![tx.workspace(), set, input];
    tx.query_opt(&sql, &key)?.as_ref().map(record).transpose()
}

pub(crate) fn insert_record(tx: &mut Tx<'_>, set: Uid, input: Digest, r: &Record) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        r.uid,
        set,
        input,
        &r.inputs,
        r.outputs.as_ref(),
        r.expectations.as_ref(),
        r.tags.as_ref(),
        r.source.as_ref(),
        r.created_at,
        r.updated_at,
        r.created_by.as_ref(),
        r.updated_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO evaluation_record (workspace_id, uid, set_uid, input_digest, inputs, outputs, expectations, tags, \
         source, created_at, updated_at, created_by, updated_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn update_record(tx: &mut Tx<'_>, r: &Record) -> Result<(), Error> {
    let values = params![
        r.outputs.as_ref(),
        r.expectations.as_ref(),
        r.tags.as_ref(),
        r.updated_at,
        r.updated_by.as_ref(),
        tx.workspace(),
        r.uid
    ];
    tx.execute(
        "UPDATE evaluation_record SET outputs = $1, expectations = $2, tags = $3, updated_at = $4, updated_by = $5 \
         WHERE workspace_id = $6 AND uid = $7",
        &values,
    )?;
    Ok(())
}

/// Up to `limit` + 1 records after the cursor.
pub(crate) fn records(
    rx: &mut Rx<'_>,
    set: Uid,
    after: Option<RecordsCursor>,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    let mut s = Statement::default();
    s.push("SELECT ").push(RECORD).push(" FROM evaluation_record WHERE workspace_id = ").bind(rx.workspace());
    s.push(" AND set_uid = ").bind(set);
    if let Some((at, uid)) = after {
        s.push(" AND (created_at > ").bind(at).push(" OR (created_at = ").bind(at).push(" AND uid > ");
        s.bind(uid).push("))");
    }
    s.push(" ORDER BY created_at, uid LIMIT ").bind(limit.saturating_add(1));
    rx.query(&s.sql, &s.values)?.iter().map(record).collect()
}

pub(crate) fn delete_records(tx: &mut Tx<'_>, set: Uid, records: &[Uid]) -> Result<i64, Error> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM evaluation_record WHERE workspace_id = $1 AND set_uid = $2 AND uid = $3";
    let deleted = tx.execute_many(sql, records.iter().map(|uid| params![workspace, set, uid].to_vec()))?;
    tx.execute(
        "UPDATE evaluation_set SET \
         records = (SELECT count(*) FROM evaluation_record WHERE workspace_id = $1 AND set_uid = $2) \
         WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, set],
    )?;
    Ok(deleted as i64)
}

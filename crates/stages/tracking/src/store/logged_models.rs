use std::collections::BTreeMap;

use ledger::{Row, Tx, Value, params};
use types::Timestamp;

use super::{PIECE, Reads, Result, keyset, placeholders};
use crate::model::{LoggedModel, LoggedModelStatus, ModelMetric, Point};
use crate::search::{Clause, Found, LoggedModelField, LoggedModelQuery, Order, Test};
use crate::statement::Statement;

const COLUMNS: &str = "m.id, m.uid, e.number AS experiment_number, m.name, m.model_type, m.status, m.source_run, \
     m.artifact_location, m.deleted, m.created_at, m.updated_at";
const FROM: &str =
    "logged_model m JOIN experiment e ON e.workspace_id = m.workspace_id AND e.id = m.experiment_id";

pub(crate) struct Stored {
    pub id: i64,
    pub model: LoggedModel,
}

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        model: LoggedModel {
            uid: row.get("uid")?,
            experiment: row.get("experiment_number")?,
            name: row.get("name")?,
            model_type: row.get("model_type")?,
            status: row.get::<String>("status")?.parse().unwrap_or(LoggedModelStatus::Unspecified),
            source_run: row.get("source_run")?,
            artifact_location: row.get("artifact_location")?,
            deleted: row.get("deleted")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            metrics: Vec::new(),
        },
    })
}

pub(crate) fn find_id(on: &mut impl Reads, uid: &str) -> Result<Option<i64>> {
    let workspace = on.workspace();
    let row =
        on.row("SELECT id FROM logged_model WHERE workspace_id = $1 AND uid = $2", &params![workspace, uid])?;
    row.map(|row| row.get("id")).transpose()
}

/// Deleted ones too.
pub(crate) fn find(on: &mut impl Reads, uid: &str) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE m.workspace_id = $1 AND m.uid = $2");
    let Some(row) = on.row(&sql, &params![workspace, uid])? else { return Ok(None) };
    let mut found = vec![stored(&row)?];
    load(on, &mut found)?;
    Ok(found.pop())
}

pub(crate) fn insert(tx: &mut Tx<'_>, experiment_id: i64, model: &LoggedModel) -> Result<i64> {
    let workspace = tx.workspace();
    tx.query_one(
        "INSERT INTO logged_model (workspace_id, uid, experiment_id, name, model_type, status, source_run, \
         artifact_location, deleted, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, $9, $9) \
         RETURNING id",
        &params![
            workspace,
            &model.uid,
            experiment_id,
            &model.name,
            &model.model_type,
            model.status.name(),
            model.source_run.clone(),
            model.artifact_location.clone(),
            model.created_at
        ],
    )?
    .get("id")
}

pub(crate) fn set_params(tx: &mut Tx<'_>, id: i64, values: &BTreeMap<String, String>) -> Result<u64> {
    let workspace = tx.workspace();
    let rows: Vec<Vec<Value>> = values.iter().map(|(k, v)| params![workspace, id, k, v].to_vec()).collect();
    tx.execute_many(
        "INSERT INTO logged_model_param (workspace_id, model_id, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, model_id, name) DO UPDATE SET value = excluded.value",
        rows,
    )
}

pub(crate) fn set_tags(tx: &mut Tx<'_>, id: i64, values: &BTreeMap<String, String>) -> Result<u64> {
    let workspace = tx.workspace();
    let rows: Vec<Vec<Value>> = values.iter().map(|(k, v)| params![workspace, id, k, v].to_vec()).collect();
    tx.execute_many(
        "INSERT INTO logged_model_tag (workspace_id, model_id, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, model_id, name) DO UPDATE SET value = excluded.value",
        rows,
    )
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM logged_model_tag WHERE workspace_id = $1 AND model_id = $2 AND name = $3",
        &params![workspace, id, name],
    )
}

pub(crate) fn set_status(tx: &mut Tx<'_>, id: i64, status: LoggedModelStatus, now: Timestamp) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE logged_model SET status = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
        &params![status.name(), now, workspace, id],
    )
}

pub(crate) fn delete(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE logged_model SET deleted = TRUE, updated_at = $1 WHERE workspace_id = $2 AND id = $3",
        &params![now, workspace, id],
    )
}

fn load(on: &mut impl Reads, models: &mut [Stored]) -> Result<()> {
    for piece in models.chunks_mut(PIECE) {
        let places: BTreeMap<i64, usize> = piece.iter().enumerate().map(|(place, m)| (m.id, place)).collect();
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|m| Value::from(m.id)));
        let ids = placeholders(2, piece.len());
        let place_of =
            |row: &Row| -> Result<usize> { Ok(places.get(&row.get("model_id")?).copied().unwrap_or(0)) };
        let sql = format!(
            "SELECT model_id, name, value FROM logged_model_param WHERE workspace_id = $1 AND model_id IN ({ids})"
        );
        for row in on.rows(&sql, &values)? {
            piece[place_of(&row)?].model.params.insert(row.get("name")?, row.get("value")?);
        }
        let sql = format!(
            "SELECT model_id, name, value FROM logged_model_tag WHERE workspace_id = $1 AND model_id IN ({ids})"
        );
        for row in on.rows(&sql, &values)? {
            piece[place_of(&row)?].model.tags.insert(row.get("name")?, row.get("value")?);
        }
        let sql = format!(
            "SELECT model_id, name, run, step, at, value, is_nan, dataset_name, dataset_digest FROM logged_model_metric \
             WHERE workspace_id = $1 AND model_id IN ({ids}) ORDER BY model_id, name, at, step"
        );
        for row in on.rows(&sql, &values)? {
            let value = if row.get("is_nan")? { f64::NAN } else { row.get("value")? };
            let filled = |text: String| (!text.is_empty()).then_some(text);
            piece[place_of(&row)?].model.metrics.push(ModelMetric {
                key: row.get("name")?,
                run: row.get("run")?,
                point: Point { step: row.get("step")?, at: row.get("at")?, value },
                dataset_name: filled(row.get("dataset_name")?),
                dataset_digest: filled(row.get("dataset_digest")?),
            });
        }
    }
    Ok(())
}

/// A page of models.
pub(crate) fn search(on: &mut impl Reads, query: &LoggedModelQuery) -> Result<Found<LoggedModel>> {
    let mut s = Statement::default();
    s.push("SELECT * FROM (SELECT ").push(COLUMNS);
    let newest = Order { field: LoggedModelField::CreatedAt, descending: true };
    let by_id = Order { field: LoggedModelField::Uid, descending: false };
    let absent = |order: &&Order<LoggedModelField>| query.order.iter().all(|o| o.field != order.field);
    let orders: Vec<_> = query.order.iter().chain([&newest, &by_id].into_iter().filter(absent)).collect();
    for (place, order) in orders.iter().enumerate() {
        s.push(", ");
        sort_key(&mut s, &order.field);
        s.push(" AS ").push(&keyset::column(place));
    }
    let descending: Vec<bool> = orders.iter().map(|order| order.descending).collect();
    s.push(" FROM ").push(FROM).push(" WHERE m.workspace_id = ").bind(on.workspace());
    s.push(" AND m.deleted = FALSE AND e.number IN ").list(query.experiments.iter().copied());
    for clause in &query.filter {
        s.push(" AND ");
        condition(&mut s, clause, &query.datasets);
    }
    let by_metric = query.filter.iter().any(|c| matches!(c.field, LoggedModelField::Metric(_)));
    if !query.datasets.is_empty() && !by_metric {
        s.push(" AND EXISTS (SELECT 1 FROM logged_model_metric v WHERE v.workspace_id = m.workspace_id");
        s.push(" AND v.model_id = m.id");
        on_datasets(&mut s, &query.datasets);
        s.push(")");
    }
    s.push(") q").page(&descending, query.after.as_ref(), query.limit.saturating_add(1));
    let rows = on.rows(&s.sql, &s.values)?;
    let found = rows.iter().map(|row| Ok((stored(row)?, keyset::cursor(row, descending.len())?)));
    let mut page = Found::cut(found.collect::<Result<Vec<_>>>()?, query.limit);
    load(on, &mut page.items)?;
    Ok(Found { items: page.items.into_iter().map(|m| m.model).collect(), next: page.next })
}

fn column(field: &LoggedModelField) -> &'static str {
    match field {
        LoggedModelField::Name => "m.name",
        LoggedModelField::ModelType => "m.model_type",
        LoggedModelField::Status => "m.status",
        LoggedModelField::SourceRun => "m.source_run",
        LoggedModelField::CreatedAt => "m.created_at",
        LoggedModelField::UpdatedAt => "m.updated_at",
        _ => "m.uid",
    }
}

fn on_datasets(s: &mut Statement, datasets: &[(String, Option<String>)]) {
    if datasets.is_empty() {
        return;
    }
    s.push(" AND (");
    for (place, (name, digest)) in datasets.iter().enumerate() {
        s.push(if place == 0 { "(v.dataset_name = " } else { " OR (v.dataset_name = " }).bind(name);
        if let Some(digest) = digest {
            s.push(" AND v.dataset_digest = ").bind(digest);
        }
        s.push(")");
    }
    s.push(")");
}

fn condition(s: &mut Statement, clause: &Clause<LoggedModelField>, datasets: &[(String, Option<String>)]) {
    let (table, name) = match &clause.field {
        LoggedModelField::Param(name) => ("logged_model_param", name),
        LoggedModelField::Tag(name) => ("logged_model_tag", name),
        LoggedModelField::Metric(name) | LoggedModelField::MetricOn(name, ..) => {
            ("logged_model_metric", name)
        }
        field => {
            s.test(column(field), &clause.test);
            return;
        }
    };
    if clause.test == Test::Missing {
        s.push("NOT ");
    }
    s.push("EXISTS (SELECT 1 FROM ").push(table);
    s.push(" v WHERE v.workspace_id = m.workspace_id AND v.model_id = m.id AND v.name = ").bind(name);
    if !matches!(clause.test, Test::Missing | Test::Present) {
        s.push(" AND ").test("v.value", &clause.test);
    }
    if table == "logged_model_metric" {
        s.push(" AND v.is_nan = FALSE");
        on_datasets(s, datasets);
    }
    s.push(")");
}

/// What a model is sorted by: a column, or the latest value of a metric that is not NaN.
fn sort_key(s: &mut Statement, field: &LoggedModelField) {
    let (name, dataset) = match field {
        LoggedModelField::Metric(name) => (name, None),
        LoggedModelField::MetricOn(name, dataset, digest) => (name, Some((dataset, digest))),
        field => {
            s.push(column(field));
            return;
        }
    };
    s.push("(SELECT v.value FROM logged_model_metric v WHERE v.workspace_id = m.workspace_id");
    s.push(" AND v.model_id = m.id AND v.is_nan = FALSE AND v.name = ").bind(name);
    if let Some((dataset, digest)) = dataset {
        for (column, given) in [("dataset_name", dataset), ("dataset_digest", digest)] {
            if let Some(given) = given {
                s.push(&format!(" AND v.{column} = ")).bind(given);
            }
        }
    }
    s.push(" ORDER BY v.at DESC, v.step DESC, v.run LIMIT 1)");
}

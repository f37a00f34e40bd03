use std::collections::BTreeMap;

use ledger::{Row, Tx, Value, params};
use types::Visible;

use super::{Reads, Result, keyset, placeholders};
use crate::model::{Experiment, ExperimentRef};
use crate::search::{ExperimentField, ExperimentQuery, Found, Lifecycle, Test};
use crate::statement::Statement;

const COLUMNS: &str = "e.id, e.number, e.name, e.artifact_location, e.deleted, e.created_at, e.updated_at";

/// An experiment with its row id.
pub(crate) struct Stored {
    pub id: i64,
    pub experiment: Experiment,
}

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        experiment: Experiment {
            number: row.get("number")?,
            name: row.get("name")?,
            artifact_location: row.get("artifact_location")?,
            deleted: row.get("deleted")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            tags: BTreeMap::new(),
        },
    })
}

pub(crate) fn find(on: &mut impl Reads, by: &ExperimentRef) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let (column, value) = match by {
        ExperimentRef::Number(number) => ("number", Value::from(*number)),
        ExperimentRef::Name(name) => ("name", Value::from(name)),
    };
    let sql = format!("SELECT {COLUMNS} FROM experiment e WHERE e.workspace_id = $1 AND e.{column} = $2");
    on.row(&sql, &params![workspace, value])?.as_ref().map(stored).transpose()
}

/// The same, with its tags.
pub(crate) fn find_with_tags(on: &mut impl Reads, by: &ExperimentRef) -> Result<Option<Experiment>> {
    let Some(found) = find(on, by)? else { return Ok(None) };
    let mut tags = tags(on, &[found.id])?;
    let mut experiment = found.experiment;
    experiment.tags = tags.remove(&found.id).unwrap_or_default();
    Ok(Some(experiment))
}

pub(crate) fn tags(on: &mut impl Reads, ids: &[i64]) -> Result<BTreeMap<i64, BTreeMap<String, String>>> {
    let mut found: BTreeMap<i64, BTreeMap<String, String>> = BTreeMap::new();
    for piece in ids.chunks(super::PIECE) {
        let sql = format!(
            "SELECT experiment_id, name, value FROM experiment_tag WHERE workspace_id = $1 AND experiment_id IN ({})",
            placeholders(2, piece.len())
        );
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|id| Value::from(*id)));
        for row in on.rows(&sql, &values)? {
            found.entry(row.get("experiment_id")?).or_default().insert(row.get("name")?, row.get("value")?);
        }
    }
    Ok(found)
}

/// Experiment 0. Rows changed: 0 if it is there.
pub(crate) fn insert_default(tx: &mut Tx<'_>) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO experiment (workspace_id, number, name, deleted) VALUES ($1, 0, 'Default', FALSE) \
         ON CONFLICT (workspace_id, number) DO NOTHING",
        &params![workspace],
    )
}

/// The new experiment's row id and number.
pub(crate) fn insert(tx: &mut Tx<'_>, name: &str) -> Result<(i64, i64)> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let number: i64 = tx
        .query_one(
            "INSERT INTO experiment_counter (workspace_id, last_number) VALUES ($1, 1) ON CONFLICT (workspace_id) \
             DO UPDATE SET last_number = experiment_counter.last_number + 1 RETURNING last_number",
            &params![workspace],
        )?
        .get("last_number")?;
    let id = tx
        .query_one(
            "INSERT INTO experiment (workspace_id, number, name, deleted, created_at, updated_at) \
             VALUES ($1, $2, $3, FALSE, $4, $4) RETURNING id",
            &params![workspace, number, name, now],
        )?
        .get("id")?;
    Ok((id, number))
}

/// Created and last changed now.
pub(crate) fn set_created(tx: &mut Tx<'_>, id: i64) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE experiment SET created_at = $1, updated_at = $1 WHERE workspace_id = $2 AND id = $3",
        &params![now, workspace, id],
    )
}

pub(crate) fn set_location(tx: &mut Tx<'_>, id: i64, location: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE experiment SET artifact_location = $1 WHERE workspace_id = $2 AND id = $3",
        &params![location, workspace, id],
    )
}

/// Whether any run was ever made in it.
pub(crate) fn has_runs(tx: &mut Tx<'_>, id: i64) -> Result<bool> {
    let workspace = tx.workspace();
    let sql = "SELECT id FROM run WHERE workspace_id = $1 AND experiment_id = $2 LIMIT 1";
    Ok(!tx.query(sql, &params![workspace, id])?.is_empty())
}

pub(crate) fn rename(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE experiment SET name = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
        &params![name, now, workspace, id],
    )
}

/// Deletes or restores an experiment and all of its runs. The number of runs that changed.
pub(crate) fn set_deleted(tx: &mut Tx<'_>, id: i64, deleted: bool) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE experiment SET deleted = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
        &params![deleted, now, workspace, id],
    )?;
    tx.execute(
        "UPDATE run SET deleted = $1 WHERE workspace_id = $2 AND experiment_id = $3 AND deleted <> $1",
        &params![deleted, workspace, id],
    )
}

pub(crate) fn set_tag(tx: &mut Tx<'_>, id: i64, name: &str, value: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO experiment_tag (workspace_id, experiment_id, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, experiment_id, name) DO UPDATE SET value = excluded.value",
        &params![workspace, id, name, value],
    )
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM experiment_tag WHERE workspace_id = $1 AND experiment_id = $2 AND name = $3",
        &params![workspace, id, name],
    )
}

/// Up to `limit` + 1 experiments.
pub(crate) fn search(
    on: &mut impl Reads,
    query: &ExperimentQuery,
    visible: &Visible,
) -> Result<Found<Experiment>> {
    let mut s = Statement::default();
    s.push("SELECT * FROM (SELECT ").push(COLUMNS);
    let mut descending = Vec::new();
    for order in &query.order {
        s.push(", ").push(sort_key(&order.field)).push(" AS ").push(&keyset::column(descending.len()));
        descending.push(order.descending);
    }
    if query.order.iter().all(|order| order.field != ExperimentField::Number) {
        s.push(", e.number AS ").push(&keyset::column(descending.len()));
        descending.push(true);
    }
    s.push(" FROM experiment e WHERE e.workspace_id = ").bind(on.workspace());
    match query.lifecycle {
        Lifecycle::Active => s.push(" AND e.deleted = FALSE"),
        Lifecycle::Deleted => s.push(" AND e.deleted = TRUE"),
        Lifecycle::All => &mut s,
    };
    let numbers = |ids: &[String]| ids.iter().filter_map(|id| id.parse::<i64>().ok()).collect::<Vec<_>>();
    match visible {
        Visible::All => {}
        Visible::Only(ids) => {
            s.push(" AND e.number IN ").list(numbers(ids));
        }
        Visible::Except(ids) if ids.is_empty() => {}
        Visible::Except(ids) => {
            s.push(" AND e.number NOT IN ").list(numbers(ids));
        }
    }
    for clause in &query.filter {
        s.push(" AND ");
        match (&clause.field, &clause.test) {
            (ExperimentField::Tag(name), test) => {
                if *test == Test::Missing {
                    s.push("NOT ");
                }
                s.push("EXISTS (SELECT 1 FROM experiment_tag t WHERE t.workspace_id = e.workspace_id");
                s.push(" AND t.experiment_id = e.id AND t.name = ").bind(name);
                if !matches!(test, Test::Missing | Test::Present) {
                    s.push(" AND ").test("t.value", test);
                }
                s.push(")")
            }
            (field, test) => s.test(column(field), test),
        };
    }
    s.push(") q").page(&descending, query.after.as_ref(), query.limit.saturating_add(1));
    let rows = on.rows(&s.sql, &s.values)?;
    let keys = descending.len();
    let found = rows.iter().map(|row| Ok((stored(row)?, keyset::cursor(row, keys)?)));
    let mut page = Found::cut(found.collect::<Result<Vec<_>>>()?, query.limit);
    let ids: Vec<_> = page.items.iter().map(|e| e.id).collect();
    let mut tags = tags(on, &ids)?;
    for each in &mut page.items {
        each.experiment.tags = tags.remove(&each.id).unwrap_or_default();
    }
    Ok(Found { items: page.items.into_iter().map(|e| e.experiment).collect(), next: page.next })
}

fn column(field: &ExperimentField) -> &'static str {
    match field {
        ExperimentField::Number => "e.number",
        ExperimentField::Name => "e.name",
        ExperimentField::CreatedAt => "e.created_at",
        // Ordering by tags is refused at the doors; by name is the least surprising stand-in.
        ExperimentField::UpdatedAt => "e.updated_at",
        ExperimentField::Tag(_) => "e.name",
    }
}

/// What was made before anybody noted when is the oldest.
fn sort_key(field: &ExperimentField) -> &'static str {
    match field {
        ExperimentField::CreatedAt => "COALESCE(e.created_at, 0)",
        ExperimentField::UpdatedAt => "COALESCE(e.updated_at, 0)",
        field => column(field),
    }
}

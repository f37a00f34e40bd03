use std::collections::BTreeMap;

use ledger::Value;

use super::{Reads, Result, find_keys, runs};
use crate::model::Run;
use crate::search::{Clause, Comparison, Lifecycle, Order, RunField, RunQuery, Test};
use crate::statement::Statement;

/// Up to `limit` + 1 runs with everything they logged.
pub(crate) fn runs(on: &mut impl Reads, query: &RunQuery) -> Result<Vec<Run>> {
    let s = select(on, query, runs::COLUMNS, |_| {})?;
    let rows = on.rows(&s.sql, &s.values)?;
    let mut found = rows.iter().map(runs::stored).collect::<Result<Vec<_>>>()?;
    runs::load(on, &mut found)?;
    Ok(found.into_iter().map(|r| r.run).collect())
}

/// The statement of a query with a select list of the caller's, and the joins that this list needs.
pub(crate) fn select(
    on: &mut impl Reads,
    query: &RunQuery,
    columns: &str,
    joins: impl FnOnce(&mut Statement),
) -> Result<Statement> {
    let keys = keys(on, query)?;
    let mut s = Statement::default();
    s.push("SELECT ").push(columns).push(" FROM ").push(runs::FROM);
    joins(&mut s);
    for (place, order) in query.order.iter().enumerate() {
        join(&mut s, place, order, &keys);
    }
    s.push(" WHERE r.workspace_id = ").bind(on.workspace());
    match &query.experiments {
        Some(numbers) => s.push(" AND e.number IN ").list(numbers.iter().copied()),
        None => s.push(" AND e.deleted = FALSE"),
    };
    match query.lifecycle {
        Lifecycle::Active => s.push(" AND r.deleted = FALSE"),
        Lifecycle::Deleted => s.push(" AND r.deleted = TRUE"),
        Lifecycle::All => &mut s,
    };
    for clause in &query.filter {
        s.push(" AND ");
        condition(&mut s, clause, &keys);
    }
    s.push(" ORDER BY ");
    for (place, order) in query.order.iter().enumerate() {
        sort(&mut s, place, order, &keys);
    }
    s.push("r.started_at DESC, r.uid LIMIT ").bind(query.limit.saturating_add(1));
    s.push(" OFFSET ").bind(query.offset);
    Ok(s)
}

fn key_of(field: &RunField) -> Option<&str> {
    match field {
        RunField::Metric(key) | RunField::Param(key) | RunField::Tag(key) => Some(key),
        _ => None,
    }
}

fn keys(on: &mut impl Reads, query: &RunQuery) -> Result<BTreeMap<String, i64>> {
    let fields = query.filter.iter().map(|c| &c.field).chain(query.order.iter().map(|o| &o.field));
    let names: Vec<&str> = fields.filter_map(key_of).collect();
    find_keys(on, &names)
}

fn table(field: &RunField) -> &'static str {
    match field {
        RunField::Metric(_) => "run_metric",
        RunField::Param(_) => "run_param",
        _ => "run_tag",
    }
}

fn column(field: &RunField) -> &'static str {
    match field {
        RunField::Name => "r.name",
        RunField::Status => "r.status",
        RunField::Owner => "r.owner",
        RunField::StartedAt => "r.started_at",
        RunField::EndedAt => "r.ended_at",
        RunField::Duration => "(r.ended_at - r.started_at)",
        RunField::Experiment => "e.name",
        _ => "r.uid",
    }
}

/// [`RunField::Artifacts`] as an expression; runs without a location of their own have `number/uid/artifacts`.
fn artifacts(own_store: &str) -> String {
    let own_store = own_store.replace('\'', "''");
    format!("COALESCE(r.artifact_location, '{own_store}' || e.number || '/' || r.uid || '/artifacts')")
}

fn join(s: &mut Statement, place: usize, order: &Order<RunField>, keys: &BTreeMap<String, i64>) {
    let Some(id) = key_of(&order.field).and_then(|key| keys.get(key)) else { return };
    let o = format!("o{place}");
    s.push(" LEFT JOIN ").push(table(&order.field)).push(" ").push(&o);
    s.push(&format!(" ON {o}.workspace_id = r.workspace_id AND {o}.run_id = r.id AND {o}.key_id = "))
        .bind(*id);
}

fn sort(s: &mut Statement, place: usize, order: &Order<RunField>, keys: &BTreeMap<String, i64>) {
    let direction = if order.descending { " DESC, " } else { ", " };
    match key_of(&order.field) {
        // Nobody ever logged it: it orders nothing.
        Some(key) if !keys.contains_key(key) => {}
        Some(_) if matches!(order.field, RunField::Metric(_)) => {
            s.push(&format!(
                "CASE WHEN o{place}.last_value IS NULL THEN 2 WHEN o{place}.is_nan = TRUE THEN 1 ELSE 0 END, \
                 o{place}.last_value{direction}"
            ));
        }
        Some(_) => {
            s.push(&format!("CASE WHEN o{place}.value IS NULL THEN 1 ELSE 0 END, o{place}.value{direction}"));
        }
        None => {
            let column = match &order.field {
                RunField::Artifacts { own_store } => artifacts(own_store),
                field => column(field).to_owned(),
            };
            s.push(&format!("CASE WHEN {column} IS NULL THEN 1 ELSE 0 END, {column}{direction}"));
        }
    }
}

fn condition(s: &mut Statement, clause: &Clause<RunField>, keys: &BTreeMap<String, i64>) {
    let Clause { field, test } = clause;
    match field {
        RunField::Metric(_) | RunField::Param(_) | RunField::Tag(_) => {
            let Some(id) = key_of(field).and_then(|key| keys.get(key)) else {
                // No run has a key that was never logged.
                s.push(if *test == Test::Missing { "1 = 1" } else { "1 = 0" });
                return;
            };
            if *test == Test::Missing {
                s.push("NOT ");
            }
            s.push("EXISTS (SELECT 1 FROM ").push(table(field));
            s.push(" v WHERE v.workspace_id = r.workspace_id AND v.run_id = r.id AND v.key_id = ").bind(*id);
            match (field, test) {
                (_, Test::Missing | Test::Present) => s.push(""),
                (RunField::Metric(_), Test::Number(Comparison::NotEqual, value)) => {
                    s.push(" AND (v.is_nan = TRUE OR v.last_value <> ").bind(Value::Float(*value)).push(")")
                }
                (RunField::Metric(_), test) => {
                    s.push(" AND v.experiment_id = r.experiment_id AND v.is_nan = FALSE AND ");
                    s.test("v.last_value", test)
                }
                (_, test) => s.push(" AND ").test_indexed("v.value", test),
            };
            s.push(")");
        }
        RunField::DatasetName | RunField::DatasetDigest => {
            s.push("EXISTS (SELECT 1 FROM run_input i JOIN run_dataset d ON d.id = i.dataset_id");
            s.push(" WHERE i.workspace_id = r.workspace_id AND i.run_id = r.id AND ");
            s.test(if *field == RunField::DatasetName { "d.name" } else { "d.digest" }, test).push(")");
        }
        RunField::DatasetTag(name) => {
            s.push("EXISTS (SELECT 1 FROM run_input_tag t WHERE t.workspace_id = r.workspace_id");
            s.push(" AND t.run_id = r.id AND t.name = ").bind(name).push(" AND ");
            s.test("t.value", test).push(")");
        }
        RunField::Artifacts { own_store } => {
            s.test(&artifacts(own_store), test);
        }
        _ => {
            s.test(column(field), test);
        }
    }
}

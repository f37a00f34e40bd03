use tracking::search::{Clause, Found, Order, Statement, Test, cursor};
use types::Visible;

use super::{Reads, Result, registry, versions};
use crate::model::{ModelVersion, RegisteredModel};
use crate::search::{ModelField, ModelQuery, VersionField, VersionQuery};

/// A page of models with tags, aliases and latest versions.
pub(crate) fn models(
    on: &mut impl Reads,
    query: &ModelQuery,
    seen: &Visible,
) -> Result<Found<RegisteredModel>> {
    let mut s = Statement::default();
    s.push("SELECT * FROM (SELECT ").push(registry::COLUMNS);
    let keys = sort_keys(&query.order, model_column, &[("m.name", false)]);
    let descending = columns(&mut s, &keys);
    s.push(" FROM registered_model m WHERE m.deleted = FALSE AND m.workspace_id = ").bind(on.workspace());
    visible(&mut s, seen);
    if let Some((name, value)) = &query.without_tag {
        s.push(" AND NOT EXISTS (SELECT 1 FROM registered_model_tag t WHERE t.workspace_id = m.workspace_id");
        s.push(" AND t.model_id = m.id AND t.name = ").bind(name);
        s.push(" AND t.value = ").bind(value).push(")");
    }
    for clause in &query.filter {
        s.push(" AND ");
        match &clause.field {
            ModelField::Tag(name) => {
                tag(&mut s, "registered_model_tag", "model_id", "m.id", name, &clause.test)
            }
            field => {
                s.test(model_column(field), &clause.test);
            }
        }
    }
    s.push(") q").page(&descending, query.after.as_ref(), query.limit.saturating_add(1));
    let rows = on.rows(&s.sql, &s.values)?;
    let found = rows.iter().map(|row| Ok((registry::stored(row)?, cursor(row, descending.len())?)));
    let mut page = Found::cut(found.collect::<Result<Vec<_>>>()?, query.limit);
    registry::load(on, &mut page.items)?;
    Ok(Found { items: page.items.into_iter().map(|m| m.model).collect(), next: page.next })
}

/// A page of versions.
pub(crate) fn versions(
    on: &mut impl Reads,
    query: &VersionQuery,
    seen: &Visible,
) -> Result<Found<ModelVersion>> {
    let mut s = Statement::default();
    s.push("SELECT * FROM (SELECT ").push(versions::COLUMNS);
    let keys = sort_keys(&query.order, version_column, &[("m.name", false), ("v.number", true)]);
    let descending = columns(&mut s, &keys);
    s.push(" FROM ").push(versions::FROM);
    s.push(" WHERE v.deleted = FALSE AND v.workspace_id = ").bind(on.workspace());
    visible(&mut s, seen);
    if let Some((name, value)) = &query.without_tag {
        s.push(" AND NOT EXISTS (SELECT 1 FROM model_version w JOIN model_version_tag t");
        s.push(" ON t.workspace_id = w.workspace_id AND t.version_id = w.id");
        s.push(" WHERE w.workspace_id = v.workspace_id AND w.model_id = v.model_id AND t.name = ").bind(name);
        s.push(" AND t.value = ").bind(value).push(")");
    }
    for Clause { field, test } in &query.filter {
        s.push(" AND ");
        match field {
            VersionField::Tag(name) => tag(&mut s, "model_version_tag", "version_id", "v.id", name, test),
            field => {
                s.test(version_column(field), test);
            }
        }
    }
    s.push(") q").page(&descending, query.after.as_ref(), query.limit.saturating_add(1));
    let rows = on.rows(&s.sql, &s.values)?;
    let cursors = rows.iter().map(|row| cursor(row, descending.len())).collect::<Result<Vec<_>>>()?;
    let versions = versions::whole(on, &rows)?.into_iter().map(|v| v.version);
    Ok(Found::cut(versions.zip(cursors).collect(), query.limit))
}

/// The query's columns, then those that make the order one: each once.
fn sort_keys<F>(
    orders: &[Order<F>],
    column: fn(&F) -> &'static str,
    last: &[(&'static str, bool)],
) -> Vec<(&'static str, bool)> {
    let mut keys: Vec<_> = orders.iter().map(|order| (column(&order.field), order.descending)).collect();
    for key in last {
        if keys.iter().all(|(column, _)| *column != key.0) {
            keys.push(*key);
        }
    }
    keys
}

/// Appends the sort keys to a select list; which of them descend.
fn columns(s: &mut Statement, keys: &[(&'static str, bool)]) -> Vec<bool> {
    for (place, (column, _)) in keys.iter().enumerate() {
        s.push(&format!(", {column} AS k{place}"));
    }
    keys.iter().map(|(_, descending)| *descending).collect()
}

fn model_column(field: &ModelField) -> &'static str {
    match field {
        ModelField::CreatedAt => "m.created_at",
        ModelField::UpdatedAt => "m.updated_at",
        ModelField::Name | ModelField::Tag(_) => "m.name",
    }
}

fn version_column(field: &VersionField) -> &'static str {
    match field {
        VersionField::Number => "v.number",
        VersionField::Run => "v.run",
        VersionField::Source => "v.source",
        VersionField::CreatedAt => "v.created_at",
        VersionField::UpdatedAt => "v.updated_at",
        VersionField::Model | VersionField::Tag(_) => "m.name",
    }
}

fn visible(s: &mut Statement, visible: &Visible) {
    match visible {
        Visible::All => {}
        Visible::Only(names) => {
            s.push(" AND m.name IN ").list(names);
        }
        Visible::Except(names) if names.is_empty() => {}
        Visible::Except(names) => {
            s.push(" AND m.name NOT IN ").list(names);
        }
    }
}

fn tag(s: &mut Statement, table: &str, owner: &str, id: &str, name: &str, test: &Test) {
    if *test == Test::Missing {
        s.push("NOT ");
    }
    s.push(&format!(
        "EXISTS (SELECT 1 FROM {table} t WHERE t.workspace_id = m.workspace_id AND t.{owner} = {id} AND t.name = "
    ));
    s.bind(name);
    if !matches!(test, Test::Missing | Test::Present) {
        s.push(" AND ").test("t.value", test);
    }
    s.push(")");
}

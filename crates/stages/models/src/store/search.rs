use tracking::search::{Clause, Order, Statement, Test};
use types::Visible;

use super::{Reads, Result, registry, versions};
use crate::model::{ModelVersion, RegisteredModel};
use crate::search::{ModelField, ModelQuery, VersionField, VersionQuery};

/// Up to `limit` + 1 models with tags, aliases and latest versions.
pub(crate) fn models(
    on: &mut impl Reads,
    query: &ModelQuery,
    seen: &Visible,
) -> Result<Vec<RegisteredModel>> {
    let mut s = Statement::default();
    s.push("SELECT ").push(registry::COLUMNS).push(" FROM registered_model m WHERE m.deleted = FALSE");
    s.push(" AND m.workspace_id = ").bind(on.workspace());
    visible(&mut s, seen);
    without_tag(&mut s, query.without_tag.as_ref());
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
    s.push(" ORDER BY ");
    order(&mut s, &query.order, model_column);
    s.push("m.name LIMIT ").bind(query.limit.saturating_add(1)).push(" OFFSET ").bind(query.offset);
    let rows = on.rows(&s.sql, &s.values)?;
    let mut found = rows.iter().map(registry::stored).collect::<Result<Vec<_>>>()?;
    registry::load(on, &mut found)?;
    Ok(found.into_iter().map(|m| m.model).collect())
}

/// Up to `limit` + 1 versions.
pub(crate) fn versions(
    on: &mut impl Reads,
    query: &VersionQuery,
    seen: &Visible,
) -> Result<Vec<ModelVersion>> {
    let mut s = Statement::default();
    s.push("SELECT ").push(versions::COLUMNS).push(" FROM ").push(versions::FROM);
    s.push(" WHERE v.deleted = FALSE AND v.workspace_id = ").bind(on.workspace());
    visible(&mut s, seen);
    without_tag(&mut s, query.without_model_tag.as_ref());
    for Clause { field, test } in &query.filter {
        s.push(" AND ");
        match field {
            VersionField::Tag(name) => tag(&mut s, "model_version_tag", "version_id", "v.id", name, test),
            field => {
                s.test(version_column(field), test);
            }
        }
    }
    s.push(" ORDER BY ");
    order(&mut s, &query.order, version_column);
    s.push("m.name, v.number DESC LIMIT ")
        .bind(query.limit.saturating_add(1))
        .push(" OFFSET ")
        .bind(query.offset);
    let found = versions::all(on, &s.sql, &s.values)?;
    Ok(found.into_iter().map(|v| v.version).collect())
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

fn without_tag(s: &mut Statement, tag: Option<&(String, String)>) {
    if let Some((name, value)) = tag {
        s.push(" AND NOT EXISTS (SELECT 1 FROM registered_model_tag t WHERE t.workspace_id = m.workspace_id");
        s.push(" AND t.model_id = m.id AND t.name = ")
            .bind(name)
            .push(" AND t.value = ")
            .bind(value)
            .push(")");
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

fn order<F>(s: &mut Statement, orders: &[Order<F>], column: fn(&F) -> &'static str) {
    for order in orders {
        s.push(column(&order.field)).push(if order.descending { " DESC, " } else { ", " });
    }
}

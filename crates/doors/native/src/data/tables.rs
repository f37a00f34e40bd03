//! Tables in place: schema, rows, profile, SQL, and what differs between two versions.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::http::HeaderMap;
use columns::{ChangeKind, column_types};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use tables::{DiffRequest, Name, Opened, QueryRequest};
use types::{Actor, Permission};

use crate::{Failure, State};

/// Says what the rows of these tables were read for, where the request does.
async fn note(state: &State, actor: &Actor, asked: &HeaderMap, tables: &[&Opened]) {
    if let Some(reader) = kit::reader(asked) {
        for table in tables {
            state.repositories.note_read(actor, &reader, table.seen.clone()).await;
        }
    }
}

fn table(of: &Opened) -> Value {
    let format = match of.source.format {
        columns::Format::Csv => "csv",
        columns::Format::Parquet => "parquet",
        columns::Format::JsonLines => "jsonl",
    };
    json!({
        "name": of.name.to_string(),
        "commit": of.commit.hex(),
        "with_staged": of.with_staged,
        "format": format,
        "files": of.source.parts.len(),
        "rows": of.source.rows(),
        "bytes": of.bytes,
    })
}

fn columns_of(columns: &[(String, String)]) -> Vec<Value> {
    columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect()
}

#[derive(Debug, Deserialize)]
pub struct TableQuery {
    #[serde(default)]
    path: String,
}

fn name(repository: String, reference: String, path: String) -> Name {
    Name { repository, reference, path }
}

/// `GET …/refs/{reference}/table?path`: the columns of a file, or of the files below a folder.
pub async fn schema(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<TableQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.tables.open(actor, &name(repository, reference, query.path)).await?;
    let mut body = table(&found);
    let column = |(name, kind, nullable)| json!({ "name": name, "type": kind, "nullable": nullable });
    body["columns"] = column_types(&found.source.schema).into_iter().map(column).collect();
    Ok(Json(body))
}

#[derive(Debug, Deserialize)]
pub struct RowsQuery {
    #[serde(default)]
    path: String,
    #[serde(default)]
    offset: u64,
    #[serde(default = "super::hundred")]
    limit: usize,
    /// Names with commas between them; all columns if left out.
    #[serde(default)]
    columns: String,
}

/// `GET …/refs/{reference}/table/rows?path&offset&limit&columns`
pub async fn rows(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<RowsQuery>,
    asked: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let RowsQuery { path, offset, limit, columns } = query;
    let columns: Vec<String> = columns.split(',').filter(|c| !c.is_empty()).map(str::to_owned).collect();
    let name = name(repository, reference, path);
    let found = state.tables.preview(actor, &name, offset, limit, &columns).await?;
    note(&state, actor, &asked, &[&found.table]).await;
    Ok(Json(json!({
        "table": table(&found.table),
        "offset": found.offset,
        "columns": columns_of(&found.columns),
        "rows": found.rows,
    })))
}

/// `GET …/refs/{reference}/table/profile?path`: of a sample where there are more than a million rows.
pub async fn profile(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<TableQuery>,
    asked: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (found, profile) = state.tables.profile(actor, &name(repository, reference, query.path)).await?;
    note(&state, actor, &asked, &[&found]).await;
    let sampled = profile.rows < found.source.rows();
    Ok(Json(json!({ "table": table(&found), "profile": profile.as_ref(), "sampled": sampled })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlQuery {
    sql: String,
    /// Rows of the answer at most.
    limit: Option<usize>,
}

/// `POST data/query`: one statement that only reads; tables are named `repo@ref:path`.
pub async fn query(
    Shared(state): Shared<State>,
    caller: Caller,
    asked: HeaderMap,
    body: Result<Json<SqlQuery>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Json(SqlQuery { sql, limit }) = body.map_err(|e| Failure::body(&e))?;
    let answer = state.tables.query(actor, QueryRequest { sql, rows: limit }).await?;
    note(&state, actor, &asked, &answer.tables.iter().collect::<Vec<_>>()).await;
    Ok(Json(json!({
        "columns": columns_of(&answer.columns),
        "rows": answer.rows,
        "more": answer.more,
        "tables": answer.tables.iter().map(table).collect::<Vec<_>>(),
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowDiff {
    /// `repo@ref:path`
    left: String,
    right: String,
    key: Vec<String>,
    /// `added`, `removed`, `changed`; all if left out.
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    offset: usize,
    #[serde(default = "super::hundred")]
    limit: usize,
}

/// `POST data/row-diff`
pub async fn diff(
    Shared(state): Shared<State>,
    caller: Caller,
    asked: HeaderMap,
    body: Result<Json<RowDiff>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Json(RowDiff { left, right, key, kinds, offset, limit }) = body.map_err(|e| Failure::body(&e))?;
    let kind = |text: &String| match text.as_str() {
        "added" => Ok(ChangeKind::Added),
        "removed" => Ok(ChangeKind::Removed),
        "changed" => Ok(ChangeKind::Changed),
        other => {
            Err(Failure::invalid(format!("`{other}` is no kind of change"), "give added, removed or changed"))
        }
    };
    let kinds = kinds.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
    let request = DiffRequest { left: left.parse()?, right: right.parse()?, key, kinds, offset, limit };
    let page = state.tables.diff(actor, request).await?;
    note(&state, actor, &asked, &[&page.left, &page.right]).await;
    let diff = &page.diff;
    let retyped = diff
        .columns_retyped
        .iter()
        .map(|(name, left, right)| json!({ "name": name, "left": left, "right": right }));
    Ok(Json(json!({
        "left": table(&page.left),
        "right": table(&page.right),
        "key": diff.key,
        "added": diff.added,
        "removed": diff.removed,
        "changed": diff.changed,
        "unchanged": diff.unchanged,
        "columns_added": diff.columns_added,
        "columns_removed": diff.columns_removed,
        "columns_retyped": retyped.collect::<Vec<_>>(),
        "changes": page.changes,
        "next": page.next,
    })))
}

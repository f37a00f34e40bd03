use ledger::{Error, Row, Rx, Tx, params};
use serde_json::json;
use tracking::search::{Clause, Statement};
use types::Uid;

use super::Reads;
use crate::issues::{Issue, IssueField, IssueQuery};

const COLUMNS: &str = "uid, experiment, name, description, status, severity, root_causes, categories, source_run, \
                       created_at, updated_at, created_by";

fn issue(row: &Row) -> Result<Issue, Error> {
    Ok(Issue {
        uid: row.get("uid")?,
        experiment: row.get("experiment")?,
        name: row.get("name")?,
        description: row.get("description")?,
        status: row.get("status")?,
        severity: row.get("severity")?,
        root_causes: list(row, "root_causes")?,
        categories: list(row, "categories")?,
        source_run: row.get("source_run")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
        traces: None,
    })
}

fn list(row: &Row, column: &str) -> Result<Vec<String>, Error> {
    let value: serde_json::Value = row.get(column)?;
    let texts =
        value.as_array().map(|items| items.iter().filter_map(|i| i.as_str().map(str::to_owned)).collect());
    Ok(texts.unwrap_or_default())
}

pub(crate) fn insert(tx: &mut Tx<'_>, i: &Issue) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        i.uid,
        i.experiment,
        &i.name,
        &i.description,
        &i.status,
        i.severity,
        json!(i.root_causes),
        json!(i.categories),
        i.source_run.as_ref(),
        i.created_at,
        i.updated_at,
        i.created_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO issue (workspace_id, uid, experiment, name, description, status, severity, root_causes, categories, \
         source_run, created_at, updated_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<Issue>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM issue WHERE workspace_id = $1 AND uid = $2");
    on.rows(&sql, &params![on.home(), uid])?.first().map(issue).transpose()
}

pub(crate) fn update(tx: &mut Tx<'_>, i: &Issue) -> Result<(), Error> {
    let values = params![&i.name, &i.description, &i.status, i.severity, i.updated_at, tx.workspace(), i.uid];
    tx.execute(
        "UPDATE issue SET name = $1, description = $2, status = $3, severity = $4, updated_at = $5 \
         WHERE workspace_id = $6 AND uid = $7",
        &values,
    )?;
    Ok(())
}

/// Up to `limit` + 1 issues.
pub(crate) fn search(rx: &mut Rx<'_>, query: &IssueQuery) -> Result<Vec<Issue>, Error> {
    let mut s = Statement::default();
    s.push("SELECT ").push(COLUMNS);
    if let Some(name) = query.count_traces {
        s.push(", (SELECT COUNT(DISTINCT a.trace_id) FROM assessment a WHERE a.workspace_id = issue.workspace_id");
        s.push(" AND a.kind = 'issue' AND a.name = ").bind(name).push(" || issue.uid) AS traces");
    }
    s.push(" FROM issue WHERE workspace_id = ").bind(rx.workspace());
    if let Some(experiment) = query.experiment {
        s.push(" AND experiment = ").bind(experiment);
    }
    for Clause { field, test } in &query.filter {
        s.push(" AND ").test(
            match field {
                IssueField::Status => "status",
                IssueField::SourceRun => "source_run",
            },
            test,
        );
    }
    s.push(" ORDER BY COALESCE(severity, -1) DESC, ");
    s.push(if query.count_traces.is_some() { "traces DESC, " } else { "" });
    s.push("created_at DESC, uid DESC LIMIT ");
    s.bind(query.limit.saturating_add(1)).push(" OFFSET ").bind(query.offset);
    let rows = rx.query(&s.sql, &s.values)?;
    let counted = |row: &Row| query.count_traces.map(|_| row.get("traces")).transpose();
    rows.iter().map(|row| Ok(Issue { traces: counted(row)?, ..issue(row)? })).collect()
}

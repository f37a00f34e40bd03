//! All SQL of this stage.

use std::collections::HashMap;

use ledger::{Row, Rx, Tx, Value as Bound, params};
use types::{Digest, Uid, WorkspaceId};

use crate::{Document, Error, Kind, Point};

const DOCUMENT: &str = "SELECT uid, kind, project, parent, name, body, content_digest, happened_at, created_at, \
    updated_at FROM report_document";

/// What both kinds of transaction read with.
pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Bound]) -> Result<Vec<Row>, ledger::Error>;
    fn home(&self) -> WorkspaceId;
}

impl Reads for Tx<'_> {
    fn rows(&mut self, sql: &str, values: &[Bound]) -> Result<Vec<Row>, ledger::Error> {
        self.query(sql, values)
    }
    fn home(&self) -> WorkspaceId {
        self.workspace()
    }
}

impl Reads for Rx<'_> {
    fn rows(&mut self, sql: &str, values: &[Bound]) -> Result<Vec<Row>, ledger::Error> {
        self.query(sql, values)
    }
    fn home(&self) -> WorkspaceId {
        self.workspace()
    }
}

fn document(row: &Row) -> Result<Document, Error> {
    let uid: Uid = row.get("uid")?;
    let damaged = |reason: String| Error::Damaged { uid, reason };
    let kind: String = row.get("kind")?;
    let body: String = row.get("body")?;
    let content: Option<Digest> = row.get("content_digest")?;
    Ok(Document {
        uid,
        kind: Kind::of(&kind).ok_or_else(|| damaged(format!("kind {kind}")))?,
        project: row.get("project")?,
        parent: row.get("parent")?,
        name: row.get("name")?,
        body: serde_json::from_str(&body).map_err(|e| damaged(e.to_string()))?,
        content,
        happened_at: row.get("happened_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<Document>, Error> {
    let sql = format!("{DOCUMENT} WHERE workspace_id = $1 AND uid = $2");
    let values = params![on.home(), uid];
    on.rows(&sql, &values)?.first().map(document).transpose()
}

pub(crate) fn list(on: &mut impl Reads, kind: Kind, project: Option<Uid>) -> Result<Vec<Document>, Error> {
    let order = "ORDER BY happened_at, uid";
    let rows = match project {
        Some(project) => {
            let sql = format!("{DOCUMENT} WHERE workspace_id = $1 AND project = $2 AND kind = $3 {order}");
            let values = params![on.home(), project, kind.name()];
            on.rows(&sql, &values)?
        }
        None => {
            let sql = format!("{DOCUMENT} WHERE workspace_id = $1 AND kind = $2 {order}");
            let values = params![on.home(), kind.name()];
            on.rows(&sql, &values)?
        }
    };
    rows.iter().map(document).collect()
}

pub(crate) fn named(
    on: &mut impl Reads,
    kind: Kind,
    project: Option<Uid>,
    name: &str,
) -> Result<Vec<Document>, Error> {
    let sql =
        format!("{DOCUMENT} WHERE workspace_id = $1 AND kind = $2 AND name = $3 ORDER BY happened_at, uid");
    let values = params![on.home(), kind.name(), name];
    let found: Vec<Document> = on.rows(&sql, &values)?.iter().map(document).collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter(|d| project.is_none_or(|p| d.project == p)).collect())
}

pub(crate) fn insert(tx: &mut Tx<'_>, d: &Document) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        d.uid,
        d.kind.name(),
        d.project,
        d.parent,
        &d.name,
        d.body.to_string(),
        d.content,
        d.happened_at,
        d.created_at,
        d.updated_at
    ];
    tx.execute(
        "INSERT INTO report_document (workspace_id, uid, kind, project, parent, name, body, content_digest, happened_at, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn update(tx: &mut Tx<'_>, d: &Document) -> Result<(), Error> {
    let values = params![&d.name, d.body.to_string(), d.updated_at, tx.workspace(), d.uid];
    tx.execute(
        "UPDATE report_document SET name = $1, body = $2, updated_at = $3 WHERE workspace_id = $4 AND uid = $5",
        &values,
    )?;
    Ok(())
}

/// With what belongs to it.
pub(crate) fn delete(tx: &mut Tx<'_>, d: &Document) -> Result<(), Error> {
    let workspace = tx.workspace();
    let key = params![workspace, d.uid];
    match d.kind {
        Kind::Project => {
            tx.execute("DELETE FROM report_point WHERE workspace_id = $1 AND project = $2", &key)?;
            tx.execute("DELETE FROM report_document WHERE workspace_id = $1 AND project = $2", &key)?;
        }
        Kind::Report => {
            tx.execute("DELETE FROM report_point WHERE workspace_id = $1 AND report = $2", &key)?;
        }
        Kind::Artifact => {
            tx.execute("DELETE FROM report_document WHERE workspace_id = $1 AND parent = $2", &key)?;
        }
        Kind::Dataset | Kind::ArtifactVersion => {}
    }
    tx.execute("DELETE FROM report_document WHERE workspace_id = $1 AND uid = $2", &key)?;
    Ok(())
}

pub(crate) fn insert_points(tx: &mut Tx<'_>, report: &Document, points: &[Point]) -> Result<(), Error> {
    let workspace = tx.workspace();
    let rows = points.iter().enumerate().map(|(place, point)| {
        let params = serde_json::to_string(&point.params).unwrap_or_else(|_| "{}".into());
        params![workspace, report.uid, place as i64, report.project, &point.metric, params, point.value]
            .to_vec()
    });
    let sql = "INSERT INTO report_point (workspace_id, report, place, project, metric, params, value) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute_many(sql, rows.collect::<Vec<_>>())?;
    Ok(())
}

/// By report, in their order.
pub(crate) fn points(
    rx: &mut Rx<'_>,
    project: Uid,
    metric: Option<&str>,
) -> Result<HashMap<Uid, Vec<Point>>, Error> {
    let sql = "SELECT report, metric, params, value FROM report_point WHERE workspace_id = $1 AND project = $2 \
               ORDER BY report, place";
    let mut out: HashMap<Uid, Vec<Point>> = HashMap::new();
    let values = params![rx.workspace(), project];
    for row in rx.query(sql, &values)? {
        let name: String = row.get("metric")?;
        if metric.is_some_and(|m| m != name) {
            continue;
        }
        let params: String = row.get("params")?;
        let params = serde_json::from_str(&params).unwrap_or_default();
        let report: Uid = row.get("report")?;
        out.entry(report).or_default().push(Point { metric: name, params, value: row.get("value")? });
    }
    Ok(out)
}

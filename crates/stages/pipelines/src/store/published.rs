use ledger::{Row, Tx, params};
use serde_json::Value;
use types::Uid;

use super::{Reads, Result, json};
use crate::{PipelineVersion, Published};

pub(crate) fn insert(tx: &mut Tx<'_>, made: &Published) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO published_pipeline (workspace_id, uid, name, description, labels, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![
            workspace,
            made.uid,
            &made.name,
            &made.description,
            &made.labels,
            made.created_at,
            &made.created_by
        ],
    )?;
    Ok(())
}

const PUBLISHED: &str = "SELECT uid, name, description, labels, created_at, created_by FROM published_pipeline \
     WHERE workspace_id = $1";

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<Published>> {
    let workspace = r.workspace();
    r.rows(&format!("{PUBLISHED} AND uid = $2"), &params![workspace, uid])?.first().map(published).transpose()
}

pub(crate) fn find_name(r: &mut impl Reads, name: &str) -> Result<Option<Published>> {
    let workspace = r.workspace();
    let rows = r.rows(&format!("{PUBLISHED} AND name = $2"), &params![workspace, name])?;
    rows.first().map(published).transpose()
}

/// Newest first.
pub(crate) fn all(r: &mut impl Reads) -> Result<Vec<Published>> {
    let workspace = r.workspace();
    r.rows(&format!("{PUBLISHED} ORDER BY id DESC"), &params![workspace])?.iter().map(published).collect()
}

pub(crate) fn update(tx: &mut Tx<'_>, uid: Uid, description: &str, labels: &Value) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE published_pipeline SET description = $1, labels = $2 WHERE workspace_id = $3 AND uid = $4",
        &params![description, labels, workspace, uid],
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    let values = params![workspace, uid];
    tx.execute("DELETE FROM pipeline_version WHERE workspace_id = $1 AND pipeline_uid = $2", &values)?;
    tx.execute("DELETE FROM published_pipeline WHERE workspace_id = $1 AND uid = $2", &values)?;
    Ok(())
}

pub(crate) fn insert_version(tx: &mut Tx<'_>, made: &PipelineVersion) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO pipeline_version \
         (workspace_id, uid, pipeline_uid, name, description, source, labels, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &params![
            workspace,
            made.uid,
            made.pipeline,
            &made.name,
            &made.description,
            made.source,
            &made.labels,
            made.created_at,
            &made.created_by
        ],
    )?;
    Ok(())
}

const VERSION: &str = "SELECT uid, pipeline_uid, name, description, source, labels, created_at, created_by \
     FROM pipeline_version WHERE workspace_id = $1";

/// Newest first.
pub(crate) fn versions(r: &mut impl Reads, pipeline: Uid) -> Result<Vec<PipelineVersion>> {
    let workspace = r.workspace();
    let sql = format!("{VERSION} AND pipeline_uid = $2 ORDER BY id DESC");
    r.rows(&sql, &params![workspace, pipeline])?.iter().map(version).collect()
}

pub(crate) fn find_version(r: &mut impl Reads, uid: Uid) -> Result<Option<PipelineVersion>> {
    let workspace = r.workspace();
    r.rows(&format!("{VERSION} AND uid = $2"), &params![workspace, uid])?.first().map(version).transpose()
}

pub(crate) fn update_version(tx: &mut Tx<'_>, uid: Uid, description: &str, labels: &Value) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE pipeline_version SET description = $1, labels = $2 WHERE workspace_id = $3 AND uid = $4",
        &params![description, labels, workspace, uid],
    )?;
    Ok(())
}

pub(crate) fn delete_version(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM pipeline_version WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, uid],
    )?;
    Ok(())
}

fn published(row: &Row) -> Result<Published> {
    Ok(Published {
        uid: row.get("uid")?,
        name: row.get("name")?,
        description: row.get("description")?,
        labels: json(row, "labels")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

fn version(row: &Row) -> Result<PipelineVersion> {
    Ok(PipelineVersion {
        uid: row.get("uid")?,
        pipeline: row.get("pipeline_uid")?,
        name: row.get("name")?,
        description: row.get("description")?,
        source: row.get("source")?,
        labels: json(row, "labels")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

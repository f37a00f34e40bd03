use ledger::params;
use types::Timestamp;

use super::{Reads, Result, Writes, json};
use crate::{Link, Received};

pub(crate) fn insert(db: &mut impl Writes, repository: i64, link: &Link) -> Result<()> {
    let workspace = db.workspace();
    let sql = "INSERT INTO link (workspace_id, id, repository_id, branch, path, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values = params![workspace, &link.id, repository, &link.branch, &link.path, link.expires_at];
    db.run(sql, &values)?;
    Ok(())
}

pub(crate) fn find(db: &mut impl Reads, repository: i64, id: &str) -> Result<Option<Link>> {
    let workspace = db.workspace();
    let sql = "SELECT id, branch, path, expires_at, received FROM link \
        WHERE workspace_id = $1 AND id = $2 AND repository_id = $3";
    db.row(sql, &params![workspace, id, repository])?
        .map(|row| {
            let received = row.get::<Option<String>>("received")?.is_some();
            Ok(Link {
                id: row.get("id")?,
                branch: row.get("branch")?,
                path: row.get("path")?,
                expires_at: row.get("expires_at")?,
                received: if received { Some(json(&row, "received")?) } else { None },
            })
        })
        .transpose()
}

/// Whether there is such a link, and it is not over.
pub(crate) fn fill(db: &mut impl Writes, repository: i64, id: &str, received: &Received) -> Result<bool> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "UPDATE link SET received = $1 \
        WHERE workspace_id = $2 AND id = $3 AND repository_id = $4 AND expires_at >= $5";
    let text = serde_json::json!(received);
    Ok(db.run(sql, &params![text, workspace, id, repository, now])? == 1)
}

/// Removes those that were over a day ago.
pub(crate) fn sweep(db: &mut impl Writes, now: Timestamp) -> Result<()> {
    let workspace = db.workspace();
    let sql = "DELETE FROM link WHERE workspace_id = $1 AND expires_at < $2";
    db.run(sql, &params![workspace, now.plus_seconds(-86_400)])?;
    Ok(())
}

use ledger::params;
use types::{Digest, Timestamp};

use super::{Reads, Result, Writes};

pub(crate) struct ImportRow {
    pub id: String,
    pub branch: String,
    /// running, done, failed, cancelled
    pub state: String,
    pub ingested: u64,
    pub error: Option<String>,
    pub commit: Option<Digest>,
    pub updated_at: Timestamp,
}

pub(crate) fn insert(db: &mut impl Writes, repository: i64, id: &str, branch: &str) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "INSERT INTO repository_import (workspace_id, id, repository_id, branch, state, ingested, started_at, \
        updated_at) VALUES ($1, $2, $3, $4, 'running', 0, $5, $5)";
    db.run(sql, &params![workspace, id, repository, branch, now])?;
    Ok(())
}

/// Whether it still runs.
pub(crate) fn progress(db: &mut impl Writes, id: &str, ingested: u64) -> Result<bool> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "UPDATE repository_import SET ingested = $1, updated_at = $2 \
        WHERE workspace_id = $3 AND id = $4 AND state = 'running'";
    Ok(db.run(sql, &params![ingested as i64, now, workspace, id])? == 1)
}

/// Whether it ran until now.
pub(crate) fn end(
    db: &mut impl Writes,
    id: &str,
    state: &str,
    error: Option<&str>,
    commit: Option<&Digest>,
) -> Result<bool> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "UPDATE repository_import SET state = $1, error = $2, commit_id = $3, updated_at = $4 \
        WHERE workspace_id = $5 AND id = $6 AND state = 'running'";
    let values = params![state, error, commit.map(Digest::hex), now, workspace, id];
    Ok(db.run(sql, &values)? == 1)
}

pub(crate) fn find(db: &mut impl Reads, repository: i64, id: &str) -> Result<Option<ImportRow>> {
    let workspace = db.workspace();
    let sql = "SELECT id, branch, state, ingested, error, commit_id, updated_at FROM repository_import \
        WHERE workspace_id = $1 AND id = $2 AND repository_id = $3";
    db.row(sql, &params![workspace, id, repository])?
        .map(|row| {
            Ok(ImportRow {
                id: row.get("id")?,
                branch: row.get("branch")?,
                state: row.get("state")?,
                ingested: row.get::<i64>("ingested")? as u64,
                error: row.get("error")?,
                commit: row.get("commit_id")?,
                updated_at: row.get("updated_at")?,
            })
        })
        .transpose()
}

use ledger::{Row, params};

use super::{Reads, Result, Writes};
use crate::{Pull, PullStatus};

const COLUMNS: &str =
    "id, title, description, author, source, destination, status, created_at, closed_at, merged_commit";

fn pull(row: &Row) -> Result<Pull> {
    let status: String = row.get("status")?;
    Ok(Pull {
        id: row.get("id")?,
        title: row.get("title")?,
        description: row.get("description")?,
        author: row.get("author")?,
        source: row.get("source")?,
        destination: row.get("destination")?,
        status: match status.as_str() {
            "open" => PullStatus::Open,
            "merged" => PullStatus::Merged,
            _ => PullStatus::Closed,
        },
        created_at: row.get("created_at")?,
        closed_at: row.get("closed_at")?,
        merged_commit: row.get("merged_commit")?,
    })
}

fn status_text(status: PullStatus) -> &'static str {
    match status {
        PullStatus::Open => "open",
        PullStatus::Closed => "closed",
        PullStatus::Merged => "merged",
    }
}

pub(crate) fn find(db: &mut impl Reads, repository: i64, id: &str) -> Result<Option<Pull>> {
    let workspace = db.workspace();
    let sql =
        format!("SELECT {COLUMNS} FROM pull WHERE workspace_id = $1 AND repository_id = $2 AND id = $3");
    db.row(&sql, &params![workspace, repository, id])?.as_ref().map(pull).transpose()
}

pub(crate) fn find_open(
    db: &mut impl Reads,
    repository: i64,
    source: &str,
    destination: &str,
) -> Result<Option<Pull>> {
    let workspace = db.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM pull WHERE workspace_id = $1 AND repository_id = $2 AND status = 'open' \
         AND source = $3 AND destination = $4 LIMIT 1"
    );
    db.row(&sql, &params![workspace, repository, source, destination])?.as_ref().map(pull).transpose()
}

/// Newest first; `after` is an id. `open`: only those, or only others.
pub(crate) fn list(
    db: &mut impl Reads,
    repository: i64,
    open: Option<bool>,
    after: &str,
    limit: usize,
) -> Result<Vec<Pull>> {
    let workspace = db.workspace();
    let (opens, others) = (open.unwrap_or(true), !open.unwrap_or(false));
    let sql = format!(
        "SELECT {COLUMNS} FROM pull WHERE workspace_id = $1 AND repository_id = $2 \
         AND ((status = 'open' AND $3) OR (status <> 'open' AND $4)) AND ($5 = '' OR id < $5) \
         ORDER BY id DESC LIMIT $6"
    );
    db.rows(&sql, &params![workspace, repository, opens, others, after, limit])?.iter().map(pull).collect()
}

pub(crate) fn insert(db: &mut impl Writes, repository: i64, new: &Pull) -> Result<()> {
    let workspace = db.workspace();
    let sql = "INSERT INTO pull (workspace_id, repository_id, id, title, description, author, source, destination, \
        status, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = params![
        workspace,
        repository,
        &new.id,
        &new.title,
        &new.description,
        &new.author,
        &new.source,
        &new.destination,
        status_text(new.status),
        new.created_at
    ];
    db.run(sql, &values)?;
    Ok(())
}

pub(crate) fn update(db: &mut impl Writes, repository: i64, pull: &Pull) -> Result<()> {
    let workspace = db.workspace();
    let sql = "UPDATE pull SET title = $1, description = $2, status = $3, closed_at = $4, merged_commit = $5 \
        WHERE workspace_id = $6 AND repository_id = $7 AND id = $8";
    let values = params![
        &pull.title,
        &pull.description,
        status_text(pull.status),
        pull.closed_at,
        pull.merged_commit.as_deref(),
        workspace,
        repository,
        &pull.id
    ];
    db.run(sql, &values)?;
    Ok(())
}

use ledger::{Row, params};
use types::Digest;

use super::{Reads, Result, Writes, json, metadata_text};
use crate::{Commit, Error};

const COLUMNS: &str = "id, parents, committer, message, created_at, metadata, root, generation";

fn commit(row: &Row) -> Result<Commit> {
    Ok(Commit {
        id: row.get("id")?,
        parents: json(row, "parents")?,
        committer: row.get("committer")?,
        message: row.get("message")?,
        created_at: row.get("created_at")?,
        metadata: json(row, "metadata")?,
        root: row.get("root")?,
        generation: row.get("generation")?,
    })
}

pub(crate) fn find(db: &mut impl Reads, repository: i64, id: &Digest) -> Result<Option<Commit>> {
    let workspace = db.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM repository_commit WHERE workspace_id = $1 AND repository_id = $2 AND id = $3"
    );
    db.row(&sql, &params![workspace, repository, id.hex()])?.as_ref().map(commit).transpose()
}

/// Errors: `RefNotFound`.
pub(crate) fn get(db: &mut impl Reads, repository: i64, id: &Digest) -> std::result::Result<Commit, Error> {
    find(db, repository, id)?.ok_or_else(|| Error::RefNotFound(id.hex()))
}

/// Commits whose id begins so; two at most.
pub(crate) fn by_prefix(db: &mut impl Reads, repository: i64, prefix: &str) -> Result<Vec<Commit>> {
    let workspace = db.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM repository_commit WHERE workspace_id = $1 AND repository_id = $2 \
         AND id >= $3 AND id < $4 ORDER BY id LIMIT 2"
    );
    let values = params![workspace, repository, prefix, format!("{prefix}g")];
    db.rows(&sql, &values)?.iter().map(commit).collect()
}

/// The same commit again changes nothing.
pub(crate) fn insert(db: &mut impl Writes, repository: i64, commit: &Commit) -> Result<()> {
    let workspace = db.workspace();
    let parents: Vec<String> = commit.parents.iter().map(Digest::hex).collect();
    let sql = "INSERT INTO repository_commit (workspace_id, repository_id, id, parents, committer, message, \
        created_at, metadata, root, generation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
        ON CONFLICT (workspace_id, repository_id, id) DO NOTHING";
    db.run(
        sql,
        &params![
            workspace,
            repository,
            commit.id.hex(),
            serde_json::json!(parents),
            &commit.committer,
            &commit.message,
            commit.created_at,
            metadata_text(&commit.metadata),
            commit.root.hex(),
            commit.generation
        ],
    )?;
    Ok(())
}

/// Whether the tree of a commit of the repository begins with this node.
pub(crate) fn has_root(db: &mut impl Reads, repository: i64, root: &Digest) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "SELECT id FROM repository_commit WHERE workspace_id = $1 AND repository_id = $2 AND root = $3 LIMIT 1";
    Ok(db.row(sql, &params![workspace, repository, root.hex()])?.is_some())
}

use ledger::{Row, params};
use types::Digest;

use super::{Reads, Result, Writes, name_range};
use crate::{Branch, Error, Paging, Tag};

/// A branch and its number.
#[derive(Clone, Debug)]
pub(crate) struct BranchRow {
    pub id: i64,
    pub branch: Branch,
}

fn branch(row: &Row) -> Result<BranchRow> {
    Ok(BranchRow {
        id: row.get("id")?,
        branch: Branch { name: row.get("name")?, commit: row.get("commit_id")?, hidden: row.get("hidden")? },
    })
}

pub(crate) fn find_branch(db: &mut impl Reads, repository: i64, name: &str) -> Result<Option<BranchRow>> {
    let workspace = db.workspace();
    let sql = "SELECT id, name, commit_id, hidden FROM branch \
        WHERE workspace_id = $1 AND repository_id = $2 AND name = $3";
    db.row(sql, &params![workspace, repository, name])?.as_ref().map(branch).transpose()
}

/// Errors: `BranchNotFound`.
pub(crate) fn get_branch(
    db: &mut impl Reads,
    repository: i64,
    name: &str,
) -> std::result::Result<BranchRow, Error> {
    find_branch(db, repository, name)?.ok_or_else(|| Error::BranchNotFound(name.to_owned()))
}

pub(crate) fn branches(
    db: &mut impl Reads,
    repository: i64,
    paging: &Paging,
    with_hidden: bool,
    limit: usize,
) -> Result<Vec<Branch>> {
    let workspace = db.workspace();
    let (from, to) = name_range(&paging.prefix, &paging.after);
    let sql = "SELECT id, name, commit_id, hidden FROM branch WHERE workspace_id = $1 AND repository_id = $2 \
        AND name >= $3 AND name < $4 AND name <> $5 AND (NOT hidden OR $6) ORDER BY name LIMIT $7";
    let values = params![workspace, repository, from, to, &paging.after, with_hidden, limit];
    db.rows(sql, &values)?.iter().map(|row| Ok(branch(row)?.branch)).collect()
}

pub(crate) fn insert_branch(
    db: &mut impl Writes,
    repository: i64,
    name: &str,
    commit: &Digest,
    hidden: bool,
) -> Result<i64> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "INSERT INTO branch (workspace_id, repository_id, name, commit_id, hidden, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    match db.row(sql, &params![workspace, repository, name, commit.hex(), hidden, now])? {
        Some(row) => row.get("id"),
        None => Err(ledger::Error::NotOneRow { found: 0 }),
    }
}

/// Whether the branch pointed to `from`, and now points to `to`.
pub(crate) fn move_branch(db: &mut impl Writes, id: i64, from: &Digest, to: &Digest) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "UPDATE branch SET commit_id = $1 WHERE workspace_id = $2 AND id = $3 AND commit_id = $4";
    Ok(db.run(sql, &params![to.hex(), workspace, id, from.hex()])? == 1)
}

pub(crate) fn delete_branch(db: &mut impl Writes, id: i64) -> Result<()> {
    let workspace = db.workspace();
    db.run("DELETE FROM branch WHERE workspace_id = $1 AND id = $2", &params![workspace, id])?;
    Ok(())
}

fn tag(row: &Row) -> Result<Tag> {
    Ok(Tag { name: row.get("name")?, commit: row.get("commit_id")? })
}

pub(crate) fn find_tag(db: &mut impl Reads, repository: i64, name: &str) -> Result<Option<Tag>> {
    let workspace = db.workspace();
    let sql = "SELECT name, commit_id FROM tag WHERE workspace_id = $1 AND repository_id = $2 AND name = $3";
    db.row(sql, &params![workspace, repository, name])?.as_ref().map(tag).transpose()
}

pub(crate) fn tags(db: &mut impl Reads, repository: i64, paging: &Paging, limit: usize) -> Result<Vec<Tag>> {
    let workspace = db.workspace();
    let (from, to) = name_range(&paging.prefix, &paging.after);
    let sql = "SELECT name, commit_id FROM tag WHERE workspace_id = $1 AND repository_id = $2 \
        AND name >= $3 AND name < $4 AND name <> $5 ORDER BY name LIMIT $6";
    db.rows(sql, &params![workspace, repository, from, to, &paging.after, limit])?.iter().map(tag).collect()
}

pub(crate) fn insert_tag(db: &mut impl Writes, repository: i64, name: &str, commit: &Digest) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "INSERT INTO tag (workspace_id, repository_id, name, commit_id, created_at) \
        VALUES ($1, $2, $3, $4, $5)";
    db.run(sql, &params![workspace, repository, name, commit.hex(), now])?;
    Ok(())
}

/// Whether there was one.
pub(crate) fn delete_tag(db: &mut impl Writes, repository: i64, name: &str) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "DELETE FROM tag WHERE workspace_id = $1 AND repository_id = $2 AND name = $3";
    Ok(db.run(sql, &params![workspace, repository, name])? == 1)
}

/// The tree and the commit below a candidate.
pub(crate) fn candidate(db: &mut impl Reads, repository: i64, id: &str) -> Result<Option<(Digest, Digest)>> {
    let workspace = db.workspace();
    let sql =
        "SELECT commit_id, root FROM candidate WHERE workspace_id = $1 AND id = $2 AND repository_id = $3";
    db.row(sql, &params![workspace, id, repository])?
        .map(|row| Ok((row.get("commit_id")?, row.get("root")?)))
        .transpose()
}

pub(crate) fn insert_candidate(
    db: &mut impl Writes,
    repository: i64,
    id: &str,
    commit: &Digest,
    root: &Digest,
) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    // What servers that stopped left behind.
    let old = "DELETE FROM candidate WHERE workspace_id = $1 AND made_at < $2";
    db.run(old, &params![workspace, now.plus_seconds(-86_400)])?;
    let sql = "INSERT INTO candidate (workspace_id, id, repository_id, commit_id, root, made_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    db.run(sql, &params![workspace, id, repository, commit.hex(), root.hex(), now])?;
    Ok(())
}

pub(crate) fn delete_candidate(db: &mut impl Writes, id: &str) -> Result<()> {
    let workspace = db.workspace();
    db.run("DELETE FROM candidate WHERE workspace_id = $1 AND id = $2", &params![workspace, id])?;
    Ok(())
}

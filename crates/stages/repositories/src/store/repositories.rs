use ledger::{Row, params};
use types::Uid;

use super::{Reads, Result, Writes, json, metadata_text, name_range};
use crate::{Error, Metadata, NewRepository, Paging, Repository};

/// A repository and its number.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub id: i64,
    pub repository: Repository,
}

const COLUMNS: &str = "id, uid, name, storage_namespace, default_branch, read_only, metadata, created_at";

fn found(row: &Row) -> Result<Found> {
    Ok(Found {
        id: row.get("id")?,
        repository: Repository {
            uid: row.get("uid")?,
            name: row.get("name")?,
            storage_namespace: row.get("storage_namespace")?,
            default_branch: row.get("default_branch")?,
            read_only: row.get("read_only")?,
            metadata: json(row, "metadata")?,
            created_at: row.get("created_at")?,
        },
    })
}

pub(crate) fn find(db: &mut impl Reads, name: &str) -> Result<Option<Found>> {
    let workspace = db.workspace();
    let sql = format!("SELECT {COLUMNS} FROM repository WHERE workspace_id = $1 AND name = $2");
    db.row(&sql, &params![workspace, name])?.as_ref().map(found).transpose()
}

/// Errors: `RepositoryNotFound`.
pub(crate) fn get(db: &mut impl Reads, name: &str) -> std::result::Result<Found, Error> {
    find(db, name)?.ok_or_else(|| Error::RepositoryNotFound(name.to_owned()))
}

/// The repository for a change. Errors: `RepositoryNotFound`, `ReadOnly` unless `force`.
pub(crate) fn get_writable(
    db: &mut impl Reads,
    name: &str,
    force: bool,
) -> std::result::Result<Found, Error> {
    let found = get(db, name)?;
    if found.repository.read_only && !force {
        return Err(Error::ReadOnly(name.to_owned()));
    }
    Ok(found)
}

pub(crate) fn list(db: &mut impl Reads, paging: &Paging, limit: usize) -> Result<Vec<Found>> {
    let workspace = db.workspace();
    let (from, to) = name_range(&paging.prefix, &paging.after);
    let sql = format!(
        "SELECT {COLUMNS} FROM repository WHERE workspace_id = $1 AND name >= $2 AND name < $3 AND name <> $4 \
         ORDER BY name LIMIT $5"
    );
    db.rows(&sql, &params![workspace, from, to, &paging.after, limit])?.iter().map(found).collect()
}

pub(crate) fn namespace_taken(db: &mut impl Reads, namespace: &str) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "SELECT id FROM repository WHERE workspace_id = $1 AND storage_namespace = $2";
    Ok(db.row(sql, &params![workspace, namespace])?.is_some())
}

pub(crate) fn insert(db: &mut impl Writes, uid: &Uid, new: &NewRepository, by: &str) -> Result<i64> {
    let (workspace, now) = (db.workspace(), db.time());
    let sql = "INSERT INTO repository (workspace_id, uid, name, storage_namespace, default_branch, read_only, \
        metadata, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
    let values = params![
        workspace,
        uid,
        &new.name,
        &new.storage_namespace,
        &new.default_branch,
        new.read_only,
        metadata_text(&new.metadata),
        now,
        by
    ];
    match db.row(sql, &values)? {
        Some(row) => row.get("id"),
        None => Err(ledger::Error::NotOneRow { found: 0 }),
    }
}

pub(crate) fn set_metadata(db: &mut impl Writes, id: i64, metadata: &Metadata) -> Result<()> {
    let workspace = db.workspace();
    let sql = "UPDATE repository SET metadata = $1 WHERE workspace_id = $2 AND id = $3";
    db.run(sql, &params![metadata_text(metadata), workspace, id])?;
    Ok(())
}

/// Removes all rows of a repository; its staged entries are swept later.
pub(crate) fn delete(db: &mut impl Writes, id: i64) -> Result<()> {
    let (workspace, now) = (db.workspace(), db.time());
    db.run(
        "DELETE FROM upload_part WHERE workspace_id = $1 AND upload_id IN \
         (SELECT id FROM upload WHERE workspace_id = $1 AND repository_id = $2)",
        &params![workspace, id],
    )?;
    db.run(
        "UPDATE staging SET state = 2, changed_at = $3 WHERE workspace_id = $1 AND repository_id = $2",
        &params![workspace, id, now],
    )?;
    for sql in [
        "DELETE FROM upload WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM branch WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM tag WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM repository_commit WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM branch_protection WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM retention WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM repository_import WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM candidate WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM action_run WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM link WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM pull WHERE workspace_id = $1 AND repository_id = $2",
        "DELETE FROM repository WHERE workspace_id = $1 AND id = $2",
    ] {
        db.run(sql, &params![workspace, id])?;
    }
    Ok(())
}

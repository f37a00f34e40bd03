use ledger::{Row, params};
use types::Digest;

use super::{Reads, Result, Writes, json, metadata_text};
use crate::{Metadata, Paging, Upload, UploadPart};

/// A part and where its bytes are.
pub(crate) struct PartRow {
    pub part: UploadPart,
    pub digest: Digest,
}

const COLUMNS: &str = "u.id, r.name AS repository, u.branch, u.path, u.content_type, u.metadata, u.headers, \
    u.checksum_algorithm, u.checksum_type, u.started_at";

fn upload(row: &Row) -> Result<Upload> {
    let (algorithm, of) =
        (row.get::<Option<String>>("checksum_algorithm")?, row.get::<Option<String>>("checksum_type")?);
    let checksum = algorithm.zip(of).and_then(|(algorithm, of)| algorithm.parse().ok().zip(of.parse().ok()));
    Ok(Upload {
        id: row.get("id")?,
        repository: row.get("repository")?,
        branch: row.get("branch")?,
        path: row.get("path")?,
        content_type: row.get("content_type")?,
        metadata: json(row, "metadata")?,
        headers: json(row, "headers")?,
        checksum,
        started_at: row.get("started_at")?,
    })
}

pub(crate) fn find(db: &mut impl Reads, repository: i64, id: &str) -> Result<Option<Upload>> {
    let workspace = db.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM upload u JOIN repository r ON r.id = u.repository_id \
         WHERE u.workspace_id = $1 AND u.id = $2 AND u.repository_id = $3"
    );
    db.row(&sql, &params![workspace, id, repository])?.as_ref().map(upload).transpose()
}

/// By branch and path; `after` is a path of the branch, or `path\0id`.
pub(crate) fn list(
    db: &mut impl Reads,
    repository: i64,
    branch: Option<&str>,
    paging: &Paging,
    limit: usize,
) -> Result<Vec<Upload>> {
    let workspace = db.workspace();
    let (path, id) = paging.after.split_once('\0').unwrap_or((&paging.after, "\u{10FFFF}"));
    let sql = format!(
        "SELECT {COLUMNS} FROM upload u JOIN repository r ON r.id = u.repository_id \
         WHERE u.workspace_id = $1 AND u.repository_id = $2 AND ($3 = '' OR u.branch = $3) \
         AND u.path >= $4 AND u.path < $5 AND (u.path > $6 OR (u.path = $6 AND u.id > $7)) \
         ORDER BY u.path, u.id LIMIT $8"
    );
    let end = format!("{}\u{10FFFF}", paging.prefix);
    let values =
        params![workspace, repository, branch.unwrap_or_default(), &paging.prefix, end, path, id, limit];
    db.rows(&sql, &values)?.iter().map(upload).collect()
}

pub(crate) fn insert(db: &mut impl Writes, repository: i64, new: &Upload) -> Result<()> {
    let workspace = db.workspace();
    let sql = "INSERT INTO upload (workspace_id, id, repository_id, branch, path, content_type, metadata, headers, \
        checksum_algorithm, checksum_type, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = params![
        workspace,
        &new.id,
        repository,
        &new.branch,
        &new.path,
        new.content_type.as_deref(),
        metadata_text(&new.metadata),
        metadata_text(&new.headers),
        new.checksum.map(|(algorithm, _)| algorithm.name()),
        new.checksum.map(|(_, of)| of.name()),
        new.started_at
    ];
    db.run(sql, &values)?;
    Ok(())
}

/// Whether there was one.
pub(crate) fn delete(db: &mut impl Writes, id: &str) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "DELETE FROM upload_part WHERE workspace_id = $1 AND upload_id = $2";
    db.run(sql, &params![workspace, id])?;
    let sql = "DELETE FROM upload WHERE workspace_id = $1 AND id = $2";
    Ok(db.run(sql, &params![workspace, id])? == 1)
}

pub(crate) fn put_part(db: &mut impl Writes, id: &str, part: &UploadPart, digest: &Digest) -> Result<()> {
    let workspace = db.workspace();
    let sql = "INSERT INTO upload_part (workspace_id, upload_id, number, digest, size, etag, checksums, modified_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace_id, upload_id, number) DO UPDATE SET \
        digest = excluded.digest, size = excluded.size, etag = excluded.etag, checksums = excluded.checksums, \
        modified_at = excluded.modified_at";
    let values = params![
        workspace,
        id,
        part.number,
        digest.hex(),
        part.size as i64,
        &part.etag,
        metadata_text(&part.checksums),
        part.modified_at
    ];
    db.run(sql, &values)?;
    Ok(())
}

pub(crate) fn parts(db: &mut impl Reads, id: &str, after: u32, limit: usize) -> Result<Vec<PartRow>> {
    let workspace = db.workspace();
    let sql = "SELECT number, digest, size, etag, checksums, modified_at FROM upload_part \
        WHERE workspace_id = $1 AND upload_id = $2 AND number > $3 ORDER BY number LIMIT $4";
    db.rows(sql, &params![workspace, id, after, limit])?
        .iter()
        .map(|row| {
            Ok(PartRow {
                part: UploadPart {
                    number: row.get::<i64>("number")? as u32,
                    size: row.get::<i64>("size")? as u64,
                    etag: row.get("etag")?,
                    modified_at: row.get("modified_at")?,
                    checksums: json(row, "checksums")?,
                },
                digest: row.get("digest")?,
            })
        })
        .collect()
}

/// Whether there is such an upload.
pub(crate) fn describe(
    db: &mut impl Writes,
    repository: i64,
    id: &str,
    content_type: Option<&str>,
    metadata: &Metadata,
) -> Result<bool> {
    let workspace = db.workspace();
    let sql = "UPDATE upload SET content_type = $1, metadata = $2 \
        WHERE workspace_id = $3 AND id = $4 AND repository_id = $5";
    Ok(db.run(sql, &params![content_type, metadata_text(metadata), workspace, id, repository])? == 1)
}

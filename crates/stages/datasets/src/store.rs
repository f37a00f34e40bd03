//! All SQL of this stage.

use ledger::{Row, Rx, Tx, Value, params};
use types::{Digest, Schema, Uid, WorkspaceId};

use crate::commit::NewVersion;
use crate::{Error, Part, Summary, Version};

/// What both a snapshot and a change of state can read.
pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ledger::Error>;
    fn workspace(&self) -> WorkspaceId;
}

impl Reads for Rx<'_> {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ledger::Error> {
        self.query(sql, values)
    }
    fn workspace(&self) -> WorkspaceId {
        Rx::workspace(self)
    }
}

impl Reads for Tx<'_> {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, ledger::Error> {
        self.query(sql, values)
    }
    fn workspace(&self) -> WorkspaceId {
        Tx::workspace(self)
    }
}

const VERSION: &str = "SELECT v.id, d.name AS dataset, v.uid, v.number, v.digest, v.columns, v.key_column, v.rows, \
    v.bytes, v.profile_digest, v.report_digest, v.origin, v.created_at, v.created_by \
    FROM dataset_version v JOIN dataset d ON d.id = v.dataset_id";

pub(crate) fn dataset_id(db: &mut impl Reads, name: &str) -> Result<Option<i64>, Error> {
    let workspace = db.workspace();
    let sql = "SELECT id FROM dataset WHERE workspace_id = $1 AND name = $2";
    let found = db.rows(sql, &params![workspace, name])?;
    Ok(found.first().map(|row| row.get("id")).transpose()?)
}

pub(crate) fn insert_dataset(tx: &mut Tx<'_>, name: &str) -> Result<i64, Error> {
    let (workspace, now, actor) = (tx.workspace(), tx.now(), tx.actor().to_string());
    let row = tx.query_one(
        "INSERT INTO dataset (workspace_id, name, created_at, created_by) VALUES ($1, $2, $3, $4) RETURNING id",
        &params![workspace, name, now, actor],
    )?;
    Ok(row.get("id")?)
}

/// Answers the new version's number.
pub(crate) fn insert_version(
    tx: &mut Tx<'_>,
    dataset_id: i64,
    uid: &Uid,
    new: &NewVersion,
) -> Result<i64, Error> {
    let (workspace, now, actor) = (tx.workspace(), tx.now(), tx.actor().to_string());
    let number: i64 = tx
        .query_one(
            "SELECT coalesce(max(number), 0) + 1 AS next FROM dataset_version \
             WHERE workspace_id = $1 AND dataset_id = $2",
            &params![workspace, dataset_id],
        )?
        .get("next")?;
    let schema = serde_json::to_string(&new.schema).map_err(|e| Error::Stopped(e.to_string()))?;
    let bytes: usize = new.parts.iter().map(|p| p.source_bytes).sum();
    let id: i64 = tx
        .query_one(
            "INSERT INTO dataset_version (workspace_id, dataset_id, uid, number, digest, columns, key_column, rows, \
             bytes, profile_digest, report_digest, origin, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id",
            &params![
                workspace,
                dataset_id,
                uid,
                number,
                new.digest,
                schema,
                new.key.as_deref(),
                new.rows,
                bytes,
                new.profile_digest,
                new.report_digest,
                &new.origin,
                now,
                actor
            ],
        )?
        .get("id")?;
    let parts = new.parts.iter().enumerate().map(|(ordinal, p)| {
        params![
            workspace,
            id,
            ordinal,
            &p.name,
            p.source_digest,
            p.source_bytes,
            p.parquet_digest,
            p.parquet_bytes,
            p.rows
        ]
        .to_vec()
    });
    tx.execute_many(
        "INSERT INTO dataset_part (workspace_id, version_id, ordinal, name, source_digest, source_bytes, \
         parquet_digest, parquet_bytes, rows) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        parts,
    )?;
    Ok(number)
}

pub(crate) fn by_uid(db: &mut impl Reads, uid: &Uid) -> Result<Option<Version>, Error> {
    let workspace = db.workspace();
    one(db, "v.workspace_id = $1 AND v.uid = $2", &params![workspace, uid])
}

pub(crate) fn by_digest(
    db: &mut impl Reads,
    dataset: &str,
    digest: &Digest,
) -> Result<Option<Version>, Error> {
    let workspace = db.workspace();
    let filter = "v.workspace_id = $1 AND d.name = $2 AND v.digest = $3";
    one(db, filter, &params![workspace, dataset, digest])
}

pub(crate) fn by_number(db: &mut impl Reads, dataset: &str, number: i64) -> Result<Option<Version>, Error> {
    let workspace = db.workspace();
    let filter = "v.workspace_id = $1 AND d.name = $2 AND v.number = $3";
    one(db, filter, &params![workspace, dataset, number])
}

pub(crate) fn latest(db: &mut impl Reads, dataset: &str) -> Result<Option<Version>, Error> {
    let workspace = db.workspace();
    let filter = "v.workspace_id = $1 AND d.name = $2";
    one(db, filter, &params![workspace, dataset])
}

/// Newest first.
pub(crate) fn versions(db: &mut impl Reads, dataset: &str) -> Result<Vec<Version>, Error> {
    let workspace = db.workspace();
    let sql = format!("{VERSION} WHERE v.workspace_id = $1 AND d.name = $2 ORDER BY v.number DESC");
    let found = db.rows(&sql, &params![workspace, dataset])?;
    found.iter().map(|row| version(db, row)).collect()
}

/// By name.
pub(crate) fn summaries(db: &mut impl Reads) -> Result<Vec<Summary>, Error> {
    let workspace = db.workspace();
    let sql = "SELECT d.name, count(v.id) AS versions FROM dataset d \
        LEFT JOIN dataset_version v ON v.workspace_id = d.workspace_id AND v.dataset_id = d.id \
        WHERE d.workspace_id = $1 GROUP BY d.name ORDER BY d.name";
    let found = db.rows(sql, &params![workspace])?;
    found
        .iter()
        .map(|row| {
            let name: String = row.get("name")?;
            let latest = latest(db, &name)?;
            Ok(Summary { name, versions: row.get("versions")?, latest })
        })
        .collect()
}

fn one(db: &mut impl Reads, filter: &str, values: &[Value]) -> Result<Option<Version>, Error> {
    let found = db.rows(&format!("{VERSION} WHERE {filter} ORDER BY v.number DESC LIMIT 1"), values)?;
    found.first().map(|row| version(db, row)).transpose()
}

fn version(db: &mut impl Reads, row: &Row) -> Result<Version, Error> {
    let workspace = db.workspace();
    let id: i64 = row.get("id")?;
    let parts = db.rows(
        "SELECT name, source_digest, source_bytes, parquet_digest, parquet_bytes, rows FROM dataset_part \
         WHERE workspace_id = $1 AND version_id = $2 ORDER BY ordinal",
        &params![workspace, id],
    )?;
    let schema: String = row.get("columns")?;
    let schema: Schema = serde_json::from_str(&schema).map_err(|e| ledger::Error::WrongType {
        column: "columns".into(),
        wanted: "a schema",
        found: e.to_string(),
    })?;
    Ok(Version {
        uid: row.get("uid")?,
        dataset: row.get("dataset")?,
        number: row.get("number")?,
        digest: row.get("digest")?,
        schema,
        key: row.get("key_column")?,
        rows: row.get("rows")?,
        bytes: row.get("bytes")?,
        parts: parts.iter().map(part).collect::<Result<_, _>>()?,
        profile_digest: row.get("profile_digest")?,
        report_digest: row.get("report_digest")?,
        origin: row.get("origin")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

fn part(row: &Row) -> Result<Part, Error> {
    Ok(Part {
        name: row.get("name")?,
        source_digest: row.get("source_digest")?,
        source_bytes: row.get("source_bytes")?,
        parquet_digest: row.get("parquet_digest")?,
        parquet_bytes: row.get("parquet_bytes")?,
        rows: row.get("rows")?,
    })
}

use std::collections::BTreeMap;

use ledger::{Row, Tx, Value, params};
use types::{Digest, Uid};

use super::{PIECE, Reads, Result, placeholders};
use crate::files::ModelFile;
use crate::model::ModelVersion;

pub(crate) const COLUMNS: &str = "v.id, v.uid, v.model_id, m.name AS model, v.number, v.stage, v.source, v.location, \
     v.run, v.run_link, v.logged_model, v.description, v.digest, v.created_by, v.created_at, v.updated_at, v.deleted";
pub(crate) const FROM: &str =
    "model_version v JOIN registered_model m ON m.workspace_id = v.workspace_id AND m.id = v.model_id";

pub(crate) struct Stored {
    pub id: i64,
    pub model_id: i64,
    pub version: ModelVersion,
}

pub(crate) fn stored(row: &Row) -> Result<Stored> {
    let run_text: Option<String> = row.get("run")?;
    Ok(Stored {
        id: row.get("id")?,
        model_id: row.get("model_id")?,
        version: ModelVersion {
            uid: row.get("uid")?,
            model: row.get("model")?,
            number: row.get("number")?,
            stage: row.get("stage")?,
            source: row.get("source")?,
            location: row.get("location")?,
            run: run_text.as_deref().and_then(|text| text.parse().ok()),
            run_text,
            run_link: row.get("run_link")?,
            logged_model: row.get("logged_model")?,
            description: row.get("description")?,
            digest: row.get("digest")?,
            created_by: row.get("created_by")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            deleted: row.get("deleted")?,
            aliases: Vec::new(),
            tags: BTreeMap::new(),
        },
    })
}

fn one(on: &mut impl Reads, sql: &str, values: &[Value]) -> Result<Option<Stored>> {
    let Some(row) = on.row(sql, values)? else { return Ok(None) };
    let mut found = vec![stored(&row)?];
    load(on, &mut found)?;
    Ok(found.pop())
}

/// Deleted ones are not found.
pub(crate) fn find(on: &mut impl Reads, model: &str, number: i64) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE v.workspace_id = $1 AND m.name = $2 AND v.number = $3 AND v.deleted = FALSE"
    );
    one(on, &sql, &params![workspace, model, number])
}

/// Deleted ones too: what an id was given to can be explained for ever.
pub(crate) fn find_uid(on: &mut impl Reads, uid: &Uid) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE v.workspace_id = $1 AND v.uid = $2");
    one(on, &sql, &params![workspace, uid])
}

/// Newest first; deleted ones left out.
pub(crate) fn of_model(on: &mut impl Reads, model: i64) -> Result<Vec<Stored>> {
    let workspace = on.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE v.workspace_id = $1 AND v.model_id = $2 AND v.deleted = FALSE \
         ORDER BY v.number DESC"
    );
    all(on, &sql, &params![workspace, model])
}

pub(crate) fn of_run(on: &mut impl Reads, run: &Uid) -> Result<Vec<Stored>> {
    let workspace = on.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE v.workspace_id = $1 AND v.run = $2 AND v.deleted = FALSE ORDER BY v.id"
    );
    all(on, &sql, &params![workspace, run])
}

/// The newest version of each stage of these models; stages in the order of their first versions.
pub(crate) fn latest(on: &mut impl Reads, models: &[i64]) -> Result<Vec<Stored>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE v.workspace_id = $1 AND v.model_id IN ({}) AND v.deleted = FALSE \
         AND v.number = (SELECT MAX(x.number) FROM model_version x WHERE x.workspace_id = v.workspace_id \
           AND x.model_id = v.model_id AND x.stage = v.stage AND x.deleted = FALSE) ORDER BY v.model_id, \
         (SELECT MIN(f.number) FROM model_version f WHERE f.workspace_id = v.workspace_id \
           AND f.model_id = v.model_id AND f.stage = v.stage AND f.deleted = FALSE)",
        placeholders(2, models.len())
    );
    let mut values = vec![Value::from(on.workspace())];
    values.extend(models.iter().map(|id| Value::from(*id)));
    all(on, &sql, &values)
}

pub(crate) fn all(on: &mut impl Reads, sql: &str, values: &[Value]) -> Result<Vec<Stored>> {
    let rows = on.rows(sql, values)?;
    whole(on, &rows)
}

/// Versions with their tags and aliases.
pub(crate) fn whole(on: &mut impl Reads, rows: &[Row]) -> Result<Vec<Stored>> {
    let mut found = rows.iter().map(stored).collect::<Result<Vec<_>>>()?;
    load(on, &mut found)?;
    Ok(found)
}

/// Fills in tags and aliases.
fn load(on: &mut impl Reads, versions: &mut [Stored]) -> Result<()> {
    for piece in versions.chunks_mut(PIECE) {
        let places: BTreeMap<i64, usize> = piece.iter().enumerate().map(|(place, v)| (v.id, place)).collect();
        let place_of =
            |row: &Row| -> Result<usize> { Ok(places.get(&row.get("version_id")?).copied().unwrap_or(0)) };
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|v| Value::from(v.id)));
        let ids = placeholders(2, piece.len());
        let sql = format!(
            "SELECT version_id, name, value FROM model_version_tag WHERE workspace_id = $1 AND version_id IN ({ids})"
        );
        for row in on.rows(&sql, &values)? {
            piece[place_of(&row)?].version.tags.insert(row.get("name")?, row.get("value")?);
        }
        let sql = format!(
            "SELECT version_id, alias FROM model_alias WHERE workspace_id = $1 AND version_id IN ({ids}) ORDER BY alias"
        );
        for row in on.rows(&sql, &values)? {
            piece[place_of(&row)?].version.aliases.push(row.get("alias")?);
        }
    }
    Ok(())
}

pub(crate) struct NewVersion<'a> {
    pub model_id: i64,
    pub uid: Uid,
    pub source: &'a str,
    pub location: &'a str,
    pub run: Option<&'a str>,
    pub run_link: Option<&'a str>,
    pub logged_model: Option<&'a str>,
    pub description: Option<&'a str>,
    pub digest: Option<Digest>,
}

/// Row id and number of the new version. The caller holds the model's row ([`super::registry::touch`]).
pub(crate) fn insert(tx: &mut Tx<'_>, version: &NewVersion<'_>) -> Result<(i64, i64)> {
    let (workspace, now, by) = (tx.workspace(), tx.now(), tx.actor().to_string());
    let last: Option<i64> = tx
        .query_one(
            "SELECT MAX(number) AS last FROM model_version WHERE workspace_id = $1 AND model_id = $2",
            &params![workspace, version.model_id],
        )?
        .get("last")?;
    let number = last.unwrap_or(0) + 1;
    let id = tx
        .query_one(
            "INSERT INTO model_version (workspace_id, uid, model_id, number, source, location, run, run_link, \
             logged_model, description, stage, digest, created_by, created_at, updated_at, deleted) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'None', $11, $12, $13, $13, FALSE) RETURNING id",
            &params![
                workspace,
                version.uid,
                version.model_id,
                number,
                version.source,
                version.location,
                version.run,
                version.run_link,
                version.logged_model,
                version.description,
                version.digest,
                by,
                now
            ],
        )?
        .get("id")?;
    Ok((id, number))
}

pub(crate) fn insert_files(tx: &mut Tx<'_>, version: i64, files: &[ModelFile]) -> Result<u64> {
    let workspace = tx.workspace();
    let rows: Vec<Vec<Value>> =
        files.iter().map(|f| params![workspace, version, &f.path, f.digest, f.bytes].to_vec()).collect();
    tx.execute_many(
        "INSERT INTO model_file (workspace_id, version_id, path, digest, bytes) VALUES ($1, $2, $3, $4, $5)",
        rows,
    )
}

pub(crate) fn files(on: &mut impl Reads, version: i64) -> Result<Vec<ModelFile>> {
    let workspace = on.workspace();
    let rows = on.rows(
        "SELECT path, digest, bytes FROM model_file WHERE workspace_id = $1 AND version_id = $2 ORDER BY path",
        &params![workspace, version],
    )?;
    rows.iter()
        .map(|row| {
            Ok(ModelFile { path: row.get("path")?, digest: row.get("digest")?, bytes: row.get("bytes")? })
        })
        .collect()
}

pub(crate) fn set_description(tx: &mut Tx<'_>, id: i64, description: Option<&str>) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE model_version SET description = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
        &params![description, now, workspace, id],
    )
}

pub(crate) fn set_stage(tx: &mut Tx<'_>, id: i64, stage: &str) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE model_version SET stage = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
        &params![stage, now, workspace, id],
    )
}

/// Moves every other version of the model that is in `stage` to `to`. How many.
pub(crate) fn move_stage(tx: &mut Tx<'_>, model: i64, but: i64, stage: &str, to: &str) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE model_version SET stage = $1, updated_at = $2 WHERE workspace_id = $3 AND model_id = $4 AND id <> $5 \
         AND stage = $6 AND deleted = FALSE",
        &params![to, now, workspace, model, but, stage],
    )
}

pub(crate) fn delete(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "DELETE FROM model_alias WHERE workspace_id = $1 AND version_id = $2",
        &params![workspace, id],
    )?;
    tx.execute(
        "UPDATE model_version SET deleted = TRUE, updated_at = $1 WHERE workspace_id = $2 AND id = $3",
        &params![now, workspace, id],
    )?;
    Ok(())
}

pub(crate) fn set_tag(tx: &mut Tx<'_>, id: i64, name: &str, value: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO model_version_tag (workspace_id, version_id, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, version_id, name) DO UPDATE SET value = excluded.value",
        &params![workspace, id, name, value],
    )
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM model_version_tag WHERE workspace_id = $1 AND version_id = $2 AND name = $3",
        &params![workspace, id, name],
    )
}

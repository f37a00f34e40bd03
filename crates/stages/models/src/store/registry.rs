use std::collections::BTreeMap;

use ledger::{Row, Tx, Value, params};

use super::{PIECE, Reads, Result, placeholders, versions};
use crate::model::RegisteredModel;

pub(crate) const COLUMNS: &str = "m.id, m.name, m.description, m.created_at, m.updated_at";

pub(crate) struct Stored {
    pub id: i64,
    pub model: RegisteredModel,
}

pub(crate) fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        model: RegisteredModel {
            name: row.get("name")?,
            description: row.get("description")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            tags: BTreeMap::new(),
            aliases: BTreeMap::new(),
            latest: Vec::new(),
        },
    })
}

/// The model's own row. Deleted ones are not found.
pub(crate) fn find(on: &mut impl Reads, name: &str) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM registered_model m WHERE m.workspace_id = $1 AND m.name = $2 AND m.deleted = FALSE"
    );
    on.row(&sql, &params![workspace, name])?.as_ref().map(stored).transpose()
}

/// Fills in tags, aliases and latest versions.
pub(crate) fn load(on: &mut impl Reads, models: &mut [Stored]) -> Result<()> {
    for piece in models.chunks_mut(PIECE) {
        let places: BTreeMap<i64, usize> = piece.iter().enumerate().map(|(place, m)| (m.id, place)).collect();
        let place_of =
            |row: &Row| -> Result<usize> { Ok(places.get(&row.get("model_id")?).copied().unwrap_or(0)) };
        let mut values = vec![Value::from(on.workspace())];
        values.extend(piece.iter().map(|m| Value::from(m.id)));
        let ids = placeholders(2, piece.len());
        let sql = format!(
            "SELECT model_id, name, value FROM registered_model_tag WHERE workspace_id = $1 AND model_id IN ({ids})"
        );
        for row in on.rows(&sql, &values)? {
            piece[place_of(&row)?].model.tags.insert(row.get("name")?, row.get("value")?);
        }
        let sql = format!(
            "SELECT a.model_id, a.alias, v.number FROM model_alias a JOIN model_version v ON v.id = a.version_id \
             WHERE a.workspace_id = $1 AND a.model_id IN ({ids})"
        );
        for row in on.rows(&sql, &values)? {
            piece[place_of(&row)?].model.aliases.insert(row.get("alias")?, row.get("number")?);
        }
        let model_ids: Vec<i64> = piece.iter().map(|m| m.id).collect();
        for version in versions::latest(on, &model_ids)? {
            if let Some(place) = places.get(&version.model_id) {
                piece[*place].model.latest.push(version.version);
            }
        }
    }
    Ok(())
}

pub(crate) fn insert(tx: &mut Tx<'_>, name: &str, description: Option<&str>) -> Result<i64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.query_one(
        "INSERT INTO registered_model (workspace_id, name, description, deleted, created_at, updated_at) \
         VALUES ($1, $2, $3, FALSE, $4, $4) RETURNING id",
        &params![workspace, name, description, now],
    )?
    .get("id")
}

/// Also takes the model's row for this transaction, so that two writers of one model go one after the other.
pub(crate) fn touch(tx: &mut Tx<'_>, id: i64) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE registered_model SET updated_at = $1 WHERE workspace_id = $2 AND id = $3",
        &params![now, workspace, id],
    )
}

pub(crate) fn set_description(tx: &mut Tx<'_>, id: i64, description: Option<&str>) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE registered_model SET description = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4",
        &params![description, now, workspace, id],
    )
}

pub(crate) fn rename(tx: &mut Tx<'_>, id: i64, name: &str, deleted: bool) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "UPDATE registered_model SET name = $1, deleted = $2, updated_at = $3 WHERE workspace_id = $4 AND id = $5",
        &params![name, deleted, now, workspace, id],
    )?;
    tx.execute(
        "UPDATE model_version SET updated_at = $1 WHERE workspace_id = $2 AND model_id = $3",
        &params![now, workspace, id],
    )
}

/// Removes aliases and hides versions of a deleted model.
pub(crate) fn clear(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute("DELETE FROM model_alias WHERE workspace_id = $1 AND model_id = $2", &params![workspace, id])?;
    tx.execute(
        "UPDATE model_version SET deleted = TRUE WHERE workspace_id = $1 AND model_id = $2",
        &params![workspace, id],
    )?;
    Ok(())
}

pub(crate) fn set_tag(tx: &mut Tx<'_>, id: i64, name: &str, value: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO registered_model_tag (workspace_id, model_id, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, model_id, name) DO UPDATE SET value = excluded.value",
        &params![workspace, id, name, value],
    )
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM registered_model_tag WHERE workspace_id = $1 AND model_id = $2 AND name = $3",
        &params![workspace, id, name],
    )
}

/// The version that an alias points at: its row id, number and uid.
pub(crate) fn alias(on: &mut impl Reads, model: i64, alias: &str) -> Result<Option<(i64, i64, String)>> {
    let workspace = on.workspace();
    on.row(
        "SELECT v.id, v.number, v.uid FROM model_alias a JOIN model_version v ON v.id = a.version_id \
         WHERE a.workspace_id = $1 AND a.model_id = $2 AND a.alias = $3",
        &params![workspace, model, alias],
    )?
    .map(|row| Ok((row.get("id")?, row.get("number")?, row.get("uid")?)))
    .transpose()
}

pub(crate) fn set_alias(tx: &mut Tx<'_>, model: i64, alias: &str, version: i64) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO model_alias (workspace_id, model_id, alias, version_id) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, model_id, alias) DO UPDATE SET version_id = excluded.version_id",
        &params![workspace, model, alias, version],
    )
}

pub(crate) fn delete_alias(tx: &mut Tx<'_>, model: i64, alias: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM model_alias WHERE workspace_id = $1 AND model_id = $2 AND alias = $3",
        &params![workspace, model, alias],
    )
}

use ledger::{Error, Row, Rx, Tx, params};
use serde_json::json;
use tracking::search::Statement;
use types::Uid;

use super::{Reads, typed};
use crate::model::Secret;

const SECRET: &str = "SELECT uid, name, provider, masked, auth_config, created_at, updated_at, created_by, updated_by FROM gateway_secret";

fn secret(row: &Row) -> Result<Secret, Error> {
    Ok(Secret {
        uid: row.get("uid")?,
        name: row.get("name")?,
        provider: row.get("provider")?,
        masked: typed(row, "masked")?,
        auth_config: typed(row, "auth_config")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
        updated_by: row.get("updated_by")?,
    })
}

pub(crate) fn named(tx: &mut Tx<'_>, name: &str) -> Result<bool, Error> {
    let key = params![tx.workspace(), name];
    Ok(tx.query_opt("SELECT uid FROM gateway_secret WHERE workspace_id = $1 AND name = $2", &key)?.is_some())
}

pub(crate) fn insert(tx: &mut Tx<'_>, s: &Secret, sealed: &[u8]) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        s.uid,
        &s.name,
        s.provider.as_ref(),
        sealed,
        json!(s.masked),
        json!(s.auth_config),
        s.created_at,
        s.updated_at,
        s.created_by.as_ref(),
        s.updated_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO gateway_secret (workspace_id, uid, name, provider, sealed, masked, auth_config, created_at, \
         updated_at, created_by, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<Secret>, Error> {
    let sql = format!("{SECRET} WHERE workspace_id = $1 AND uid = $2");
    on.rows(&sql, &params![on.home(), uid])?.first().map(secret).transpose()
}

pub(crate) fn list(rx: &mut Rx<'_>, provider: Option<&str>) -> Result<Vec<Secret>, Error> {
    let mut s = Statement::default();
    s.push(SECRET).push(" WHERE workspace_id = ").bind(rx.workspace());
    if let Some(provider) = provider {
        s.push(" AND provider = ").bind(provider);
    }
    s.push(" ORDER BY created_at, uid");
    rx.query(&s.sql, &s.values)?.iter().map(secret).collect()
}

pub(crate) fn update(tx: &mut Tx<'_>, s: &Secret, sealed: Option<&[u8]>) -> Result<(), Error> {
    let key = (tx.workspace(), s.uid);
    let values =
        params![json!(s.masked), json!(s.auth_config), s.updated_at, s.updated_by.as_ref(), key.0, key.1];
    tx.execute(
        "UPDATE gateway_secret SET masked = $1, auth_config = $2, updated_at = $3, updated_by = $4 \
         WHERE workspace_id = $5 AND uid = $6",
        &values,
    )?;
    if let Some(sealed) = sealed {
        let sql = "UPDATE gateway_secret SET sealed = $1 WHERE workspace_id = $2 AND uid = $3";
        tx.execute(sql, &params![sealed, key.0, key.1])?;
    }
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<bool, Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("UPDATE gateway_model SET secret = NULL WHERE workspace_id = $1 AND secret = $2", &key)?;
    Ok(tx.execute("DELETE FROM gateway_secret WHERE workspace_id = $1 AND uid = $2", &key)? > 0)
}

pub(crate) fn sealed(rx: &mut Rx<'_>, uid: Uid) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT sealed FROM gateway_secret WHERE workspace_id = $1 AND uid = $2";
    rx.query_opt(sql, &params![rx.workspace(), uid])?.map(|row| row.get("sealed")).transpose()
}

pub(crate) fn all_sealed(rx: &mut Rx<'_>) -> Result<Vec<(Uid, Vec<u8>)>, Error> {
    let sql = "SELECT uid, sealed FROM gateway_secret WHERE workspace_id = $1";
    rx.query(sql, &params![rx.workspace()])?
        .iter()
        .map(|row| Ok((row.get("uid")?, row.get("sealed")?)))
        .collect()
}

/// Whether `old` was still there.
pub(crate) fn replace_sealed(tx: &mut Tx<'_>, uid: Uid, old: &[u8], new: &[u8]) -> Result<bool, Error> {
    let values = params![new, tx.workspace(), uid, old];
    let sql = "UPDATE gateway_secret SET sealed = $1 WHERE workspace_id = $2 AND uid = $3 AND sealed = $4";
    Ok(tx.execute(sql, &values)? > 0)
}

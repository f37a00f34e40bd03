use ledger::{Error, Row, Rx, Tx, params};
use tracking::search::Statement;
use types::Uid;

use super::Reads;
use crate::model::Model;

/// Columns of a model `m` and its secret `s`, by names that joins keep apart.
pub(crate) const COLUMNS: &str = "m.uid AS m_uid, m.name AS m_name, m.secret AS m_secret, s.name AS s_name, \
                                  m.provider AS m_provider, m.model AS m_model, m.created_at AS m_created_at, \
                                  m.updated_at AS m_updated_at, m.created_by AS m_created_by, \
                                  m.updated_by AS m_updated_by";
pub(crate) const JOIN: &str =
    "gateway_model m LEFT JOIN gateway_secret s ON s.workspace_id = m.workspace_id AND s.uid = m.secret";

pub(crate) fn model(row: &Row) -> Result<Model, Error> {
    let secret: Option<Uid> = row.get("m_secret")?;
    let secret_name: Option<String> = row.get("s_name")?;
    Ok(Model {
        uid: row.get("m_uid")?,
        name: row.get("m_name")?,
        secret: secret.zip(secret_name),
        provider: row.get("m_provider")?,
        model: row.get("m_model")?,
        created_at: row.get("m_created_at")?,
        updated_at: row.get("m_updated_at")?,
        created_by: row.get("m_created_by")?,
        updated_by: row.get("m_updated_by")?,
    })
}

pub(crate) fn named(tx: &mut Tx<'_>, name: &str) -> Result<Option<Uid>, Error> {
    let key = params![tx.workspace(), name];
    let sql = "SELECT uid FROM gateway_model WHERE workspace_id = $1 AND name = $2";
    tx.query_opt(sql, &key)?.map(|row| row.get("uid")).transpose()
}

pub(crate) fn insert(tx: &mut Tx<'_>, m: &Model) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        m.uid,
        &m.name,
        m.secret.as_ref().map(|(uid, _)| *uid),
        &m.provider,
        &m.model,
        m.created_at,
        m.updated_at,
        m.created_by.as_ref(),
        m.updated_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO gateway_model (workspace_id, uid, name, secret, provider, model, created_at, updated_at, created_by, \
         updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<Model>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM {JOIN} WHERE m.workspace_id = $1 AND m.uid = $2");
    on.rows(&sql, &params![on.home(), uid])?.first().map(model).transpose()
}

pub(crate) fn list(
    rx: &mut Rx<'_>,
    provider: Option<&str>,
    secret: Option<Uid>,
) -> Result<Vec<Model>, Error> {
    let mut s = Statement::default();
    s.push("SELECT ").push(COLUMNS).push(" FROM ").push(JOIN);
    s.push(" WHERE m.workspace_id = ").bind(rx.workspace());
    if let Some(provider) = provider {
        s.push(" AND m.provider = ").bind(provider);
    }
    if let Some(secret) = secret {
        s.push(" AND m.secret = ").bind(secret);
    }
    s.push(" ORDER BY m.created_at, m.uid");
    rx.query(&s.sql, &s.values)?.iter().map(model).collect()
}

pub(crate) fn update(tx: &mut Tx<'_>, m: &Model) -> Result<(), Error> {
    let values = params![
        &m.name,
        m.secret.as_ref().map(|(uid, _)| *uid),
        &m.provider,
        &m.model,
        m.updated_at,
        m.updated_by.as_ref(),
        tx.workspace(),
        m.uid
    ];
    tx.execute(
        "UPDATE gateway_model SET name = $1, secret = $2, provider = $3, model = $4, updated_at = $5, updated_by = $6 \
         WHERE workspace_id = $7 AND uid = $8",
        &values,
    )?;
    Ok(())
}

pub(crate) fn in_use(tx: &mut Tx<'_>, uid: Uid) -> Result<bool, Error> {
    let key = params![tx.workspace(), uid];
    let sql = "SELECT uid FROM gateway_link WHERE workspace_id = $1 AND model = $2 LIMIT 1";
    Ok(tx.query_opt(sql, &key)?.is_some())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("DELETE FROM gateway_model WHERE workspace_id = $1 AND uid = $2", &key)?;
    Ok(())
}

use std::collections::BTreeMap;

use ledger::{Error, Row, Rx, Tx, params};
use serde_json::json;
use tracking::search::Statement;
use types::Uid;

use super::{Reads, models, typed};
use crate::model::{Endpoint, Link};

const ENDPOINT: &str = "SELECT e.uid, e.name, e.routing, e.fallback, e.experiment, e.usage_tracking, e.created_at, \
                        e.updated_at, e.created_by, e.updated_by FROM gateway_endpoint e";

fn endpoint(row: &Row) -> Result<Endpoint, Error> {
    Ok(Endpoint {
        uid: row.get("uid")?,
        name: row.get("name")?,
        links: Vec::new(),
        tags: BTreeMap::new(),
        routing: row.get("routing")?,
        fallback: typed(row, "fallback")?,
        experiment: row.get("experiment")?,
        usage_tracking: row.get("usage_tracking")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
        updated_by: row.get("updated_by")?,
    })
}

/// Adds models and tags.
fn load(on: &mut impl Reads, endpoints: &mut [Endpoint]) -> Result<(), Error> {
    let sql = format!(
        "SELECT l.uid, l.endpoint, l.is_fallback, l.weight, l.place, l.created_at, l.created_by, {} FROM {} \
         JOIN gateway_link l ON l.workspace_id = m.workspace_id AND l.model = m.uid \
         WHERE l.workspace_id = $1 AND l.endpoint = $2 ORDER BY l.created_at, l.uid",
        models::COLUMNS,
        models::JOIN
    );
    for endpoint in endpoints {
        let key = params![on.home(), endpoint.uid];
        endpoint.links = on.rows(&sql, &key)?.iter().map(link).collect::<Result<_, _>>()?;
        let tags = "SELECT name, value FROM gateway_endpoint_tag WHERE workspace_id = $1 AND endpoint = $2";
        for row in on.rows(tags, &key)? {
            endpoint.tags.insert(row.get("name")?, row.get("value")?);
        }
    }
    Ok(())
}

fn link(row: &Row) -> Result<Link, Error> {
    Ok(Link {
        uid: row.get("uid")?,
        endpoint: row.get("endpoint")?,
        model: models::model(row)?,
        is_fallback: row.get("is_fallback")?,
        weight: row.get("weight")?,
        place: row.get("place")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

pub(crate) fn named(on: &mut impl Reads, name: &str) -> Result<Option<Uid>, Error> {
    let sql = "SELECT uid FROM gateway_endpoint WHERE workspace_id = $1 AND name = $2";
    on.rows(sql, &params![on.home(), name])?.first().map(|row| row.get("uid")).transpose()
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<Endpoint>, Error> {
    let sql = format!("{ENDPOINT} WHERE e.workspace_id = $1 AND e.uid = $2");
    let rows = on.rows(&sql, &params![on.home(), uid])?;
    let mut found = rows.iter().map(endpoint).collect::<Result<Vec<_>, _>>()?;
    load(on, &mut found)?;
    Ok(found.pop())
}

/// Endpoints without any model are left out, as upstream's join does.
pub(crate) fn list(rx: &mut Rx<'_>, provider: Option<&str>) -> Result<Vec<Endpoint>, Error> {
    let mut s = Statement::default();
    s.push(ENDPOINT).push(" WHERE e.workspace_id = ").bind(rx.workspace());
    s.push(
        " AND EXISTS (SELECT 1 FROM gateway_link l JOIN gateway_model m ON m.workspace_id = l.workspace_id",
    );
    s.push(" AND m.uid = l.model WHERE l.workspace_id = e.workspace_id AND l.endpoint = e.uid");
    if let Some(provider) = provider {
        s.push(" AND m.provider = ").bind(provider);
    }
    s.push(") ORDER BY e.created_at, e.uid");
    let rows = rx.query(&s.sql, &s.values)?;
    let mut found = rows.iter().map(endpoint).collect::<Result<Vec<_>, _>>()?;
    load(rx, &mut found)?;
    Ok(found)
}

pub(crate) fn insert(tx: &mut Tx<'_>, e: &Endpoint) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        e.uid,
        &e.name,
        e.routing.as_ref(),
        e.fallback.as_ref().map(|f| json!(f)),
        e.experiment,
        e.usage_tracking,
        e.created_at,
        e.updated_at,
        e.created_by.as_ref(),
        e.updated_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO gateway_endpoint (workspace_id, uid, name, routing, fallback, experiment, usage_tracking, created_at, \
         updated_at, created_by, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn update(tx: &mut Tx<'_>, e: &Endpoint) -> Result<(), Error> {
    let values = params![
        &e.name,
        e.routing.as_ref(),
        e.fallback.as_ref().map(|f| json!(f)),
        e.experiment,
        e.usage_tracking,
        e.updated_at,
        e.updated_by.as_ref(),
        tx.workspace(),
        e.uid
    ];
    tx.execute(
        "UPDATE gateway_endpoint SET name = $1, routing = $2, fallback = $3, experiment = $4, usage_tracking = $5, \
         updated_at = $6, updated_by = $7 WHERE workspace_id = $8 AND uid = $9",
        &values,
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<bool, Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("DELETE FROM gateway_link WHERE workspace_id = $1 AND endpoint = $2", &key)?;
    tx.execute("DELETE FROM gateway_binding WHERE workspace_id = $1 AND endpoint = $2", &key)?;
    tx.execute("DELETE FROM gateway_endpoint_tag WHERE workspace_id = $1 AND endpoint = $2", &key)?;
    Ok(tx.execute("DELETE FROM gateway_endpoint WHERE workspace_id = $1 AND uid = $2", &key)? > 0)
}

pub(crate) fn is_linked(tx: &mut Tx<'_>, l: &Link) -> Result<bool, Error> {
    let key = params![tx.workspace(), l.endpoint, l.model.uid, l.is_fallback];
    let sql = "SELECT uid FROM gateway_link WHERE workspace_id = $1 AND endpoint = $2 AND model = $3 AND is_fallback = $4";
    Ok(tx.query_opt(sql, &key)?.is_some())
}

pub(crate) fn insert_link(tx: &mut Tx<'_>, l: &Link) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        l.uid,
        l.endpoint,
        l.model.uid,
        l.is_fallback,
        l.weight,
        l.place,
        l.created_at,
        l.created_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO gateway_link (workspace_id, uid, endpoint, model, is_fallback, weight, place, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn delete_link(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("DELETE FROM gateway_link WHERE workspace_id = $1 AND uid = $2", &key)?;
    Ok(())
}

pub(crate) fn delete_links(tx: &mut Tx<'_>, endpoint: Uid) -> Result<(), Error> {
    let key = params![tx.workspace(), endpoint];
    tx.execute("DELETE FROM gateway_link WHERE workspace_id = $1 AND endpoint = $2", &key)?;
    Ok(())
}

pub(crate) fn set_tag(tx: &mut Tx<'_>, endpoint: Uid, name: &str, value: Option<&str>) -> Result<(), Error> {
    let values = params![tx.workspace(), endpoint, name, value];
    tx.execute(
        "INSERT INTO gateway_endpoint_tag (workspace_id, endpoint, name, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, endpoint, name) DO UPDATE SET value = excluded.value",
        &values,
    )?;
    Ok(())
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, endpoint: Uid, name: &str) -> Result<bool, Error> {
    let key = params![tx.workspace(), endpoint, name];
    let sql = "DELETE FROM gateway_endpoint_tag WHERE workspace_id = $1 AND endpoint = $2 AND name = $3";
    Ok(tx.execute(sql, &key)? > 0)
}

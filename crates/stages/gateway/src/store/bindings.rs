use ledger::{Error, Row, Rx, Tx, params};
use tracking::search::Statement;
use types::Uid;

use crate::model::Binding;

fn binding(row: &Row) -> Result<Binding, Error> {
    Ok(Binding {
        endpoint: row.get("endpoint")?,
        resource_type: row.get("resource_type")?,
        resource_id: row.get("resource_id")?,
        display_name: row.get("display_name")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

/// One that is there already is replaced.
pub(crate) fn insert(tx: &mut Tx<'_>, b: &Binding) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        b.endpoint,
        &b.resource_type,
        &b.resource_id,
        b.display_name.as_ref(),
        b.created_at,
        b.created_by.as_ref()
    ];
    tx.execute(
        "INSERT INTO gateway_binding (workspace_id, endpoint, resource_type, resource_id, display_name, created_at, \
         created_by) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace_id, endpoint, resource_type, \
         resource_id) DO UPDATE SET display_name = excluded.display_name, created_at = excluded.created_at, \
         created_by = excluded.created_by",
        &values,
    )?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, endpoint: Uid, resource: &str, id: &str) -> Result<bool, Error> {
    let key = params![tx.workspace(), endpoint, resource, id];
    let sql = "DELETE FROM gateway_binding WHERE workspace_id = $1 AND endpoint = $2 AND resource_type = $3 \
               AND resource_id = $4";
    Ok(tx.execute(sql, &key)? > 0)
}

/// The endpoints that it was bound to.
pub(crate) fn delete_of(tx: &mut Tx<'_>, resource: &str, id: &str) -> Result<Vec<Uid>, Error> {
    let key = params![tx.workspace(), resource, id];
    let sql = "DELETE FROM gateway_binding WHERE workspace_id = $1 AND resource_type = $2 AND resource_id = $3 \
               RETURNING endpoint";
    tx.query(sql, &key)?.iter().map(|row| row.get("endpoint")).collect()
}

pub(crate) fn list(
    rx: &mut Rx<'_>,
    endpoint: Option<Uid>,
    resource: Option<&str>,
    id: Option<&str>,
) -> Result<Vec<Binding>, Error> {
    let mut s = Statement::default();
    s.push("SELECT endpoint, resource_type, resource_id, display_name, created_at, created_by FROM gateway_binding");
    s.push(" WHERE workspace_id = ").bind(rx.workspace());
    if let Some(endpoint) = endpoint {
        s.push(" AND endpoint = ").bind(endpoint);
    }
    if let Some(resource) = resource {
        s.push(" AND resource_type = ").bind(resource);
    }
    if let Some(id) = id {
        s.push(" AND resource_id = ").bind(id);
    }
    s.push(" ORDER BY created_at, resource_id");
    rx.query(&s.sql, &s.values)?.iter().map(binding).collect()
}

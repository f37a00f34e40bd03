use std::collections::{BTreeMap, BTreeSet};

use ledger::{Tx, params};

use super::{Reads, Result};
use crate::Secret;

pub(crate) fn put(tx: &mut Tx<'_>, name: &str, sealed: &[u8]) -> Result<()> {
    let (workspace, now, by) = (tx.workspace(), tx.now(), tx.actor().to_string());
    tx.execute(
        "INSERT INTO pipeline_secret (workspace_id, name, sealed, created_at, updated_at, updated_by) \
         VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT (workspace_id, name) DO UPDATE SET sealed = excluded.sealed, \
         updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        &params![workspace, name, sealed.to_vec(), now, by],
    )?;
    Ok(())
}

pub(crate) fn all(r: &mut impl Reads) -> Result<Vec<Secret>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT name, created_at, updated_at, updated_by FROM pipeline_secret WHERE workspace_id = $1 ORDER BY name",
        &params![workspace],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Secret {
                name: row.get("name")?,
                created_at: row.get("created_at")?,
                updated_at: row.get("updated_at")?,
                updated_by: row.get("updated_by")?,
            })
        })
        .collect()
}

/// Those of these that there are, and those whose name begins with one of `prefixes` and `/`.
pub(crate) fn sealed(
    r: &mut impl Reads,
    names: &BTreeSet<String>,
    prefixes: &[String],
) -> Result<BTreeMap<String, Vec<u8>>> {
    let workspace = r.workspace();
    let mut found = BTreeMap::new();
    for name in names {
        let rows = r.rows(
            "SELECT sealed FROM pipeline_secret WHERE workspace_id = $1 AND name = $2",
            &params![workspace, name],
        )?;
        if let Some(row) = rows.first() {
            found.insert(name.clone(), row.get("sealed")?);
        }
    }
    for prefix in prefixes {
        // `0` follows `/`.
        let rows = r.rows(
            "SELECT name, sealed FROM pipeline_secret WHERE workspace_id = $1 AND name >= $2 AND name < $3",
            &params![workspace, format!("{prefix}/"), format!("{prefix}0")],
        )?;
        for row in rows.iter() {
            found.insert(row.get("name")?, row.get("sealed")?);
        }
    }
    Ok(found)
}

pub(crate) fn delete(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    let workspace = tx.workspace();
    let gone = tx.execute(
        "DELETE FROM pipeline_secret WHERE workspace_id = $1 AND name = $2",
        &params![workspace, name],
    )?;
    Ok(gone > 0)
}

use std::collections::BTreeMap;

use ledger::params;

use super::{Reads, Result};
use crate::counts::VersionCount;

pub(crate) fn versions(on: &mut impl Reads) -> Result<BTreeMap<String, VersionCount>> {
    let workspace = on.workspace();
    on.rows(
        "SELECT m.name, COUNT(*) AS versions, MAX(v.number) AS newest FROM registered_model m \
         JOIN model_version v ON v.workspace_id = m.workspace_id AND v.model_id = m.id \
         WHERE m.workspace_id = $1 AND m.deleted = FALSE AND v.deleted = FALSE GROUP BY m.name",
        &params![workspace],
    )?
    .iter()
    .map(|row| {
        Ok((row.get("name")?, VersionCount { versions: row.get("versions")?, newest: row.get("newest")? }))
    })
    .collect()
}

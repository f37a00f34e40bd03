use ledger::params;
use types::Uid;

use super::{Reads, Result};

pub(crate) fn of_run(on: &mut impl Reads, uid: &Uid) -> Result<Option<i64>> {
    let workspace = on.workspace();
    on.row(
        "SELECT e.number FROM run r JOIN experiment e ON e.id = r.experiment_id \
         WHERE r.workspace_id = $1 AND r.uid = $2",
        &params![workspace, uid],
    )?
    .map(|row| row.get("number"))
    .transpose()
}

pub(crate) fn of_logged_model(on: &mut impl Reads, uid: &str) -> Result<Option<i64>> {
    let workspace = on.workspace();
    on.row(
        "SELECT e.number FROM logged_model m JOIN experiment e ON e.id = m.experiment_id \
         WHERE m.workspace_id = $1 AND m.uid = $2",
        &params![workspace, uid],
    )?
    .map(|row| row.get("number"))
    .transpose()
}

/// Numbers of all that are not deleted.
pub(crate) fn experiments(on: &mut impl Reads) -> Result<Vec<i64>> {
    let workspace = on.workspace();
    on.rows("SELECT number FROM experiment WHERE workspace_id = $1 AND deleted = FALSE", &params![workspace])?
        .iter()
        .map(|row| row.get("number"))
        .collect()
}

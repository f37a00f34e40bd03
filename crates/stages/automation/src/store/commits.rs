use ledger::{FactTx, Row, Tx, params};

use super::{Reads, Result};
use crate::commits::Pending;

/// Takes another commit in. Those of another source are forgotten; one that was taken in already changes nothing.
pub(crate) fn hear(tx: &mut FactTx<'_>, policy: &str, heard: &Pending) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO retrain_commit (workspace_id, policy, source, commit_id, position, commits, first_at, last_at) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT (workspace_id, policy) DO UPDATE SET \
         commits = CASE WHEN retrain_commit.source = excluded.source THEN retrain_commit.commits + 1 ELSE 1 END, \
         first_at = CASE WHEN retrain_commit.source = excluded.source THEN retrain_commit.first_at \
         ELSE excluded.first_at END, source = excluded.source, commit_id = excluded.commit_id, \
         position = excluded.position, last_at = excluded.last_at \
         WHERE retrain_commit.position < excluded.position",
        &params![workspace, policy, &heard.source, &heard.commit, heard.position, heard.last_at],
    )?;
    Ok(())
}

/// What is up to this event is answered.
pub(crate) fn answer(tx: &mut Tx<'_>, policy: &str, position: i64) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM retrain_commit WHERE workspace_id = $1 AND policy = $2 AND position <= $3";
    tx.execute(sql, &params![workspace, policy, position])?;
    Ok(())
}

/// The policy waits for nothing any more.
pub(crate) fn forget(tx: &mut Tx<'_>, policy: &str) -> Result<()> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM retrain_commit WHERE workspace_id = $1 AND policy = $2";
    tx.execute(sql, &params![workspace, policy])?;
    Ok(())
}

/// What waits, if it is of this source.
pub(crate) fn pending(r: &mut impl Reads, policy: &str, source: &str) -> Result<Option<Pending>> {
    let workspace = r.workspace();
    let sql = "SELECT source, commit_id, position, commits, first_at, last_at FROM retrain_commit \
         WHERE workspace_id = $1 AND policy = $2 AND source = $3";
    r.rows(sql, &params![workspace, policy, source])?.first().map(read).transpose()
}

fn read(row: &Row) -> Result<Pending> {
    Ok(Pending {
        source: row.get("source")?,
        commit: row.get("commit_id")?,
        position: row.get("position")?,
        commits: row.get("commits")?,
        first_at: row.get("first_at")?,
        last_at: row.get("last_at")?,
    })
}

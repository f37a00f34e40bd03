use std::collections::BTreeMap;

use ledger::{FactTx, Row, Rx, Tx, params};
use types::{Digest, Timestamp, Uid, WorkspaceId};

use super::Result;
use crate::servers::Server;

/// Says who a server is and that it lives.
pub(crate) fn beat(tx: &mut FactTx<'_>, server: &Server, token: Option<Digest>) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "INSERT INTO server (uid, host, data_dir, url, started_at, beat, beat_at, lease_ms, token_digest, address) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9) ON CONFLICT (uid) DO UPDATE SET host = excluded.host, \
         data_dir = excluded.data_dir, url = excluded.url, started_at = excluded.started_at, beat = server.beat + 1, \
         beat_at = excluded.beat_at, lease_ms = excluded.lease_ms, \
         token_digest = excluded.token_digest, address = excluded.address",
        &params![
            &server.uid,
            &server.host,
            &server.data_dir,
            &server.url,
            server.started_at,
            now,
            server.lease_ms,
            token,
            server.address.as_deref()
        ],
    )?;
    Ok(())
}

const SERVER: &str =
    "SELECT uid, host, data_dir, url, started_at, beat, beat_at, lease_ms, address FROM server";

pub(crate) fn all(rx: &mut Rx<'_>) -> Result<Vec<Server>> {
    rx.query(&format!("{SERVER} ORDER BY uid"), &[])?.iter().map(server).collect()
}

pub(crate) fn find(rx: &mut Rx<'_>, uid: &str) -> Result<Option<Server>> {
    rx.query(&format!("{SERVER} WHERE uid = $1"), &params![uid])?.first().map(server).transpose()
}

/// Whether a server that said something after `since` gives its steps a token with this digest.
pub(crate) fn knows_token(rx: &mut Rx<'_>, token: Digest, since: Timestamp) -> Result<bool> {
    let sql = "SELECT uid FROM server WHERE token_digest = $1 AND beat_at > $2";
    Ok(!rx.query(sql, &params![token, since])?.is_empty())
}

/// Whether it has not said anything since.
pub(crate) fn is_silent(tx: &mut Tx<'_>, uid: &str, beat: i64) -> Result<bool> {
    let rows = tx.query("SELECT uid FROM server WHERE uid = $1 AND beat = $2", &params![uid, beat])?;
    Ok(!rows.is_empty())
}

fn server(row: &Row) -> Result<Server> {
    Ok(Server {
        uid: row.get("uid")?,
        host: row.get("host")?,
        data_dir: row.get("data_dir")?,
        url: row.get("url")?,
        started_at: row.get("started_at")?,
        beat: row.get("beat")?,
        beat_at: row.get("beat_at")?,
        lease_ms: row.get("lease_ms")?,
        address: row.get("address")?,
    })
}

/// The attempt goes on, attended to by another server. `disk` holds it; `None` for the new owner's own. False if it is
/// not as it was read.
pub(crate) fn take(tx: &mut Tx<'_>, uid: Uid, token: i64, owner: &str, disk: Option<&str>) -> Result<bool> {
    let workspace = tx.workspace();
    let changed = tx.execute(
        "UPDATE step_run SET owner = $1, disk = $2, fence = fence + 1 \
         WHERE workspace_id = $3 AND uid = $4 AND state = 'running' AND fence = $5",
        &params![owner, disk, workspace, uid, token],
    )?;
    Ok(changed == 1)
}

/// One more attempt of it was lost.
pub(crate) fn count_lost(tx: &mut Tx<'_>, uid: Uid) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE step_run SET lost = lost + 1 WHERE workspace_id = $1 AND uid = $2",
        &params![workspace, uid],
    )?;
    Ok(())
}

/// Of these tasks, whatever their workspace, those that run: their attempt, and where it lies.
pub(crate) fn where_running(rx: &mut Rx<'_>, tasks: &[Uid]) -> Result<BTreeMap<Uid, (i64, String)>> {
    let mut found = BTreeMap::new();
    for piece in tasks.chunks(200) {
        let list: Vec<String> = (1..=piece.len()).map(|i| format!("${i}")).collect();
        let values: Vec<ledger::Value> = piece.iter().map(ledger::Value::from).collect();
        let sql = format!(
            "SELECT uid, attempt, COALESCE(disk, owner) AS place FROM step_run \
             WHERE state = 'running' AND owner IS NOT NULL AND uid IN ({})",
            list.join(", ")
        );
        for row in rx.query(&sql, &values)? {
            found.insert(row.get("uid")?, (row.get("attempt")?, row.get("place")?));
        }
    }
    Ok(found)
}

/// What a server was doing when it fell silent.
pub(crate) fn left(rx: &mut Rx<'_>, owner: &str) -> Result<Vec<(WorkspaceId, Uid)>> {
    super::steps::running(rx, owner)
}

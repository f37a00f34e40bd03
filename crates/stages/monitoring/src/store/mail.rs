use ledger::{Error, FactTx, Row, Rx, Tx, params};
use types::{Timestamp, WorkspaceId};

use super::parsed;
use crate::mail::Notice;

/// To whom, about which monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub workspace: WorkspaceId,
    pub monitor: String,
    pub recipient: String,
}

/// An event that was read before makes no second row.
pub(crate) fn enqueue(
    tx: &mut FactTx<'_>,
    monitor: &str,
    recipients: &[String],
    notice: &Notice,
    due: Timestamp,
) -> Result<(), Error> {
    let workspace = tx.workspace();
    let rows = recipients.iter().map(|to| {
        let Notice { position, kind, at, payload } = notice;
        params![workspace, monitor, to, *position, kind, *at, payload.to_string(), due].to_vec()
    });
    tx.execute_many(
        "INSERT INTO monitor_mail (workspace_id, monitor, recipient, position, kind, at, payload, attempts, due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) \
         ON CONFLICT (workspace_id, monitor, recipient, position) DO NOTHING",
        rows.collect::<Vec<_>>(),
    )?;
    Ok(())
}

/// Of every workspace: those to whom something is due, with how often it was tried and when they were told last.
pub(crate) fn due(rx: &mut Rx<'_>, now: Timestamp) -> Result<Vec<(Address, i64, Option<Timestamp>)>, Error> {
    let rows = rx.query(
        "SELECT m.workspace_id, m.monitor, m.recipient, MAX(m.attempts) AS attempts, MAX(s.at) AS told \
         FROM monitor_mail m LEFT JOIN monitor_mailed s ON s.workspace_id = m.workspace_id \
         AND s.monitor = m.monitor AND s.recipient = m.recipient WHERE m.due_at <= $1 \
         GROUP BY m.workspace_id, m.monitor, m.recipient ORDER BY MIN(m.id)",
        &params![now],
    )?;
    rows.iter()
        .map(|row| {
            let address = Address {
                workspace: WorkspaceId(row.get("workspace_id")?),
                monitor: row.get("monitor")?,
                recipient: row.get("recipient")?,
            };
            Ok((address, row.get("attempts")?, row.get("told")?))
        })
        .collect()
}

/// All that waits for an address, oldest first, whether or not it is due.
pub(crate) fn waiting(rx: &mut Rx<'_>, to: &Address) -> Result<Vec<Notice>, Error> {
    let rows = rx.query(
        "SELECT position, kind, at, payload FROM monitor_mail \
         WHERE workspace_id = $1 AND monitor = $2 AND recipient = $3 ORDER BY position",
        &params![to.workspace, &to.monitor, &to.recipient],
    )?;
    let notice = |row: &Row| {
        Ok(Notice {
            position: row.get("position")?,
            kind: row.get("kind")?,
            at: row.get("at")?,
            payload: parsed(row, "payload")?,
        })
    };
    rows.iter().map(notice).collect()
}

/// Tried once more, and due again then.
pub(crate) fn again(tx: &mut FactTx<'_>, to: &Address, up_to: i64, due: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE monitor_mail SET attempts = attempts + 1, due_at = $1 \
         WHERE workspace_id = $2 AND monitor = $3 AND recipient = $4 AND position <= $5",
        &params![due, to.workspace, &to.monitor, &to.recipient, up_to],
    )?;
    Ok(())
}

/// Not before then.
pub(crate) fn wait(tx: &mut FactTx<'_>, to: &Address, until: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE monitor_mail SET due_at = $1 \
         WHERE workspace_id = $2 AND monitor = $3 AND recipient = $4 AND due_at < $1",
        &params![until, to.workspace, &to.monitor, &to.recipient],
    )?;
    Ok(())
}

/// Sent, or given up.
pub(crate) fn done(tx: &mut Tx<'_>, to: &Address, up_to: i64, sent: bool) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM monitor_mail WHERE workspace_id = $1 AND monitor = $2 AND recipient = $3 AND position <= $4",
        &params![to.workspace, &to.monitor, &to.recipient, up_to],
    )?;
    if sent {
        let now = tx.now();
        tx.execute(
            "INSERT INTO monitor_mailed (workspace_id, monitor, recipient, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (workspace_id, monitor, recipient) DO UPDATE SET at = excluded.at",
            &params![to.workspace, &to.monitor, &to.recipient, now],
        )?;
    }
    Ok(())
}

/// When the next is due.
pub(crate) fn next_due(rx: &mut Rx<'_>) -> Result<Option<Timestamp>, Error> {
    let rows = rx.query("SELECT MIN(due_at) AS due_at FROM monitor_mail", &params![])?;
    rows.first().map_or(Ok(None), |row| row.get("due_at"))
}

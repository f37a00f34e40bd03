use ledger::{Error, FactTx, Ledger, Row, Rx, Tx, params};
use types::{Digest, Timestamp, Uid, WorkspaceId};

use crate::Label;

/// A sealed segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub uid: Uid,
    pub endpoint: String,
    pub first_ordinal: i64,
    pub rows: i64,
    pub first_id: Uid,
    pub last_id: Uid,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub digest: Digest,
    pub bytes: i64,
}

const COLUMNS: &str =
    "uid, endpoint, first_ordinal, row_count, first_id, last_id, first_at, last_at, digest, byte_count";

fn segment(row: &Row) -> Result<Segment, Error> {
    Ok(Segment {
        uid: row.get("uid")?,
        endpoint: row.get("endpoint")?,
        first_ordinal: row.get("first_ordinal")?,
        rows: row.get("row_count")?,
        first_id: row.get("first_id")?,
        last_id: row.get("last_id")?,
        first_at: row.get("first_at")?,
        last_at: row.get("last_at")?,
        digest: row.get("digest")?,
        bytes: row.get("byte_count")?,
    })
}

/// `false` if the segment is there already.
pub fn insert_segment(tx: &mut Tx<'_>, s: &Segment) -> Result<bool, Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let inserted = tx.execute(
        "INSERT INTO prediction_segment (workspace_id, uid, endpoint, first_ordinal, row_count, first_id, last_id, \
         first_at, last_at, digest, byte_count, sealed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (workspace_id, uid) DO NOTHING",
        &params![
            workspace,
            s.uid,
            &s.endpoint,
            s.first_ordinal,
            s.rows,
            s.first_id,
            s.last_id,
            s.first_at,
            s.last_at,
            s.digest,
            s.bytes,
            now
        ],
    )?;
    Ok(inserted > 0)
}

pub async fn has_segment(ledger: &Ledger, workspace: WorkspaceId, uid: Uid) -> Result<bool, Error> {
    ledger
        .read(workspace, move |rx| {
            let sql = "SELECT uid FROM prediction_segment WHERE workspace_id = $1 AND uid = $2";
            Ok(rx.query_opt(sql, &params![workspace, uid])?.is_some())
        })
        .await
}

/// The ordinal after the last sealed one, by endpoint.
pub async fn next_ordinals(ledger: &Ledger) -> Result<Vec<(WorkspaceId, String, i64)>, Error> {
    ledger
        .read(WorkspaceId::DEFAULT, |rx| {
            let sql = "SELECT workspace_id, endpoint, max(first_ordinal + row_count) AS next \
                       FROM prediction_segment GROUP BY workspace_id, endpoint";
            let rows = rx.query(sql, &params![])?;
            rows.iter().map(|r| Ok((r.get("workspace_id")?, r.get("endpoint")?, r.get("next")?))).collect()
        })
        .await
}

/// Segments of an endpoint that hold ordinals in `from..to`, in order.
pub fn segments_by_ordinal(
    rx: &mut Rx<'_>,
    endpoint: &str,
    from: i64,
    to: i64,
) -> Result<Vec<Segment>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM prediction_segment WHERE workspace_id = $1 AND endpoint = $2 \
         AND first_ordinal < $3 AND first_ordinal + row_count > $4 ORDER BY first_ordinal"
    );
    rx.query(&sql, &params![workspace, endpoint, to, from])?.iter().map(segment).collect()
}

/// Segments of an endpoint with predictions made in `from..to`, in order.
pub fn segments_by_time(
    rx: &mut Rx<'_>,
    endpoint: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Segment>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM prediction_segment WHERE workspace_id = $1 AND endpoint = $2 \
         AND first_at < $3 AND last_at >= $4 ORDER BY first_ordinal"
    );
    rx.query(&sql, &params![workspace, endpoint, to, from])?.iter().map(segment).collect()
}

/// Segments that may hold ids between these two.
pub fn segments_by_id(rx: &mut Rx<'_>, first: Uid, last: Uid) -> Result<Vec<Segment>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM prediction_segment WHERE workspace_id = $1 AND first_id <= $2 AND last_id >= $3 \
         ORDER BY first_id DESC"
    );
    rx.query(&sql, &params![workspace, last, first])?.iter().map(segment).collect()
}

/// How a label was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Accepted,
    Unchanged,
    Replaced,
}

pub fn put_label(
    tx: &mut FactTx<'_>,
    id: Uid,
    endpoint: &str,
    predicted_at: Timestamp,
    label: &serde_json::Value,
    observed_at: Timestamp,
) -> Result<Taken, Error> {
    let (workspace, now, actor) = (tx.workspace(), tx.now(), tx.actor().to_string());
    let before = tx.query_opt(
        "SELECT label FROM prediction_label WHERE workspace_id = $1 AND prediction_id = $2",
        &params![workspace, id],
    )?;
    let taken = match before {
        Some(row) if row.get::<serde_json::Value>("label")? == *label => return Ok(Taken::Unchanged),
        Some(_) => Taken::Replaced,
        None => Taken::Accepted,
    };
    tx.execute(
        "INSERT INTO prediction_label (workspace_id, prediction_id, endpoint, predicted_at, label, observed_at, \
         recorded_at, recorded_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (workspace_id, prediction_id) DO UPDATE SET label = excluded.label, \
         observed_at = excluded.observed_at, recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by",
        &params![workspace, id, endpoint, predicted_at, label, observed_at, now, actor],
    )?;
    Ok(taken)
}

pub fn label(rx: &mut Rx<'_>, id: Uid) -> Result<Option<Label>, Error> {
    let workspace = rx.workspace();
    rx.query_opt(
        "SELECT label, observed_at, recorded_at, recorded_by FROM prediction_label \
         WHERE workspace_id = $1 AND prediction_id = $2",
        &params![workspace, id],
    )?
    .map(|row| {
        Ok(Label {
            label: row.get("label")?,
            at: row.get("observed_at")?,
            recorded_at: row.get("recorded_at")?,
            recorded_by: row.get("recorded_by")?,
        })
    })
    .transpose()
}

pub fn label_count(rx: &mut Rx<'_>, endpoint: &str, since: Timestamp) -> Result<i64, Error> {
    let workspace = rx.workspace();
    rx.query_one(
        "SELECT count(*) AS n FROM prediction_label WHERE workspace_id = $1 AND endpoint = $2 AND predicted_at >= $3",
        &params![workspace, endpoint, since],
    )?
    .get("n")
}

/// Labels of predictions made since then, by prediction.
pub fn labels_since(
    rx: &mut Rx<'_>,
    endpoint: &str,
    since: Timestamp,
) -> Result<Vec<(Uid, serde_json::Value)>, Error> {
    let workspace = rx.workspace();
    let rows = rx.query(
        "SELECT prediction_id, label FROM prediction_label \
         WHERE workspace_id = $1 AND endpoint = $2 AND predicted_at >= $3",
        &params![workspace, endpoint, since],
    )?;
    rows.iter().map(|r| Ok((r.get("prediction_id")?, r.get("label")?))).collect()
}

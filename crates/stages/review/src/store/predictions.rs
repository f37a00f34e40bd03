use ledger::{Error, FactTx, Row, Rx, Tx, params};
use serde_json::json;
use tracking::search::Statement;
use types::Uid;

use super::Reads;
use crate::predictions::{EndpointQueue, PredictionItem, PredictionQuery};
use crate::queues::ItemStatus;

/// Stands for the experiment of queues of predictions, which belong to none.
const NONE: i64 = -1;

const ITEM: &str = "SELECT i.queue, q.endpoint, i.item, i.status, i.reasons, i.taken_by, i.taken_at, i.verdict, i.comment, \
     i.completed_by, i.completed_at, i.created_at FROM review_queue_item i \
     JOIN review_queue q ON q.workspace_id = i.workspace_id AND q.uid = i.queue";

fn read(row: &Row) -> Result<PredictionItem, Error> {
    let status: String = row.get("status")?;
    let item: String = row.get("item")?;
    let reasons: Option<serde_json::Value> = row.get("reasons")?;
    Ok(PredictionItem {
        queue: row.get("queue")?,
        endpoint: row.get("endpoint")?,
        prediction: item
            .parse()
            .map_err(|_| Error::Database { message: format!("`{item}` is no id of a prediction") })?,
        status: ItemStatus::parse(&status),
        reasons: reasons.and_then(|r| serde_json::from_value(r).ok()).unwrap_or_default(),
        taken_by: row.get("taken_by")?,
        taken_at: row.get("taken_at")?,
        verdict: row.get("verdict")?,
        comment: row.get("comment")?,
        completed_by: row.get("completed_by")?,
        completed_at: row.get("completed_at")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn queue(tx: &mut Tx<'_>, endpoint: &str) -> Result<Option<Uid>, Error> {
    let sql = "SELECT uid FROM review_queue WHERE workspace_id = $1 AND experiment = $2 AND name_key = $3";
    let key = params![tx.workspace(), NONE, endpoint];
    tx.query_opt(sql, &key)?.map(|row| row.get("uid")).transpose()
}

/// Its key is its name as it is: endpoints differ by case.
pub(crate) fn insert_queue(tx: &mut Tx<'_>, uid: Uid, endpoint: &str) -> Result<(), Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO review_queue (workspace_id, uid, experiment, name, name_key, is_user, endpoint, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &params![workspace, uid, NONE, endpoint, endpoint, false, endpoint, now, now],
    )?;
    Ok(())
}

pub(crate) fn pending(tx: &mut Tx<'_>, queue: Uid) -> Result<i64, Error> {
    let key = params![tx.workspace(), queue, ItemStatus::Pending.name()];
    let sql =
        "SELECT count(*) AS n FROM review_queue_item WHERE workspace_id = $1 AND queue = $2 AND status = $3";
    tx.query_one(sql, &key)?.get("n")
}

/// How many are new.
pub(crate) fn add(tx: &mut Tx<'_>, queue: Uid, items: Vec<(Uid, Vec<String>)>) -> Result<u64, Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let sql = "INSERT INTO review_queue_item (workspace_id, queue, item, status, reasons, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace_id, queue, item) DO NOTHING";
    let pending = ItemStatus::Pending.name();
    let values = items.into_iter().map(|(prediction, reasons)| {
        params![workspace, queue, prediction.hex(), pending, json!(reasons), now, now].to_vec()
    });
    tx.execute_many(sql, values)
}

pub(crate) fn item(on: &mut impl Reads, prediction: Uid) -> Result<Option<PredictionItem>, Error> {
    let sql = format!("{ITEM} WHERE i.workspace_id = $1 AND i.item = $2 AND q.endpoint IS NOT NULL");
    let rows = on.rows(&sql, &params![on.home(), prediction.hex()])?;
    rows.first().map(read).transpose()
}

/// What this person has taken, else the oldest that nobody took after `before`.
pub(crate) fn next(
    tx: &mut Tx<'_>,
    endpoint: Option<&str>,
    before: i64,
) -> Result<Option<PredictionItem>, Error> {
    let by = tx.actor().to_string();
    let mut s = Statement::default();
    s.push(ITEM).push(" WHERE i.workspace_id = ").bind(tx.workspace()).push(" AND q.endpoint IS NOT NULL");
    if let Some(endpoint) = endpoint {
        s.push(" AND q.endpoint = ").bind(endpoint);
    }
    s.push(" AND i.status = ").bind(ItemStatus::Pending.name());
    s.push(" AND (i.taken_by IS NULL OR i.taken_by = ").bind(&by);
    s.push(" OR i.taken_at <= ").bind(before).push(")");
    s.push(" ORDER BY CASE WHEN i.taken_by = ")
        .bind(&by)
        .push(" THEN 0 ELSE 1 END, i.created_at, i.item LIMIT 1");
    tx.query_opt(&s.sql, &s.values)?.as_ref().map(read).transpose()
}

/// Up to `limit` + 1 items.
pub(crate) fn items(rx: &mut Rx<'_>, query: &PredictionQuery) -> Result<Vec<PredictionItem>, Error> {
    let mut s = Statement::default();
    s.push(ITEM).push(" WHERE i.workspace_id = ").bind(rx.workspace()).push(" AND q.endpoint IS NOT NULL");
    if let Some(endpoint) = &query.endpoint {
        s.push(" AND q.endpoint = ").bind(endpoint);
    }
    if let Some(status) = query.status {
        s.push(" AND i.status = ").bind(status.name());
    }
    match query.status {
        Some(ItemStatus::Pending) => s.push(" ORDER BY i.created_at, i.item"),
        _ => s.push(" ORDER BY i.updated_at DESC, i.item"),
    };
    s.push(" LIMIT ").bind(query.limit.saturating_add(1)).push(" OFFSET ").bind(query.offset);
    rx.query(&s.sql, &s.values)?.iter().map(read).collect()
}

pub(crate) fn queues(rx: &mut Rx<'_>) -> Result<Vec<EndpointQueue>, Error> {
    let sql = "SELECT q.endpoint, i.status, count(*) AS n, min(i.created_at) AS oldest FROM review_queue q \
               JOIN review_queue_item i ON i.workspace_id = q.workspace_id AND i.queue = q.uid \
               WHERE q.workspace_id = $1 AND q.endpoint IS NOT NULL \
               GROUP BY q.endpoint, i.status ORDER BY q.endpoint";
    let key = params![rx.workspace()];
    let mut queues: Vec<EndpointQueue> = Vec::new();
    for row in rx.query(sql, &key)? {
        let endpoint: String = row.get("endpoint")?;
        if queues.last().is_none_or(|q| q.endpoint != endpoint) {
            queues.push(EndpointQueue { endpoint, pending: 0, complete: 0, declined: 0, oldest: None });
        }
        let Some(queue) = queues.last_mut() else { continue };
        let (status, count): (String, i64) = (row.get("status")?, row.get("n")?);
        match ItemStatus::parse(&status) {
            ItemStatus::Pending => (queue.pending, queue.oldest) = (count, row.get("oldest")?),
            ItemStatus::Complete => queue.complete = count,
            ItemStatus::Declined => queue.declined = count,
        }
    }
    Ok(queues)
}

pub(crate) fn update(tx: &mut Tx<'_>, i: &PredictionItem) -> Result<(), Error> {
    let values = params![
        i.status.name(),
        i.taken_by.as_ref(),
        i.taken_at,
        i.verdict.as_ref(),
        i.comment.as_ref(),
        i.completed_by.as_ref(),
        i.completed_at,
        tx.now(),
        tx.workspace(),
        i.queue,
        i.prediction.hex()
    ];
    tx.execute(
        "UPDATE review_queue_item SET status = $1, taken_by = $2, taken_at = $3, verdict = $4, comment = $5, \
         completed_by = $6, completed_at = $7, updated_at = $8 WHERE workspace_id = $9 AND queue = $10 AND item = $11",
        &values,
    )?;
    Ok(())
}

pub(crate) fn position(rx: &mut Rx<'_>, endpoint: &str) -> Result<Option<i64>, Error> {
    let sql = "SELECT next_ordinal FROM review_position WHERE workspace_id = $1 AND endpoint = $2";
    let key = params![rx.workspace(), endpoint];
    rx.query_opt(sql, &key)?.map(|row| row.get("next_ordinal")).transpose()
}

const PUT_POSITION: &str = "INSERT INTO review_position (workspace_id, endpoint, next_ordinal) VALUES ($1, $2, $3) \
     ON CONFLICT (workspace_id, endpoint) DO UPDATE SET next_ordinal = excluded.next_ordinal";

pub(crate) fn put_position(tx: &mut Tx<'_>, endpoint: &str, next: i64) -> Result<(), Error> {
    let values = params![tx.workspace(), endpoint, next];
    tx.execute(PUT_POSITION, &values)?;
    Ok(())
}

pub(crate) fn put_position_fact(tx: &mut FactTx<'_>, endpoint: &str, next: i64) -> Result<(), Error> {
    let values = params![tx.workspace(), endpoint, next];
    tx.execute(PUT_POSITION, &values)?;
    Ok(())
}

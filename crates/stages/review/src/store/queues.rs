use ledger::{Error, Row, Rx, Tx, params};
use tracking::search::Statement;
use types::Uid;

use super::Reads;
use crate::queues::{ItemStatus, Queue, QueueItem, QueueQuery};

const QUEUE: &str =
    "SELECT q.uid, q.experiment, q.name, q.is_user, q.owner, q.created_at, q.updated_at FROM review_queue q";

fn queue(row: &Row) -> Result<Queue, Error> {
    Ok(Queue {
        uid: row.get("uid")?,
        experiment: row.get("experiment")?,
        name: row.get("name")?,
        is_user: row.get("is_user")?,
        owner: row.get("owner")?,
        users: Vec::new(),
        schemas: Vec::new(),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds users and questions.
fn load(on: &mut impl Reads, queues: &mut [Queue]) -> Result<(), Error> {
    for queue in queues {
        let key = params![on.home(), queue.uid];
        let sql = "SELECT user_name FROM review_queue_user WHERE workspace_id = $1 AND queue = $2 ORDER BY user_name";
        for row in on.rows(sql, &key)? {
            queue.users.push(row.get("user_name")?);
        }
        let sql = "SELECT label_schema FROM review_queue_schema WHERE workspace_id = $1 AND queue = $2 ORDER BY label_schema";
        for row in on.rows(sql, &key)? {
            queue.schemas.push(row.get("label_schema")?);
        }
    }
    Ok(())
}

pub(crate) fn find(on: &mut impl Reads, uid: Uid) -> Result<Option<Queue>, Error> {
    let sql = format!("{QUEUE} WHERE q.workspace_id = $1 AND q.uid = $2");
    let rows = on.rows(&sql, &params![on.home(), uid])?;
    let mut found = rows.iter().map(queue).collect::<Result<Vec<_>, _>>()?;
    load(on, &mut found)?;
    Ok(found.pop())
}

pub(crate) fn named(on: &mut impl Reads, experiment: i64, name: &str) -> Result<Option<Uid>, Error> {
    let sql = "SELECT uid FROM review_queue WHERE workspace_id = $1 AND experiment = $2 AND name_key = $3";
    let key = params![on.home(), experiment, name.to_lowercase()];
    on.rows(sql, &key)?.first().map(|row| row.get("uid")).transpose()
}

/// Up to `limit` + 1 queues.
pub(crate) fn list(rx: &mut Rx<'_>, query: &QueueQuery) -> Result<Vec<Queue>, Error> {
    let mut s = Statement::default();
    s.push(QUEUE).push(" WHERE q.workspace_id = ").bind(rx.workspace());
    s.push(" AND q.experiment = ").bind(query.experiment);
    if let Some(user) = &query.user {
        s.push(" AND EXISTS (SELECT 1 FROM review_queue_user u WHERE u.workspace_id = q.workspace_id");
        s.push(" AND u.queue = q.uid AND u.user_name = ").bind(user).push(")");
    }
    if let Some(item) = &query.item {
        s.push(" AND EXISTS (SELECT 1 FROM review_queue_item i WHERE i.workspace_id = q.workspace_id");
        s.push(" AND i.queue = q.uid AND i.item = ").bind(item).push(")");
    }
    s.push(" ORDER BY q.created_at DESC, q.uid LIMIT ").bind(query.limit.saturating_add(1));
    s.push(" OFFSET ").bind(query.offset);
    let rows = rx.query(&s.sql, &s.values)?;
    let mut found = rows.iter().map(queue).collect::<Result<Vec<_>, _>>()?;
    load(rx, &mut found)?;
    Ok(found)
}

pub(crate) fn insert(tx: &mut Tx<'_>, q: &Queue) -> Result<(), Error> {
    let values = params![
        tx.workspace(),
        q.uid,
        q.experiment,
        &q.name,
        q.name.to_lowercase(),
        q.is_user,
        q.owner.as_ref(),
        q.created_at,
        q.updated_at
    ];
    tx.execute(
        "INSERT INTO review_queue (workspace_id, uid, experiment, name, name_key, is_user, owner, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &values,
    )?;
    Ok(())
}

pub(crate) fn update(tx: &mut Tx<'_>, q: &Queue) -> Result<(), Error> {
    let values =
        params![&q.name, q.name.to_lowercase(), q.owner.as_ref(), q.updated_at, tx.workspace(), q.uid];
    tx.execute(
        "UPDATE review_queue SET name = $1, name_key = $2, owner = $3, updated_at = $4 \
         WHERE workspace_id = $5 AND uid = $6",
        &values,
    )?;
    Ok(())
}

pub(crate) fn set_users(tx: &mut Tx<'_>, queue: Uid, users: &[String]) -> Result<(), Error> {
    let workspace = tx.workspace();
    let key = params![workspace, queue];
    tx.execute("DELETE FROM review_queue_user WHERE workspace_id = $1 AND queue = $2", &key)?;
    let sql = "INSERT INTO review_queue_user (workspace_id, queue, user_name) VALUES ($1, $2, $3)";
    tx.execute_many(sql, users.iter().map(|user| params![workspace, queue, user].to_vec()))?;
    Ok(())
}

pub(crate) fn set_schemas(tx: &mut Tx<'_>, queue: Uid, schemas: &[Uid]) -> Result<(), Error> {
    let workspace = tx.workspace();
    let key = params![workspace, queue];
    tx.execute("DELETE FROM review_queue_schema WHERE workspace_id = $1 AND queue = $2", &key)?;
    let sql = "INSERT INTO review_queue_schema (workspace_id, queue, label_schema) VALUES ($1, $2, $3)";
    tx.execute_many(sql, schemas.iter().map(|schema| params![workspace, queue, *schema].to_vec()))?;
    Ok(())
}

pub(crate) fn delete(tx: &mut Tx<'_>, uid: Uid) -> Result<bool, Error> {
    let key = params![tx.workspace(), uid];
    tx.execute("DELETE FROM review_queue_user WHERE workspace_id = $1 AND queue = $2", &key)?;
    tx.execute("DELETE FROM review_queue_schema WHERE workspace_id = $1 AND queue = $2", &key)?;
    tx.execute("DELETE FROM review_queue_item WHERE workspace_id = $1 AND queue = $2", &key)?;
    Ok(tx.execute("DELETE FROM review_queue WHERE workspace_id = $1 AND uid = $2", &key)? > 0)
}

const ITEM: &str =
    "SELECT queue, item, status, completed_by, completed_at, created_at, updated_at FROM review_queue_item";

fn read_item(row: &Row) -> Result<QueueItem, Error> {
    let status: String = row.get("status")?;
    Ok(QueueItem {
        queue: row.get("queue")?,
        item: row.get("item")?,
        status: ItemStatus::parse(&status),
        completed_by: row.get("completed_by")?,
        completed_at: row.get("completed_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) fn has_items(tx: &mut Tx<'_>, queue: Uid) -> Result<bool, Error> {
    let key = params![tx.workspace(), queue];
    let sql = "SELECT item FROM review_queue_item WHERE workspace_id = $1 AND queue = $2 LIMIT 1";
    Ok(tx.query_opt(sql, &key)?.is_some())
}

/// How many are new.
pub(crate) fn add_items(tx: &mut Tx<'_>, queue: Uid, items: &[String]) -> Result<u64, Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let sql = "INSERT INTO review_queue_item (workspace_id, queue, item, status, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, queue, item) DO NOTHING";
    let pending = ItemStatus::Pending.name();
    tx.execute_many(sql, items.iter().map(|item| params![workspace, queue, item, pending, now, now].to_vec()))
}

pub(crate) fn item(tx: &mut Tx<'_>, queue: Uid, item: &str) -> Result<Option<QueueItem>, Error> {
    let sql = format!("{ITEM} WHERE workspace_id = $1 AND queue = $2 AND item = $3");
    let key = params![tx.workspace(), queue, item];
    tx.query_opt(&sql, &key)?.as_ref().map(read_item).transpose()
}

pub(crate) fn remove_items(tx: &mut Tx<'_>, queue: Uid, items: &[String]) -> Result<u64, Error> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM review_queue_item WHERE workspace_id = $1 AND queue = $2 AND item = $3";
    tx.execute_many(sql, items.iter().map(|item| params![workspace, queue, item].to_vec()))
}

/// Up to `limit` + 1 items.
pub(crate) fn items(
    rx: &mut Rx<'_>,
    queue: Uid,
    status: Option<ItemStatus>,
    limit: i64,
    offset: i64,
) -> Result<Vec<QueueItem>, Error> {
    let mut s = Statement::default();
    s.push(ITEM).push(" WHERE workspace_id = ").bind(rx.workspace()).push(" AND queue = ").bind(queue);
    if let Some(status) = status {
        s.push(" AND status = ").bind(status.name());
    }
    s.push(" ORDER BY created_at DESC, item LIMIT ")
        .bind(limit.saturating_add(1))
        .push(" OFFSET ")
        .bind(offset);
    rx.query(&s.sql, &s.values)?.iter().map(read_item).collect()
}

pub(crate) fn update_item(tx: &mut Tx<'_>, i: &QueueItem) -> Result<(), Error> {
    let values = params![
        i.status.name(),
        i.completed_by.as_ref(),
        i.completed_at,
        i.updated_at,
        tx.workspace(),
        i.queue,
        &i.item
    ];
    tx.execute(
        "UPDATE review_queue_item SET status = $1, completed_by = $2, completed_at = $3, updated_at = $4 \
         WHERE workspace_id = $5 AND queue = $6 AND item = $7",
        &values,
    )?;
    Ok(())
}

//! All SQL of this stage.

use ledger::{FactTx, Row, Rx, Tx, Value, params};
use types::{Timestamp, Uid, WorkspaceId};

use crate::model::{NewWebhook, Webhook};

type Result<T> = std::result::Result<T, ledger::Error>;

pub(crate) trait Reads {
    fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    fn workspace(&self) -> WorkspaceId;
}

macro_rules! reads {
    ($($type:ident)*) => {$(
        impl Reads for $type<'_> {
            fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
                self.query(sql, values)
            }
            fn workspace(&self) -> WorkspaceId {
                $type::workspace(self)
            }
        }
    )*};
}
reads!(Tx Rx);

/// A webhook with its row id and its sealed secret.
pub(crate) struct Stored {
    pub id: i64,
    pub webhook: Webhook,
    pub secret: Option<Vec<u8>>,
}

const COLUMNS: &str = "w.id, w.workspace_id, w.uid, w.name, w.description, w.url, w.active, w.secret, w.created_at, w.updated_at";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        secret: row.get("secret")?,
        webhook: Webhook {
            uid: row.get("uid")?,
            workspace: row.get("workspace_id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            url: row.get("url")?,
            topics: Vec::new(),
            active: row.get("active")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        },
    })
}

fn with_topics(on: &mut impl Reads, rows: &[Row]) -> Result<Vec<Stored>> {
    let mut found = rows.iter().map(stored).collect::<Result<Vec<_>>>()?;
    for each in &mut found {
        let sql =
            "SELECT topic FROM webhook_topic WHERE workspace_id = $1 AND webhook_id = $2 ORDER BY topic";
        let rows = on.rows(sql, &params![each.webhook.workspace, each.id])?;
        each.webhook.topics = rows.iter().map(|row| row.get("topic")).collect::<Result<_>>()?;
    }
    Ok(found)
}

pub(crate) fn find(on: &mut impl Reads, uid: &Uid) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let sql = format!("SELECT {COLUMNS} FROM webhook w WHERE w.workspace_id = $1 AND w.uid = $2");
    let rows = on.rows(&sql, &params![workspace, uid])?;
    Ok(with_topics(on, &rows)?.pop())
}

pub(crate) fn list(on: &mut impl Reads, limit: i64, offset: i64) -> Result<Vec<Stored>> {
    let workspace = on.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook w WHERE w.workspace_id = $1 ORDER BY w.created_at DESC, w.id DESC \
         LIMIT $2 OFFSET $3"
    );
    let rows = on.rows(&sql, &params![workspace, limit.saturating_add(1), offset])?;
    with_topics(on, &rows)
}

/// Active ones of the workspace that want to hear of `topic`.
pub(crate) fn listeners(on: &mut impl Reads, topic: &str) -> Result<Vec<i64>> {
    let workspace = on.workspace();
    on.rows(
        "SELECT w.id FROM webhook w JOIN webhook_topic t ON t.workspace_id = w.workspace_id AND t.webhook_id = w.id \
         WHERE w.workspace_id = $1 AND w.active = TRUE AND t.topic = $2 ORDER BY w.id",
        &params![workspace, topic],
    )?
    .iter()
    .map(|row| row.get("id"))
    .collect()
}

/// Whether anybody wants to hear of anything.
pub(crate) fn any(on: &mut impl Reads) -> Result<bool> {
    Ok(!on.rows("SELECT id FROM webhook WHERE active = TRUE LIMIT 1", &[])?.is_empty())
}

pub(crate) fn insert(tx: &mut Tx<'_>, uid: &Uid, new: &NewWebhook, secret: Option<&[u8]>) -> Result<i64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.query_one(
        "INSERT INTO webhook (workspace_id, uid, name, description, url, active, secret, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id",
        &params![workspace, uid, &new.name, new.description.as_deref(), &new.url, new.active, secret, now],
    )?
    .get("id")
}

pub(crate) fn update(tx: &mut Tx<'_>, id: i64, webhook: &Webhook, secret: Option<&[u8]>) -> Result<u64> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let Webhook { name, description, url, active, .. } = webhook;
    tx.execute(
        "UPDATE webhook SET name = $1, description = $2, url = $3, active = $4, secret = $5, updated_at = $6 \
         WHERE workspace_id = $7 AND id = $8",
        &params![name, description.as_deref(), url, *active, secret, now, workspace, id],
    )
}

pub(crate) fn set_topics(tx: &mut Tx<'_>, id: i64, topics: &[String]) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM webhook_topic WHERE workspace_id = $1 AND webhook_id = $2",
        &params![workspace, id],
    )?;
    tx.execute_many(
        "INSERT INTO webhook_topic (workspace_id, webhook_id, topic) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace_id, webhook_id, topic) DO NOTHING",
        topics.iter().map(|topic| params![workspace, id, topic].to_vec()).collect::<Vec<_>>(),
    )
}

pub(crate) fn delete(tx: &mut Tx<'_>, id: i64) -> Result<u64> {
    let workspace = tx.workspace();
    for table in ["webhook_delivery", "webhook_topic"] {
        let sql = format!("DELETE FROM {table} WHERE workspace_id = $1 AND webhook_id = $2");
        tx.execute(&sql, &params![workspace, id])?;
    }
    tx.execute("DELETE FROM webhook WHERE workspace_id = $1 AND id = $2", &params![workspace, id])
}

/// One thing to tell one webhook.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub uid: Uid,
    pub body: String,
    /// How often it was tried.
    pub attempts: i64,
    pub webhook: i64,
    pub webhook_uid: Uid,
    pub url: String,
    pub secret: Option<Vec<u8>>,
}

/// Whom, in which workspace, at which position and of what to tell.
pub(crate) struct NewDelivery {
    pub workspace: WorkspaceId,
    pub webhook: i64,
    pub position: i64,
    pub topic: String,
    /// Which of the things that the event says.
    pub ordinal: i64,
    pub uid: Uid,
    pub body: String,
}

/// An event that was read before makes no second row.
pub(crate) fn enqueue(tx: &mut FactTx<'_>, new: &[NewDelivery]) -> Result<u64> {
    let now = tx.now();
    let row = |d: &NewDelivery| {
        params![d.workspace, d.webhook, d.position, &d.topic, d.ordinal, d.uid, &d.body, 0_i64, now].to_vec()
    };
    tx.execute_many(
        "INSERT INTO webhook_delivery (workspace_id, webhook_id, position, topic, ordinal, uid, body, attempts, due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (workspace_id, webhook_id, position, ordinal) DO NOTHING",
        new.iter().map(row).collect::<Vec<_>>(),
    )
}

/// What is due, oldest first, at most `each` for one webhook.
pub(crate) fn due(on: &mut impl Reads, now: Timestamp, limit: i64, each: i64) -> Result<Vec<Delivery>> {
    on.rows(
        "SELECT * FROM (SELECT d.id, d.workspace_id, d.uid, d.body, d.attempts, d.due_at, d.webhook_id, \
         w.uid AS webhook_uid, w.url, w.secret, \
         ROW_NUMBER() OVER (PARTITION BY d.webhook_id ORDER BY d.id) AS place \
         FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id WHERE d.due_at <= $1) q \
         WHERE q.place <= $2 ORDER BY q.id LIMIT $3",
        &params![now, each, limit],
    )?
    .iter()
    .map(|row| {
        Ok(Delivery {
            id: row.get("id")?,
            workspace: row.get("workspace_id")?,
            uid: row.get("uid")?,
            body: row.get("body")?,
            attempts: row.get("attempts")?,
            webhook: row.get("webhook_id")?,
            webhook_uid: row.get("webhook_uid")?,
            url: row.get("url")?,
            secret: row.get("secret")?,
        })
    })
    .collect()
}

/// When the next one is due.
pub(crate) fn next_due(on: &mut impl Reads) -> Result<Option<Timestamp>> {
    let rows = on.rows("SELECT MIN(due_at) AS due_at FROM webhook_delivery", &[])?;
    rows.first().map_or(Ok(None), |row| row.get("due_at"))
}

pub(crate) fn done(tx: &mut FactTx<'_>, workspace: WorkspaceId, id: i64) -> Result<u64> {
    tx.execute("DELETE FROM webhook_delivery WHERE workspace_id = $1 AND id = $2", &params![workspace, id])
}

pub(crate) fn again(tx: &mut FactTx<'_>, workspace: WorkspaceId, id: i64, due_at: Timestamp) -> Result<u64> {
    tx.execute(
        "UPDATE webhook_delivery SET attempts = attempts + 1, due_at = $1 WHERE workspace_id = $2 AND id = $3",
        &params![due_at, workspace, id],
    )
}

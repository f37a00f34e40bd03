//! Review queues: traces that wait for somebody's judgement. A user's own queue asks every question of the
//! experiment; another queue asks those that were chosen, which are fixed while it has items.

use ledger::{Ledger, Tx};
use serde_json::json;
use tracking::Page;
use types::{Actor, Timestamp, Uid};

use crate::Error;
use crate::store::queues as store;
use crate::store::schemas;

#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    pub uid: Uid,
    pub experiment: i64,
    pub name: String,
    pub is_user: bool,
    pub owner: Option<String>,
    pub users: Vec<String>,
    pub schemas: Vec<Uid>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewQueue {
    pub experiment: i64,
    pub name: String,
    pub is_user: bool,
    pub owner: Option<String>,
    pub users: Vec<String>,
    pub schemas: Vec<Uid>,
}

/// What changes; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct QueueChange {
    pub name: Option<String>,
    pub owner: Option<String>,
    pub users: Option<Vec<String>>,
    pub schemas: Option<Vec<Uid>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStatus {
    Pending,
    Complete,
    Declined,
}

impl ItemStatus {
    /// What [`ItemStatus::name`] gave.
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "complete" => Self::Complete,
            "declined" => Self::Declined,
            _ => Self::Pending,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Complete => "complete",
            Self::Declined => "declined",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct QueueItem {
    pub queue: Uid,
    /// The trace's id.
    pub item: String,
    pub status: ItemStatus,
    pub completed_by: Option<String>,
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct QueueQuery {
    pub experiment: i64,
    /// Assigned to this user.
    pub user: Option<String>,
    /// Holding this item.
    pub item: Option<String>,
    pub limit: i64,
    pub offset: i64,
}

fn subject(uid: Uid) -> String {
    format!("review_queue:{uid}")
}

fn missing(uid: Uid) -> Error {
    Error::QueueNotFound(uid.hex())
}

fn need(tx: &mut Tx<'_>, uid: Uid) -> Result<Queue, Error> {
    store::find(tx, uid)?.ok_or_else(|| missing(uid))
}

fn check_schemas(tx: &mut Tx<'_>, experiment: i64, wanted: &[Uid]) -> Result<(), Error> {
    let mut unknown = Vec::new();
    for uid in wanted {
        if schemas::find(tx, *uid)?.is_none_or(|schema| schema.experiment != experiment) {
            unknown.push(*uid);
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(Error::UnknownSchemas { experiment, missing: unknown }) }
}

/// Errors: `QueueExists`, `UnknownSchemas`.
pub async fn create_queue(ledger: &Ledger, actor: &Actor, new: NewQueue) -> Result<Queue, Error> {
    ledger
        .write(actor, move |tx| {
            check_schemas(tx, new.experiment, &new.schemas)?;
            if store::named(tx, new.experiment, &new.name)?.is_some() {
                return Err(Error::QueueExists { experiment: new.experiment, name: new.name.clone() });
            }
            let uid = tx.new_id();
            let queue = Queue {
                uid,
                experiment: new.experiment,
                name: new.name.clone(),
                is_user: new.is_user,
                owner: new.owner.clone(),
                users: Vec::new(),
                schemas: Vec::new(),
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            store::insert(tx, &queue)?;
            store::set_users(tx, uid, &new.users)?;
            store::set_schemas(tx, uid, &new.schemas)?;
            tx.event("review_queue.created", &subject(uid), json!({ "experiment": new.experiment }))?;
            need(tx, uid)
        })
        .await
}

/// Errors: `QueueNotFound`.
pub async fn queue(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Queue, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or_else(|| missing(uid))).await
}

/// Without regard to case. Errors: `QueueNotFound`.
pub async fn queue_named(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
) -> Result<Queue, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = match store::named(rx, experiment, &name)? {
                Some(uid) => store::find(rx, uid)?,
                None => None,
            };
            found.ok_or(Error::QueueNotFound(name))
        })
        .await
}

/// Newest first.
pub async fn queues(ledger: &Ledger, actor: &Actor, query: QueueQuery) -> Result<Page<Queue>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(Page::cut(store::list(rx, &query)?, query.limit))).await
}

/// Errors: `QueueNotFound`, `UserQueue`, `QueueExists`, `QuestionsLocked`, `UnknownSchemas`.
pub async fn update_queue(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    change: QueueChange,
) -> Result<Queue, Error> {
    ledger
        .write(actor, move |tx| {
            let mut queue = need(tx, uid)?;
            if queue.is_user {
                return Err(Error::UserQueue);
            }
            if let Some(name) = &change.name {
                if store::named(tx, queue.experiment, name)?.is_some_and(|other| other != uid) {
                    return Err(Error::QueueExists { experiment: queue.experiment, name: name.clone() });
                }
                queue.name.clone_from(name);
            }
            if change.owner.is_some() {
                queue.owner.clone_from(&change.owner);
            }
            if let Some(users) = &change.users {
                store::set_users(tx, uid, users)?;
            }
            if let Some(wanted) = &change.schemas {
                if store::has_items(tx, uid)? {
                    return Err(Error::QuestionsLocked);
                }
                check_schemas(tx, queue.experiment, wanted)?;
                store::set_schemas(tx, uid, wanted)?;
            }
            queue.updated_at = tx.now();
            store::update(tx, &queue)?;
            tx.event("review_queue.updated", &subject(uid), json!({}))?;
            need(tx, uid)
        })
        .await
}

/// One that is not there is no error.
pub async fn delete_queue(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            if store::delete(tx, uid)? {
                tx.event("review_queue.deleted", &subject(uid), json!({}))?;
            }
            Ok(())
        })
        .await
}

/// Items that are there already stay as they are. In the order given.
///
/// Errors: `QueueNotFound`.
pub async fn add_items(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    items: Vec<String>,
) -> Result<Vec<QueueItem>, Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            let added = store::add_items(tx, uid, &items)?;
            if added > 0 {
                tx.event("review_queue.items_added", &subject(uid), json!({ "items": added }))?;
            }
            let mut found = Vec::with_capacity(items.len());
            for item in &items {
                found.extend(store::item(tx, uid, item)?);
            }
            Ok(found)
        })
        .await
}

/// Errors: `QueueNotFound`.
pub async fn remove_items(ledger: &Ledger, actor: &Actor, uid: Uid, items: Vec<String>) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            let removed = store::remove_items(tx, uid, &items)?;
            if removed > 0 {
                tx.event("review_queue.items_removed", &subject(uid), json!({ "items": removed }))?;
            }
            Ok(())
        })
        .await
}

/// Newest first. Errors: `QueueNotFound`.
pub async fn items(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    status: Option<ItemStatus>,
    limit: i64,
    offset: i64,
) -> Result<Page<QueueItem>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::find(rx, uid)?.ok_or_else(|| missing(uid))?;
            Ok(Page::cut(store::items(rx, uid, status, limit, offset)?, limit))
        })
        .await
}

/// The same status again changes nothing: who did it first stays. Errors: `QueueNotFound`, `ItemNotFound`.
pub async fn set_item_status(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    item: String,
    status: ItemStatus,
    completed_by: Option<String>,
) -> Result<QueueItem, Error> {
    ledger
        .write(actor, move |tx| {
            need(tx, uid)?;
            let found = store::item(tx, uid, &item)?;
            let mut found = found.ok_or_else(|| Error::ItemNotFound { queue: uid, item: item.clone() })?;
            if found.status == status {
                return Ok(found);
            }
            found.status = status;
            found.completed_by.clone_from(&completed_by);
            found.completed_at = (status != ItemStatus::Pending).then(|| tx.now());
            found.updated_at = tx.now();
            store::update_item(tx, &found)?;
            tx.event("review_queue.item_judged", &subject(uid), json!({ "status": status.name() }))?;
            Ok(found)
        })
        .await
}

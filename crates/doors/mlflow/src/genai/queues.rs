//! Review queues (`mlflow/protos/review_queues.proto`, `mlflow/genai/review_queues/validation.py`).

use review::{ItemStatus, NewQueue, Queue, QueueChange, QueueItem, QueueQuery};
use serde_json::{Value, json};
use types::{ActorKind, Uid};

use super::labels::{self, page_size};
use super::{existing_experiment, message, uid};
use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{next_token, offset};
use crate::errors::Failure;
use crate::request::Fields;

const PREFIX: &str = "rq-";
const NAME: usize = 250;
const ITEM: usize = 50;
const USERS: usize = 10;
/// `SEARCH_MAX_RESULTS_DEFAULT`.
const PAGE: i64 = 1_000;

const TYPES: [(&str, i64, Option<bool>); 3] =
    [("REVIEW_QUEUE_TYPE_UNSPECIFIED", 0, None), ("USER", 1, Some(true)), ("CUSTOM", 2, Some(false))];
const STATUSES: [(&str, i64, Option<ItemStatus>); 4] = [
    ("REVIEW_STATUS_UNSPECIFIED", 0, None),
    ("PENDING", 1, Some(ItemStatus::Pending)),
    ("COMPLETE", 2, Some(ItemStatus::Complete)),
    ("DECLINED", 3, Some(ItemStatus::Declined)),
];

fn queue(q: Queue) -> Value {
    let schemas: Vec<String> = q.schemas.iter().map(|s| format!("{}{s}", labels::PREFIX)).collect();
    message(json!({
        "queue_id": format!("{PREFIX}{}", q.uid),
        "experiment_id": q.experiment.to_string(),
        "name": q.name,
        "queue_type": if q.is_user { "USER" } else { "CUSTOM" },
        "created_by": q.owner,
        "creation_time_ms": q.created_at.millis(),
        "last_update_time_ms": q.updated_at.millis(),
        "users": q.users,
        "schema_ids": schemas,
    }))
}

fn item(i: QueueItem) -> Value {
    message(json!({
        "queue_id": format!("{PREFIX}{}", i.queue),
        "item_type": "TRACE",
        "item_id": i.item,
        "status": i.status.name().to_uppercase(),
        "completed_by": i.completed_by,
        "completed_time_ms": i.completed_at.map(|t| t.millis()),
        "creation_time_ms": i.created_at.millis(),
        "last_update_time_ms": i.updated_at.millis(),
    }))
}

fn id(f: &Fields) -> Result<Uid, Failure> {
    let text = f.required_text("queue_id")?;
    uid(PREFIX, &text).ok_or_else(|| Failure::missing(format!("Review queue with id '{text}' not found.")))
}

fn failed(error: review::Error) -> Failure {
    use review::Error as E;
    match error {
        E::QueueNotFound(id) => Failure::missing(format!("Review queue with id '{PREFIX}{id}' not found.")),
        E::UnknownSchemas { experiment, missing } => {
            let missing: Vec<_> = missing.iter().map(|m| format!("'{}{m}'", labels::PREFIX)).collect();
            Failure::invalid(format!(
                "Label schema id(s) [{}] not found for experiment '{experiment}'.",
                missing.join(", ")
            ))
        }
        E::ItemNotFound { queue, item } => {
            Failure::missing(format!("Item '{item}' is not attached to review queue '{PREFIX}{queue}'."))
        }
        other => other.into(),
    }
}

/// The text without blanks around it: not empty, and not too long.
fn trimmed(field: &str, text: &str, longest: usize) -> Result<String, Failure> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Failure::invalid(format!("`{field}` must be a non-empty string; got ''."))),
        length if length > longest => {
            Err(Failure::invalid(format!("`{field}` must be at most {longest} characters; got {length}.")))
        }
        _ => Ok(text.to_owned()),
    }
}

fn distinct(texts: Vec<String>) -> Vec<String> {
    let mut found = Vec::with_capacity(texts.len());
    for text in texts {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// Users are compared without regard to case.
fn users(given: &[String]) -> Result<Vec<String>, Failure> {
    let users = given.iter().map(|user| trimmed("user", &user.to_lowercase(), NAME));
    let users = distinct(users.collect::<Result<_, _>>()?);
    if users.len() > USERS {
        return Err(Failure::invalid(format!(
            "A review queue can have at most {USERS} assigned users; got {}.",
            users.len()
        )));
    }
    Ok(users)
}

fn schemas(given: &[String], experiment: &str) -> Result<Vec<Uid>, Failure> {
    let mut found = Vec::with_capacity(given.len());
    for text in given {
        let schema = uid(labels::PREFIX, text.trim()).ok_or_else(|| {
            Failure::invalid(format!(
                "Label schema id(s) ['{text}'] not found for experiment '{experiment}'."
            ))
        })?;
        if !found.contains(&schema) {
            found.push(schema);
        }
    }
    Ok(found)
}

fn custom_name(name: &str) -> Result<String, Failure> {
    let name = trimmed("name", name, NAME)?;
    if name.to_lowercase() == "default" {
        return Err(Failure::invalid(format!(
            "`{name}` is a reserved queue name and cannot be used for a custom queue."
        )));
    }
    Ok(name)
}

/// Who asks, where the server knows its users.
fn signed_in(cx: &Cx) -> Option<String> {
    (cx.actor.kind == ActorKind::User).then(|| cx.actor.name.clone())
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let is_user = f.choice("queue_type", &TYPES)?.flatten().ok_or_else(|| {
        Failure::invalid("`queue_type` must be one of USER or CUSTOM; got proto enum value 0.")
    })?;
    let mut users = users(&f.texts("users")?)?;
    let schemas = schemas(&f.texts("schema_ids")?, &experiment_id)?;
    let name = if is_user { trimmed("name", &name.to_lowercase(), NAME)? } else { custom_name(&name)? };
    if is_user {
        if !users.is_empty() && users != [name.clone()] {
            return Err(Failure::invalid(format!(
                "A user queue must have exactly one assigned user equal to its name; got name='{name}' and users={users:?}."
            )));
        }
        if !schemas.is_empty() {
            return Err(Failure::invalid(
                "A user queue cannot have explicitly-attached schemas; it resolves to all of the experiment's label schemas.",
            ));
        }
        users = vec![name.clone()];
    }
    let experiment = existing_experiment(&cx, &experiment_id).await?;
    let new = NewQueue { experiment, name, is_user, owner: signed_in(&cx), users, schemas };
    let made = review::create_queue(&cx.state.ledger, &cx.actor, new).await.map_err(failed)?;
    reply(&json!({ "review_queue": queue(made) }))
}

pub(crate) async fn get_or_create_user_queue(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, user) = (f.required_text("experiment_id")?, f.required_text("user")?);
    let name = trimmed("name", &user.to_lowercase(), NAME)?;
    let experiment = existing_experiment(&cx, &experiment_id).await?;
    let new = NewQueue {
        experiment,
        name: name.clone(),
        is_user: true,
        owner: Some(name.clone()),
        users: vec![name.clone()],
        schemas: Vec::new(),
    };
    let ledger = &cx.state.ledger;
    let found = match review::create_queue(ledger, &cx.actor, new).await {
        Err(review::Error::QueueExists { .. }) => {
            let found =
                review::queue_named(ledger, &cx.actor, experiment, name.clone()).await.map_err(failed)?;
            if !found.is_user {
                return Err(Failure::new(
                    crate::errors::Code::ResourceAlreadyExists,
                    format!(
                        "A non-user queue named '{name}' already exists; cannot get-or-create a user queue with that name."
                    ),
                ));
            }
            found
        }
        other => other.map_err(failed)?,
    };
    reply(&json!({ "review_queue": queue(found) }))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let found = review::queue(&cx.state.ledger, &cx.actor, id(&f)?).await.map_err(failed)?;
    reply(&json!({ "review_queue": queue(found) }))
}

pub(crate) async fn get_by_name(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let experiment = existing_experiment(&cx, &experiment_id).await?;
    let found = review::queue_named(&cx.state.ledger, &cx.actor, experiment, name.trim().to_owned()).await;
    match found {
        Ok(found) => reply(&json!({ "review_queue": queue(found) })),
        Err(review::Error::QueueNotFound(_)) => Err(Failure::missing(format!(
            "Review queue with name '{name}' not found for experiment '{experiment_id}'."
        ))),
        Err(other) => Err(other.into()),
    }
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let experiment_id = f.required_text("experiment_id")?;
    let (limit, offset) = (page_size(&f, PAGE)?, offset(f.text("page_token")?.as_deref())?);
    let query = QueueQuery {
        experiment: existing_experiment(&cx, &experiment_id).await?,
        user: f.text("user")?.map(|user| user.trim().to_lowercase()),
        item: f.text("item_id")?.map(|item| item.trim().to_owned()),
        limit,
        offset,
    };
    let page = review::queues(&cx.state.ledger, &cx.actor, query).await?;
    let queues: Vec<Value> = page.items.into_iter().map(queue).collect();
    let mut answer = message(json!({ "review_queues": queues }));
    answer["next_page_token"] = next_token(page.more, offset, limit).unwrap_or_default().into();
    reply(&answer)
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let uid = id(&f)?;
    let changes = |flag: &str| Ok::<_, Failure>(f.boolean(flag)?.unwrap_or(false));
    let known = review::queue(&cx.state.ledger, &cx.actor, uid).await.map_err(failed)?;
    let change = QueueChange {
        name: f.text("name")?.map(|name| custom_name(&name)).transpose()?,
        owner: f.text("new_owner")?.map(|owner| trimmed("new_owner", &owner, NAME)).transpose()?,
        users: changes("update_users")?.then(|| users(&f.texts("users")?)).transpose()?,
        schemas: changes("update_schema_ids")?
            .then(|| schemas(&f.texts("schema_ids")?, &known.experiment.to_string()))
            .transpose()?,
    };
    let updated = review::update_queue(&cx.state.ledger, &cx.actor, uid, change).await.map_err(failed)?;
    reply(&json!({ "review_queue": queue(updated) }))
}

/// One that is not there is deleted already.
pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    f.required_text("queue_id")?;
    if let Ok(uid) = id(&f) {
        review::delete_queue(&cx.state.ledger, &cx.actor, uid).await?;
    }
    empty()
}

fn item_ids(f: &Fields) -> Result<Vec<String>, Failure> {
    let given = f.texts("item_ids")?;
    if given.is_empty() {
        return Err(Failure::invalid("`item_ids` must be a non-empty list; got []."));
    }
    let items = given.iter().map(|item| trimmed("item_id", item, ITEM));
    Ok(distinct(items.collect::<Result<_, _>>()?))
}

/// Every item must be a trace of the queue's experiment.
pub(crate) async fn add_items(cx: Cx, f: Fields) -> Answer {
    let queue_id = f.required_text("queue_id")?;
    let items = item_ids(&f)?;
    let (ledger, uid) = (&cx.state.ledger, id(&f)?);
    let queue = review::queue(ledger, &cx.actor, uid).await.map_err(failed)?;
    let known = traces::traces(ledger, &cx.actor, items.clone()).await?;
    let belongs = |item: &&String| known.iter().any(|t| t.uid == **item && t.experiment == queue.experiment);
    let strangers: Vec<_> = items.iter().filter(|i| !belongs(i)).map(|i| format!("'{i}'")).collect();
    if !strangers.is_empty() {
        return Err(Failure::missing(format!(
            "Cannot attach trace(s) [{}] to review queue '{queue_id}': they do not exist in experiment '{}'.",
            strangers.join(", "),
            queue.experiment
        )));
    }
    let added = review::add_items(ledger, &cx.actor, uid, items).await.map_err(failed)?;
    reply(&message(json!({ "items": added.into_iter().map(item).collect::<Vec<_>>() })))
}

pub(crate) async fn remove_items(cx: Cx, f: Fields) -> Answer {
    let items = item_ids(&f)?;
    review::remove_items(&cx.state.ledger, &cx.actor, id(&f)?, items).await.map_err(failed)?;
    empty()
}

pub(crate) async fn list_items(cx: Cx, f: Fields) -> Answer {
    let uid = id(&f)?;
    let (limit, offset) = (page_size(&f, PAGE)?, offset(f.text("page_token")?.as_deref())?);
    let status = f.choice("status", &STATUSES)?.flatten();
    let page =
        review::items(&cx.state.ledger, &cx.actor, uid, status, limit, offset).await.map_err(failed)?;
    let items: Vec<Value> = page.items.into_iter().map(item).collect();
    let mut answer = message(json!({ "items": items }));
    answer["next_page_token"] = next_token(page.more, offset, limit).unwrap_or_default().into();
    reply(&answer)
}

pub(crate) async fn set_item_status(cx: Cx, f: Fields) -> Answer {
    let uid = id(&f)?;
    let name = trimmed("item_id", &f.required_text("item_id")?, ITEM)?;
    let status = f.choice("status", &STATUSES)?.flatten().ok_or_else(|| {
        Failure::invalid("`status` must be one of PENDING, COMPLETE, or DECLINED; got proto enum value 0.")
    })?;
    let pending = status == ItemStatus::Pending;
    // Where users sign in, nobody speaks for another.
    let completed_by = match signed_in(&cx) {
        Some(user) => (!pending).then(|| user.to_lowercase()),
        None => {
            f.text("completed_by")?.map(|user| user.trim().to_lowercase()).filter(|user| !user.is_empty())
        }
    };
    if pending && completed_by.is_some() {
        return Err(Failure::invalid("`completed_by` must not be set when reopening an item to `pending`."));
    }
    if !pending && completed_by.is_none() {
        return Err(Failure::invalid(format!(
            "`completed_by` is required when setting status to `{}`.",
            status.name()
        )));
    }
    let done = review::set_item_status(&cx.state.ledger, &cx.actor, uid, name, status, completed_by).await;
    reply(&json!({ "item": item(done.map_err(failed)?) }))
}

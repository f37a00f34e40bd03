//! Predictions that wait for a person, and what people say of them.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use review::{EndpointQueue, ItemStatus, PredictionItem, PredictionQuery};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, view, why};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    endpoint: Option<String>,
    /// `pending`, `complete` or `declined`; all if absent.
    status: Option<String>,
    #[serde(default = "hundred")]
    limit: i64,
    #[serde(default)]
    offset: i64,
}

fn hundred() -> i64 {
    100
}

pub(crate) fn status(text: &str) -> Result<ItemStatus, Failure> {
    [ItemStatus::Pending, ItemStatus::Complete, ItemStatus::Declined]
        .into_iter()
        .find(|status| status.name() == text)
        .ok_or_else(|| Failure::invalid(format!("`{text}` is no status"), "pending, complete or declined"))
}

fn item(item: &PredictionItem) -> Value {
    json!({
        "prediction": item.prediction,
        "endpoint": item.endpoint,
        "status": item.status.name(),
        "reasons": item.reasons,
        "taken_by": item.taken_by,
        "taken_at": item.taken_at.map(view::time),
        "verdict": item.verdict,
        "comment": item.comment,
        "completed_by": item.completed_by,
        "completed_at": item.completed_at.map(view::time),
        "created_at": view::time(item.created_at),
    })
}

fn queue(queue: &EndpointQueue) -> Value {
    json!({
        "endpoint": queue.endpoint,
        "pending": queue.pending,
        "complete": queue.complete,
        "declined": queue.declined,
        "oldest": queue.oldest.map(view::time),
    })
}

/// `GET reviews?endpoint&status&limit&offset`: those that wait longest first, with how each endpoint's queue stands.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let query = PredictionQuery {
        endpoint: wanted.endpoint,
        status: wanted.status.as_deref().map(status).transpose()?,
        limit: wanted.limit.clamp(1, 1_000),
        offset: wanted.offset.max(0),
    };
    let queues = review::prediction_queues(&state.ledger, actor).await?;
    let page = review::prediction_items(&state.ledger, actor, query).await?;
    Ok(Json(json!({
        "queues": queues.iter().map(queue).collect::<Vec<_>>(),
        "items": page.items.iter().map(item).collect::<Vec<_>>(),
        "more": page.more,
    })))
}

/// With the prediction's record; null where that is gone.
async fn whole(state: &State, actor: &Actor, found: PredictionItem) -> Result<Json<Value>, Failure> {
    let record = state.log.find(actor, found.prediction).await?;
    let mut body = item(&found);
    body["record"] = record.as_ref().map_or(Value::Null, why::prediction);
    Ok(Json(body))
}

/// `GET reviews/{prediction}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = review::prediction_item(&state.ledger, actor, id).await?;
    whole(&state, actor, found).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewReview {
    prediction: Uid,
    reason: Option<String>,
}

/// `POST reviews`: somebody sends a prediction to its queue.
pub async fn send(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<NewReview>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(new) = body.map_err(|e| Failure::body(&e))?;
    let sent = review::send(&state.ledger, &state.log, actor, new.prediction, new.reason).await?;
    whole(&state, actor, sent).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Of {
    endpoint: Option<String>,
}

/// `POST reviews/next`: takes the one that waits longest; `{}` if none waits.
pub async fn next(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Option<Json<Of>>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let endpoint = body.and_then(|Json(of)| of.endpoint);
    match review::take_next(&state.ledger, actor, endpoint).await? {
        Some(found) => whole(&state, actor, found).await,
        None => Ok(Json(json!({}))),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Said {
    /// A number, a boolean or a text.
    label: Value,
    comment: Option<String>,
}

/// `POST reviews/{prediction}/{action}`: take, release, answer (with `label`) or skip; `comment` as one likes.
pub async fn act(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((id, action)): Path<(Uid, String)>,
    body: Option<Json<Said>>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let said = body.map(|Json(said)| said).unwrap_or_default();
    let ledger = &state.ledger;
    let found = match action.as_str() {
        "take" => review::take(ledger, actor, id).await?,
        "release" => review::release(ledger, actor, id).await?,
        "skip" => review::skip(ledger, actor, id, said.comment).await?,
        "answer" if said.label.is_null() => {
            return Err(Failure::invalid("an answer needs a label", "such as {\"label\": 1}"));
        }
        "answer" => review::answer(ledger, &state.log, actor, id, said.label, said.comment).await?,
        other => {
            return Err(Failure::invalid(
                format!("`{other}` cannot be done"),
                "take, release, answer or skip",
            ));
        }
    };
    whole(&state, actor, found).await
}

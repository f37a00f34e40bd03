//! Events, lineage and the audit of the event chain.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Query, State as Shared};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event as SseEvent, KeepAlive};
use futures::stream::{self, Stream};
use kit::Caller;
use ledger::Direction;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State, view};

#[derive(Debug, Deserialize)]
pub struct EventQuery {
    after: Option<i64>,
    before: Option<i64>,
    #[serde(default = "hundred")]
    limit: i64,
    /// The start of the kinds wanted, such as `model.`.
    #[serde(default)]
    kind: String,
}

fn hundred() -> i64 {
    100
}

/// `GET events`: the newest first; with `after`, the following ones, oldest first.
pub async fn events(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let limit = query.limit.clamp(1, 1_000);
    let events = match query.after {
        Some(after) => {
            let mut events = state.ledger.events_after(after, limit).await?;
            events.retain(|e| e.workspace == actor.workspace && e.kind.starts_with(&query.kind));
            events
        }
        None => state.ledger.events_before(actor.workspace, query.before, &query.kind, limit).await?,
    };
    Ok(Json(json!({ "events": events.iter().map(view::event).collect::<Vec<_>>() })))
}

/// `GET events/stream`: every event from now on, or after `Last-Event-ID`, as server-sent events.
pub async fn stream(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Failure> {
    let workspace = caller.require(Permission::Read)?.workspace;
    let watch = state.ledger.watch();
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    let start = last.or(query.after).unwrap_or(*watch.borrow());
    let ledger = state.ledger.clone();
    let pages = stream::unfold((start, watch), move |(position, mut watch)| {
        let ledger = ledger.clone();
        async move {
            loop {
                watch.borrow_and_update();
                match ledger.events_after(position, 500).await {
                    Ok(events) if !events.is_empty() => {
                        let last = events.last().map_or(position, |e| e.position);
                        return Some((events, (last, watch)));
                    }
                    Ok(_) => watch.changed().await.ok()?,
                    Err(error) => {
                        tracing::warn!(%error, "an event stream ended");
                        return None;
                    }
                }
            }
        }
    });
    let events = futures::StreamExt::flat_map(pages, move |events| {
        stream::iter(events.into_iter().filter(move |e| e.workspace == workspace).map(|e| {
            let data = view::event(&e).to_string();
            Ok(SseEvent::default().id(e.position.to_string()).data(data))
        }))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

#[derive(Debug, Deserialize)]
pub struct LineageQuery {
    kind: String,
    key: String,
    #[serde(default = "both")]
    direction: String,
    #[serde(default = "six")]
    depth: u32,
}

fn both() -> String {
    "both".into()
}

fn six() -> u32 {
    6
}

/// `GET lineage?kind&key&direction&depth`
pub async fn lineage(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<LineageQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let direction = match query.direction.as_str() {
        "causes" => Direction::Causes,
        "effects" => Direction::Effects,
        "both" => Direction::Both,
        other => {
            return Err(Failure::invalid(
                format!("`{other}` is not a direction"),
                "choose causes, effects or both",
            ));
        }
    };
    let depth = query.depth.min(50);
    let graph = state.ledger.lineage(actor.workspace, &query.kind, &query.key, direction, depth).await?;
    if graph.nodes.is_empty() {
        return Err(Failure::not_found(&query.kind, &query.key));
    }
    Ok(Json(view::graph(&graph)))
}

/// `GET audit/verify`
pub async fn verify(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Read)?;
    match state.ledger.verify_chain().await {
        Ok(report) => Ok(Json(json!({ "ok": true, "events": report.events, "head": report.head }))),
        Err(ledger::Error::BrokenChain { position, reason }) => {
            Ok(Json(json!({ "ok": false, "events": position - 1, "broken_at": position, "reason": reason })))
        }
        Err(error) => Err(error.into()),
    }
}

//! Drift monitors and their windows.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use monitoring::{Performance, WindowView};
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State, view};

/// `GET monitors`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let monitors: Vec<Value> = monitoring::list(&state.ledger, actor)
        .await?
        .iter()
        .map(|m| {
            json!({
                "name": m.name,
                "endpoint": m.endpoint,
                "drifted": m.drifted,
                "windows": m.windows,
                "last": m.last.as_ref().map(window),
                "problem": m.problem,
            })
        })
        .collect();
    Ok(Json(json!({ "monitors": monitors })))
}

#[derive(Debug, Deserialize)]
pub struct WindowQuery {
    #[serde(default = "hundred")]
    windows: i64,
}

fn hundred() -> i64 {
    100
}

/// `GET monitors/{name}?windows`: the newest windows first, the latest with histograms.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<WindowQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = monitoring::get(&state.ledger, actor, &name, query.windows.clamp(1, 1_000)).await?;
    let pending = monitoring::pending_rows(&state.ledger, &state.log, actor, &found).await?;
    Ok(Json(json!({
        "name": found.name,
        "endpoint": found.endpoint,
        "method": found.method,
        "threshold": found.threshold,
        "share": found.share,
        "window_rows": found.window_rows,
        "consecutive": found.consecutive,
        "rules": found.spec.rules,
        "drifted": found.drifted,
        "streak": found.streak,
        "problem": found.problem,
        "levels": found.levels,
        "pending_rows": pending,
        "windows": found.windows.iter().map(window).collect::<Vec<_>>(),
        "latest": found.latest.as_ref().map(window),
        "performance": found.performance.iter().map(performance).collect::<Vec<_>>(),
    })))
}

fn window(window: &WindowView) -> Value {
    json!({
        "id": window.uid,
        "number": window.number,
        "from": view::time(window.from),
        "to": view::time(window.to),
        "rows": window.rows,
        "first_ordinal": window.first_ordinal,
        "next_ordinal": window.next_ordinal,
        "revision": window.revision,
        "model_version": window.model_version,
        "drifted": window.drifted,
        "share": window.share,
        "alarm": window.alarm,
        "level": window.level,
        "signals": window.signals,
        "features": window.features,
    })
}

fn performance(performance: &Performance) -> Value {
    let metrics: serde_json::Map<String, Value> =
        performance.metrics.iter().map(|(name, value)| (name.clone(), view::number(*value))).collect();
    json!({
        "window": performance.window,
        "at": view::time(performance.at),
        "rows": performance.rows,
        "metrics": metrics,
        "updated_at": view::time(performance.updated_at),
    })
}

//! The servers that share the database.

use axum::Json;
use axum::extract::{Query, State as Shared};
use kit::Caller;
use pipelines::LogPart;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State, view};

/// `GET servers`: those that run pipelines on a shared database, the silent ones included.
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Read)?;
    let now = state.ledger.clock().now();
    let servers = pipelines::servers(&state.ledger).await?;
    let views: Vec<Value> = servers
        .iter()
        .map(|server| {
            json!({
                "id": server.uid,
                "url": server.url,
                "data_dir": server.data_dir,
                "started_at": view::time(server.started_at),
                "beat_at": view::time(server.beat_at),
                "lease_seconds": server.lease_ms as f64 / 1e3,
                // As far as the clocks agree.
                "silent": now.0 - server.beat_at.0 > server.lease_ms * 1_000,
            })
        })
        .collect();
    Ok(Json(json!({ "servers": views })))
}

#[derive(Debug, Deserialize)]
pub struct Asked {
    token: String,
}

/// `GET servers/log?token`: what one of them asks another for, a piece of the log of a task that runs there. The token says
/// which; only a server with the same master key can make it.
pub async fn log(Shared(state): Shared<State>, Query(asked): Query<Asked>) -> Result<Json<LogPart>, Failure> {
    Ok(Json(state.engine.read_log_for_peer(&asked.token).await?))
}

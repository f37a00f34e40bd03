//! What people write about a run: its note, its name, its tags.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use tracking::{LogBatch, UpdateRun};
use types::{Permission, Uid};

use crate::{Failure, State};

/// The tag that MLflow keeps a run's name in as well.
const NAME_TAG: &str = "mlflow.runName";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    name: Option<String>,
    /// Null takes a tag away.
    tags: std::collections::BTreeMap<String, Option<String>>,
}

/// `PATCH runs/{id}`: the note is the tag `mlflow.note.content`, as MLflow's own page has it.
pub async fn change(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(change) = body.map_err(|e| Failure::body(&e))?;
    if let Some(name) = change.name.filter(|n| !n.trim().is_empty()) {
        let update = UpdateRun { name: Some(name), name_tag: Some(NAME_TAG), ..UpdateRun::default() };
        tracking::update_run(&state.ledger, actor, id, update).await?;
    }
    let mut batch = LogBatch::default();
    for (key, value) in change.tags {
        match value {
            Some(value) => batch.tags.push((key, value)),
            None => match tracking::delete_tag(&state.ledger, actor, id, key).await {
                // It is gone, which is what was asked.
                Ok(()) | Err(tracking::Error::TagNotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            },
        }
    }
    if !batch.tags.is_empty() {
        tracking::log_batch(&state.ledger, actor, id, batch).await?;
    }
    Ok(Json(json!({})))
}

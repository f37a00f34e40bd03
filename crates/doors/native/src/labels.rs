//! Late labels: what turned out to be true, by prediction.

use axum::Json;
use axum::extract::State as Shared;
use axum::extract::rejection::JsonRejection;
use kit::Caller;
use predictions::NewLabel;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Permission, Timestamp, Uid};

use crate::{Failure, State};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    labels: Vec<ToldLabel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldLabel {
    prediction_id: String,
    label: Value,
    /// RFC 3339; now if absent.
    at: Option<String>,
}

/// `POST labels`: telling the same again changes nothing. Ids that name no prediction come back as `unknown`.
pub async fn tell(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Told>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Predict).or_else(|_| caller.require(Permission::Write))?;
    let Json(told) = body.map_err(|e| Failure::body(&e))?;
    let mut labels = Vec::with_capacity(told.labels.len());
    let mut unknown = Vec::new();
    for (index, one) in told.labels.into_iter().enumerate() {
        let at = one.at.as_deref().map(|at| time(index, at)).transpose()?;
        match one.prediction_id.parse::<Uid>() {
            Ok(prediction_id) => labels.push(NewLabel { prediction_id, label: one.label, at }),
            Err(_) => unknown.push(one.prediction_id),
        }
    }
    let told = state.log.label(actor, labels).await?;
    unknown.extend(told.unknown.iter().map(Uid::to_string));
    Ok(Json(json!({
        "accepted": told.accepted,
        "unchanged": told.unchanged,
        "replaced": told.replaced,
        "unknown": unknown,
    })))
}

fn time(index: usize, text: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        Failure::invalid(
            format!("labels[{index}].at: `{text}` is not a time"),
            "write it in RFC 3339, such as 2026-03-01T12:00:00Z",
        )
    })
}

//! Labels of dataset versions that look wrong, and what people say of them.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use curation::ExpectationGate;
use datasets::{Gate, Version};
use kit::Caller;
use review::{LabelItem, LabelPlan, LabelQuery, LabelReview, LabelVerdict};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission};

use crate::reviews::status;
use crate::{Failure, State, view};

fn review(review: &LabelReview, version: &Version) -> Value {
    json!({
        "dataset": version.dataset,
        "number": version.number,
        "version": version.uid,
        "column": review.column,
        "pending": review.pending,
        "complete": review.complete,
        "corrected": review.corrected,
        "declined": review.declined,
        "since": view::time(review.since),
    })
}

fn item(item: &LabelItem) -> Value {
    json!({
        "row": item.row,
        "row_id": item.row_id,
        "column": item.column,
        "given": item.given,
        "likely": item.likely,
        "quality": item.quality,
        "values": item.values,
        "status": item.status.name(),
        "verdict": item.verdict,
        "comment": item.comment,
        "completed_by": item.completed_by,
        "completed_at": item.completed_at.map(view::time),
    })
}

/// `GET label-reviews`: every version whose labels were put before people, the newest first.
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut reviews = Vec::new();
    for found in review::label_reviews(&state.ledger, actor).await? {
        let version = datasets::get(&state.ledger, actor, found.version).await?;
        reviews.push(review(&found, &version));
    }
    Ok(Json(json!({ "reviews": reviews })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
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

/// `GET datasets/{name}/versions/{n}/labels?status&limit&offset`: those that look wrong, the worst first, and how their review
/// stands; null where nobody looked for any. `plan` is what the dataset's own verification says of labels.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let version = datasets::version(&state.ledger, actor, &name, number).await?;
    let query = LabelQuery {
        version: version.uid,
        status: wanted.status.as_deref().map(status).transpose()?,
        limit: wanted.limit.clamp(1, 1_000),
        offset: wanted.offset.max(0),
    };
    let reviews = review::label_reviews(&state.ledger, actor).await?;
    let standing = reviews.iter().find(|r| r.version == version.uid).map(|r| review(r, &version));
    let page = review::label_items(&state.ledger, actor, query).await?;
    Ok(Json(json!({
        "dataset": version.dataset,
        "number": version.number,
        "review": standing,
        "plan": declared(&state, actor, &name).await?,
        "items": page.items.iter().map(item).collect::<Vec<_>>(),
        "more": page.more,
    })))
}

/// What the project says of the labels, where it has them verified.
async fn declared(state: &State, actor: &Actor, name: &str) -> Result<Option<LabelPlan>, Failure> {
    let found = automation::declared_dataset(&state.ledger, actor, name).await?;
    let plan = found.and_then(|d| d.expectations).and_then(|e| e.verification);
    Ok(plan.and_then(|plan| {
        Some(LabelPlan {
            label: plan.label?,
            probabilities: plan.probabilities,
            activations: plan.activations,
            ignore: plan.ignore.into_iter().chain(plan.key).collect(),
        })
    }))
}

/// `POST datasets/{name}/versions/{n}/labels`: looks for label errors and puts them before people. Without a `label` as the dataset's
/// own verification has it.
pub async fn find(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
    body: Option<Json<LabelPlan>>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let version = datasets::version(&state.ledger, actor, &name, number).await?;
    let plan = match body.map(|Json(plan)| plan).filter(|plan| !plan.label.is_empty()) {
        Some(plan) => plan,
        None => declared(&state, actor, &name).await?.ok_or_else(|| {
            Failure::invalid(
                format!("nothing says which column of `{name}` holds the labels"),
                "name it, such as {\"label\": \"sick\"}",
            )
        })?,
    };
    let found = review::find_label_errors(&state.ledger, &state.blobs, actor, &version, plan).await?;
    Ok(Json(review(&found, &version)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// `keep`, `correct` (with `label`), `skip` or `reopen`.
    verdict: String,
    label: Option<Value>,
    comment: Option<String>,
}

/// `POST datasets/{name}/versions/{n}/labels/{row}`
pub async fn judge(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number, row)): Path<(String, i64, i64)>,
    body: Result<Json<Said>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(said) = body.map_err(|e| Failure::body(&e))?;
    let label = match said.label {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
    };
    let verdict = match (said.verdict.as_str(), label) {
        ("keep", _) => LabelVerdict::Keep,
        ("correct", Some(label)) => LabelVerdict::Correct(label),
        ("correct", None) => {
            return Err(Failure::invalid("a correction needs a label", "such as {\"label\": 1}"));
        }
        ("skip", _) => LabelVerdict::Skip,
        ("reopen", _) => LabelVerdict::Reopen,
        (other, _) => {
            return Err(Failure::invalid(
                format!("`{other}` is no verdict"),
                "keep, correct, skip or reopen",
            ));
        }
    };
    let version = datasets::version(&state.ledger, actor, &name, number).await?;
    let judged = review::judge_label(&state.ledger, actor, &version, row, verdict, said.comment).await?;
    Ok(Json(item(&judged)))
}

/// `POST datasets/{name}/versions/{n}/corrected`: the version whose labels are as people say, if the dataset's gate lets it in.
pub async fn correct(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let version = datasets::version(&state.ledger, actor, &name, number).await?;
    let declared = automation::declared_dataset(&state.ledger, actor, &name).await?.unwrap_or_default();
    let gate = declared.expectations.map(|e| ExpectationGate::new(&state.ledger, &state.blobs, actor, e));
    let gate = gate.as_ref().map(|g| g as &dyn Gate);
    let made = review::correct_labels(&state.ledger, &state.blobs, actor, &version, gate).await?;
    Ok(Json(crate::datasets::version(&made)))
}

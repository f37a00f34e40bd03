//! Retrainings and the policies that start them.

use automation::{PolicyView, Retraining, Trigger};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use http::StatusCode;
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Class, Permission, Uid};

use crate::{Failure, State, view};

/// Retrainings in the list.
const NEWEST: i64 = 500;

/// `GET retrainings`: newest first, and the policies.
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = automation::list(&state.ledger, actor, NEWEST).await?;
    let policies = automation::policies(&state.ledger, actor).await?;
    Ok(Json(json!({
        "retrainings": found.iter().map(retraining).collect::<Vec<_>>(),
        "policies": policies.iter().map(policy).collect::<Vec<_>>(),
    })))
}

/// `GET retrainings/{id}`: with its history.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = automation::get(&state.ledger, actor, known(&id)?).await?;
    let mut body = retraining(&found);
    // What it has done so far, while it is not judged yet.
    if let (None, Some(since), Some(version)) = (&found.shadow, found.shadow_since, found.model_version) {
        let figures = state.serving.shadow_figures(actor, &found.endpoint, version, since).await?;
        body["shadow"] = shadow(&figures);
    }
    body["history"] = found
        .history
        .iter()
        .map(|step| json!({ "at": view::time(step.at), "state": step.state, "detail": step.detail }))
        .collect();
    Ok(Json(body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    policy: String,
    /// Why, for those who look at it later.
    #[serde(default)]
    reason: Option<String>,
}

/// `POST retrainings`: retrains now, whatever cool-down and budget say.
pub async fn start(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(wish) = body.map_err(|e| Failure::body(&e))?;
    let started = automation::trigger_manual(&state.ledger, actor, &wish.policy, wish.reason).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": started.uid }))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Why; a decision without a reason is refused, the end of a retraining is not.
    #[serde(default)]
    reason: String,
}

/// `POST retrainings/{id}/{word}`: approve, reject or cancel.
pub async fn decide(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((id, word)): Path<(String, String)>,
    body: Result<Json<Decided>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    let Json(decided) = body.map_err(|e| Failure::body(&e))?;
    let approved = match word.as_str() {
        "approve" => true,
        "reject" => false,
        "cancel" => {
            let (id, reason) = (known(&id)?, Some(decided.reason));
            return Ok(Json(retraining(&automation::cancel(&state.ledger, actor, id, reason).await?)));
        }
        other => {
            return Err(Failure::invalid(
                format!("`{other}` cannot be done with a retraining"),
                "approve, reject or cancel it",
            ));
        }
    };
    let found = automation::decide(&state.ledger, actor, known(&id)?, approved, &decided.reason).await?;
    Ok(Json(retraining(&found)))
}

fn known(id: &str) -> Result<Uid, Failure> {
    id.parse().map_err(|_| {
        let hint = "GET retrainings lists them".to_owned();
        Failure::new(Class::NotFound, format!("there is no retraining `{id}`"), Some(hint))
    })
}

fn retraining(found: &Retraining) -> Value {
    json!({
        "id": found.uid,
        "policy": found.policy,
        "state": found.state,
        "trigger": trigger(&found.trigger),
        "reason": found.reason,
        "created_at": view::time(found.created_at),
        "updated_at": view::time(found.updated_at),
        "ended_at": view::time_opt(found.ended_at),
        "created_by": found.created_by,
        "times": found.times,
        "label_deadline": view::time_opt(found.label_deadline),
        "dataset_version": found.dataset_version,
        "pipeline_run": found.pipeline_run,
        "model": found.model,
        "model_version": found.model_version,
        "evaluation": found.evaluation,
        "endpoint": found.endpoint,
        "endpoint_revision": found.endpoint_revision,
        "shadow_since": view::time_opt(found.shadow_since),
        "shadow": found.shadow.as_ref().map(shadow),
        "rollout": found.rollout,
        "rule": found.recipe.rollout,
        "approval_deadline": view::time_opt(found.approval_deadline),
        "decision": found.decision.as_ref().map(|d| {
            json!({ "approved": d.approved, "by": d.by, "reason": d.reason, "at": view::time(d.at) })
        }),
        "cancel": found.cancel.as_ref().map(|c| {
            json!({ "by": c.by, "reason": c.reason, "at": view::time(c.at) })
        }),
    })
}

/// Sums, and what follows from them.
fn shadow(found: &serving::ShadowFigures) -> Value {
    json!({
        "requests": found.requests,
        "errors": found.errors,
        "rows": found.rows,
        "disagreement": found.disagreement(),
        "p95_ms": found.p95_ms(),
        "answered_p95_ms": found.answered_p95_ms(),
    })
}

fn trigger(trigger: &Trigger) -> Value {
    let mut body = json!(trigger);
    match trigger {
        Trigger::Drift { from, .. } => body["from"] = view::time(*from),
        Trigger::Schedule { at, .. } => body["at"] = view::time(*at),
        _ => {}
    }
    body
}

fn policy(found: &PolicyView) -> Value {
    let policy = &found.policy;
    let budget =
        policy.budget.map(|b| json!({ "used": found.budget_used, "runs": b.runs, "per": span(b.per) }));
    json!({
        "name": policy.name,
        "on": policy.on,
        "triggers": policy.triggers,
        "rule": policy.recipe.rollout,
        "pipeline": policy.recipe.pipeline,
        "model": policy.recipe.model,
        "endpoint": policy.recipe.endpoint,
        "cooldown_until": view::time_opt(found.cooldown_until),
        "budget": budget,
        "active": found.active,
        "pending": found.pending.as_ref().map(|p| {
            json!({ "commit": p.commit, "commits": p.commits, "due": view::time(p.due) })
        }),
    })
}

/// Seconds in the largest unit that leaves no rest: `7d`, `36h`, `90s`.
fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    match units.iter().find(|(size, _)| seconds != 0 && seconds % size == 0) {
        Some((size, unit)) => format!("{}{unit}", seconds / size),
        None => format!("{seconds}s"),
    }
}

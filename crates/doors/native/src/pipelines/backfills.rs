//! Backfills: runs for the moments of a range that lies behind.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use pipelines::{Backfill, BackfillMoment, CodeSnapshot, NewBackfill, Rerun, Trigger};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Permission, Timestamp, Uid};

use super::{schedules, submit};
use crate::{Failure, State, view};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default)]
    name: Option<String>,
    /// Whose rhythm, plan and inputs are taken; or else
    #[serde(default)]
    schedule: Option<Uid>,
    /// the pipeline whose newest run's plan runs, or
    #[serde(default)]
    pipeline: Option<String>,
    /// what runs, with
    #[serde(default)]
    plan: Option<Value>,
    /// a rhythm of its own.
    #[serde(default)]
    cron: Option<String>,
    #[serde(default)]
    interval_seconds: Option<i64>,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    /// The input that gets the moment.
    #[serde(default)]
    moment_input: Option<String>,
    #[serde(default)]
    code: Option<CodeSnapshot>,
    #[serde(default)]
    experiment: Option<String>,
    from: String,
    to: String,
    #[serde(default = "one")]
    max_active: u32,
    #[serde(default)]
    rerun: Rerun,
    #[serde(default)]
    backwards: bool,
    /// Only say what it would do.
    #[serde(default)]
    dry_run: bool,
}

fn one() -> u32 {
    1
}

/// A moment as people write it: RFC 3339, or a day, which begins at midnight UTC.
fn moment(name: &str, text: &str) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Timestamp::parse_rfc3339(&whole).ok_or_else(|| {
        Failure::invalid(
            format!("`{name}` is `{text}`, which is no moment"),
            "write a day such as 2026-03-01, or a moment such as 2026-03-01T06:00:00Z",
        )
    })
}

fn shown(backfill: &Backfill) -> Value {
    let what = &backfill.what;
    let (cron, zone, seconds) = match &what.trigger {
        Trigger::Cron { cron, time_zone, .. } => (Some(cron), Some(time_zone), None),
        Trigger::Interval { seconds, .. } => (None, None, Some(seconds)),
        Trigger::Event { .. } => (None, None, None),
    };
    json!({
        "id": backfill.uid,
        "name": what.name,
        "pipeline": what.submit.pipeline,
        "schedule": what.schedule,
        "cron": cron,
        "time_zone": zone,
        "interval_seconds": seconds,
        "from": view::time(what.from),
        "to": view::time(what.to),
        "max_active": what.max_active,
        "rerun": what.rerun.name(),
        "backwards": what.backwards,
        "moment_input": what.moment_input,
        "state": backfill.state.name(),
        "progress": backfill.progress,
        "message": backfill.message,
        "created_at": view::time(backfill.created_at),
        "updated_at": view::time(backfill.updated_at),
        "ended_at": view::time_opt(backfill.ended_at),
        "created_by": backfill.created_by,
    })
}

fn moments(of: &[BackfillMoment]) -> Vec<Value> {
    of.iter()
        .map(|at| {
            json!({
                "moment": view::time(at.moment),
                "until": view::time_opt(at.until),
                "state": at.state,
                "run": at.run,
                "message": at.message,
            })
        })
        .collect()
}

/// `POST backfills`: the backfill, or with `dry_run` the moments that it would have.
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(request) = body.map_err(|e| Failure::body(&e))?;
    let (from, to) = (moment("from", &request.from)?, moment("to", &request.to)?);
    let (mut submit, trigger, named) = match (request.schedule, request.plan, request.pipeline) {
        (Some(schedule), None, None) => {
            let found = pipelines::get_schedule(&state.ledger, actor, schedule).await?;
            let trigger = match found.what.trigger {
                // It counts from there.
                Trigger::Interval { seconds, from: None, until } => {
                    Trigger::Interval { seconds, from: Some(found.created_at), until }
                }
                Trigger::Event { .. } => {
                    return Err(Failure::invalid(
                        "this schedule waits for events and has no rhythm",
                        "give `pipeline` with `cron` or `interval_seconds`",
                    ));
                }
                other => other,
            };
            let mut submit = found.what.submit;
            let given = submit::data(&submit.plan, request.inputs)?;
            submit.inputs.extend(given);
            (submit, trigger, found.what.name)
        }
        (None, plan, pipeline) => {
            let trigger = schedules::trigger(request.cron, request.interval_seconds, request.time_zone)?;
            let submit = match (plan, pipeline) {
                (Some(plan), _) => {
                    submit::prepare(&state, plan, request.inputs, request.code, request.experiment).await?
                }
                (None, Some(pipeline)) => {
                    schedules::newest_plan(&state, actor, &pipeline, request.inputs).await?
                }
                (None, None) => {
                    return Err(Failure::invalid(
                        "a backfill needs something to run",
                        "give a `schedule`, a `pipeline` that has run, or a `plan`",
                    ));
                }
            };
            let named = submit.pipeline.clone();
            (submit, trigger, named)
        }
        (Some(_), ..) => {
            return Err(Failure::invalid(
                "a backfill has either a `schedule` or something of its own to run",
                "leave `plan` and `pipeline` out, or `schedule`",
            ));
        }
    };
    let name = request.name.filter(|name| !name.trim().is_empty()).unwrap_or(named);
    submit.trigger = json!({ "kind": "backfill", "name": name });
    let new = NewBackfill {
        name,
        trigger,
        schedule: request.schedule,
        submit,
        moment_input: request.moment_input,
        from,
        to,
        max_active: request.max_active,
        rerun: request.rerun,
        backwards: request.backwards,
    };
    if request.dry_run {
        let found = pipelines::preview_backfill(&state.ledger, actor, new).await?;
        return Ok(Json(json!({ "moments": moments(&found) })));
    }
    Ok(Json(shown(&pipelines::create_backfill(&state.ledger, actor, new).await?)))
}

#[derive(Debug, Deserialize)]
pub struct ListQuery {
    pipeline: Option<String>,
}

/// `GET backfills?pipeline`: newest first.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = pipelines::list_backfills(&state.ledger, actor, query.pipeline).await?;
    Ok(Json(json!({ "backfills": found.iter().map(shown).collect::<Vec<_>>() })))
}

/// `GET backfills/{id}`: with its moments, in the order in which they start.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let (found, at) = pipelines::get_backfill(&state.ledger, actor, id).await?;
    let mut view = shown(&found);
    view["moments"] = moments(&at).into();
    Ok(Json(view))
}

/// `POST backfills/{id}/pause`
pub async fn pause(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    Ok(Json(shown(&pipelines::pause_backfill(&state.ledger, actor, id, true).await?)))
}

/// `POST backfills/{id}/resume`
pub async fn resume(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    Ok(Json(shown(&pipelines::pause_backfill(&state.ledger, actor, id, false).await?)))
}

/// `POST backfills/{id}/cancel`: with the runs of it that go on.
pub async fn cancel(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    Ok(Json(shown(&pipelines::cancel_backfill(&state.ledger, actor, id).await?)))
}

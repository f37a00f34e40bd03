//! Schedules: runs that start by the clock.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use pipelines::{CodeSnapshot, NewSchedule, RunFilter, Schedule, SubmitPlan, Trigger};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission, Timestamp, Uid};

use super::{newest, submit};
use crate::{Failure, State, view};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    cron: Option<String>,
    #[serde(default)]
    interval_seconds: Option<i64>,
    #[serde(default)]
    time_zone: Option<String>,
    /// Kind of an event that starts a run.
    #[serde(default)]
    on: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    payload: BTreeMap<String, Value>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    catch_up: bool,
    #[serde(default = "one")]
    max_concurrency: u32,
    /// What runs; or else
    #[serde(default)]
    plan: Option<Value>,
    /// the pipeline whose newest run's plan runs.
    #[serde(default)]
    pipeline: Option<String>,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    #[serde(default)]
    code: Option<CodeSnapshot>,
    #[serde(default)]
    experiment: Option<String>,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

pub(super) fn trigger(
    cron: Option<String>,
    seconds: Option<i64>,
    zone: Option<String>,
) -> Result<Trigger, Failure> {
    match (cron, seconds) {
        (Some(cron), None) => Ok(Trigger::Cron {
            cron,
            time_zone: zone.filter(|z| !z.is_empty()).unwrap_or_else(|| "UTC".to_owned()),
            from: None,
            until: None,
        }),
        (None, Some(seconds)) => Ok(Trigger::Interval { seconds, from: None, until: None }),
        _ => Err(Failure::invalid(
            "a schedule has one of `cron`, `interval_seconds` and `on`",
            "give one of them, such as {\"cron\": \"0 6 * * *\", \"time_zone\": \"Europe/Berlin\"}",
        )),
    }
}

/// Moments that are shown ahead.
const AHEAD: usize = 5;

/// The next moments of a trigger. Errors: a text that cannot be read.
fn upcoming(trigger: &Trigger, after: Timestamp, created: Timestamp) -> Result<Vec<Value>, Failure> {
    let mut moments = Vec::with_capacity(AHEAD);
    let mut at = after;
    while moments.len() < AHEAD
        && let Some(next) = trigger.next(at, created)?
    {
        moments.push(view::time(next));
        at = next;
    }
    Ok(moments)
}

async fn shown(state: &State, actor: &Actor, schedule: &Schedule) -> Result<Value, Failure> {
    let now = state.ledger.clock().now();
    let filter = RunFilter { schedule: Some(schedule.uid), limit: Some(1), ..RunFilter::default() };
    let last = pipelines::find_runs(&state.ledger, actor, filter).await?;
    let last = last.first().map(
        |run| json!({ "id": run.uid, "state": run.state.name(), "created_at": view::time(run.created_at) }),
    );
    let NewSchedule { name, description, trigger, submit, max_concurrency, catch_up, enabled, .. } =
        &schedule.what;
    let (cron, zone, seconds) = match trigger {
        Trigger::Cron { cron, time_zone, .. } => (Some(cron), Some(time_zone), None),
        Trigger::Interval { seconds, .. } => (None, None, Some(seconds)),
        Trigger::Event { .. } => (None, None, None),
    };
    let (on, subject, payload) = match trigger {
        Trigger::Event { on, subject, payload } => (Some(on), subject.as_ref(), Some(payload)),
        _ => (None, None, None),
    };
    let inputs: BTreeMap<&String, Value> = submit
        .inputs
        .iter()
        .map(|(name, datum)| match datum {
            pipelines::Datum::Value(value) => (name, value.clone()),
            other => (name, json!(other)),
        })
        .collect();
    Ok(json!({
        "id": schedule.uid,
        "name": name,
        "description": description,
        "pipeline": submit.pipeline,
        "cron": cron,
        "time_zone": zone,
        "interval_seconds": seconds,
        "on": on,
        "subject": subject,
        "payload": payload,
        "enabled": enabled,
        "catch_up": catch_up,
        "max_concurrency": max_concurrency,
        "inputs": inputs,
        "next_at": view::time_opt(schedule.next_at),
        "last_at": view::time_opt(schedule.last_at),
        "upcoming": if *enabled { upcoming(trigger, now, schedule.created_at)? } else { Vec::new() },
        "last_run": last,
        "created_at": view::time(schedule.created_at),
        "updated_at": view::time(schedule.updated_at),
        "created_by": schedule.created_by,
    }))
}

#[derive(Debug, Deserialize)]
pub struct ListQuery {
    pipeline: Option<String>,
}

/// `GET schedules?pipeline`: oldest first.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut views = Vec::new();
    for schedule in pipelines::list_schedules(&state.ledger, actor).await? {
        if query.pipeline.as_ref().is_none_or(|wanted| *wanted == schedule.what.submit.pipeline) {
            views.push(shown(&state, actor, &schedule).await?);
        }
    }
    Ok(Json(json!({ "schedules": views })))
}

/// `GET schedules/{id}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let schedule = pipelines::get_schedule(&state.ledger, actor, id).await?;
    Ok(Json(shown(&state, actor, &schedule).await?))
}

/// `POST schedules`
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(request) = body.map_err(|e| Failure::body(&e))?;
    let trigger = match request.on {
        Some(on) if request.cron.is_none() && request.interval_seconds.is_none() => {
            Trigger::Event { on, subject: request.subject, payload: request.payload }
        }
        Some(_) => {
            return Err(Failure::invalid(
                "a schedule has one of `cron`, `interval_seconds` and `on`",
                "make one schedule for each of them",
            ));
        }
        None => trigger(request.cron, request.interval_seconds, request.time_zone)?,
    };
    let mut submit = match (request.plan, request.pipeline) {
        (Some(plan), _) => {
            submit::prepare(&state, plan, request.inputs, request.code, request.experiment).await?
        }
        (None, Some(pipeline)) => newest_plan(&state, actor, &pipeline, request.inputs).await?,
        (None, None) => {
            return Err(Failure::invalid(
                "a schedule needs something to run",
                "give a `plan`, or the name of a `pipeline` that has run",
            ));
        }
    };
    submit.trigger = json!({ "kind": "schedule", "name": request.name });
    let new = NewSchedule {
        name: request.name,
        description: request.description,
        trigger,
        submit,
        max_concurrency: request.max_concurrency,
        catch_up: request.catch_up,
        enabled: request.enabled,
        labels: Value::Null,
    };
    let schedule = pipelines::create_schedule(&state.ledger, actor, new).await?;
    Ok(Json(shown(&state, actor, &schedule).await?))
}

/// What the newest run of a pipeline executed.
pub(super) async fn newest_plan(
    state: &State,
    actor: &Actor,
    pipeline: &str,
    inputs: BTreeMap<String, Value>,
) -> Result<SubmitPlan, Failure> {
    let last = newest(state, actor, pipeline).await?.ok_or_else(|| {
        Failure::invalid(
            format!("pipeline `{pipeline}` has not run yet, so there is no plan to run"),
            "run it once, or give a `plan`",
        )
    })?;
    if last.spec.is_some() {
        return Err(Failure::invalid(
            format!("pipeline `{pipeline}` is declared in a project, which starts it by its own policies"),
            "declare `retrain` in mlwright.yaml, or schedule a pipeline of the Python SDK",
        ));
    }
    submit::repeat(state, actor, &last, inputs).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    #[serde(default)]
    cron: Option<String>,
    #[serde(default)]
    interval_seconds: Option<i64>,
    #[serde(default)]
    time_zone: Option<String>,
}

/// `POST schedules/preview {cron | interval_seconds, time_zone?}`: when it would be due, before it is made.
pub async fn preview(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Preview>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    caller.require(Permission::Read)?;
    let Json(body) = body.map_err(|e| Failure::body(&e))?;
    let trigger = trigger(body.cron, body.interval_seconds, body.time_zone)?;
    let now = state.ledger.clock().now();
    Ok(Json(json!({ "upcoming": upcoming(&trigger, now, now)? })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    enabled: bool,
}

/// `PATCH schedules/{id} {enabled}`
pub async fn change(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    let Json(body) = body.map_err(|e| Failure::body(&e))?;
    let schedule = pipelines::set_schedule_enabled(&state.ledger, actor, id, body.enabled).await?;
    Ok(Json(shown(&state, actor, &schedule).await?))
}

/// `DELETE schedules/{id}`
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::RunCode)?;
    pipelines::delete_schedule(&state.ledger, actor, id).await?;
    Ok(Json(json!({})))
}

//! `RecurringRunService`: schedules of the stage.

use axum::extract::{Path, State as Shared};
use pipelines::{NewSchedule, Schedule, Trigger};
use serde_json::{Value, json};
use types::{Actor, Timestamp, Uid};

use crate::call::{Answer, Body, Params, Reader, Runner, empty, id, ok};
use crate::errors::Failure;
use crate::filters::Field;
use crate::listing::{Listed, page};
use crate::runs::{Asked, EXPERIMENT, submission};
use crate::{State, wire};

/// Upstream reads cron patterns in the zone of its server, which is UTC unless it is told otherwise.
const ZONE: &str = "UTC";
/// `max_concurrency` may be this much, as upstream's.
const MOST_CONCURRENT: i64 = 10;
/// Key in the labels of schedules: what was asked for.
const ASKED: &str = "recurring_run";

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Runner(actor): Runner,
    Body(new): Body<wire::RecurringRun>,
) -> Answer {
    if new.display_name.trim().is_empty() {
        return Err(Failure::invalid("the recurring run has no display_name"));
    }
    let trigger = trigger(&new.trigger)?;
    let max_concurrency = concurrency(&new.max_concurrency)?;
    let asked = Asked {
        experiment_id: &new.experiment_id,
        display_name: &new.display_name,
        description: &new.description,
        service_account: &new.service_account,
        spec: &new.pipeline_spec,
        reference: new.pipeline_version_reference.as_ref(),
        version_id: &new.pipeline_version_id,
        config: &new.runtime_config,
    };
    let mut submit = submission(&state, &actor, &asked).await?;
    submit.trigger = json!({ "kind": "schedule", "door": crate::KIND });
    let experiment = submit.labels.get(EXPERIMENT).cloned().unwrap_or_default();
    // The inline document is kept with the submission; here only what the answer repeats.
    let kept = wire::RecurringRun { max_concurrency: json!(max_concurrency.to_string()), ..new.clone() };
    let schedule = NewSchedule {
        name: new.display_name.clone(),
        description: new.description.clone(),
        trigger,
        submit,
        max_concurrency: max_concurrency as u32,
        catch_up: !new.no_catchup,
        enabled: new.mode != "DISABLE",
        labels: json!({ "door": crate::KIND, EXPERIMENT: experiment, ASKED: kept }),
    };
    let made = pipelines::create_schedule(&state.ledger, &actor, schedule).await?;
    ok(&view(&made))
}

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    let wanted = params.get(EXPERIMENT);
    let all = pipelines::list_schedules(&state.ledger, &actor).await?.into_iter().filter(is_ours);
    let rows = all.filter(|schedule| wanted.is_none_or(|wanted| experiment(schedule) == wanted)).map(Row);
    let page = page(rows.collect(), &params)?;
    ok(&wire::ListRecurringRunsResponse {
        recurring_runs: page.items.iter().map(|Row(schedule)| view(schedule)).collect(),
        total_size: page.total,
        next_page_token: page.next,
    })
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(recurring_run_id): Path<String>,
) -> Answer {
    ok(&view(&find(&state, &actor, &recurring_run_id).await?))
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Runner(actor): Runner,
    Path(recurring_run_id): Path<String>,
) -> Answer {
    let found = find(&state, &actor, &recurring_run_id).await?;
    pipelines::delete_schedule(&state.ledger, &actor, found.uid).await?;
    empty()
}

/// `{recurring_run_id}:enable` and `:disable`.
pub(crate) async fn act(
    Shared(state): Shared<State>,
    Runner(actor): Runner,
    Path(call): Path<String>,
) -> Answer {
    let (id, verb) = call.rsplit_once(':').unwrap_or((&call, ""));
    let enabled = match verb {
        "enable" => true,
        "disable" => false,
        other => return Err(Failure::not_found("method", other)),
    };
    let found = find(&state, &actor, id).await?;
    pipelines::set_schedule_enabled(&state.ledger, &actor, found.uid, enabled).await?;
    empty()
}

pub(crate) async fn disable_all(state: &State, actor: &Actor, number: i64) -> Result<(), Failure> {
    let number = number.to_string();
    for schedule in pipelines::list_schedules(&state.ledger, actor).await? {
        if is_ours(&schedule) && experiment(&schedule) == number && schedule.what.enabled {
            pipelines::set_schedule_enabled(&state.ledger, actor, schedule.uid, false).await?;
        }
    }
    Ok(())
}

async fn find(state: &State, actor: &Actor, recurring_run_id: &str) -> Result<Schedule, Failure> {
    let uid: Uid = id("recurring run", recurring_run_id)?;
    let found = pipelines::get_schedule(&state.ledger, actor, uid).await?;
    if is_ours(&found) { Ok(found) } else { Err(Failure::not_found("recurring run", recurring_run_id)) }
}

fn is_ours(schedule: &Schedule) -> bool {
    schedule.what.labels.get("door").and_then(Value::as_str) == Some(crate::KIND)
}

fn experiment(schedule: &Schedule) -> &str {
    schedule.what.labels.get(EXPERIMENT).and_then(Value::as_str).unwrap_or_default()
}

fn trigger(trigger: &wire::Trigger) -> Result<Trigger, Failure> {
    match (&trigger.cron_schedule, &trigger.periodic_schedule) {
        (Some(cron), None) => Ok(Trigger::Cron {
            cron: pattern(&cron.cron)?,
            time_zone: ZONE.to_owned(),
            from: time("start_time", cron.start_time.as_deref())?,
            until: time("end_time", cron.end_time.as_deref())?,
        }),
        (None, Some(periodic)) => {
            let seconds = number(&periodic.interval_second).filter(|seconds| *seconds > 0);
            Ok(Trigger::Interval {
                seconds: seconds.ok_or_else(|| Failure::invalid("`interval_second` must be at least 1"))?,
                from: time("start_time", periodic.start_time.as_deref())?,
                until: time("end_time", periodic.end_time.as_deref())?,
            })
        }
        _ => Err(Failure::invalid(
            "the recurring run needs one trigger: `cron_schedule` or `periodic_schedule`",
        )),
    }
}

/// Upstream's pattern has six fields, seconds first, or is one of the names that `robfig/cron` knows.
fn pattern(cron: &str) -> Result<String, Failure> {
    let named = match cron.trim() {
        "@yearly" | "@annually" => "0 0 0 1 1 *",
        "@monthly" => "0 0 0 1 * *",
        "@weekly" => "0 0 0 * * 0",
        "@daily" | "@midnight" => "0 0 0 * * *",
        "@hourly" => "0 0 * * * *",
        other => other,
    };
    match named.split_whitespace().count() {
        5 | 6 => Ok(named.to_owned()),
        _ => Err(Failure::invalid(format!(
            "the cron pattern `{cron}` does not have six fields, seconds first"
        ))),
    }
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong =
        || Failure::invalid(format!("`{name}` is `{text}`: a time such as 2026-03-01T12:00:00Z is expected"));
    Timestamp::parse_rfc3339(text).map(Some).ok_or_else(wrong)
}

/// An `int64` as number or text.
fn number(value: &Value) -> Option<i64> {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_i64().or_else(text)
}

fn concurrency(value: &Value) -> Result<i64, Failure> {
    match number(value) {
        None if value.is_null() || value.as_str() == Some("") => Ok(1),
        Some(number) if (1..=MOST_CONCURRENT).contains(&number) => Ok(number),
        _ => Err(Failure::invalid(format!("`max_concurrency` must be from 1 to {MOST_CONCURRENT}"))),
    }
}

fn view(schedule: &Schedule) -> wire::RecurringRun {
    let asked = schedule.what.labels.get(ASKED).cloned().unwrap_or_default();
    let asked: wire::RecurringRun = serde_json::from_value(asked).unwrap_or_default();
    let enabled = schedule.what.enabled;
    wire::RecurringRun {
        recurring_run_id: schedule.uid.to_string(),
        display_name: schedule.what.name.clone(),
        description: schedule.what.description.clone(),
        mode: if enabled { "ENABLE" } else { "DISABLE" }.to_owned(),
        created_at: schedule.created_at.rfc3339(),
        updated_at: schedule.updated_at.rfc3339(),
        status: if enabled { "ENABLED" } else { "DISABLED" },
        experiment_id: experiment(schedule).to_owned(),
        ..asked
    }
}

struct Row(Schedule);

impl Listed for Row {
    const KEYS: &'static [&'static str] = &[
        "recurring_run_id",
        "id",
        "display_name",
        "name",
        "created_at",
        "updated_at",
        "description",
        "status",
        "namespace",
        "experiment_id",
    ];

    fn id(&self) -> String {
        self.0.uid.to_string()
    }

    fn field(&self, key: &str) -> Option<Field> {
        let Row(schedule) = self;
        Some(match key {
            "recurring_run_id" | "id" => Field::Text(schedule.uid.to_string()),
            "display_name" | "name" => Field::Text(schedule.what.name.clone()),
            "created_at" => Field::Time(schedule.created_at),
            "updated_at" => Field::Time(schedule.updated_at),
            "description" => Field::Text(schedule.what.description.clone()),
            "status" => Field::Text(view(schedule).status.to_owned()),
            "experiment_id" => Field::Text(experiment(schedule).to_owned()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_a_pattern_or_an_interval() {
        let of = |value: Value| trigger(&serde_json::from_value(value).unwrap());
        let cron =
            of(json!({ "cron_schedule": { "cron": "0 0 2 * * *", "start_time": "2026-03-01T00:00:00Z" } }));
        assert!(matches!(cron, Ok(Trigger::Cron { cron, from: Some(_), .. }) if cron == "0 0 2 * * *"));
        let every = of(json!({ "periodic_schedule": { "interval_second": "300" } }));
        assert!(matches!(every, Ok(Trigger::Interval { seconds: 300, .. })));
        assert!(of(json!({})).is_err());
        assert!(of(json!({ "periodic_schedule": { "interval_second": 0 } })).is_err());
        assert!(of(json!({ "cron_schedule": { "cron": "2 *" } })).is_err());
        assert!(of(json!({ "cron_schedule": { "cron": "* * * * *", "end_time": "soon" } })).is_err());
        assert_eq!(pattern("@daily").unwrap(), "0 0 0 * * *");
        assert_eq!(concurrency(&json!("3")).unwrap(), 3);
        assert!(concurrency(&json!(11)).is_err() && concurrency(&json!(0)).is_err());
    }
}

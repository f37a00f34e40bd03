//! Runs that start by the clock, or because something happened (`heard.rs`).

use std::collections::BTreeMap;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use ledger::{Ledger, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{Actor, Timestamp, Uid, WorkspaceId};

use crate::engine::system;
use crate::{Engine, Error, SubmitPlan, advance, heard, store, submit, submit_plan};

/// What to submit, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSchedule {
    /// What people call it; not unique.
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub trigger: Trigger,
    /// Each run takes its name from here, with the moment appended.
    pub submit: SubmitPlan,
    /// Runs of it at the same time; further ones wait for their turn. At least 1.
    pub max_concurrency: u32,
    /// Whether moments that passed while nothing could start are made up for, one after the other.
    pub catch_up: bool,
    pub enabled: bool,
    /// The door's own.
    #[serde(default)]
    pub labels: serde_json::Value,
}

/// When a schedule is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// `cron` has 5 fields, or 6 with seconds first; it is read in `time_zone` (IANA, such as `Europe/Berlin`). A moment
    /// that the clocks leave out is due right after the gap; one that comes twice is due the first time.
    Cron { cron: String, time_zone: String, from: Option<Timestamp>, until: Option<Timestamp> },
    /// Every so many seconds, counted from `from`, or else from the creation.
    Interval { seconds: i64, from: Option<Timestamp>, until: Option<Timestamp> },
    /// Whenever such an event is recorded in the workspace. Events that come while there is no room are answered by one run for
    /// the last of them, or one after the other where the schedule catches up.
    Event {
        /// Its kind, such as `commit.created`, `dataset.version_created`, `model.version_created`, `drift.detected`.
        on: String,
        /// What it happened to; a `*` at the end stands for anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// Values that its payload must have.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        payload: BTreeMap<String, serde_json::Value>,
    },
}

#[derive(Clone, Debug, Serialize)]
pub struct Schedule {
    #[serde(rename = "id")]
    pub uid: Uid,
    #[serde(flatten)]
    pub what: NewSchedule,
    /// The moment for which it starts a run next; `None` if there is none any more.
    pub next_at: Option<Timestamp>,
    /// The moment for which it started one last.
    pub last_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
}

/// Errors: `Schedule` if the trigger cannot be read, `Plan` and `Input` as [`crate::submit_plan`].
pub async fn create_schedule(
    ledger: &Ledger,
    actor: &Actor,
    mut new: NewSchedule,
) -> Result<Schedule, Error> {
    let mut tried = new.submit.clone();
    heard::check(&new.trigger)?;
    if matches!(new.trigger, Trigger::Event { .. }) {
        heard::tell(&tried.plan, &mut tried.inputs, json!({}));
    }
    submit_plan::draft(tried)?;
    new.max_concurrency = new.max_concurrency.max(1);
    let now = ledger.clock().now();
    new.trigger.next(now, now)?;
    // What was before is not answered.
    let heard = *ledger.watch().borrow();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let now = tx.now();
            let after = match new.trigger.from() {
                Some(from) if new.catch_up && from <= now => Timestamp(from.0 - 1),
                _ => now,
            };
            let made = Schedule {
                uid: tx.new_id(),
                next_at: new.trigger.next(after, now)?,
                what: new.clone(),
                last_at: None,
                created_at: now,
                updated_at: now,
                created_by: tx.actor().to_string(),
            };
            store::schedules::insert(tx, &made, heard)?;
            let payload = json!({ "schedule": made.uid, "next_at": made.next_at });
            tx.event("schedule.created", &format!("pipeline_schedule:{}", made.uid), payload)?;
            Ok(made)
        })
        .await
}

/// Oldest first.
pub async fn list_schedules(ledger: &Ledger, actor: &Actor) -> Result<Vec<Schedule>, Error> {
    ledger.read(actor.workspace, |rx| Ok(store::schedules::all(rx)?)).await
}

/// Errors: `NotFound`.
pub async fn get_schedule(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Schedule, Error> {
    ledger.read(actor.workspace, move |rx| store::schedules::find(rx, uid)?.ok_or_else(|| missing(uid))).await
}

/// Moments that pass while a schedule is disabled are not made up for. Errors: `NotFound`.
pub async fn set_schedule_enabled(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    enabled: bool,
) -> Result<Schedule, Error> {
    let heard = *ledger.watch().borrow();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::schedules::find(tx, uid)?.ok_or_else(|| missing(uid))?;
            if found.what.enabled == enabled {
                return Ok(found);
            }
            let next =
                if enabled { found.what.trigger.next(tx.now(), found.created_at)? } else { found.next_at };
            store::schedules::set(tx, uid, enabled, next, found.last_at)?;
            if enabled {
                store::schedules::listen(tx, uid, heard)?;
            }
            let payload = json!({ "schedule": uid, "enabled": enabled, "next_at": next });
            tx.event("schedule.changed", &format!("pipeline_schedule:{uid}"), payload)?;
            store::schedules::find(tx, uid)?.ok_or_else(|| missing(uid))
        })
        .await
}

/// Its runs stay. Errors: `NotFound`.
pub async fn delete_schedule(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::schedules::delete(tx, uid)? {
                return Err(missing(uid));
            }
            let payload = json!({ "schedule": uid });
            Ok(tx.event("schedule.removed", &format!("pipeline_schedule:{uid}"), payload)?)
        })
        .await
}

fn missing(uid: Uid) -> Error {
    Error::NotFound { what: "schedule", name: uid.to_string() }
}

impl Engine {
    /// Starts what is due, as far as schedules have room.
    pub(crate) async fn start_due(&self) -> Result<(), Error> {
        let (ledger, now) = (&self.0.ledger, self.0.ledger.clock().now());
        let due = ledger.read(WorkspaceId::DEFAULT, move |rx| store::schedules::due(rx, now)).await?;
        for (workspace, uid) in due {
            let started = ledger.write(&system(workspace), move |tx: &mut Tx<'_>| start(tx, uid)).await;
            if let Err(error) = started {
                if matches!(error, Error::Ledger(_)) {
                    return Err(error);
                }
                tracing::error!(schedule = %uid, %error, "a schedule cannot start its run; it is disabled");
                set_schedule_enabled(ledger, &system(workspace), uid, false).await?;
            }
        }
        Ok(())
    }
}

fn start(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    advance::lock(tx, uid)?;
    let now = tx.now();
    let Some(found) = store::schedules::find(tx, uid)?.filter(|found| found.what.enabled) else {
        return Ok(());
    };
    let Some(due) = found.next_at.filter(|due| *due <= now) else { return Ok(()) };
    if store::runs::active_of(tx, uid)? >= i64::from(found.what.max_concurrency) {
        return Ok(());
    }
    let trigger = &found.what.trigger;
    let (moment, next) = if found.what.catch_up {
        (due, trigger.next(due, found.created_at)?)
    } else {
        (trigger.last(due, now, found.created_at)?, trigger.next(now, found.created_at)?)
    };
    let mut draft = submit_plan::draft(found.what.submit)?;
    draft.name = format!("{} {}", draft.name, moment.rfc3339());
    (draft.schedule, draft.scheduled_at) = (Some(uid), Some(moment));
    let run = submit::insert(tx, &draft)?;
    store::schedules::set(tx, uid, true, next, Some(moment))?;
    let payload = json!({ "schedule": uid, "run": run.uid, "moment": moment, "next_at": next });
    Ok(tx.event("schedule.fired", &format!("pipeline_schedule:{uid}"), payload)?)
}

impl Trigger {
    fn from(&self) -> Option<Timestamp> {
        match self {
            Self::Cron { from, .. } | Self::Interval { from, .. } => *from,
            Self::Event { .. } => None,
        }
    }

    /// The first moment after `after`; `None` if there is none any more. Errors: `Schedule`.
    pub fn next(&self, after: Timestamp, created: Timestamp) -> Result<Option<Timestamp>, Error> {
        let (next, until) = match self {
            Self::Cron { cron, time_zone, from, until } => {
                let after = match from {
                    Some(from) => after.max(Timestamp(from.0 - 1)),
                    None => after,
                };
                (occurrence(cron, time_zone, after, true)?, until)
            }
            Self::Interval { seconds, from, until } => {
                let (step, base) = (interval(*seconds)?, from.unwrap_or(created).0);
                let passed = (after.0 - base).div_euclid(step) + 1;
                (Some(Timestamp(base + passed.max(0) * step)), until)
            }
            Self::Event { .. } => return Ok(None),
        };
        Ok(next.filter(|next| until.is_none_or(|until| *next <= until)))
    }

    /// The same rhythm without its bounds. An interval keeps counting from its own beginning, or else from `base`.
    pub(crate) fn unbounded(&self, base: Timestamp) -> Self {
        match self.clone() {
            Self::Cron { cron, time_zone, .. } => Self::Cron { cron, time_zone, from: None, until: None },
            event @ Self::Event { .. } => event,
            Self::Interval { seconds, from, .. } => {
                let step = seconds.saturating_mul(1_000_000).max(1);
                // Back to the last beat before the range.
                let from = from.unwrap_or(base);
                let back = Timestamp(from.0 - (from.0 - base.0).div_euclid(step).max(0) * step - step);
                Self::Interval { seconds, from: Some(if from > base { back } else { from }), until: None }
            }
        }
    }

    /// Up to `count` moments after `after`. Errors: `Schedule`.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Result<Vec<Timestamp>, Error> {
        let (mut last, mut moments) = (after, Vec::new());
        while moments.len() < count
            && let Some(next) = self.next(last, after)?
        {
            moments.push(next);
            last = next;
        }
        Ok(moments)
    }

    /// The last moment up to `now`; `due` is one of them.
    fn last(&self, due: Timestamp, now: Timestamp, created: Timestamp) -> Result<Timestamp, Error> {
        let (last, until) = match self {
            Self::Cron { cron, time_zone, until, .. } => {
                let most = until.map_or(now, |until| until.min(now));
                (occurrence(cron, time_zone, Timestamp(most.0 + 1), false)?, until)
            }
            Self::Interval { seconds, from, until } => {
                let (step, base) = (interval(*seconds)?, from.unwrap_or(created).0);
                let most = until.map_or(now, |until| until.min(now));
                (Some(Timestamp(base + (most.0 - base).div_euclid(step) * step)), until)
            }
            Self::Event { .. } => return Ok(due),
        };
        Ok(last.filter(|last| *last >= due && until.is_none_or(|until| *last <= until)).unwrap_or(due))
    }
}

/// Microseconds.
fn interval(seconds: i64) -> Result<i64, Error> {
    match seconds.checked_mul(1_000_000).filter(|step| *step > 0) {
        Some(step) => Ok(step),
        None => Err(wrong(format!("every {seconds} s"), "an interval is at least one second")),
    }
}

fn wrong(text: String, reason: impl ToString) -> Error {
    Error::Schedule { text, reason: reason.to_string() }
}

/// The next moment after `at`, or the last one before it. A pattern that never fits again gives none.
fn occurrence(cron: &str, time_zone: &str, at: Timestamp, forward: bool) -> Result<Option<Timestamp>, Error> {
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let pattern = parser.parse(cron).map_err(|error| wrong(cron.to_owned(), error))?;
    let zone = TimeZone::get(time_zone).map_err(|error| wrong(time_zone.to_owned(), error))?;
    let at = jiff::Timestamp::from_microsecond(at.0).map_err(|error| wrong(cron.to_owned(), error))?;
    let at = at.to_zoned(zone);
    let found = if forward {
        pattern.find_next_occurrence(&at, false)
    } else {
        pattern.find_previous_occurrence(&at, false)
    };
    match found {
        Ok(found) => Ok(Some(Timestamp(found.timestamp().as_microsecond()))),
        Err(CronError::TimeSearchLimitExceeded) => Ok(None),
        Err(error) => Err(wrong(cron.to_owned(), error)),
    }
}

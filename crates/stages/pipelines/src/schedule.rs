//! Runs that start by the clock.

use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, Timestamp, Uid};

use crate::{Error, SubmitPlan};

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
pub async fn create_schedule(_ledger: &Ledger, _actor: &Actor, _new: NewSchedule) -> Result<Schedule, Error> {
    Err(Error::Stopped("schedules come later".into()))
}

/// Oldest first.
pub async fn list_schedules(_ledger: &Ledger, _actor: &Actor) -> Result<Vec<Schedule>, Error> {
    Ok(Vec::new())
}

/// Errors: `NotFound`.
pub async fn get_schedule(_ledger: &Ledger, _actor: &Actor, uid: Uid) -> Result<Schedule, Error> {
    Err(Error::NotFound { what: "schedule", name: uid.to_string() })
}

/// Moments that pass while a schedule is disabled are not made up for. Errors: `NotFound`.
pub async fn set_schedule_enabled(
    _ledger: &Ledger,
    _actor: &Actor,
    uid: Uid,
    _enabled: bool,
) -> Result<Schedule, Error> {
    Err(Error::NotFound { what: "schedule", name: uid.to_string() })
}

/// Its runs stay. Errors: `NotFound`.
pub async fn delete_schedule(_ledger: &Ledger, _actor: &Actor, uid: Uid) -> Result<(), Error> {
    Err(Error::NotFound { what: "schedule", name: uid.to_string() })
}

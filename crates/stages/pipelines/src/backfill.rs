//! Backfills: a pipeline run once for each moment of a range that lies behind.

use ledger::{Ledger, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{Actor, Timestamp, Uid, WorkspaceId};

use crate::engine::system;
use crate::store::backfills::{self as stored, Moment};
use crate::{Datum, Engine, Error, RunState, SubmitPlan, Trigger, advance, store, submit, submit_plan};

/// Moments of one backfill.
const MOST: usize = 10_000;
/// Runs that one transaction starts.
const AT_ONCE: usize = 16;

/// Which runs to make up for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewBackfill {
    /// What people call it; not unique.
    pub name: String,
    /// Whose rhythm it follows; its own bounds do not count.
    pub trigger: Trigger,
    /// The schedule that the rhythm was taken from.
    #[serde(default)]
    pub schedule: Option<Uid>,
    /// Each run takes its name from here, with the moment appended.
    pub submit: SubmitPlan,
    /// An input of the plan that gets the moment, as RFC 3339 text.
    #[serde(default)]
    pub moment_input: Option<String>,
    /// The first moment that counts, and the last one.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Runs of it at the same time. At least 1.
    pub max_active: u32,
    pub rerun: Rerun,
    /// Newest first.
    #[serde(default)]
    pub backwards: bool,
}

/// What becomes of a moment for which the pipeline has run already. One that still goes on is always left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rerun {
    /// It is left out.
    #[default]
    None,
    /// It runs again if its newest run failed or was cancelled.
    Failed,
    /// It runs again.
    Completed,
}

impl Rerun {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Failed => "failed",
            Self::Completed => "completed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    Running,
    /// Nothing new starts; what runs goes on.
    Paused,
    /// Every moment has its run, which has ended, or was left out.
    Finished,
    Cancelled,
}

impl BackfillState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How far a backfill is: moments by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub total: i64,
    pub waiting: i64,
    pub running: i64,
    pub succeeded: i64,
    pub failed: i64,
    /// Their run was cancelled, or they never started.
    pub cancelled: i64,
    pub skipped: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Backfill {
    #[serde(rename = "id")]
    pub uid: Uid,
    #[serde(flatten)]
    pub what: NewBackfill,
    pub state: BackfillState,
    pub progress: Progress,
    /// Why it was paused, if not on request.
    pub message: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub created_by: String,
}

/// One moment of a backfill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackfillMoment {
    pub moment: Timestamp,
    /// The one after it in the rhythm.
    pub until: Option<Timestamp>,
    /// `waiting`, `skipped`, `cancelled`, or the state of its run.
    pub state: String,
    pub run: Option<Uid>,
    /// Why it is left out.
    pub message: Option<String>,
}

/// What a backfill would do, moment by moment, in the order in which they would start; nothing is kept.
/// Errors: `Schedule`, `Plan`, `Input`, `Backfill` if there is no moment or there are too many.
pub async fn preview_backfill(
    ledger: &Ledger,
    actor: &Actor,
    new: NewBackfill,
) -> Result<Vec<BackfillMoment>, Error> {
    let (pipeline, rerun) = (new.submit.pipeline.clone(), new.rerun);
    let moments = check(&new)?;
    ledger
        .read(actor.workspace, move |rx| {
            let mut shown = Vec::with_capacity(moments.len());
            for (moment, until) in moments {
                let found = store::runs::newest_at(rx, &pipeline, moment)?;
                let message = left_out(rerun, found.map(|(_, state)| state));
                let state = if message.is_some() { "skipped" } else { "waiting" };
                let run = found.filter(|_| message.is_some()).map(|(run, _)| run);
                shown.push(BackfillMoment { moment, until, state: state.into(), run, message });
            }
            Ok(shown)
        })
        .await
}

/// Errors: as [`preview_backfill`].
pub async fn create_backfill(
    ledger: &Ledger,
    actor: &Actor,
    mut new: NewBackfill,
) -> Result<Backfill, Error> {
    new.max_active = new.max_active.max(1);
    let moments = check(&new)?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let uid = tx.new_id();
            stored::insert(tx, uid, &new, &moments)?;
            let payload = json!({
                "backfill": uid, "pipeline": new.submit.pipeline, "from": new.from, "to": new.to, "moments": moments.len(),
            });
            tx.event("backfill.created", &format!("pipeline_backfill:{uid}"), payload)?;
            stored::find(tx, uid)?.ok_or_else(|| missing(uid))
        })
        .await
}

/// Newest first, of one pipeline or of all.
pub async fn list_backfills(
    ledger: &Ledger,
    actor: &Actor,
    pipeline: Option<String>,
) -> Result<Vec<Backfill>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(stored::all(rx, pipeline.as_deref())?)).await
}

/// With its moments, in the order in which they start. Errors: `NotFound`.
pub async fn get_backfill(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
) -> Result<(Backfill, Vec<BackfillMoment>), Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = stored::find(rx, uid)?.ok_or_else(|| missing(uid))?;
            Ok((found, stored::moments(rx, uid)?))
        })
        .await
}

/// Starts nothing new, or goes on. Errors: `NotFound`, `BackfillState` if it has ended.
pub async fn pause_backfill(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    paused: bool,
) -> Result<Backfill, Error> {
    let (wanted, verb) =
        if paused { (BackfillState::Paused, "paused") } else { (BackfillState::Running, "resumed") };
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            open(tx, uid, verb)?;
            set(tx, uid, wanted, None)?;
            stored::find(tx, uid)?.ok_or_else(|| missing(uid))
        })
        .await
}

/// Nothing of it starts any more, and what runs is cancelled. Errors: `NotFound`, `BackfillState` if it has ended.
pub async fn cancel_backfill(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Backfill, Error> {
    let runs = ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            open(tx, uid, "cancelled")?;
            stored::cancel_waiting(tx, uid)?;
            set(tx, uid, BackfillState::Cancelled, None)?;
            Ok::<_, Error>(store::runs::active_of_backfill(tx, uid)?)
        })
        .await?;
    for run in runs {
        match submit::cancel(ledger, actor, run).await {
            // It has ended meanwhile.
            Ok(_) | Err(Error::RunState { .. } | Error::RunNotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(get_backfill(ledger, actor, uid).await?.0)
}

fn open(tx: &mut Tx<'_>, uid: Uid, what: &'static str) -> Result<(), Error> {
    advance::lock(tx, uid)?;
    let found = stored::find(tx, uid)?.ok_or_else(|| missing(uid))?;
    match found.state {
        BackfillState::Running | BackfillState::Paused => Ok(()),
        state => Err(Error::BackfillState { backfill: uid, state: state.name(), what }),
    }
}

fn set(tx: &mut Tx<'_>, uid: Uid, state: BackfillState, message: Option<&str>) -> Result<(), Error> {
    stored::set(tx, uid, state, message)?;
    let payload = json!({ "backfill": uid, "state": state.name() });
    Ok(tx.event("backfill.changed", &format!("pipeline_backfill:{uid}"), payload)?)
}

fn missing(uid: Uid) -> Error {
    Error::NotFound { what: "backfill", name: uid.to_string() }
}

/// Its moments, in the order in which they start, each with the one after it.
fn check(new: &NewBackfill) -> Result<Vec<(Timestamp, Option<Timestamp>)>, Error> {
    let wrong = |what: String| Error::Backfill { name: new.name.clone(), what };
    submit_plan::draft(with_moment(new, new.from))?;
    if new.from > new.to {
        return Err(wrong(format!("it ends at {}, before it begins", new.to.rfc3339())));
    }
    let rhythm = new.trigger.unbounded(new.from);
    let mut moments = Vec::new();
    let mut next = rhythm.next(Timestamp(new.from.0 - 1), new.from)?;
    while let Some(moment) = next.filter(|moment| *moment <= new.to) {
        if moments.len() == MOST {
            return Err(wrong(format!("it has more than {MOST} moments; take a shorter range")));
        }
        next = rhythm.next(moment, new.from)?;
        moments.push((moment, next));
    }
    if moments.is_empty() {
        let (from, to) = (new.from.rfc3339(), new.to.rfc3339());
        return Err(wrong(format!("there is no moment of its rhythm from {from} to {to}")));
    }
    if new.backwards {
        moments.reverse();
    }
    Ok(moments)
}

fn with_moment(new: &NewBackfill, moment: Timestamp) -> SubmitPlan {
    let mut submit = new.submit.clone();
    if let Some(input) = &new.moment_input {
        submit.inputs.insert(input.clone(), Datum::Value(moment.rfc3339().into()));
    }
    submit
}

/// Why a moment is left out, if it is, by the newest run for it.
fn left_out(rerun: Rerun, found: Option<RunState>) -> Option<String> {
    let state = found?;
    let why = match (rerun, state) {
        (_, RunState::Queued | RunState::Running) => "a run for it goes on".to_owned(),
        (Rerun::Completed, _) | (Rerun::Failed, RunState::Failed | RunState::Cancelled) => return None,
        (Rerun::Failed, RunState::Succeeded) | (Rerun::None, _) => {
            format!(
                "a run for it has {}",
                if state == RunState::Cancelled { "been cancelled" } else { state.name() }
            )
        }
    };
    Some(why)
}

impl Engine {
    /// Starts what backfills have room for, and ends those that are through.
    pub(crate) async fn go_on_backfills(&self) -> Result<(), Error> {
        let ledger = &self.0.ledger;
        let open = ledger.read(WorkspaceId::DEFAULT, stored::to_go_on).await?;
        for (workspace, uid) in open {
            let actor = system(workspace);
            let gone = ledger.write(&actor, move |tx: &mut Tx<'_>| go_on(tx, uid)).await;
            match gone {
                Ok(()) => {}
                Err(error @ Error::Ledger(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(backfill = %uid, %error, "a backfill cannot start its run; it is paused");
                    let why = crate::error::told(&error);
                    let pause = move |tx: &mut Tx<'_>| {
                        open_or_leave(tx, uid)?;
                        set(tx, uid, BackfillState::Paused, Some(&why))
                    };
                    ledger.write(&actor, pause).await?;
                }
            }
        }
        Ok(())
    }
}

fn open_or_leave(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    match open(tx, uid, "paused") {
        Err(Error::BackfillState { .. }) => Ok(()),
        other => other,
    }
}

fn go_on(tx: &mut Tx<'_>, uid: Uid) -> Result<(), Error> {
    advance::lock(tx, uid)?;
    let Some(found) = stored::find(tx, uid)?.filter(|found| found.state == BackfillState::Running) else {
        return Ok(());
    };
    let mut room = (i64::from(found.what.max_active) - found.progress.running).clamp(0, AT_ONCE as i64);
    let mut waiting = found.progress.waiting;
    let mut running = found.progress.running;
    while room > 0 && waiting > 0 {
        let next = stored::waiting(tx, uid, AT_ONCE)?;
        if next.is_empty() {
            break;
        }
        for Moment { place, moment, until } in next {
            if room == 0 {
                break;
            }
            waiting -= 1;
            let before = store::runs::newest_at(tx, &found.what.submit.pipeline, moment)?;
            if let Some(why) = left_out(found.what.rerun, before.map(|(_, state)| state)) {
                stored::skip(tx, uid, place, before.map(|(run, _)| run), &why)?;
                let payload = json!({ "backfill": uid, "moment": moment });
                tx.event("backfill.skipped", &format!("pipeline_backfill:{uid}"), payload)?;
                continue;
            }
            let mut draft = submit_plan::draft(with_moment(&found.what, moment))?;
            draft.name = format!("{} {}", draft.name, moment.rfc3339());
            // Not the schedule's own: its runs count by themselves.
            (draft.scheduled_at, draft.interval_end) = (Some(moment), until);
            draft.backfill = Some(uid);
            let run = submit::insert(tx, &draft)?;
            stored::start(tx, uid, place, run.uid)?;
            let payload = json!({ "backfill": uid, "run": run.uid, "moment": moment });
            tx.event("backfill.started", &format!("pipeline_backfill:{uid}"), payload)?;
            room -= 1;
            running += i64::from(!run.state.is_final());
        }
    }
    if waiting == 0 && running == 0 {
        stored::end(tx, uid)?;
        set(tx, uid, BackfillState::Finished, None)?;
    }
    Ok(())
}

//! Runs that start because something happened: data was committed, a model version registered, drift found.
//!
//! The ledger's events are the one place where all of that is told, so nothing here knows the stages that tell it. A run and
//! how far its schedule has heard are one transaction: no event starts two runs, and none is lost.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger::{Event, Tx};
use serde_json::{Value, json};
use types::{Uid, WorkspaceId};

use crate::engine::system;
use crate::schedule::set_schedule_enabled;
use crate::store::schedules::Listening;
use crate::{Datum, Engine, Error, Kind, Plan, Trigger, advance, store, submit, submit_plan};

/// Events that are read at once.
const PIECE: i64 = 500;
/// The input of a plan that is told what happened, if it is a map.
const INPUT: &str = "event";
/// Kinds of events that runs bring about by the dozen: a run that they start would start the next.
const OWN: [&str; 3] = ["step.", "schedule.", "secret."];

/// How far each schedule has looked, beyond what is kept.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<HashMap<Uid, i64>>);

impl Heard {
    fn of(&self, schedule: Uid, kept: i64) -> i64 {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&schedule).map_or(kept, |position| kept.max(*position))
    }

    fn set(&self, schedule: Uid, position: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(schedule, position);
    }
}

/// Errors: `Schedule` if no run should start by such events.
pub(crate) fn check(trigger: &Trigger) -> Result<(), Error> {
    let Trigger::Event { on, .. } = trigger else { return Ok(()) };
    let wrong = |reason: &str| Error::Schedule { text: on.clone(), reason: reason.to_owned() };
    if !on.split_once('.').is_some_and(|(noun, what)| !noun.is_empty() && !what.is_empty()) {
        return Err(wrong("a kind of event is `<noun>.<what happened>`, such as `commit.created`"));
    }
    if OWN.iter().any(|own| on.starts_with(own)) {
        return Err(wrong("each run brings such events about, and would start the next one"));
    }
    Ok(())
}

/// Gives the plan its input `event`, where it has one.
pub(crate) fn tell(plan: &Plan, inputs: &mut std::collections::BTreeMap<String, Datum>, event: Value) {
    if plan.root.inputs.get(INPUT).is_some_and(|port| port.of == Kind::Map) {
        inputs.insert(INPUT.to_owned(), Datum::Value(event));
    }
}

impl Trigger {
    /// Whether the event is one that is waited for.
    fn fits(&self, event: &Event) -> bool {
        let Self::Event { on, subject, payload } = self else { return false };
        let is_subject = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => event.subject.starts_with(beginning),
            None => event.subject == *wanted,
        };
        *on == event.kind
            && subject.as_ref().is_none_or(is_subject)
            && payload.iter().all(|(name, value)| event.payload.get(name) == Some(value))
    }
}

impl Engine {
    /// Starts runs of schedules whose event has come, as far as they have room.
    pub(crate) async fn start_heard(&self) -> Result<(), Error> {
        let ledger = &self.0.ledger;
        for listening in ledger.read(WorkspaceId::DEFAULT, store::schedules::listening).await? {
            let (workspace, uid) = (listening.workspace, listening.schedule.uid);
            let Some(event) = self.hear(&listening).await? else { continue };
            let position = event.position;
            let start = move |tx: &mut Tx<'_>| start(tx, uid, &event);
            match ledger.write(&system(workspace), start).await {
                Ok(true) => self.0.heard.set(uid, position),
                // It has no room: the event waits.
                Ok(false) => {}
                Err(error @ Error::Ledger(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(schedule = %uid, %error, "a schedule cannot start its run; it is disabled");
                    set_schedule_enabled(ledger, &system(workspace), uid, false).await?;
                }
            }
        }
        Ok(())
    }

    /// The event that the schedule answers next: the first that it has not answered, or the last of them where it does not
    /// catch up.
    async fn hear(&self, listening: &Listening) -> Result<Option<Event>, Error> {
        let Listening { workspace, schedule, heard, since } = listening;
        let mut position = self.0.heard.of(schedule.uid, *heard);
        let (mut found, mut passed) = (None, position);
        loop {
            let events = self.0.ledger.events_after(position, PIECE).await?;
            let Some(last) = events.last() else { break };
            let (is_last, end) = ((events.len() as i64) < PIECE, last.position);
            for event in events {
                // PostgreSQL numbers events a moment after they are written: one of before may come after the schedule.
                let is_new = event.at >= *since;
                if is_new && event.workspace == *workspace && schedule.what.trigger.fits(&event) {
                    found = Some(event);
                    if schedule.what.catch_up {
                        break;
                    }
                } else if found.is_none() {
                    passed = event.position;
                }
            }
            if is_last || (found.is_some() && schedule.what.catch_up) {
                break;
            }
            position = end;
        }
        self.0.heard.set(schedule.uid, passed);
        Ok(found)
    }
}

/// Whether the event is done with: a run starts, or it was answered, or is from before the schedule was switched on again in
/// the meantime. Else the schedule has no room for it.
fn start(tx: &mut Tx<'_>, uid: Uid, event: &Event) -> Result<bool, Error> {
    advance::lock(tx, uid)?;
    let Some(found) = store::schedules::find(tx, uid)?.filter(|found| found.what.enabled) else {
        return Ok(false);
    };
    let is_answered = store::schedules::is_past(tx, uid, event.position, event.at)?;
    if is_answered || store::runs::active_of(tx, uid)? >= i64::from(found.what.max_concurrency) {
        return Ok(is_answered);
    }
    let mut submit = found.what.submit;
    let told = json!({
        "kind": event.kind, "subject": event.subject, "position": event.position, "at": event.at.rfc3339(),
        "payload": event.payload,
    });
    tell(&submit.plan, &mut submit.inputs, told);
    submit.trigger = json!({
        "kind": "event", "name": found.what.name, "on": event.kind, "subject": event.subject,
        "event": event.position,
    });
    let mut draft = submit_plan::draft(submit)?;
    draft.name = format!("{} {}", draft.name, event.at.rfc3339());
    (draft.schedule, draft.scheduled_at) = (Some(uid), Some(event.at));
    let run = submit::insert(tx, &draft)?;
    store::schedules::set(tx, uid, true, None, Some(event.at))?;
    store::schedules::set_heard(tx, uid, event.position)?;
    let payload = json!({ "schedule": uid, "run": run.uid, "event": event.position });
    tx.event("schedule.fired", &format!("pipeline_schedule:{uid}"), payload)?;
    Ok(true)
}

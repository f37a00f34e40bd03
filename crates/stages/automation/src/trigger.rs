//! Starting a retraining, or saying why not.

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp, Uid};

use crate::store::retrainings::New;
use crate::{Error, Policy, Recipe, Retraining, State, Trigger, store};

/// The first training of an endpoint that has no model yet. One that runs already is answered instead of a second.
pub async fn trigger_first(
    ledger: &Ledger,
    actor: &Actor,
    policy: Option<String>,
    recipe: Recipe,
    project: &str,
) -> Result<Retraining, Error> {
    let trigger = Trigger::Apply { project: project.to_owned(), by: actor.to_string() };
    let policy = policy.unwrap_or_default();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if let Some(active) = store::retrainings::active_of(tx, &policy, &recipe.endpoint)? {
                return Ok(active);
            }
            let new = New {
                policy: &policy,
                trigger: &trigger,
                position: None,
                recipe: &recipe,
                state: State::Triggered,
                reason: None,
            };
            let uid = insert(tx, &new)?;
            store::retrainings::find(tx, uid)?.ok_or(Error::NoRetraining(uid))
        })
        .await
}

/// Retrains now, whatever cool-down and budget say. Errors: `NoPolicy`, `Active`.
pub async fn trigger_manual(
    ledger: &Ledger,
    actor: &Actor,
    policy: &str,
    reason: Option<String>,
) -> Result<Retraining, Error> {
    let name = policy.to_owned();
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let trigger = Trigger::Manual { by: actor.to_string(), reason };
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let policy = store::policies::find(tx, &name)?.ok_or_else(|| Error::NoPolicy(name.clone()))?;
            let recipe = &policy.recipe;
            if let Some(active) = store::retrainings::active_of(tx, &name, &recipe.endpoint)? {
                return Err(Error::Active { endpoint: recipe.endpoint.clone(), active: active.uid });
            }
            let new = New {
                policy: &name,
                trigger: &trigger,
                position: None,
                recipe,
                state: State::Triggered,
                reason: None,
            };
            let uid = insert(tx, &new)?;
            store::retrainings::find(tx, uid)?.ok_or(Error::NoRetraining(uid))
        })
        .await
}

/// What an alarm does to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// It was raised now: what stands against a retraining is recorded.
    Raised,
    /// It still stands when another window has drifted: what stands against a retraining is nothing new.
    Stands,
}

/// Up to where a trigger was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub kind: String,
    pub value: i64,
}

/// `position` is that of the event, if one is the cause; the same event never counts twice. The mark is kept together
/// with what it led to.
pub(crate) async fn automatically(
    ledger: &Ledger,
    actor: &Actor,
    policy: Policy,
    trigger: Trigger,
    position: Option<i64>,
    mark: Option<Mark>,
    alarm: Alarm,
) -> Result<Option<Uid>, Error> {
    if alarm == Alarm::Stands {
        let (asked, now) = (policy.clone(), ledger.clock().now());
        // Most often something does, and finding that out needs no turn to write.
        if ledger.read(actor.workspace, move |rx| against(rx, &asked, now)).await?.is_some() {
            return Ok(None);
        }
    }
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let commits = matches!(trigger, Trigger::DataCommit { .. });
            if let Some(position) = position
                && store::retrainings::seen(tx, &policy.name, trigger.kind(), position)?
            {
                if commits {
                    store::commits::answer(tx, &policy.name, position)?;
                }
                return Ok(None);
            }
            let now = tx.now();
            let against = against(tx, &policy, now)?;
            let state = match (&against, alarm) {
                (Some(_), Alarm::Stands) => return Ok(None),
                (Some(_), Alarm::Raised) => State::Skipped,
                (None, _) => State::Triggered,
            };
            let reason = against.as_deref();
            let new = New {
                policy: &policy.name,
                trigger: &trigger,
                position,
                recipe: &policy.recipe,
                state,
                reason,
            };
            if let Some(mark) = &mark {
                store::marks::put(tx, &policy.name, mark)?;
            }
            if let Some(position) = position.filter(|_| commits) {
                store::commits::answer(tx, &policy.name, position)?;
            }
            if state == State::Skipped
                && let Some((uid, times)) = store::retrainings::skip_again(tx, &new)?
            {
                tell(tx, uid, &new, times)?;
                return Ok(Some(uid));
            }
            insert(tx, &new).map(Some)
        })
        .await
}

/// What stands against a retraining now.
fn against(
    tx: &mut impl store::Reads,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<String>, ledger::Error> {
    if let Some(active) = store::retrainings::active_of(tx, &policy.name, &policy.recipe.endpoint)? {
        return Ok(Some(format!("retraining {} has not ended yet", active.uid)));
    }
    if let Some((seconds, ended)) = policy.cooldown.zip(store::retrainings::last_by_itself(tx, &policy.name)?)
    {
        let until = ended.plus_seconds(seconds);
        if now < until {
            return Ok(Some(format!("the cool-down lasts until {}", until.rfc3339())));
        }
    }
    if let Some(budget) = policy.budget {
        let since: Timestamp = now.plus_seconds(-budget.per);
        let used = store::retrainings::count_by_itself(tx, &policy.name, since)?;
        if used >= budget.runs {
            let per = budget.per;
            return Ok(Some(format!(
                "the budget is spent: {used} of {} retrainings in {per} s",
                budget.runs
            )));
        }
    }
    Ok(None)
}

fn insert(tx: &mut Tx<'_>, new: &New<'_>) -> Result<Uid, Error> {
    let uid = store::retrainings::insert(tx, new)?;
    let props =
        json!({ "policy": new.policy, "trigger": new.trigger.kind(), "endpoint": new.recipe.endpoint });
    let node = tx.node("retraining", &uid.hex(), props)?;
    if let Some(cause) = window(new.trigger)
        && let Some(cause) = tx.find_node("monitor_window", &cause.hex())?
    {
        tx.edge(node, "triggered_by", cause)?;
    }
    if let Trigger::DataCommit { commit, .. } = new.trigger
        && let Some(commit) = tx.find_node("commit", commit)?
    {
        tx.edge(node, "triggered_by", commit)?;
    }
    tell(tx, uid, new, 1)?;
    Ok(uid)
}

fn window(trigger: &Trigger) -> Option<Uid> {
    match trigger {
        Trigger::Drift { window, .. } | Trigger::Performance { window, .. } => Some(*window),
        _ => None,
    }
}

/// `times`: how often in a row it was skipped.
fn tell(tx: &mut Tx<'_>, uid: Uid, new: &New<'_>, times: i64) -> Result<(), Error> {
    let mut payload = json!({
        "retraining": uid, "policy": new.policy, "trigger": new.trigger.kind(), "window": window(new.trigger),
        "endpoint": new.recipe.endpoint, "pipeline": new.recipe.pipeline, "event": new.position,
    });
    if new.state == State::Skipped {
        payload["reason"] = json!(new.reason);
        payload["times"] = json!(times);
    }
    Ok(tx.event(&format!("retraining.{}", new.state.name()), &format!("retraining:{uid}"), payload)?)
}

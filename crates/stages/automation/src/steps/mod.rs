//! What each state does. The work may be done twice (the server may die before it is recorded), so every step first
//! looks whether it is done already.

mod approval;
mod canary;
mod cancelled;
pub(crate) mod committed;
mod dataset;
mod frozen;
mod gating;
mod labels;
mod promoting;
mod route;
mod shadowing;
mod training;

use ledger::{Ledger, Tx};
use serde_json::json;
use serving::ShadowFigures;
use types::{Actor, Class, Fault as _, Timestamp, Uid};

use crate::{Automation, Error, Retraining, State, Trigger, store};

/// Where a retraining goes.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub state: State,
    pub detail: Option<String>,
    pub changes: Changes,
}

/// What a step found out; `None` leaves what stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub label_deadline: Option<Timestamp>,
    pub dataset_version: Option<Uid>,
    pub pipeline_run: Option<Uid>,
    pub model_version: Option<Uid>,
    pub evaluation: Option<Uid>,
    pub alias_from: Option<i64>,
    pub endpoint_revision: Option<Uid>,
    pub shadow_since: Option<Timestamp>,
    pub shadow: Option<ShadowFigures>,
    pub rollout: Option<Uid>,
    pub approval_deadline: Option<Timestamp>,
}

impl Next {
    pub fn to(state: State) -> Self {
        Self { state, detail: None, changes: Changes::default() }
    }

    pub fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Changes)) -> Self {
        change(&mut self.changes);
        self
    }

    pub fn failed(error: &Error) -> Self {
        let text = match error.hint() {
            Some(hint) => format!("{error} (hint: {hint})"),
            None => error.to_string(),
        };
        Self::to(State::Failed).saying(text)
    }
}

/// `None`: it has to wait.
pub(crate) async fn work(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    if let Some(asked) = retraining.cancel.as_ref().filter(|_| !retraining.state.is_final()) {
        return cancelled::take_back(automation, actor, retraining, asked).await;
    }
    let step = Box::pin(async {
        match retraining.state {
            State::Dataset => dataset::make(automation, actor, retraining).await.map(Some),
            State::Gating => gating::judge(automation, actor, retraining).await.map(Some),
            // What a deployment needs is found here, where it can be broken off; what is wrong is told when it deploys.
            State::Shadow | State::Canary | State::Promoting if !is_out(retraining) => {
                if let Some(version) = retraining.model_version {
                    let _ = automation.serving.admit(actor, version).await;
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    });
    match automation.unless_cancelled(actor, retraining.uid, step).await? {
        Some(Ok(None)) => {}
        Some(done) => return done,
        None => {
            let now = crate::get(&automation.ledger, actor, retraining.uid).await?;
            return match &now.cancel {
                Some(asked) => cancelled::take_back(automation, actor, &now, asked).await,
                None => Ok(None),
            };
        }
    }
    match retraining.state {
        State::Triggered => start(automation, actor, retraining).await.map(Some),
        State::WaitingLabels => labels::wait(automation, actor, retraining).await,
        State::Training => training::train(automation, actor, retraining).await,
        State::Shadow => shadowing::watch(automation, actor, retraining).await,
        State::Approval => approval::wait(automation, actor, retraining).await,
        State::Frozen => Ok(frozen::wait(automation, actor, retraining)),
        State::Canary => canary::watch(automation, actor, retraining).await,
        State::Promoting => promoting::promote(automation, actor, retraining).await.map(Some),
        _ => Ok(None),
    }
}

/// Whether its shadow or its canary was begun.
fn is_out(retraining: &Retraining) -> bool {
    match retraining.state {
        State::Shadow => retraining.shadow_since.is_some(),
        State::Canary => retraining.rollout.is_some(),
        _ => false,
    }
}

/// When a step has failed for good: what it had begun at the endpoint is undone.
pub(crate) async fn abandon(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<(), Error> {
    if retraining.state == State::Shadow
        && let Some(version) = retraining.model_version
    {
        match automation.serving.end_shadow(actor, &retraining.endpoint, version).await {
            // With the endpoint went its shadow.
            Err(error) if error.class() == Class::NotFound => {}
            ended => ended?,
        }
    }
    Ok(())
}

fn version_of(retraining: &Retraining) -> Result<Uid, Error> {
    retraining.model_version.ok_or_else(|| Error::Missing("the retraining has no model version".into()))
}

/// The edge from what a retraining deploys.
fn cause(retraining: &Retraining) -> (String, String, String) {
    ("triggered_by".to_owned(), "retraining".to_owned(), retraining.uid.hex())
}

/// Whether a candidate is on its way at the endpoint: another deployment would end that.
async fn is_rolling_out(automation: &Automation, actor: &Actor, endpoint: &str) -> Result<bool, Error> {
    Ok(automation.serving.rollout(actor, endpoint).await?.is_some_and(|r| r.state.is_active()))
}

async fn start(automation: &Automation, actor: &Actor, retraining: &Retraining) -> Result<Next, Error> {
    let drift = matches!(retraining.trigger, Trigger::Drift { .. });
    if drift && let Some(labels) = labels::rule(automation, actor, retraining).await? {
        let deadline = automation.ledger.clock().now().plus_seconds(labels.wait);
        return Ok(Next::to(State::WaitingLabels)
            .saying(format!("waiting for {} labels", labels.min))
            .with(|c| c.label_deadline = Some(deadline)));
    }
    // The first training has the dataset alone.
    let apply = matches!(retraining.trigger, Trigger::Apply { .. });
    Ok(Next::to(if apply { State::Training } else { State::Dataset }))
}

/// Moves on in one transaction: row, history, edges, event. False if somebody else did.
pub(crate) async fn commit(
    ledger: &Ledger,
    actor: &Actor,
    retraining: &Retraining,
    next: Next,
) -> Result<bool, Error> {
    let (uid, from, policy) = (retraining.uid, retraining.state, retraining.policy.clone());
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let Next { state, detail, changes } = &next;
            if !store::retrainings::transition(tx, uid, from, *state, detail.as_deref(), changes)? {
                return Ok(false);
            }
            edges(tx, uid, changes)?;
            let payload = json!({
                "retraining": uid,
                "policy": policy,
                "from": from.name(),
                "to": state.name(),
                "dataset_version": changes.dataset_version,
                "pipeline_run": changes.pipeline_run,
                "model_version": changes.model_version,
                "evaluation": changes.evaluation,
                "endpoint_revision": changes.endpoint_revision,
                "rollout": changes.rollout,
                "detail": detail,
            });
            // What was begun is news, though the state is the same.
            let kind = match (from, *state == from) {
                (State::Shadow, true) => "shadow_started",
                (State::Approval, true) => "approval_requested",
                (State::Canary, true) => "canary_started",
                (_, true) => "submitted",
                (_, false) => state.name(),
            };
            tx.event(&format!("retraining.{kind}"), &format!("retraining:{uid}"), payload)?;
            Ok(true)
        })
        .await
}

fn edges(tx: &mut Tx<'_>, uid: Uid, changes: &Changes) -> Result<(), Error> {
    let Some(node) = tx.find_node("retraining", &uid.hex())? else { return Ok(()) };
    if let Some(version) = changes.dataset_version
        && let Some(version) = tx.find_node("dataset_version", &version.hex())?
    {
        tx.edge(node, "used", version)?;
    }
    let effects = [
        ("pipeline_run", changes.pipeline_run),
        ("evaluation", changes.evaluation),
        ("endpoint_revision", changes.endpoint_revision),
    ];
    for (kind, effect) in effects {
        if let Some(effect) = effect
            && let Some(effect) = tx.find_node(kind, &effect.hex())?
        {
            tx.edge(effect, "triggered_by", node)?;
        }
    }
    Ok(())
}

use types::Actor;

use super::Next;
use crate::{Automation, Error, Labels, Retraining, State, Trigger, store};

/// What the policy says now: a policy that was removed waits for nothing.
pub(super) async fn rule(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Labels>, Error> {
    let name = retraining.policy.clone();
    let policy = automation.ledger.read(actor.workspace, move |rx| store::policies::find(rx, &name)).await?;
    Ok(policy.and_then(|p| p.labels))
}

/// Until enough labels are there, or the time is up.
pub(super) async fn wait(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    let Some(rule) = rule(automation, actor, retraining).await? else {
        return Ok(Some(Next::to(State::Dataset)));
    };
    let since = match retraining.trigger {
        Trigger::Drift { from, .. } => from,
        _ => retraining.created_at,
    };
    let count = automation.label_count(actor, &retraining.endpoint, since).await?;
    if count >= rule.min {
        return Ok(Some(Next::to(State::Dataset).saying(format!("{count} labels have arrived"))));
    }
    let late = retraining.label_deadline.is_some_and(|deadline| automation.ledger.clock().now() >= deadline);
    Ok(late.then(|| {
        let reason = format!("only {count} of {} labels arrived in {} s", rule.min, rule.wait);
        Next::to(State::Refused).saying(reason)
    }))
}

use types::Actor;

use super::{Next, route};
use crate::{Automation, Error, Retraining, State};

/// Asks for a person's word, once; then waits for it until the time is up.
pub(super) async fn wait(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    let go_on = || Next::to(route::after(automation, actor, retraining, State::Approval));
    let Some(rule) = retraining.recipe.rollout.as_ref().and_then(|r| r.approval.as_ref()) else {
        return Ok(Some(go_on()));
    };
    let now = automation.ledger.clock().now();
    let Some(deadline) = retraining.approval_deadline else {
        let deadline = now.plus_seconds(rule.within);
        let who = if rule.by.is_empty() { "an operator".to_owned() } else { rule.by.join(" or ") };
        let text = format!("{who} may approve or reject it until {}", deadline.rfc3339());
        let next = Next::to(State::Approval).saying(text).with(|c| c.approval_deadline = Some(deadline));
        return Ok(Some(next));
    };
    Ok(match &retraining.decision {
        Some(decision) if decision.approved => {
            Some(go_on().saying(format!("approved by {}: {}", decision.by, decision.reason)))
        }
        Some(decision) => {
            Some(Next::to(State::Refused).saying(format!("rejected by {}: {}", decision.by, decision.reason)))
        }
        None if now >= deadline => {
            Some(Next::to(State::Refused).saying(format!("nobody approved it within {} s", rule.within)))
        }
        None => None,
    })
}

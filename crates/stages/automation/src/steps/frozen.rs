use types::Actor;

use super::{Next, route};
use crate::freeze::frozen_until;
use crate::{Automation, Retraining, State};

/// Until no freeze holds any more.
pub(super) fn wait(automation: &Automation, actor: &Actor, retraining: &Retraining) -> Option<Next> {
    match until(automation, retraining) {
        Some(_) => None,
        None => {
            let next = Next::to(route::after(automation, actor, retraining, State::Frozen));
            Some(next.saying("the freeze has ended"))
        }
    }
}

/// The end of the freeze that holds now.
pub(super) fn until(automation: &Automation, retraining: &Retraining) -> Option<types::Timestamp> {
    let rule = retraining.recipe.rollout.as_ref()?;
    frozen_until(&rule.freeze, automation.ledger.clock().now())
}

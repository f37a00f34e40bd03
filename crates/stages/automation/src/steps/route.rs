use types::Actor;

use super::frozen;
use crate::{Automation, Retraining, State};

/// The stations between gate and swap, in order.
const STATIONS: [State; 5] = [State::Shadow, State::Approval, State::Frozen, State::Canary, State::Promoting];

/// The station after `from`, passing over those that are not declared or have nothing to do.
pub(super) fn after(automation: &Automation, actor: &Actor, retraining: &Retraining, from: State) -> State {
    let place = STATIONS.iter().position(|s| *s == from).map_or(0, |at| at + 1);
    let stops = |state: &State| needed(automation, actor, retraining, *state);
    STATIONS.iter().skip(place).copied().find(stops).unwrap_or(State::Promoting)
}

fn needed(automation: &Automation, actor: &Actor, retraining: &Retraining, state: State) -> bool {
    let rule = retraining.recipe.rollout.as_ref();
    match state {
        State::Shadow => {
            rule.is_some_and(|r| r.shadow.is_some()) && others_serve(automation, actor, retraining)
        }
        State::Approval => rule.is_some_and(|r| r.approval.is_some()),
        State::Frozen => frozen::until(automation, retraining).is_some(),
        State::Canary => {
            rule.is_some_and(|r| r.canary.is_some()) && others_serve(automation, actor, retraining)
        }
        _ => true,
    }
}

/// Whether the endpoint answers with another version: without one there is nothing to hold the candidate against.
fn others_serve(automation: &Automation, actor: &Actor, retraining: &Retraining) -> bool {
    automation.serving.get(actor, &retraining.endpoint).is_ok_and(|view| {
        let others =
            |v: &serving::VariantView| !v.shadow && Some(v.model_version) != retraining.model_version;
        view.state == serving::EndpointState::Serving && view.revision.variants.iter().any(others)
    })
}

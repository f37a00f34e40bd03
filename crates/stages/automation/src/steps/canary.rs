use serving::{NewRollout, Rollout, RolloutState};
use types::Actor;

use super::{Next, cause, frozen, version_of};
use crate::{Automation, Error, Retraining, State};

/// Rollouts of an endpoint that are looked through for the retraining's own.
const RECENT: i64 = 200;

/// Starts the rollout, once; then waits for its end, which serving decides by the live traffic.
pub(super) async fn watch(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    let Some(rollout) = retraining.rollout else {
        return start(automation, actor, retraining).await;
    };
    let all = automation.serving.rollouts(actor, &retraining.endpoint, RECENT).await?;
    let Some(rollout) = all.into_iter().find(|r| r.uid == rollout) else {
        return Err(Error::Missing(format!("the endpoint has no rollout {rollout} any more")));
    };
    let why = rollout.reason.clone().unwrap_or_default();
    Ok(match rollout.state {
        RolloutState::Running | RolloutState::Paused => {
            hold(automation, actor, retraining, &rollout).await?;
            None
        }
        RolloutState::Promoted => Some(Next::to(State::Promoting).saying(format!("as a canary: {why}"))),
        RolloutState::RolledBack | RolloutState::Aborted => {
            Some(Next::to(State::RolledBack).saying(format!("as a canary: {why}")))
        }
    })
}

/// No step is made while a freeze holds; the guards still watch. What a person paused stays as it is.
async fn hold(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    rollout: &Rollout,
) -> Result<(), Error> {
    let frozen = frozen::until(automation, retraining).is_some();
    let own = rollout.timeline.last().is_some_and(|moment| moment.by == actor.to_string());
    match rollout.state {
        RolloutState::Running if frozen => {
            automation.serving.pause_rollout(actor, &retraining.endpoint).await?;
        }
        RolloutState::Paused if !frozen && own => {
            automation.serving.resume_rollout(actor, &retraining.endpoint).await?;
        }
        _ => {}
    }
    Ok(())
}

async fn start(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    let Some(rule) = retraining.recipe.rollout.as_ref().and_then(|r| r.canary.as_ref()) else {
        return Ok(Some(Next::to(State::Promoting)));
    };
    let (version, endpoint) = (version_of(retraining)?, &retraining.endpoint);
    let newest = automation.serving.rollout(actor, endpoint).await?;
    let cause = cause(retraining);
    let rollout = match newest {
        // The server died after it had started it.
        Some(own) if own.causes.contains(&cause) => own,
        Some(other) if other.state.is_active() => return Ok(None),
        _ => {
            let new = NewRollout {
                endpoint: endpoint.clone(),
                model_version: version,
                graph: None,
                name: None,
                steps: rule.steps.clone(),
                bake_seconds: rule.bake,
                guards: rule.guards,
                causes: vec![cause],
            };
            automation.serving.start_rollout(actor, new).await?
        }
    };
    let Rollout { uid, candidate, .. } = &rollout;
    let text = format!("`{candidate}` answers {:.0} % of the requests", rule.steps[0] * 100.0);
    Ok(Some(Next::to(State::Canary).saying(text).with(|c| c.rollout = Some(*uid))))
}

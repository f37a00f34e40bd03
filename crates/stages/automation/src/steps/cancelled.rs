//! Taking back what a retraining has begun, in every state.

use serving::{Rollout, RolloutState};
use types::{Actor, Class, Fault as _};

use super::{Next, cause, promoting, training};
use crate::{Automation, Cancellation, Error, Retraining, State};

/// Seconds in which a run that was told to end is waited for.
const PATIENCE: i64 = 60;

/// `None`: the pipeline run has not ended yet.
pub(super) async fn take_back(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    asked: &Cancellation,
) -> Result<Option<Next>, Error> {
    let mut said = asked.text();
    match retraining.state {
        State::Training => {
            let late = automation.ledger.clock().now() >= asked.at.plus_seconds(PATIENCE);
            let ended = training::cancel(automation, actor, retraining).await?;
            if !ended && !late {
                return Ok(None);
            }
            if !ended {
                said.push_str("; its pipeline run has been told to end and has not ended yet");
            }
        }
        State::Shadow => super::abandon(automation, actor, retraining).await?,
        State::Canary => canary(automation, actor, retraining, &said).await?,
        State::Promoting if !promoting::take_back(automation, actor, retraining).await? => {
            return promoting::promote(automation, actor, retraining).await.map(Some);
        }
        // Nothing of it runs anywhere.
        _ => {}
    }
    Ok(Some(Next::to(State::Cancelled).saying(said)))
}

async fn canary(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    why: &str,
) -> Result<(), Error> {
    // It may end by itself at that moment: then it is looked at again.
    for _ in 0..2 {
        let Some(rollout) = own_rollout(automation, actor, retraining).await? else { return Ok(()) };
        if rollout.state == RolloutState::Promoted {
            return promoting::serve_again(automation, actor, retraining, &rollout).await;
        }
        if !rollout.state.is_active() {
            return Ok(());
        }
        match automation.serving.abort_rollout(actor, &retraining.endpoint, why).await {
            Err(error) if error.class() == Class::NotFound => {}
            ended => return Ok(ended.map(drop)?),
        }
    }
    Ok(())
}

/// The newest rollout of the endpoint, if this retraining started it.
pub(super) async fn own_rollout(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Rollout>, Error> {
    let newest = automation.serving.rollout(actor, &retraining.endpoint).await?;
    let cause = cause(retraining);
    Ok(newest.filter(|r| retraining.rollout == Some(r.uid) || r.causes.contains(&cause)))
}

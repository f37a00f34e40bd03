use serving::{Deploy, EndpointState, NewVariant, Rollout, RolloutState, StableVariant};
use types::{Actor, Class, Fault as _, Uid};

use super::{Next, cancelled, cause, version_of};
use crate::{Automation, Error, Retraining, State};

/// Moves the alias, then swaps the endpoint. If the model cannot be served the alias goes back.
pub(super) async fn promote(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Next, Error> {
    let uid = version_of(retraining)?;
    let version = models::get_version(&automation.ledger, actor, uid).await?;
    let (model, alias) = (&retraining.recipe.model, &retraining.recipe.alias);
    let moved =
        models::set_alias(&automation.ledger, actor, model.clone(), alias.clone(), version.number).await;
    match moved {
        Ok(()) => {}
        // An approval rule stands against it.
        Err(error) if error.class() == Class::Forbidden => {
            if let Some(rollout) = promoted(automation, actor, retraining).await? {
                serve_again(automation, actor, retraining, &rollout).await?;
            }
            return Ok(
                Next::to(State::Refused).saying(format!("the alias `{alias}` may not be moved: {error}"))
            );
        }
        Err(error) => return Err(error.into()),
    }
    let revision = match served(automation, actor, retraining, uid) {
        Some(revision) => revision,
        None => match deploy(automation, actor, retraining, uid).await {
            Ok(revision) => revision,
            Err(error) => {
                let class = error.class();
                if class != Class::Unavailable {
                    restore(automation, actor, retraining).await?;
                }
                return Err(error);
            }
        },
    };
    let text = format!("{} serves {model} version {}", retraining.endpoint, version.number);
    Ok(Next::to(State::Done).saying(text).with(|c| c.endpoint_revision = Some(revision)))
}

/// The revision, if the endpoint serves that version alone already.
fn served(automation: &Automation, actor: &Actor, retraining: &Retraining, version: Uid) -> Option<Uid> {
    let view = automation.serving.get(actor, &retraining.endpoint).ok()?;
    let alone = matches!(&view.revision.variants[..], [only] if only.model_version == version);
    (alone && view.state == EndpointState::Serving).then_some(view.revision.uid)
}

async fn deploy(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    version: Uid,
) -> Result<Uid, Error> {
    let deploy = Deploy {
        endpoint: retraining.endpoint.clone(),
        variants: vec![NewVariant::new(version, 1.0)],
        causes: vec![cause(retraining)],
    };
    Ok(automation.serving.deploy(actor, deploy).await?.uid)
}

/// Undoes what was done of the swap. False if all of it was: then it is too late.
pub(super) async fn take_back(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<bool, Error> {
    let uid = version_of(retraining)?;
    let (model, alias) = (retraining.recipe.model.clone(), retraining.recipe.alias.clone());
    let moved = models::version_by_alias(&automation.ledger, actor, model, alias).await?;
    let moved = moved.is_some_and(|version| version.uid == uid);
    if moved && served(automation, actor, retraining, uid).is_some() {
        return Ok(false);
    }
    if moved {
        restore(automation, actor, retraining).await?;
    }
    if let Some(rollout) = promoted(automation, actor, retraining).await? {
        serve_again(automation, actor, retraining, &rollout).await?;
    }
    Ok(true)
}

/// Its own rollout, if that gave it all requests.
async fn promoted(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Rollout>, Error> {
    let own = cancelled::own_rollout(automation, actor, retraining).await?;
    Ok(own.filter(|rollout| rollout.state == RolloutState::Promoted))
}

/// Gives all requests back to what served before the canary, unless something else was deployed since.
pub(super) async fn serve_again(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    rollout: &Rollout,
) -> Result<(), Error> {
    if served(automation, actor, retraining, version_of(retraining)?).is_none() {
        return Ok(());
    }
    let variants = rollout.stable.iter().map(StableVariant::again).collect();
    let deploy = Deploy { endpoint: retraining.endpoint.clone(), variants, causes: vec![cause(retraining)] };
    automation.serving.deploy(actor, deploy).await?;
    Ok(())
}

async fn restore(automation: &Automation, actor: &Actor, retraining: &Retraining) -> Result<(), Error> {
    let (model, alias) = (retraining.recipe.model.clone(), retraining.recipe.alias.clone());
    match retraining.alias_from {
        Some(number) => models::set_alias(&automation.ledger, actor, model, alias, number).await?,
        None => models::delete_alias(&automation.ledger, actor, model, alias).await?,
    }
    Ok(())
}

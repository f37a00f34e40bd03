use types::{Actor, Uid};

use super::{Next, cause, route, version_of};
use crate::rollout::Judged;
use crate::{Automation, Error, Retraining, State};

/// Gives the candidate copies of the live requests, once; then waits until it can be judged by them.
pub(super) async fn watch(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<Next>, Error> {
    let Some(rule) = retraining.recipe.rollout.as_ref().and_then(|r| r.shadow.as_ref()) else {
        return Ok(Some(Next::to(route::after(automation, actor, retraining, State::Shadow))));
    };
    let (version, endpoint) = (version_of(retraining)?, &retraining.endpoint);
    let Some(since) = retraining.shadow_since else {
        if super::is_rolling_out(automation, actor, endpoint).await? {
            return Ok(None);
        }
        let revision =
            automation.serving.start_shadow(actor, endpoint, version, vec![cause(retraining)]).await?;
        let text = format!("{} copies of the live requests go to the candidate", rule.requests);
        let next = Next::to(State::Shadow).saying(text).with(|c| c.shadow_since = Some(revision.created_at));
        return Ok(Some(next));
    };
    let figures = automation.serving.shadow_figures(actor, endpoint, version, since).await?;
    let late = automation.ledger.clock().now() >= since.plus_seconds(rule.within);
    let next = match rule.judge(&figures) {
        Judged::Good(text) => Next::to(route::after(automation, actor, retraining, State::Shadow))
            .saying(format!("as a shadow: {text}")),
        Judged::Bad(text) => Next::to(State::Refused).saying(format!("as a shadow: {text}")),
        Judged::Wait if late => Next::to(State::Refused).saying(format!(
            "as a shadow: only {} of {} copies came in {} s",
            figures.requests, rule.requests, rule.within
        )),
        Judged::Wait if !has_copies(automation, actor, endpoint, version).await? => Next::to(State::Refused)
            .saying("as a shadow: another deployment of the endpoint took its copies away"),
        Judged::Wait => return Ok(None),
    };
    automation.serving.end_shadow(actor, endpoint, version).await?;
    Ok(Some(next.with(|c| c.shadow = Some(figures))))
}

/// By the ledger, where this server seems to serve something else: it may only be late.
async fn has_copies(
    automation: &Automation,
    actor: &Actor,
    endpoint: &str,
    version: Uid,
) -> Result<bool, Error> {
    let has = |r: &serving::Revision| r.variants.iter().any(|v| v.shadow && v.model_version == version);
    if automation.serving.get(actor, endpoint).is_ok_and(|view| has(&view.revision)) {
        return Ok(true);
    }
    let newest = automation.serving.revisions(actor, endpoint).await?;
    Ok(newest.first().is_some_and(has))
}

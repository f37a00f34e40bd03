use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp};

use crate::steps::committed::PARAMETER;
use crate::{Error, Policy, PolicyView, store};

/// Declares a policy, or changes it; retrainings that run go on as they began. The same policy again changes
/// nothing. Errors: `BadPolicy`.
pub async fn define(ledger: &Ledger, actor: &Actor, policy: Policy) -> Result<(), Error> {
    check(&policy)?;
    data(ledger, actor, &policy).await?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if store::policies::find(tx, &policy.name)?.as_ref() == Some(&policy) {
                return Ok(());
            }
            store::policies::put(tx, &policy)?;
            let payload = json!({
                "policy": policy.name, "monitor": policy.on, "pipeline": policy.recipe.pipeline,
                "endpoint": policy.recipe.endpoint, "code": policy.recipe.code.digest,
            });
            Ok(tx.event("retrain.defined", &format!("retrain:{}", policy.name), payload)?)
        })
        .await
}

/// What is committed must get into the training: by a parameter, or as a version of the dataset.
async fn data(ledger: &Ledger, actor: &Actor, policy: &Policy) -> Result<(), Error> {
    if policy.triggers.data_commit.is_none() || policy.recipe.dataset.is_some() {
        return Ok(());
    }
    let pipeline = &policy.recipe.pipeline;
    if pipelines::get(ledger, actor, pipeline).await?.spec.params.contains_key(PARAMETER) {
        return Ok(());
    }
    let reason = format!("the pipeline `{pipeline}` has neither a dataset nor the parameter `{PARAMETER}`");
    Err(Error::BadPolicy { policy: policy.name.clone(), reason })
}

fn check(policy: &Policy) -> Result<(), Error> {
    let bad = |reason: &str| Err(Error::BadPolicy { policy: policy.name.clone(), reason: reason.to_owned() });
    if policy.name.is_empty() {
        return bad("it has no name");
    }
    if policy.labels.is_some_and(|l| l.min < 1 || l.wait < 1) {
        return bad("labels.min and labels.wait must be at least 1");
    }
    if policy.labels.is_some() && (policy.recipe.label.is_none() || policy.recipe.dataset.is_none()) {
        return bad("it waits for labels, but has no dataset and label column to put them in");
    }
    if policy.budget.is_some_and(|b| b.runs < 1 || b.per < 1) {
        return bad("budget.runs and budget.per must be at least 1");
    }
    if let Some(Err(reason)) = policy.recipe.rollout.as_ref().map(crate::RolloutRule::check) {
        return bad(&reason);
    }
    if let Err(reason) = policy.triggers.check() {
        return bad(&reason);
    }
    if policy.cooldown.is_some_and(|c| c < 0) {
        return bad("the cool-down is negative");
    }
    Ok(())
}

/// Forgets it; its retrainings stay. Errors: `NoPolicy`.
pub async fn remove(ledger: &Ledger, actor: &Actor, name: &str) -> Result<(), Error> {
    let name = name.to_owned();
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::policies::delete(tx, &name)? {
                return Err(Error::NoPolicy(name.clone()));
            }
            store::marks::forget(tx, &name)?;
            store::commits::forget(tx, &name)?;
            Ok(tx.event("retrain.removed", &format!("retrain:{name}"), json!({ "policy": name }))?)
        })
        .await
}

/// Errors: `NoPolicy`.
pub async fn policy(ledger: &Ledger, actor: &Actor, name: &str) -> Result<Policy, Error> {
    let wanted = name.to_owned();
    let found = ledger.read(actor.workspace, move |rx| store::policies::find(rx, &wanted)).await?;
    found.ok_or_else(|| Error::NoPolicy(name.to_owned()))
}

/// By name, with what stands against their next retraining.
pub async fn policies(ledger: &Ledger, actor: &Actor) -> Result<Vec<PolicyView>, Error> {
    let now = ledger.clock().now();
    let views = ledger.read(actor.workspace, move |rx| {
        let mut views = Vec::new();
        for policy in store::policies::list(rx)? {
            let last = store::retrainings::last_by_itself(rx, &policy.name)?;
            let until = policy.cooldown.zip(last).map(|(seconds, ended)| ended.plus_seconds(seconds));
            let window = policy.budget.map_or(Timestamp(i64::MAX), |b| now.plus_seconds(-b.per));
            let budget_used = store::retrainings::count_by_itself(rx, &policy.name, window)?;
            let active =
                store::retrainings::active_of(rx, &policy.name, &policy.recipe.endpoint)?.map(|r| r.uid);
            let pending = match &policy.triggers.data_commit {
                Some(rule) => store::commits::pending(rx, &policy.name, &rule.source())?,
                None => None,
            };
            let pending = policy.triggers.data_commit.as_ref().zip(pending).map(|(rule, p)| rule.shown(&p));
            views.push(PolicyView {
                pending,
                cooldown_until: until.filter(|u| *u > now),
                budget_used,
                active,
                policy,
            });
        }
        Ok::<_, ledger::Error>(views)
    });
    Ok(views.await?)
}

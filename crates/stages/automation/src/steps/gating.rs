use evaluation::{Champion, Evaluation, Request};
use types::{Actor, Digest, Uid};

use super::{Next, route, version_of};
use crate::{Automation, Error, Gate, Retraining, State};

/// Asks the gate about the new model version.
pub(super) async fn judge(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Next, Error> {
    let version = version_of(retraining)?;
    let open = || Next::to(route::after(automation, actor, retraining, State::Gating));
    let champion = champion(automation, actor, retraining).await?;
    let alias_from = champion.as_ref().map(|(_, number)| *number);
    let Some(gate) = &retraining.recipe.gate else {
        return Ok(open().saying("no gate is declared").with(|c| c.alias_from = alias_from));
    };
    let data = data(automation, actor, retraining, gate).await?;
    let evaluation = match earlier(automation, actor, retraining, gate, version, data).await? {
        Some(evaluation) => evaluation,
        None => {
            let request = request(gate, version, data, champion.map(|(uid, _)| uid));
            evaluation::evaluate(&automation.ledger, &automation.blobs, &automation.runtime, actor, request)
                .await?
        }
    };
    let told = |next: Next| next.with(|c| (c.evaluation, c.alias_from) = (Some(evaluation.uid), alias_from));
    if evaluation.blessed() {
        return Ok(told(open().saying(format!("the gate `{}` opened", gate.name))));
    }
    let failures = evaluation.failures();
    let why =
        if failures.is_empty() { "a metric could not be computed".to_owned() } else { failures.join("; ") };
    Ok(told(Next::to(State::Refused).saying(format!("the gate `{}` stays closed: {why}", gate.name))))
}

/// The version that the alias points to.
async fn champion(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Option<(Uid, i64)>, Error> {
    let (model, alias) = (retraining.recipe.model.clone(), retraining.recipe.alias.clone());
    match models::version_by_alias(&automation.ledger, actor, model, alias).await {
        Ok(version) => Ok(version.map(|v| (v.uid, v.number))),
        Err(models::Error::ModelNotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn data(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    gate: &Gate,
) -> Result<Digest, Error> {
    let missing = |what: String| Error::Missing(what);
    let run = retraining.pipeline_run.ok_or_else(|| missing("the retraining has no pipeline run".into()))?;
    let outputs = pipelines::outputs(&automation.ledger, actor, run).await?;
    let wanted = &gate.data;
    let found = outputs.into_iter().find(|(step, o)| *step == wanted.step && o.name == wanted.output);
    match found {
        Some((_, output)) if !output.is_dir => Ok(output.digest),
        Some(_) => {
            Err(missing(format!("the output `{}` of step `{}` is a directory", wanted.output, wanted.step)))
        }
        None => {
            Err(missing(format!("the step `{}` of run {run} has no output `{}`", wanted.step, wanted.output)))
        }
    }
}

/// What was found out before the server died.
async fn earlier(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    gate: &Gate,
    version: Uid,
    data: Digest,
) -> Result<Option<Evaluation>, Error> {
    let all = evaluation::evaluations_of(&automation.ledger, actor, version).await?;
    let mine = |e: &Evaluation| {
        e.gate.as_ref() == Some(&gate.name) && e.data == data && e.created_at >= retraining.updated_at
    };
    Ok(all.into_iter().find(mine))
}

fn request(gate: &Gate, version: Uid, data: Digest, champion: Option<Uid>) -> Request {
    let mut request = Request::new(version, data, gate.label.clone());
    request.gate = Some(gate.name.clone());
    request.output = gate.output.clone();
    request.positive = gate.positive.clone();
    request.threshold = gate.threshold.unwrap_or(request.threshold);
    request.metrics = gate.metrics.clone();
    request.slices = gate.slices.clone();
    request.slice_metrics = gate.slice_metrics.clone();
    request.champion =
        gate.champion.as_ref().zip(champion.filter(|c| *c != version)).map(|(rule, champion)| Champion {
            model_version: champion,
            metric: rule.metric.clone(),
            max_drop: rule.max_drop,
        });
    request
}

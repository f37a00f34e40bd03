//! Scorers (`service.proto`), and what they do online (hand-made JSON upstream).

use std::collections::BTreeMap;

use evaluation::{OnlineScoring, ScorerVersion};
use gateway::NewBinding;
use serde_json::{Value, json};
use tracking::ExperimentQuery;
use tracking::search::Lifecycle;
use types::Uid;

use super::scorer_definition as definition;
use super::{active_experiment, given, message};
use crate::call::{Answer, Cx, empty, reply};
use crate::convert::experiment_number;
use crate::errors::Failure;
use crate::gateway::endpoint_id;
use crate::request::Fields;

/// What a binding of a scorer to a gateway endpoint is called.
const RESOURCE: &str = "scorer";

/// Names of the gateway's endpoints by id, read when the first scorer needs them.
#[derive(Default)]
struct Endpoints(Option<BTreeMap<String, String>>);

impl Endpoints {
    async fn name(&mut self, cx: &Cx, id: &str) -> Result<Option<String>, Failure> {
        if self.0.is_none() {
            let all = gateway::endpoints(&cx.state.ledger, &cx.actor, None).await?;
            self.0 = Some(all.into_iter().map(|e| (endpoint_id(e.uid), e.name)).collect());
        }
        Ok(self.0.as_ref().and_then(|names| names.get(id).cloned()))
    }

    /// The definition with the endpoint's name in place of its id; with no model if the endpoint is gone.
    async fn resolved(&mut self, cx: &Cx, text: String) -> Result<String, Failure> {
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return Ok(text) };
        let Some(id) = definition::gateway_endpoint(&value) else { return Ok(text) };
        let name = self.name(cx, &id).await?;
        definition::set_gateway_endpoint(&mut value, name.as_deref());
        Ok(value.to_string())
    }
}

/// `Scorer` of `service.proto`.
fn scorer(v: ScorerVersion, text: String) -> Value {
    json!({
        "experiment_id": v.experiment,
        "scorer_name": v.name,
        "scorer_version": v.number,
        "serialized_scorer": text,
        "creation_time": v.created_at.millis(),
        "scorer_id": scorer_id(v.scorer),
    })
}

/// With hyphens, as upstream's are.
fn scorer_id(uid: Uid) -> String {
    let hex = uid.hex();
    let cut = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [cut(0..8), cut(8..12), cut(12..16), cut(16..20), cut(20..32)].join("-")
}

async fn scorers(cx: &Cx, versions: Vec<ScorerVersion>) -> Answer {
    let mut endpoints = Endpoints::default();
    let mut found = Vec::with_capacity(versions.len());
    for version in versions {
        let text = endpoints.resolved(cx, version.definition.clone()).await?;
        found.push(scorer(version, text));
    }
    reply(&message(json!({ "scorers": found })))
}

pub(crate) async fn register(cx: Cx, f: Fields) -> Answer {
    let experiment_id = f.required_text("experiment_id")?;
    let name = f.required_text("name")?;
    let text = f.required_text("serialized_scorer")?;
    let mut value = definition::checked(&text)?;
    if name.trim().is_empty() {
        return Err(Failure::invalid("Scorer name cannot be empty or contain only whitespace."));
    }
    let experiment = active_experiment(&cx, &experiment_id).await?;
    definition::check_model(&value)?;
    let ledger = &cx.state.ledger;
    let mut stored = text.clone();
    let mut endpoint = None;
    if let Some(named) = definition::gateway_endpoint(&value) {
        let found = gateway::endpoint(ledger, &cx.actor, Err(named)).await?;
        definition::set_gateway_endpoint(&mut value, Some(&endpoint_id(found.uid)));
        stored = value.to_string();
        endpoint = Some(found.uid);
    }
    let version = evaluation::register_scorer(ledger, &cx.actor, experiment, name.clone(), stored).await?;
    if let Some(endpoint) = endpoint {
        let binding = NewBinding {
            endpoint,
            resource_type: RESOURCE.into(),
            resource_id: scorer_id(version.scorer),
            display_name: Some(name),
            created_by: None,
        };
        gateway::rebind(ledger, &cx.actor, binding).await?;
    }
    reply(&json!({
        "version": version.number,
        "scorer_id": scorer_id(version.scorer),
        "experiment_id": experiment.to_string(),
        "name": version.name,
        "serialized_scorer": text,
        "creation_time": version.created_at.millis(),
    }))
}

/// Of one experiment, of several, or of all that are active.
pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let one = given(f.text("experiment_id")?);
    if one.is_some() && f.has("experiment_ids") {
        return Err(Failure::invalid(
            "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to scope the query to multiple \
             experiments, or 'experiment_id' to scope it to a single experiment.",
        ));
    }
    let experiments = match one {
        Some(id) => vec![active_experiment(&cx, &id).await?],
        None => {
            let wanted = f.texts("experiment_ids")?;
            let wanted = wanted.iter().map(|id| experiment_number(id)).collect::<Result<Vec<_>, _>>()?;
            let named = f.has("experiment_ids");
            active(&cx).await?.into_iter().filter(|number| !named || wanted.contains(number)).collect()
        }
    };
    let found = evaluation::latest_scorers(&cx.state.ledger, &cx.actor, experiments).await?;
    scorers(&cx, found).await
}

/// Every experiment that is not deleted.
async fn active(cx: &Cx) -> Result<Vec<i64>, Failure> {
    let query = ExperimentQuery { lifecycle: Lifecycle::Active, limit: 50_000, ..Default::default() };
    let page = tracking::search_experiments(&cx.state.ledger, &cx.actor, query).await?;
    Ok(page.items.into_iter().map(|e| e.number).collect())
}

pub(crate) async fn versions(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let experiment = active_experiment(&cx, &experiment_id).await?;
    let found = evaluation::scorer_versions(&cx.state.ledger, &cx.actor, experiment, name).await?;
    scorers(&cx, found).await
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let version = f.integer("version")?;
    let experiment = active_experiment(&cx, &experiment_id).await?;
    let found = evaluation::scorer(&cx.state.ledger, &cx.actor, experiment, name, version).await?;
    let text = Endpoints::default().resolved(&cx, found.definition.clone()).await?;
    reply(&json!({ "scorer": scorer(found, text) }))
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let version = f.integer("version")?;
    let experiment = active_experiment(&cx, &experiment_id).await?;
    let ledger = &cx.state.ledger;
    let gone = evaluation::delete_scorer(ledger, &cx.actor, experiment, name, version).await?;
    if let Some(uid) = gone {
        gateway::unbind_resource(ledger, &cx.actor, RESOURCE.into(), scorer_id(uid)).await?;
    }
    empty()
}

/// `OnlineScoringConfig.to_dict`.
fn online(o: OnlineScoring) -> Value {
    message(json!({
        "online_scoring_config_id": o.uid,
        "scorer_id": scorer_id(o.scorer),
        "sample_rate": o.sample_rate,
        "experiment_id": o.experiment.to_string(),
        "filter_string": o.filter,
    }))
}

pub(crate) async fn online_configs(cx: Cx, f: Fields) -> Answer {
    if !f.has("scorer_ids") {
        return Err(f.missing("scorer_ids"));
    }
    let uids = f.texts("scorer_ids")?.iter().filter_map(|id| id.parse().ok()).collect();
    let found = evaluation::online_scoring(&cx.state.ledger, &cx.actor, uids).await?;
    reply(&json!({ "configs": found.into_iter().map(online).collect::<Vec<_>>() }))
}

pub(crate) async fn set_online_config(cx: Cx, f: Fields) -> Answer {
    let (experiment_id, name) = (f.required_text("experiment_id")?, f.required_text("name")?);
    let sample_rate = f.number("sample_rate")?.ok_or_else(|| f.missing("sample_rate"))?;
    if !(0.0..=1.0).contains(&sample_rate) {
        return Err(Failure::invalid(format!("sample_rate must be between 0.0 and 1.0, got {sample_rate}")));
    }
    let filter = f.text("filter_string")?;
    if let Some(filter) = given(filter.clone()) {
        crate::filters::traces::parse(&filter)?;
    }
    let experiment = active_experiment(&cx, &experiment_id).await?;
    let ledger = &cx.state.ledger;
    let latest = evaluation::scorer(ledger, &cx.actor, experiment, name.clone(), None).await?;
    if sample_rate > 0.0 {
        check_online(&name, &latest.definition)?;
    }
    let set =
        evaluation::set_online_scoring(ledger, &cx.actor, experiment, name, sample_rate, filter).await?;
    reply(&json!({ "config": online(set) }))
}

/// A scorer works by itself only through the gateway, and without knowing the right answer.
fn check_online(name: &str, text: &str) -> Result<(), Failure> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    if definition::gateway_endpoint(&value).is_none() {
        return Err(Failure::invalid(format!(
            "Scorer '{name}' does not use a gateway model. Automatic evaluation is only supported for scorers that use \
             gateway models."
        )));
    }
    let instructions = value["instructions_judge_pydantic_data"]["instructions"].as_str().unwrap_or_default();
    let template: String = instructions.chars().filter(|c| !c.is_whitespace()).collect();
    if template.contains("{{expectations}}") {
        return Err(Failure::invalid(format!(
            "Scorer '{name}' requires expectations, but scorers with expectations are not currently supported for automatic \
             evaluation."
        )));
    }
    Ok(())
}

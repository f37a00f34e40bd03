use std::collections::BTreeSet;

use gateway::{Endpoint, EndpointChange, Fallback, Link, NewEndpoint, NewLink};
use serde_json::{Value, json};
use types::Uid;

use super::{LINK, MODEL, endpoint_id, endpoint_uid, model_definitions, model_uid, not_found};
use crate::call::{Answer, Cx, empty, reply};
use crate::convert::experiment_number;
use crate::errors::Failure;
use crate::genai::{given, message, uid};
use crate::request::{Fields, missing};

/// `RoutingStrategy`, `FallbackStrategy` and `GatewayModelLinkageType`; what is unspecified is none.
const ROUTINGS: [(&str, i64, Option<&str>); 2] = [
    ("ROUTING_STRATEGY_UNSPECIFIED", 0, None),
    ("REQUEST_BASED_TRAFFIC_SPLIT", 1, Some("REQUEST_BASED_TRAFFIC_SPLIT")),
];
const FALLBACKS: [(&str, i64, Option<&str>); 2] =
    [("FALLBACK_STRATEGY_UNSPECIFIED", 0, None), ("SEQUENTIAL", 1, Some("SEQUENTIAL"))];
const LINKAGES: [(&str, i64, Option<bool>); 3] =
    [("LINKAGE_TYPE_UNSPECIFIED", 0, None), ("PRIMARY", 1, Some(false)), ("FALLBACK", 2, Some(true))];

/// `GatewayEndpointModelMapping`.
fn link(l: Link) -> Value {
    message(json!({
        "mapping_id": format!("{LINK}{}", l.uid),
        "endpoint_id": endpoint_id(l.endpoint),
        "model_definition_id": format!("{MODEL}{}", l.model.uid),
        "model_definition": model_definitions::model(l.model),
        "weight": l.weight,
        "created_at": l.created_at.millis(),
        "created_by": l.created_by,
        "linkage_type": if l.is_fallback { "FALLBACK" } else { "PRIMARY" },
        "fallback_order": l.place,
    }))
}

/// `GatewayEndpoint`.
fn endpoint(e: Endpoint) -> Value {
    let tags = e.tags.into_iter().map(|(key, value)| message(json!({ "key": key, "value": value })));
    let fallback =
        e.fallback.map(|f| message(json!({ "strategy": f.strategy, "max_attempts": f.max_attempts })));
    message(json!({
        "endpoint_id": endpoint_id(e.uid),
        "name": e.name,
        "created_at": e.created_at.millis(),
        "last_updated_at": e.updated_at.millis(),
        "model_mappings": e.links.into_iter().map(link).collect::<Vec<_>>(),
        "created_by": e.created_by.unwrap_or_default(),
        "last_updated_by": e.updated_by.unwrap_or_default(),
        "tags": tags.collect::<Vec<_>>(),
        "routing_strategy": e.routing,
        "fallback_config": fallback,
        "experiment_id": e.experiment.map(|n| n.to_string()),
        "usage_tracking": e.usage_tracking,
    }))
}

fn check_name(name: &str) -> Result<(), Failure> {
    if name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "Invalid endpoint name '{name}'. Name can only contain letters, numbers, underscores, hyphens, and dots."
    )))
}

/// `place` is `model_config` or `model_configs[i]`.
fn new_link(f: &Fields, place: &str) -> Result<NewLink, Failure> {
    let linkage = f.choice("linkage_type", &LINKAGES)?.flatten().ok_or_else(|| {
        Failure::invalid(format!(
            "Invalid or missing value for required parameter 'linkage_type' in {place}. Must be one of: PRIMARY, FALLBACK."
        ))
    })?;
    let text = f.text_or_empty("model_definition_id")?;
    let model =
        uid(MODEL, &text).ok_or_else(|| Failure::missing(format!("Model definitions not found: {text}")))?;
    Ok(NewLink {
        model,
        is_fallback: linkage,
        weight: f.number("weight")?.unwrap_or(1.0),
        place: f.integer("fallback_order")?,
    })
}

fn links(f: &Fields) -> Result<Vec<NewLink>, Failure> {
    let configs = f.messages("model_configs")?;
    configs.iter().enumerate().map(|(i, c)| new_link(c, &format!("model_configs[{i}]"))).collect()
}

fn fallback(f: &Fields) -> Result<Option<Fallback>, Failure> {
    let Some(config) = f.inner("fallback_config")? else { return Ok(None) };
    let strategy = config.choice("strategy", &FALLBACKS)?.flatten().map(str::to_owned);
    Ok(Some(Fallback { strategy, max_attempts: config.integer("max_attempts")? }))
}

fn routing(f: &Fields) -> Result<Option<String>, Failure> {
    Ok(f.choice("routing_strategy", &ROUTINGS)?.flatten().map(str::to_owned))
}

fn experiment(f: &Fields) -> Result<Option<i64>, Failure> {
    given(f.text("experiment_id")?).map(|id| experiment_number(&id)).transpose()
}

/// Where traces of the endpoint's requests go when nobody says.
async fn usage_experiment(cx: &Cx, name: &str, endpoint: Uid) -> Result<i64, Failure> {
    let ledger = &cx.state.ledger;
    let found = tracking::ensure_experiment(ledger, &cx.actor, &format!("gateway/{name}")).await?;
    if found.tags.is_empty() {
        let tags = [
            ("mlflow.experiment.sourceType", "GATEWAY".to_owned()),
            ("mlflow.experiment.sourceId", endpoint_id(endpoint)),
            ("mlflow.experiment.isGateway", "true".to_owned()),
        ];
        for (key, value) in tags {
            tracking::set_experiment_tag(ledger, &cx.actor, found.number, key.into(), value).await?;
        }
    }
    Ok(found.number)
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("name")?;
    check_name(&name)?;
    if !f.has("model_configs") {
        return Err(missing("model_configs"));
    }
    let links = links(&f)?;
    if links.is_empty() {
        return Err(Failure::invalid("Endpoint must have at least one model configuration"));
    }
    let ledger = &cx.state.ledger;
    for model in links.iter().map(|l| l.model).collect::<BTreeSet<_>>() {
        gateway::model(ledger, &cx.actor, model).await.map_err(|error| match error {
            gateway::Error::ModelNotFound(id) => {
                Failure::missing(format!("Model definitions not found: {MODEL}{id}"))
            }
            other => other.into(),
        })?;
    }
    let uid = types::new_id(ledger.clock().now());
    let usage_tracking = f.boolean("usage_tracking")?.unwrap_or(true);
    let mut experiment = experiment(&f)?;
    if usage_tracking && experiment.is_none() {
        experiment = Some(usage_experiment(&cx, &name, uid).await?);
    }
    let new = NewEndpoint {
        uid,
        name,
        links,
        routing: routing(&f)?,
        fallback: fallback(&f)?,
        experiment,
        usage_tracking,
        created_by: given(f.text("created_by")?),
    };
    let made = gateway::create_endpoint(ledger, &cx.actor, new).await?;
    reply(&json!({ "endpoint": endpoint(made) }))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let (id, name) = (given(f.text("endpoint_id")?), given(f.text("name")?));
    let by = match (id, name) {
        (Some(_), None) => Ok(endpoint_uid(&f)?),
        (None, Some(name)) => Err(name),
        _ => return Err(Failure::invalid("Exactly one of endpoint_id or name must be provided")),
    };
    let found = gateway::endpoint(&cx.state.ledger, &cx.actor, by).await?;
    reply(&json!({ "endpoint": endpoint(found) }))
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let uid = endpoint_uid(&f)?;
    let name = given(f.text("name")?);
    if let Some(name) = &name {
        check_name(name)?;
    }
    let links = Some(links(&f)?).filter(|links| !links.is_empty());
    let usage_tracking = f.boolean("usage_tracking")?;
    let mut experiment = experiment(&f)?;
    let ledger = &cx.state.ledger;
    if usage_tracking == Some(true) && experiment.is_none() {
        let known = gateway::endpoint(ledger, &cx.actor, Ok(uid)).await?;
        if known.experiment.is_none() {
            let name = name.as_deref().unwrap_or(&known.name);
            experiment = Some(usage_experiment(&cx, name, uid).await?);
        }
    }
    let change = EndpointChange {
        name,
        links,
        routing: routing(&f)?,
        fallback: fallback(&f)?,
        experiment,
        usage_tracking,
        updated_by: given(f.text("updated_by")?),
    };
    let updated = gateway::update_endpoint(ledger, &cx.actor, uid, change).await?;
    reply(&json!({ "endpoint": endpoint(updated) }))
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    gateway::delete_endpoint(&cx.state.ledger, &cx.actor, endpoint_uid(&f)?).await?;
    empty()
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let found = gateway::endpoints(&cx.state.ledger, &cx.actor, given(f.text("provider")?)).await?;
    reply(&message(json!({ "endpoints": found.into_iter().map(endpoint).collect::<Vec<_>>() })))
}

pub(crate) async fn attach(cx: Cx, f: Fields) -> Answer {
    let uid = endpoint_uid(&f)?;
    let config = f.inner("model_config")?.ok_or_else(|| missing("model_config"))?;
    let text = config.text_or_empty("model_definition_id")?;
    let new = new_link(&config, "model_config").map_err(|failure| match failure.code {
        crate::errors::Code::ResourceDoesNotExist => {
            not_found("GatewayModelDefinition", "model_definition_id", &text)
        }
        _ => failure,
    })?;
    let user = given(f.text("created_by")?);
    let made = gateway::attach(&cx.state.ledger, &cx.actor, uid, new, user).await?;
    reply(&json!({ "mapping": link(made) }))
}

pub(crate) async fn detach(cx: Cx, f: Fields) -> Answer {
    gateway::detach(&cx.state.ledger, &cx.actor, endpoint_uid(&f)?, model_uid(&f)?).await?;
    empty()
}

pub(crate) async fn set_tag(cx: Cx, f: Fields) -> Answer {
    let (key, value) = (f.required_text("key")?, f.text_or_empty("value")?);
    gateway::set_tag(&cx.state.ledger, &cx.actor, endpoint_uid(&f)?, key, Some(value)).await?;
    empty()
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let key = f.required_text("key")?;
    gateway::delete_tag(&cx.state.ledger, &cx.actor, endpoint_uid(&f)?, key).await?;
    empty()
}

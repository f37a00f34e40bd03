//! Endpoints: what they serve, how they are asked, and deploying to them.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use serving::{Deploy, EndpointState, EndpointView, NewVariant, Revision, Traffic, VariantView};
use types::{Actor, Class, Permission, Uid};

use crate::{Failure, State, view};

/// `GET endpoints`
pub async fn list(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let endpoints: Vec<Value> =
        state.serving.list(actor).iter().map(|found| endpoint(&state, actor, found)).collect();
    Ok(Json(json!({ "endpoints": endpoints })))
}

/// `GET endpoints/{name}`: with its revisions, newest first.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.serving.get(actor, &name)?;
    let revisions = state.serving.revisions(actor, &name).await?;
    let mut body = endpoint(&state, actor, &found);
    body["revisions"] = revisions.iter().map(revision).collect();
    Ok(Json(body))
}

fn endpoint(state: &State, actor: &Actor, found: &EndpointView) -> Value {
    let (condition, reason) = match &found.state {
        EndpointState::Serving => ("serving", None),
        EndpointState::Failed(reason) => ("failed", Some(reason)),
    };
    json!({
        "name": found.name,
        "state": condition,
        "reason": reason,
        "revision": found.revision.number,
        "variants": found.revision.variants.iter().map(variant).collect::<Vec<_>>(),
        "traffic": traffic(&state.serving.traffic(actor, &found.name)),
    })
}

fn variant(variant: &VariantView) -> Value {
    json!({
        "name": variant.name,
        "model": variant.model,
        "version": variant.version,
        "model_version": variant.model_version,
        "weight": variant.weight,
        "digest": variant.digest,
    })
}

fn revision(revision: &Revision) -> Value {
    json!({
        "uid": revision.uid,
        "number": revision.number,
        "created_at": view::time(revision.created_at),
        "created_by": revision.created_by,
        "variants": revision.variants.iter().map(variant).collect::<Vec<_>>(),
    })
}

/// A latency of 0 means that nobody asked; it is null.
fn traffic(traffic: &Traffic) -> Value {
    let latency = |ms: f64| if ms > 0.0 { view::number(ms) } else { Value::Null };
    let series: Vec<Value> =
        traffic.series.iter().map(|p| json!([p.0, p.1, latency(p.2), latency(p.3), p.4])).collect();
    json!({
        "requests": traffic.requests,
        "errors": traffic.errors,
        "rps": traffic.rps,
        "p50_ms": latency(traffic.p50_ms),
        "p99_ms": latency(traffic.p99_ms),
        "series": series,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    variants: Vec<WishedVariant>,
}

/// A model's version, by number or by alias.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WishedVariant {
    name: Option<String>,
    model: String,
    version: Option<i64>,
    alias: Option<String>,
    #[serde(default = "one")]
    weight: f64,
}

fn one() -> f64 {
    1.0
}

/// `PUT endpoints/{name}`: a new revision answers once its models are loaded and warm.
pub async fn deploy(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    let Json(wish) = body.map_err(|e| Failure::body(&e))?;
    let mut variants = Vec::with_capacity(wish.variants.len());
    for wished in wish.variants {
        let model_version = resolve(&state, actor, &wished).await?;
        variants.push(NewVariant { name: wished.name, model_version, weight: wished.weight });
    }
    let deployed =
        state.serving.deploy(actor, Deploy { endpoint: name, variants, causes: Vec::new() }).await?;
    let mut answer = revision(&deployed);
    answer["endpoint"] = json!(deployed.endpoint);
    Ok(Json(answer))
}

async fn resolve(state: &State, actor: &Actor, wished: &WishedVariant) -> Result<Uid, Failure> {
    let model = wished.model.clone();
    match (wished.version, &wished.alias) {
        (Some(number), None) => Ok(models::version(&state.ledger, actor, model, number).await?.uid),
        (None, Some(alias)) => {
            match models::version_by_alias(&state.ledger, actor, model, alias.clone()).await? {
                Some(found) => Ok(found.uid),
                None => Err(Failure::new(
                    Class::NotFound,
                    format!("model `{}` has no alias `{alias}`", wished.model),
                    Some(format!("set it first, or give a version; GET models/{} lists both", wished.model)),
                )),
            }
        }
        _ => Err(Failure::invalid(
            format!("the variant of model `{}` must have either a version or an alias", wished.model),
            "such as {\"model\": \"visits\", \"version\": 3} or {\"model\": \"visits\", \"alias\": \"champion\"}",
        )),
    }
}

/// `DELETE endpoints/{name}`: nobody answers there any more; its revisions and predictions stay.
pub async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    state.serving.delete(actor, &name).await?;
    Ok(Json(json!({})))
}

//! Endpoints: what they serve, how they are asked, and deploying to them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use serving::{
    Deploy, EndpointState, EndpointView, NewVariant, Revision, Select, Settings, Traffic, VariantView,
};
use types::{Actor, Class, Permission, Uid};

use crate::{Failure, State, graphs, rollouts, view};

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
    body["by_variant"] = state
        .serving
        .variant_traffic(actor, &name)?
        .iter()
        .map(|of| json!({ "variant": of.variant.name, "traffic": traffic(&of.traffic) }))
        .collect();
    body["settings"] = json!(state.serving.settings(actor.workspace, &name));
    let rollout = state.serving.rollout(actor, &name).await?;
    body["rollout"] = rollout.as_ref().map_or(Value::Null, rollouts::view);
    Ok(Json(body))
}

fn endpoint(state: &State, actor: &Actor, found: &EndpointView) -> Value {
    let (condition, reason) = match &found.state {
        EndpointState::Serving => ("serving", None),
        EndpointState::Failed(reason) => ("failed", Some(reason)),
    };
    let mut variants: Vec<Value> = found.revision.variants.iter().map(variant).collect();
    for (variant, runtime) in variants.iter_mut().zip(&found.runtimes) {
        variant["runtime"] = json!(runtime.engine);
        variant["awake"] = json!(runtime.awake);
        variant["memory_bytes"] = json!(runtime.bytes);
    }
    json!({
        "name": found.name,
        "state": condition,
        "reason": reason,
        "revision": found.revision.number,
        "variants": variants,
        "traffic": traffic(&state.serving.traffic(actor, &found.name)),
    })
}

fn variant(variant: &VariantView) -> Value {
    json!({
        "name": variant.name,
        "model": variant.model,
        "version": variant.version,
        "model_version": variant.model_version,
        "graph": variant.graph.as_ref().map(graphs::view),
        "weight": variant.weight,
        "labels": variant.labels,
        "shadow": variant.shadow,
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
    /// Left out for a graph.
    model: Option<String>,
    version: Option<i64>,
    alias: Option<String>,
    #[serde(default)]
    graph: Option<Vec<graphs::WishedStep>>,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    shadow: bool,
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
        let graph = match wished.graph {
            Some(steps) => Some(graphs::resolve(&state, actor, steps).await?),
            None => None,
        };
        let model_version = match (&wished.model, graph.as_ref().and_then(|graph| graph.main())) {
            // What the view says of a graph is its main member; it is taken as it is sent back.
            (_, Some(main)) => main.model_version,
            (Some(model), None) => {
                resolve(&state, actor, model, wished.version, wished.alias.as_deref()).await?
            }
            (None, None) => {
                return Err(Failure::invalid(
                    "a variant has neither a model nor the steps of a graph",
                    "such as {\"model\": \"visits\", \"version\": 3}",
                ));
            }
        };
        // An alias that was deployed by stays a label: clients may ask for it.
        let mut labels = wished.labels;
        labels.extend(wished.alias.filter(|_| graph.is_none()));
        variants.push(NewVariant {
            name: wished.name,
            model_version,
            graph,
            weight: wished.weight,
            labels,
            shadow: wished.shadow,
        });
    }
    let deployed =
        state.serving.deploy(actor, Deploy { endpoint: name, variants, causes: Vec::new() }).await?;
    let mut answer = revision(&deployed);
    answer["endpoint"] = json!(deployed.endpoint);
    Ok(Json(answer))
}

/// A version of a model, by number or by alias.
pub async fn resolve(
    state: &State,
    actor: &Actor,
    model: &str,
    version: Option<i64>,
    alias: Option<&str>,
) -> Result<Uid, Failure> {
    match (version, alias) {
        (Some(number), None) => {
            Ok(models::version(&state.ledger, actor, model.to_owned(), number).await?.uid)
        }
        (None, Some(alias)) => {
            match models::version_by_alias(&state.ledger, actor, model.to_owned(), alias.to_owned()).await? {
                Some(found) => Ok(found.uid),
                None => Err(Failure::new(
                    Class::NotFound,
                    format!("model `{model}` has no alias `{alias}`"),
                    Some(format!("set it first, or give a version; GET models/{model} lists both")),
                )),
            }
        }
        _ => Err(Failure::invalid(
            format!("the variant of model `{model}` must have either a version or an alias"),
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

/// `GET endpoints/{name}/settings`
pub async fn settings(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Settings>, Failure> {
    let actor = caller.require(Permission::Read)?;
    state.serving.get(actor, &name)?;
    Ok(Json(state.serving.settings(actor.workspace, &name)))
}

/// `GET endpoints/{name}/checks`: what every row is checked for, and what each variant's rows are held against.
pub async fn checks(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let variants = state.serving.checked(actor, &name)?;
    let checks = state.serving.settings(actor.workspace, &name).checks;
    Ok(Json(json!({ "checks": checks, "variants": variants })))
}

/// `PUT endpoints/{name}/settings`: as a whole; what is left out has no limit. The answer says what is kept.
pub async fn change_settings(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Settings>, JsonRejection>,
) -> Result<Json<Settings>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    let Json(settings) = body.map_err(|e| Failure::body(&e))?;
    state.serving.change_settings(actor, &name, settings).await?;
    Ok(Json(state.serving.settings(actor.workspace, &name)))
}

/// `GET endpoints/{name}/openapi`: from the signature of the model that has most of the traffic.
pub async fn openapi(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let target = state.serving.target(actor, &name, Select::Any)?;
    let path = format!("/endpoints/{name}/invocations");
    Ok(Json(wire_inference::openapi::document(&name, &path, &target)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    variant: Option<String>,
}

/// `POST endpoints/{name}/predict`: MLflow's scoring bodies; `?variant=` asks one variant or label.
pub async fn predict(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    Query(of): Query<Of>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Predict)?;
    let select = Select::label(of.variant.as_deref());
    match wire_inference::scoring::answer(&state.serving, actor, (&name, select), &headers, body).await {
        Ok((mut response, variant)) => {
            if let Ok(variant) = HeaderValue::from_str(&variant) {
                response.headers_mut().insert("x-mlwright-variant", variant);
            }
            Ok(response)
        }
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: wire_inference::ScoringError) -> Failure {
    use wire_inference::ScoringError;
    let (status, message) = match error {
        ScoringError::MediaType(message) => (http::StatusCode::UNSUPPORTED_MEDIA_TYPE, message),
        ScoringError::Json { status, message, .. } => (status, message),
    };
    let code = match status.as_u16() {
        404 => "not_found",
        403 => "forbidden",
        429 | 503 => "unavailable",
        500 => "internal",
        _ => "invalid",
    };
    Failure(kit::Answer { status, code, message, hint: None })
}

/// Rows of a data set, to be predicted all together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    dataset: String,
    /// The newest if absent.
    version: Option<i64>,
    /// A variant or label; the main one if absent.
    variant: Option<String>,
    /// The data set that rows and predictions become a version of; `<dataset>-predictions` if absent.
    into: Option<String>,
}

/// `POST endpoints/{name}/batch`: answers when the predictions are stored.
pub async fn batch(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Batch>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let Json(batch) = body.map_err(|e| Failure::body(&e))?;
    let rows = match batch.version {
        Some(number) => datasets::version(&state.ledger, actor, &batch.dataset, number).await?,
        None => match datasets::latest(&state.ledger, actor, &batch.dataset).await? {
            Some(newest) => newest,
            None => return Err(Failure::not_found("data set", &batch.dataset)),
        },
    };
    let into = batch.into.unwrap_or_else(|| format!("{}-predictions", batch.dataset));
    let select = Select::label(batch.variant.as_deref());
    let made = Box::pin(state.serving.predict_dataset(actor, (&name, select), rows, &into)).await?;
    Ok(Json(json!({
        "dataset": made.dataset,
        "version": made.number,
        "rows": made.rows,
        "columns": made.schema.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
        "parquet": made.parts.iter().map(|p| p.parquet_digest).collect::<Vec<_>>(),
    })))
}

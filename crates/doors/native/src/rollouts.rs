//! Rollouts: a candidate takes over an endpoint step by step.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use serving::{Guards, Moment, NewRollout, Rollout};
use types::Permission;

use crate::{Failure, State, endpoints, graphs, view as shared};

/// `GET endpoints/{name}/rollouts`: newest first.
pub async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.serving.rollouts(actor, &name, 100).await?;
    Ok(Json(json!({ "rollouts": found.iter().map(view).collect::<Vec<_>>() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Left out for a graph.
    model: Option<String>,
    version: Option<i64>,
    alias: Option<String>,
    #[serde(default)]
    graph: Option<Vec<graphs::WishedStep>>,
    /// The candidate's name; `<model>-<version>` if absent, of a graph `graph`.
    name: Option<String>,
    /// Shares of the traffic, growing; 0.1 alone if absent.
    steps: Option<Vec<f64>>,
    bake_seconds: Option<i64>,
    #[serde(default)]
    guards: Guards,
}

/// `POST endpoints/{name}/rollout`: the candidate is loaded and warm when it answers.
pub async fn start(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    let Json(wish) = body.map_err(|e| Failure::body(&e))?;
    let graph = match wish.graph {
        Some(steps) => Some(graphs::resolve(&state, actor, steps).await?),
        None => None,
    };
    let model_version = match (&wish.model, graph.as_ref().and_then(|graph| graph.main())) {
        (None, Some(main)) => main.model_version,
        (Some(model), None) => {
            endpoints::resolve(&state, actor, model, wish.version, wish.alias.as_deref()).await?
        }
        _ => {
            return Err(Failure::invalid(
                "a candidate is either a version of a model or the steps of a graph",
                "such as {\"model\": \"visits\", \"version\": 3}",
            ));
        }
    };
    let new = NewRollout {
        endpoint: name,
        model_version,
        graph,
        name: wish.name,
        steps: wish.steps.unwrap_or_else(|| vec![0.1]),
        bake_seconds: wish.bake_seconds.unwrap_or(300),
        guards: wish.guards,
        causes: Vec::new(),
    };
    Ok(Json(view(&state.serving.start_rollout(actor, new).await?)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Why {
    reason: String,
}

/// `POST endpoints/{name}/rollout/{action}`: pause, resume, promote or abort.
pub async fn act(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((name, action)): Path<(String, String)>,
    body: Option<Json<Why>>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Deploy)?;
    let why = body.map(|Json(why)| why.reason).unwrap_or_default();
    let rollout = match action.as_str() {
        "pause" => state.serving.pause_rollout(actor, &name).await?,
        "resume" => state.serving.resume_rollout(actor, &name).await?,
        "promote" => state.serving.promote_rollout(actor, &name).await?,
        "abort" => state.serving.abort_rollout(actor, &name, &why).await?,
        other => {
            return Err(Failure::invalid(
                format!("`{other}` cannot be done with a rollout"),
                "pause, resume, promote or abort it",
            ));
        }
    };
    Ok(Json(view(&rollout)))
}

pub fn view(rollout: &Rollout) -> Value {
    let moment =
        |m: &Moment| json!({ "at": shared::time(m.at), "what": m.what, "share": m.share, "by": m.by });
    json!({
        "id": rollout.uid,
        "endpoint": rollout.endpoint,
        "candidate": rollout.candidate,
        "candidate_graph": rollout.candidate_graph.as_ref().map(graphs::view),
        "stable": rollout.stable.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(),
        "state": rollout.state.name(),
        "reason": rollout.reason,
        "share": rollout.share(),
        "steps": rollout.steps,
        "step": rollout.step,
        "step_since": shared::time(rollout.step_since),
        "bake_seconds": rollout.bake_seconds,
        "guards": rollout.guards,
        "timeline": rollout.timeline.iter().map(moment).collect::<Vec<_>>(),
        "created_at": shared::time(rollout.created_at),
        "created_by": rollout.created_by,
    })
}

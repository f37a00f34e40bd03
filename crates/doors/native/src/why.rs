//! Why a prediction is what it is: from the record through the graph to code, environment and files.

use axum::Json;
use axum::extract::{Path, State as Shared};
use kit::Caller;
use ledger::{Direction, Graph, Node};
use predictions::Found;
use serde_json::{Value, json};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, view};

/// From a model version: run, step run, pipeline run, its dataset version, that one's files.
const DEPTH: u32 = 7;

async fn found(state: &State, actor: &Actor, id: Uid) -> Result<Found, Failure> {
    let found = state.log.find(actor, id).await?;
    found.ok_or_else(|| Failure::not_found("prediction", &id.hex()))
}

pub fn prediction(found: &Found) -> Value {
    json!({
        "id": found.id,
        "at": view::time(found.at),
        "endpoint": found.endpoint,
        "revision": found.revision,
        "variant": found.variant,
        "model": found.model,
        "version": found.version,
        "model_version": found.model_version,
        "model_digest": found.model_digest,
        "latency_us": found.latency_us,
        "principal": found.principal,
        "flags": found.flags,
        "params": found.params,
        "inputs": found.inputs,
        "outputs": found.outputs,
        "segment": found.segment,
        "label": found.label.as_ref().map(|l| json!(l)),
    })
}

/// `GET predictions/{id}`
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    Ok(Json(prediction(&found(&state, actor, id).await?)))
}

/// `GET why/{id}`: the chain of causes, nearest first, and the part of the graph that it comes from.
pub async fn why(
    Shared(state): Shared<State>,
    caller: Caller,
    Path(id): Path<Uid>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = found(&state, actor, id).await?;
    let key = found.model_version.hex();
    let graph =
        state.ledger.lineage(actor.workspace, "model_version", &key, Direction::Causes, DEPTH).await?;
    let mut chain = vec![item(
        "prediction",
        format!("{} at {}", found.id, found.at.rfc3339()),
        json!({
            "endpoint": found.endpoint, "inputs": found.inputs, "params": found.params,
            "outputs": found.outputs,
            "label": found.label.as_ref().map(|l| json!(l)), "latency_us": found.latency_us,
            "segment": found.segment,
        }),
        format!("/why/{}", found.id),
    )];
    chain.push(revision(&state, actor, &found).await?);
    let (kind, key) = ("endpoint_revision", found.revision.hex());
    let around = state.ledger.lineage(actor.workspace, kind, &key, Direction::Causes, 1).await?;
    chain.extend(looked_up(&around));
    chain.push(item(
        "model_version",
        format!("{} version {}", found.model, found.version),
        json!({ "uid": found.model_version, "digest": found.model_digest, "variant": found.variant }),
        format!("/models/{}?v={}", found.model, found.version),
    ));
    chain.extend(causes(&graph));
    Ok(Json(json!({
        "prediction": prediction(&found),
        "chain": chain,
        "graph": view::graph(&graph),
    })))
}

fn item(kind: &str, title: String, facts: Value, href: String) -> Value {
    json!({ "kind": kind, "title": title, "facts": facts, "href": href })
}

async fn revision(state: &State, actor: &Actor, found: &Found) -> Result<Value, Failure> {
    let revisions = state.serving.revisions(actor, &found.endpoint).await?;
    let known = revisions.into_iter().find(|r| r.uid == found.revision);
    let title = match &known {
        Some(r) => format!("{} revision {}", found.endpoint, r.number),
        None => found.endpoint.clone(),
    };
    let facts = json!({
        "uid": found.revision,
        "deployed_at": known.as_ref().map(|r| view::time(r.created_at)),
        "deployed_by": known.as_ref().map(|r| r.created_by.clone()),
    });
    Ok(item("endpoint_revision", title, facts, format!("/endpoints/{}", found.endpoint)))
}

/// The table that the revision looks inputs up in.
fn looked_up(graph: &Graph) -> impl Iterator<Item = Value> {
    let is = |n: &&Node| graph.edges.iter().any(|e| e.kind == "looks_up" && e.to == n.id);
    graph.nodes.iter().filter(is).map(|node| {
        let (title, href) = shown(node);
        item("features", title, json!({ "dataset_version": node.key }), href)
    })
}

/// What made the model version: the nearest node of each kind, and every file of its dataset version. Farther ones
/// belong to earlier turns of the loop: a retrained model's data holds what its forerunner predicted.
fn causes(graph: &Graph) -> Vec<Value> {
    let nearest = |kind: &str| graph.nodes.iter().find(|n| n.kind == kind);
    let kinds = ["run", "step_run", "pipeline_run", "code", "environment"];
    let mut chain: Vec<Value> = kinds.iter().filter_map(|kind| nearest(kind)).map(cause).collect();
    let led = |from: &Node, kind: &str| {
        let leads =
            |n: &&Node| n.kind == kind && graph.edges.iter().any(|e| e.from == from.id && e.to == n.id);
        graph.nodes.iter().filter(leads).collect::<Vec<_>>()
    };
    // Why the run was: the turn of the loop, and what started that.
    let mut told: Vec<i64> = Vec::new();
    for retraining in nearest("pipeline_run").map(|run| led(run, "retraining")).unwrap_or_default() {
        chain.push(cause(retraining));
        for started in ["commit", "monitor_window"].iter().flat_map(|kind| led(retraining, kind)) {
            told.push(started.id);
            chain.push(cause(started));
        }
    }
    chain.extend(nearest("dataset_version").map(cause));
    if let Some(version) = nearest("dataset_version") {
        chain.extend(led(version, "file").into_iter().map(cause));
    }
    // What its run, or the step that made it, read from repositories: nearer commits first.
    let makers: Vec<i64> =
        ["run", "step_run"].iter().filter_map(|kind| nearest(kind)).map(|n| n.id).collect();
    for kind in ["commit", "data"] {
        let read = |n: &&Node| {
            n.kind == kind
                && !told.contains(&n.id)
                && graph.edges.iter().any(|e| makers.contains(&e.from) && e.to == n.id)
        };
        chain.extend(graph.nodes.iter().filter(read).map(cause));
    }
    chain
}

fn cause(node: &Node) -> Value {
    let (title, href) = shown(node);
    let mut facts = node.props.as_object().cloned().unwrap_or_default();
    let id = if node.key.starts_with("sha256:") { "digest" } else { "id" };
    facts.insert(id.into(), json!(node.key));
    item(&node.kind, title, Value::Object(facts), href)
}

/// What people call a node, and the page that shows it.
pub fn shown(node: &Node) -> (String, String) {
    let text = |name: &str| node.props[name].as_str().map(str::to_owned);
    let short = node.key.strip_prefix("sha256:").unwrap_or(&node.key).chars().take(12).collect::<String>();
    let (title, href) = match node.kind.as_str() {
        "run" => (text("name"), format!("/runs/{}", node.key)),
        "step_run" => (text("step"), format!("/lineage?kind=step_run&key={}", node.key)),
        "pipeline_run" => (text("pipeline"), format!("/pipeline-runs/{}", node.key)),
        "code" => (
            text("git_commit").map(|c| format!("git commit {c}")),
            format!("/lineage?kind=code&key={}", node.key),
        ),
        "dataset_version" => (
            text("dataset").map(|d| format!("{d} version {}", node.props["number"])),
            format!("/datasets/{}", text("dataset").unwrap_or_default()),
        ),
        "model_version" => (
            text("model").map(|m| format!("{m} version {}", node.props["number"])),
            format!("/models/{}?v={}", text("model").unwrap_or_default(), node.props["number"]),
        ),
        "endpoint_revision" => (
            text("endpoint").map(|e| format!("{e} revision {}", node.props["number"])),
            format!("/endpoints/{}", text("endpoint").unwrap_or_default()),
        ),
        "retraining" => (
            text("policy").map(|policy| match text("trigger") {
                Some(trigger) => format!("{policy}, by {}", trigger.replace('_', " ")),
                None => policy,
            }),
            format!("/retrainings/{}", node.key),
        ),
        "monitor_window" => (
            text("monitor").map(|monitor| format!("{monitor} window {}", node.props["number"])),
            format!("/monitors/{}", text("monitor").unwrap_or_default()),
        ),
        "commit" => (
            text("name").map(|name| format!("{name}@{short}")),
            format!("/lineage?kind=commit&key={}", node.key),
        ),
        "data" => (
            text("name").map(|name| format!("{name}/{}", text("folder").unwrap_or_default())),
            format!("/lineage?kind=data&key={}", node.key),
        ),
        "file" => (text("name"), format!("/lineage?kind=file&key={}", node.key)),
        kind => (None, format!("/lineage?kind={kind}&key={}", node.key)),
    };
    (title.unwrap_or(short), href)
}

#[cfg(test)]
mod tests {
    use ledger::Edge;
    use types::Timestamp;

    use super::*;

    #[test]
    fn the_chain_names_the_turn_of_the_loop_and_the_commit_that_started_it() {
        let node = |(id, kind, props): (i64, &str, Value)| Node {
            id,
            kind: kind.to_owned(),
            key: format!("{kind}-{id}"),
            props,
            created_at: Timestamp(0),
        };
        let nodes = [
            (1, "run", json!({"name": "fit"})),
            (2, "pipeline_run", json!({"pipeline": "train"})),
            (3, "retraining", json!({"policy": "again", "trigger": "data_commit"})),
            (4, "dataset_version", json!({"dataset": "visits", "number": 2})),
            (5, "commit", json!({"name": "clinic"})),
            // Of an earlier turn.
            (6, "retraining", json!({"policy": "again", "trigger": "drift"})),
        ];
        let edge = |(from, kind, to): (i64, &str, i64)| Edge { from, kind: kind.to_owned(), to };
        let edges = [
            (1, "part_of", 2),
            (2, "triggered_by", 3),
            (2, "used", 4),
            (3, "triggered_by", 5),
            (1, "read", 5),
            (4, "used", 6),
        ];
        let graph = Graph {
            nodes: nodes.into_iter().map(node).collect(),
            edges: edges.into_iter().map(edge).collect(),
            truncated: false,
        };
        let titles: Vec<String> =
            causes(&graph).iter().map(|c| c["title"].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(titles, ["fit", "train", "again, by data commit", "clinic@commit-5", "visits version 2"]);
    }
}

//! Forward from data: who used it, and what came of that.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use kit::Caller;
use ledger::Node;
use repositories::Touched;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Permission;

use crate::view::time;
use crate::why::shown;
use crate::{Failure, State};

/// What is told of all that came about; artifacts and evaluations only lead on.
const TOLD: [&str; 5] = ["run", "step_run", "dataset_version", "model_version", "endpoint_revision"];

#[derive(Debug, Deserialize)]
pub struct TouchedQuery {
    /// An object or a folder; the whole commit if left out.
    #[serde(default)]
    path: String,
}

/// `GET …/refs/{reference}/touched?path`: nearest first, each with what it came about through.
pub async fn get(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    Query(query): Query<TouchedQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let found = state.repositories.touched(actor, &repository, &reference, &query.path).await?;
    let live: Vec<String> = state.serving.list(actor).iter().map(|e| e.revision.uid.hex()).collect();
    let folders = found.folders.iter().map(|f| json!({ "path": f.path, "digest": f.digest }));
    Ok(Json(json!({
        "commit": found.commit.hex(),
        "path": found.path,
        "folders": folders.collect::<Vec<_>>(),
        "touched": told(&repository, &found, &live),
        "truncated": found.truncated,
    })))
}

fn told(repository: &str, found: &Touched, live: &[String]) -> Vec<Value> {
    let nodes: HashMap<i64, &Node> = found.graph.nodes.iter().map(|node| (node.id, node)).collect();
    // The nearest cause of each comes first, as the edges do.
    let mut causes: HashMap<i64, Vec<&Node>> = HashMap::new();
    for edge in &found.graph.edges {
        if let Some(cause) = nodes.get(&edge.to) {
            causes.entry(edge.from).or_default().push(cause);
        }
    }
    let item = |node: &&Node| {
        let (title, href) = shown(node);
        let (is_direct, through) = through(node, &causes);
        let through = through.into_iter().map(|cause| {
            let title = folder(repository, found, cause).unwrap_or_else(|| shown(cause).0);
            json!({ "kind": cause.kind, "id": cause.key, "title": title })
        });
        let mut item = json!({
            "kind": node.kind,
            "id": node.key,
            "title": title,
            "href": href,
            "at": time(node.created_at),
            "direct": is_direct,
            "through": through.collect::<Vec<_>>(),
        });
        if node.kind == "endpoint_revision" {
            item["live"] = live.contains(&node.key).into();
        }
        item
    };
    found
        .graph
        .nodes
        .iter()
        .filter(|node| TOLD.contains(&node.kind.as_str()))
        .map(|node| item(&node))
        .collect()
}

/// Whether a node came about through the data itself, and through which of it; or else through what that is told.
fn through<'a>(node: &'a Node, causes: &HashMap<i64, Vec<&'a Node>>) -> (bool, Vec<&'a Node>) {
    let of = |node: &Node, kind: &str| -> Vec<&'a Node> {
        causes.get(&node.id).into_iter().flatten().copied().filter(|cause| cause.kind == kind).collect()
    };
    // Who used data has read the commit that it is in as well.
    for kind in ["data", "commit"] {
        let starts = of(node, kind);
        if !starts.is_empty() {
            return (true, starts);
        }
    }
    let mut at = node;
    // Nearer with each step.
    while let Some(cause) = causes.get(&at.id).and_then(|causes| causes.first()) {
        at = cause;
        if TOLD.contains(&at.kind.as_str()) {
            break;
        }
    }
    (false, vec![at])
}

/// What the folder is called that a node of data is in the commit that was asked about; elsewhere it may have another
/// name.
fn folder(repository: &str, found: &Touched, node: &Node) -> Option<String> {
    let folder =
        found.folders.iter().find(|folder| node.kind == "data" && folder.digest.to_string() == node.key)?;
    Some(format!("{repository}/{}", folder.path))
}

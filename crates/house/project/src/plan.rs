//! What applying a project would change: the wanted resources against those that stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::Digest;

use crate::{Project, Request};

/// One declared thing. `spec` holds everything that its behaviour depends on, files by digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// `dataset`, `environment`, `executor`, `pipeline`, `gate`, `endpoint`, `monitor` or `retrain`.
    pub kind: String,
    pub name: String,
    pub spec: Value,
}

/// The order of applying: each kind after those that it refers to.
pub(crate) const KINDS: [&str; 8] =
    ["dataset", "environment", "executor", "pipeline", "gate", "endpoint", "monitor", "retrain"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Unchanged,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub action: Action,
    pub kind: String,
    pub name: String,
    /// What differs, for an update; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// A value that differs. `None`: there was or will be none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Such as `steps.train.timeout`.
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub project: String,
    pub changes: Vec<Change>,
    /// Blobs that the server lacks and needs before applying.
    pub missing: Vec<Digest>,
    /// Endpoints whose alias points nowhere yet, so that applying starts a first training.
    pub first_training: Vec<String>,
}

impl Plan {
    /// Whether applying would do anything at all.
    pub fn is_empty(&self) -> bool {
        self.first_training.is_empty() && self.changes.iter().all(|c| c.action == Action::Unchanged)
    }
}

/// What the project wants, in the order of applying.
pub fn resources(project: &Project, request: &Request) -> Vec<Resource> {
    let digest = |path: &str| request.file(path).map(|f| f.digest.to_string());
    let mut all = Vec::new();
    let mut add = |kind: &str, name: &str, spec: Value| {
        all.push(Resource { kind: kind.to_owned(), name: name.to_owned(), spec: without_nulls(spec) });
    };
    for (name, d) in &project.datasets {
        let files: Vec<Value> = d.files.iter().map(|f| json!({"name": f, "digest": digest(f)})).collect();
        add("dataset", name, json!({"files": files, "key": d.key, "expectations": d.expectations}));
    }
    for (name, e) in &project.environments {
        let spec =
            json!({"python": e.python, "requirements": e.requirements, "lock": digest(&e.requirements)});
        add("environment", name, spec);
    }
    for (name, executor) in &project.executors {
        add("executor", name, json!(executor));
    }
    for (name, p) in &project.pipelines {
        let spec = json!({
            "dataset": p.dataset, "params": p.params, "steps": p.steps, "code": request.code.digest,
            "executor": p.executor,
        });
        add("pipeline", name, spec);
    }
    for (name, gate) in &project.gates {
        add("gate", name, json!(gate));
    }
    for (name, endpoint) in &project.endpoints {
        add("endpoint", name, json!(endpoint));
    }
    for (name, monitor) in &project.monitors {
        add("monitor", name, json!(monitor));
    }
    for (name, retrain) in &project.retrain {
        add("retrain", name, json!(retrain));
    }
    all
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        other => other,
    }
}

/// Every wanted resource, then those that stand and are wanted no more (in the reverse order of applying).
pub fn diff(wanted: &[Resource], standing: &[Resource]) -> Vec<Change> {
    let key = |r: &Resource| (r.kind.clone(), r.name.clone());
    let old: BTreeMap<_, _> = standing.iter().map(|r| (key(r), &r.spec)).collect();
    let change =
        |action, r: &Resource, fields| Change { action, kind: r.kind.clone(), name: r.name.clone(), fields };
    let mut changes: Vec<Change> = wanted
        .iter()
        .map(|r| match old.get(&key(r)) {
            None => change(Action::Create, r, Vec::new()),
            Some(spec) => {
                let fields = field_changes(spec, &r.spec);
                let action = if fields.is_empty() { Action::Unchanged } else { Action::Update };
                change(action, r, fields)
            }
        })
        .collect();
    let mut gone: Vec<&Resource> =
        standing.iter().filter(|s| !wanted.iter().any(|w| key(w) == key(s))).collect();
    gone.sort_by_key(|r| std::cmp::Reverse(KINDS.iter().position(|k| *k == r.kind)));
    changes.extend(gone.into_iter().map(|r| change(Action::Remove, r, Vec::new())));
    changes
}

fn field_changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", before, &mut old);
    flatten("", after, &mut new);
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|p| old.get(*p) != new.get(*p))
        .map(|p| FieldChange { path: p.clone(), before: old.get(p).cloned(), after: new.get(p).cloned() })
        .collect()
}

/// Leaves by path. Lists of named objects are addressed by name, other lists are one value.
fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten(&below(key), value, into);
            }
        }
        Value::Array(items) if !items.is_empty() && items.iter().all(|i| i.get("name").is_some()) => {
            for item in items {
                let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
                flatten(&below(name), item, into);
            }
        }
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Object(_) => {}
        leaf => {
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

//! `NodeAffinityTerm` and `PodAffinityTerm` as Kubernetes' `Affinity`.

use pipelines::Call;
use serde_json::{Map, Value, json};

use super::platform::{parameter, text};
use crate::ir::platform::{entries, field};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Empty if nothing is asked for.
pub(super) fn of(call: &Call, config: &Value) -> Map<String, Value> {
    let mut affinity = Map::new();
    let node = nodes(call, config);
    if !node.is_empty() {
        affinity.insert("nodeAffinity".into(), Value::Object(node));
    }
    for entry in entries(config, "podAffinity") {
        let kind =
            if field(entry, "anti").as_bool().unwrap_or(false) { "podAntiAffinity" } else { "podAffinity" };
        let term = beside(entry);
        let of = affinity.entry(kind).or_insert_with(|| json!({}));
        match weight(entry) {
            Some(weight) => push(of, PREFERRED, json!({ "weight": weight, "podAffinityTerm": term })),
            None => push(of, REQUIRED, term),
        }
    }
    affinity
}

fn nodes(call: &Call, config: &Value) -> Map<String, Value> {
    let (mut required, mut preferred) = (Vec::new(), Vec::new());
    for (place, entry) in entries(config, "nodeAffinity").into_iter().enumerate() {
        if !field(entry, "nodeAffinityJson").is_null() {
            let Some(given) = parameter(call, "nodeAffinity", place, "nodeAffinityJson") else { continue };
            required.extend(given[REQUIRED]["nodeSelectorTerms"].as_array().cloned().unwrap_or_default());
            preferred.extend(given[PREFERRED].as_array().cloned().unwrap_or_default());
            continue;
        }
        let mut term = Map::new();
        for name in ["matchExpressions", "matchFields"] {
            let found: Vec<Value> = entries(entry, name).into_iter().map(requirement).collect();
            if !found.is_empty() {
                term.insert(name.to_owned(), Value::Array(found));
            }
        }
        if term.is_empty() {
            continue;
        }
        match weight(entry) {
            Some(weight) => preferred.push(json!({ "weight": weight, "preference": term })),
            None => required.push(Value::Object(term)),
        }
    }
    let mut found = Map::new();
    if !required.is_empty() {
        found.insert(REQUIRED.into(), json!({ "nodeSelectorTerms": required }));
    }
    if !preferred.is_empty() {
        found.insert(PREFERRED.into(), Value::Array(preferred));
    }
    found
}

fn requirement(entry: &Value) -> Value {
    let mut found = json!({ "key": text(entry, "key"), "operator": text(entry, "operator") });
    let values = entries(entry, "values");
    if !values.is_empty() {
        found["values"] = values.into_iter().cloned().collect();
    }
    found
}

fn beside(entry: &Value) -> Value {
    let mut term = json!({ "topologyKey": text(entry, "topologyKey") });
    for (name, expressions, labels) in [
        ("labelSelector", "matchPodExpressions", "matchPodLabels"),
        ("namespaceSelector", "matchNamespaceExpressions", "matchNamespaceLabels"),
    ] {
        let mut selector = Map::new();
        let found: Vec<Value> = entries(entry, expressions).into_iter().map(requirement).collect();
        if !found.is_empty() {
            selector.insert("matchExpressions".into(), Value::Array(found));
        }
        if field(entry, labels).is_object() {
            selector.insert("matchLabels".into(), field(entry, labels).clone());
        }
        if !selector.is_empty() {
            term[name] = Value::Object(selector);
        }
    }
    let namespaces = entries(entry, "namespaces");
    if !namespaces.is_empty() {
        term["namespaces"] = namespaces.into_iter().cloned().collect();
    }
    term
}

fn weight(entry: &Value) -> Option<i64> {
    field(entry, "weight").as_i64()
}

fn push(into: &mut Value, list: &str, value: Value) {
    if into[list].is_null() {
        into[list] = json!([]);
    }
    if let Some(items) = into[list].as_array_mut() {
        items.push(value);
    }
}

//! What a task wants of the pod in which it runs: a piece of `PodSpec`, see [`crate::Launch::pod`].

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Wanted;

fn variables(pod: &Value) -> impl Iterator<Item = &str> {
    let entries = pod["container"]["env"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry["name"].as_str())
}

/// A secret that the workspace does not have may be the cluster's.
pub(crate) fn ease(wanted: &mut Wanted, pod: &Value) {
    for name in variables(pod) {
        if let Some(secret) = wanted.variables.get_mut(name) {
            secret.optional = true;
        }
    }
}

/// What the task is given anyhow is not asked of the cluster: a reference to what is not there keeps a pod from starting.
pub(crate) fn settle(pod: &mut Value, given: &BTreeMap<String, String>) {
    if let Some(entries) = pod.pointer_mut("/container/env").and_then(Value::as_array_mut) {
        entries.retain(|entry| entry["name"].as_str().is_none_or(|name| !given.contains_key(name)));
    }
}

/// Adds to a pod what a task wants: maps are merged, lists joined, and what is there already stays.
pub(crate) fn join(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                join(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(more)) => into.extend(more.iter().cloned()),
        (into @ Value::Null, more) => *into = more.clone(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::WantedSecret;

    #[test]
    fn what_the_executor_declares_stays_and_lists_grow() {
        let mut pod = json!({
            "containers": [{ "name": "task" }], "securityContext": { "runAsUser": 1000 },
            "tolerations": [{ "key": "a" }],
        });
        let wanted = json!({
            "nodeSelector": { "gpu": "yes" }, "tolerations": [{ "key": "b" }], "securityContext": { "runAsUser": 0, "runAsGroup": 5 },
        });
        join(&mut pod, &wanted);
        assert_eq!(pod["tolerations"], json!([{ "key": "a" }, { "key": "b" }]));
        assert_eq!(pod["securityContext"], json!({ "runAsUser": 1000, "runAsGroup": 5 }));
        assert_eq!(pod["nodeSelector"], json!({ "gpu": "yes" }));
    }

    #[test]
    fn a_secret_comes_from_the_workspace_or_else_from_the_cluster() {
        let mut pod = json!({ "container": { "env": [{ "name": "A" }, { "name": "B" }] } });
        let secret = || WantedSecret { name: "s/a".into(), ..WantedSecret::default() };
        let variables = ["A", "B", "C"].map(|name| (name.to_owned(), secret()));
        let mut wanted = Wanted { variables: variables.into(), ..Wanted::default() };
        ease(&mut wanted, &pod);
        let optional: Vec<bool> = wanted.variables.values().map(|secret| secret.optional).collect();
        assert_eq!(optional, [true, true, false], "nobody but the workspace can give C");
        settle(&mut pod, &BTreeMap::from([("A".to_owned(), "x".to_owned())]));
        assert_eq!(pod, json!({ "container": { "env": [{ "name": "B" }] } }));
    }
}

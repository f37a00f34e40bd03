//! `KubernetesExecutorConfig` of the platform document (`kubernetes_platform/proto/kubernetes_executor_config.proto`): its
//! parameters are read in the graph of the task, so they become inputs of it.

use pipelines::{Binding, From};
use serde_json::Value;

use super::node::{IrError, Node, snake};
use super::tasks;

/// How the names of inputs begin that only the platform document asks for. Kubeflow's own have no dots.
pub(crate) const PREFIX: &str = "kubernetes.";

/// Fields that hold an `InputParameterSpec`, by the field that they stand in.
const PARAMETERS: [(&str, &str); 9] = [
    ("secretAsEnv", "secretNameParameter"),
    ("secretAsVolume", "secretNameParameter"),
    ("configMapAsEnv", "configMapNameParameter"),
    ("configMapAsVolume", "configMapNameParameter"),
    ("imagePullSecret", "secretNameParameter"),
    ("pvcMount", "pvcNameParameter"),
    ("nodeSelector", "nodeSelectorJson"),
    ("tolerations", "tolerationJson"),
    ("nodeAffinity", "nodeAffinityJson"),
];

/// A field by its name in protobuf's JSON, or in the `.proto` file.
pub(crate) fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    match &value[name] {
        Value::Null => &value[snake(name)],
        found => found,
    }
}

/// The entries of a list; a field that is none is its only one.
pub(crate) fn entries<'v>(config: &'v Value, name: &str) -> Vec<&'v Value> {
    match field(config, name) {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The input that holds the parameter of the entry at this place.
pub(crate) fn input(list: &str, place: usize, name: &str) -> String {
    format!("{PREFIX}{list}.{place}.{name}")
}

/// What a task with this configuration is given beside its own inputs.
pub(crate) fn bindings(config: &Value, path: &str) -> Result<Vec<(String, Binding)>, IrError> {
    let mut found = Vec::new();
    for (list, name) in PARAMETERS {
        for (place, entry) in entries(config, list).into_iter().enumerate() {
            let path = format!("{path}.{list}[{place}]");
            let binding = match field(entry, name) {
                Value::Null if list == "pvcMount" => older_claim(entry, &path)?,
                Value::Null => None,
                spec => Some(tasks::parameter(&Node::new(format!("{path}.{name}"), spec))?),
            };
            found.extend(binding.map(|binding| (input(list, place, name), binding)));
        }
    }
    Ok(found)
}

/// As kfp-kubernetes before 1.4 says which claim is mounted.
fn older_claim(entry: &Value, path: &str) -> Result<Option<Binding>, IrError> {
    if let Some(name) = field(entry, "constant").as_str() {
        return Ok(Some(Binding { from: From::Constant(Value::from(name)), select: None }));
    }
    let mut spec = serde_json::Map::new();
    for name in ["componentInputParameter", "taskOutputParameter"] {
        let value = field(entry, name);
        if !value.is_null() {
            spec.insert(name.to_owned(), value.clone());
        }
    }
    if spec.is_empty() {
        return Ok(None);
    }
    tasks::parameter(&Node::new(path, &Value::Object(spec))).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_of_the_platform_become_inputs() {
        let config = json!({
            "secretAsEnv": [
                { "secretName": "plain" },
                { "secretNameParameter": { "componentInputParameter": "which" } },
                { "secretNameParameter": { "taskOutputParameter": { "producerTask": "name-it", "outputParameterKey": "Output" } } },
            ],
            "pvcMount": [{ "constant": "claim", "mountPath": "/data" }],
            "node_selector": { "node_selector_json": { "runtimeValue": { "constant": { "gpu": "yes" } } } },
        });
        let found = bindings(&config, "x").unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "kubernetes.secretAsEnv.1.secretNameParameter",
                "kubernetes.secretAsEnv.2.secretNameParameter",
                "kubernetes.pvcMount.0.pvcNameParameter",
                "kubernetes.nodeSelector.0.nodeSelectorJson",
            ]
        );
        assert_eq!(found[0].1.from, From::Input("which".into()));
        assert_eq!(found[1].1.from, From::Output { task: "name-it".into(), port: "Output".into() });
        assert_eq!(found[3].1.from, From::Constant(json!({ "gpu": "yes" })));
        let wrong = bindings(&json!({ "secretAsEnv": [{ "secretNameParameter": {} }] }), "x").unwrap_err();
        assert_eq!(wrong.path, "x.secretAsEnv[0].secretNameParameter");
    }
}

//! What is declared of a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Span};

use super::{PROCESS, ZYGOTE};

/// Variables of this server whose values may be shown to a cluster.
const SECRETS: &str = "MLWRIGHT_EXECUTOR_";
const UNREACHABLE: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorKind {
    /// Jobs REST API.
    Ray,
    /// Jobs of `batch/v1`.
    Kubernetes,
    /// slurmrestd.
    Slurm,
}

/// An entry below `executors:` in `mlwright.yaml`, plus its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutorSpec {
    #[serde(default)]
    pub name: String,
    pub kind: ExecutorKind,
    /// Of the API: Ray's dashboard, Kubernetes' API server, slurmrestd.
    pub url: String,
    /// Takes the tasks of the workspace that name no executor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Where the cluster's machines find this server; `pipelines.url` of its configuration if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// The Python there (3.8 or newer) that starts a task: `python3` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// A folder there for what a task works on; its temporary folder if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// A variable of this server, `MLWRIGHT_EXECUTOR_…`, that holds what the API wants to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// A file of this server that holds it; read at each call, so that it may be renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// PEM file of this server with the authorities that the API's certificate may come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Slurm: on whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Slurm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Slurm: of the REST API, such as `v0.0.38`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Kubernetes; `default` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Kubernetes: with Python 3.8 or newer, as `python3` or as `python` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What a task gets that does not say more.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Variables that every task gets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// How long the API may be silent before the attempts there have failed; 10 minutes if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Span>,
    /// Merged into what is submitted: Ray's body, Kubernetes' pod spec, Slurm's `job`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
}

/// What a task wants of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
}

impl Resources {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is wanted here, and else what `others` say.
    pub(crate) fn or(&self, others: &Self) -> Self {
        Self {
            cpus: self.cpus.or(others.cpus),
            gpus: self.gpus.or(others.gpus),
            memory_mib: self.memory_mib.or(others.memory_mib),
        }
    }
}

impl ExecutorSpec {
    /// Errors: `Executor` with what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Executor { name: self.name.clone(), what });
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(name) {
            return wrong("its name takes letters, digits, `-`, `_` and `.`".into());
        }
        if [PROCESS, ZYGOTE].contains(&self.name.as_str()) {
            return wrong("this name means a process of this machine".into());
        }
        for url in [Some(&self.url), self.advertise.as_ref()].into_iter().flatten() {
            if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
                return wrong(format!("`{url}` is no address: it begins with http:// or https://"));
            }
        }
        if let Some(variable) = self.token_env.as_ref().filter(|name| !name.starts_with(SECRETS)) {
            return wrong(format!(
                "`token_env` is `{variable}`, and only variables {SECRETS}… may be shown to a cluster"
            ));
        }
        if self.kind == ExecutorKind::Kubernetes && self.image.is_none() {
            return wrong("kind kubernetes needs `image`, a container image with Python".into());
        }
        if self.kind == ExecutorKind::Slurm && self.user.is_none() {
            return wrong("kind slurm needs `user`, the one whose token is shown".into());
        }
        if !matches!(self.options, Value::Null | Value::Object(_)) {
            return wrong("`options` is a map".into());
        }
        Ok(())
    }

    pub(crate) fn unreachable(&self) -> Duration {
        self.unreachable.map_or(UNREACHABLE, |span| span.0)
    }

    pub(crate) fn python(&self) -> &str {
        self.python.as_deref().unwrap_or("python3")
    }

    /// What the API wants to be shown, as it is now. Errors say which variable or file is not there.
    pub(crate) fn token(&self) -> Result<Option<String>, String> {
        if let Some(name) = &self.token_env {
            let value = std::env::var(name).map_err(|_| {
                format!("the server has no variable {name}, which executor `{}` shows", self.name)
            })?;
            return Ok(Some(value.trim().to_owned()));
        }
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = types::io::read_to_string(path).map_err(|e| e.to_string())?;
        Ok(Some(text.trim().to_owned()))
    }
}

/// Puts what `over` says into `into`; maps are merged, everything else is replaced.
pub(crate) fn merge(into: &mut Value, over: &Value) {
    match (into, over) {
        (_, Value::Null) => {}
        (Value::Object(into), Value::Object(over)) => {
            for (name, value) in over {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, over) => *into = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(value: Value) -> Result<(), String> {
        let spec: ExecutorSpec = serde_json::from_value(value).map_err(|e| e.to_string())?;
        spec.check().map_err(|e| e.to_string())
    }

    #[test]
    fn what_cannot_work_is_told_at_once() {
        spec(json!({ "name": "ray", "kind": "ray", "url": "http://h:8265" })).unwrap();
        for (value, words) in [
            (json!({ "name": "ray", "kind": "ray", "url": "h:8265" }), "no address"),
            (json!({ "name": "process", "kind": "ray", "url": "http://h" }), "this machine"),
            (json!({ "name": "k", "kind": "kubernetes", "url": "http://h" }), "image"),
            (json!({ "name": "s", "kind": "slurm", "url": "http://h" }), "user"),
            (
                json!({ "name": "r", "kind": "ray", "url": "http://h", "token_env": "AWS_SECRET" }),
                "AWS_SECRET",
            ),
            (json!({ "name": "r", "kind": "ray", "url": "http://h", "uri": "x" }), "uri"),
        ] {
            let error = spec(value).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn options_are_merged_into_maps() {
        let mut body = json!({ "a": { "b": 1, "c": 2 }, "d": [1] });
        merge(&mut body, &json!({ "a": { "b": 3 }, "d": [2], "e": true }));
        assert_eq!(body, json!({ "a": { "b": 3, "c": 2 }, "d": [2], "e": true }));
    }
}

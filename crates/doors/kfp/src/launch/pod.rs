//! The platform document as a piece of Kubernetes' `PodSpec`, and the fields of a pod that there is none of.

use pipelines::Call;
use serde_json::{Map, Value, json};

use super::platform::{Platform, mount_path, name_of, parameter, take_secrets, text};
use crate::ir::platform::{entries, field};

const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// What a pod gets beside what the executor's declaration says.
#[derive(Debug, Default)]
pub(super) struct Pod {
    spec: Map<String, Value>,
    container: Map<String, Value>,
    metadata: Map<String, Value>,
}

impl Pod {
    fn add(&mut self, list: &str, value: Value) {
        push(&mut self.spec, list, value);
    }

    /// `source` is the volume without its name.
    fn mount(&mut self, name: &str, mut source: Value, mount: Value) {
        let known = self.spec.get("volumes").and_then(Value::as_array);
        let is_known =
            known.is_some_and(|volumes| volumes.iter().any(|volume| volume["name"] == json!(name)));
        if !is_known {
            source["name"] = json!(name);
            self.add("volumes", source);
        }
        let mut mount = mount;
        mount["name"] = json!(name);
        push(&mut self.container, "volumeMounts", mount);
    }

    pub fn secret_volume(&mut self, list: &str, name: &str, path: &str, optional: bool) {
        let source = if list.starts_with("secret") {
            json!({ "secret": { "secretName": name, "optional": optional } })
        } else {
            json!({ "configMap": { "name": name, "optional": optional } })
        };
        let kind = if list.starts_with("secret") { "secret" } else { "settings" };
        self.mount(&label(kind, name), source, json!({ "mountPath": path }));
    }

    pub fn secret_variable(&mut self, list: &str, name: &str, key: &str, variable: &str, optional: &Value) {
        let kind = if list.starts_with("secret") { "secretKeyRef" } else { "configMapKeyRef" };
        let mut reference = json!({ "name": name, "key": key });
        if !optional.is_null() {
            reference["optional"] = optional.clone();
        }
        push(&mut self.container, "env", json!({ "name": variable, "valueFrom": { kind: reference } }));
    }

    /// As [`pipelines::Launch::pod`].
    pub fn value(self) -> Value {
        let mut all = self.spec;
        for (name, part) in [("container", self.container), ("metadata", self.metadata)] {
            if !part.is_empty() {
                all.insert(name.to_owned(), Value::Object(part));
            }
        }
        Value::Object(all)
    }
}

/// The name of a volume: shorter than that of what it holds may be, and without dots.
fn label(kind: &str, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = format!("{kind}-{name}").chars().map(plain).take(63).collect();
    name.trim_end_matches('-').to_owned()
}

fn push(into: &mut Map<String, Value>, list: &str, value: Value) {
    if let Value::Array(items) = into.entry(list).or_insert_with(|| json!([])) {
        items.push(value);
    }
}

/// All that a configuration asks for, as [`Pod::value`]. Errors: what Kubernetes would refuse.
pub(super) fn whole(call: &Call, config: &Value) -> Result<Value, String> {
    let mut pod = Pod::default();
    take_secrets(call, config, &mut Platform::default(), Some(&mut pod))?;
    fill(&mut pod, call, config)?;
    Ok(pod.value())
}

/// Everything but secrets and settings. Errors: what Kubernetes would refuse.
pub(super) fn fill(pod: &mut Pod, call: &Call, config: &Value) -> Result<(), String> {
    for entry in entries(config, "fieldPathAsEnv") {
        let from = json!({ "fieldRef": { "fieldPath": text(entry, "fieldPath") } });
        push(&mut pod.container, "env", json!({ "name": text(entry, "name"), "valueFrom": from }));
    }
    volumes(pod, call, config)?;
    place(pod, call, config)?;
    let policy = text(config, "imagePullPolicy");
    if !policy.is_empty() {
        if !["Always", "Never", "IfNotPresent"].contains(&policy.as_str()) {
            return Err(format!("`{policy}` is no imagePullPolicy: it is Always, Never or IfNotPresent"));
        }
        pod.container.insert("imagePullPolicy".into(), json!(policy));
    }
    let context = field(config, "securityContext");
    if context.is_object() {
        let mut own = json!({ "capabilities": { "drop": ["ALL"] } });
        for name in ["runAsUser", "runAsGroup", "runAsNonRoot"] {
            match field(context, name) {
                Value::Null => {}
                // Protobuf's JSON writes 64-bit integers as text.
                Value::String(number) => own[name] = number.parse::<i64>().map_or(Value::Null, Value::from),
                value => own[name] = value.clone(),
            }
        }
        pod.container.insert("securityContext".into(), own);
    }
    for entry in entries(config, "initContainers") {
        pod.add("initContainers", entry.clone());
    }
    let metadata = field(config, "podMetadata");
    for name in ["labels", "annotations"] {
        if let Some(found) = field(metadata, name).as_object() {
            pod.metadata.insert(name.to_owned(), Value::Object(found.clone()));
        }
    }
    Ok(())
}

fn volumes(pod: &mut Pod, call: &Call, config: &Value) -> Result<(), String> {
    for (place, entry) in entries(config, "pvcMount").into_iter().enumerate() {
        let fields = ("pvcNameParameter", "constant");
        let Some(name) = name_of(call, "pvcMount", place, entry, fields)? else { continue };
        let mut mount = json!({ "mountPath": mount_path("pvcMount", entry)? });
        let sub_path = text(entry, "subPath");
        if !sub_path.is_empty() {
            mount["subPath"] = json!(sub_path);
        }
        pod.mount(&label("claim", &name), json!({ "persistentVolumeClaim": { "claimName": name } }), mount);
    }
    for entry in entries(config, "emptyDirMounts") {
        let mut source = Map::new();
        for (name, of) in [("medium", "medium"), ("sizeLimit", "sizeLimit")] {
            let value = text(entry, of);
            if !value.is_empty() {
                source.insert(name.to_owned(), json!(value));
            }
        }
        let mount = json!({ "mountPath": mount_path("emptyDirMounts", entry)? });
        pod.mount(&text(entry, "volumeName"), json!({ "emptyDir": source }), mount);
    }
    for entry in entries(config, "genericEphemeralVolume") {
        let mut claim = json!({
            "accessModes": field(entry, "accessModes"),
            "resources": { "requests": { "storage": text(entry, "size") } },
        });
        if !field(entry, "defaultStorageClass").as_bool().unwrap_or(false) {
            claim["storageClassName"] = json!(text(entry, "storageClassName"));
        }
        let mut template = json!({ "spec": claim });
        if field(entry, "metadata").is_object() {
            template["metadata"] = field(entry, "metadata").clone();
        }
        let mount = json!({ "mountPath": mount_path("genericEphemeralVolume", entry)? });
        let source = json!({ "ephemeral": { "volumeClaimTemplate": template } });
        pod.mount(&text(entry, "volumeName"), source, mount);
    }
    let memory = field(config, "enabledSharedMemory");
    if memory.is_object() {
        let mut source = json!({ "medium": "Memory" });
        let size = text(memory, "size");
        if !size.is_empty() {
            source["sizeLimit"] = json!(size);
        }
        let name = Some(text(memory, "volumeName")).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "shm".to_owned());
        pod.mount(&name, json!({ "emptyDir": source }), json!({ "mountPath": "/dev/shm" }));
    }
    Ok(())
}

/// Where the pod may stand, and with which right its image comes.
fn place(pod: &mut Pod, call: &Call, config: &Value) -> Result<(), String> {
    let selector = field(config, "nodeSelector");
    let labels = match parameter(call, "nodeSelector", 0, "nodeSelectorJson") {
        Some(value) => value,
        None => field(selector, "labels"),
    };
    if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
        pod.spec.insert("nodeSelector".into(), labels.clone());
    }
    for (at, entry) in entries(config, "tolerations").into_iter().enumerate() {
        if field(entry, "tolerationJson").is_null() {
            pod.add("tolerations", toleration(entry));
            continue;
        }
        match parameter(call, "tolerations", at, "tolerationJson") {
            Some(Value::Array(items)) => items.iter().for_each(|item| pod.add("tolerations", item.clone())),
            Some(Value::Object(fields)) if fields.is_empty() => {}
            Some(one @ Value::Object(_)) => pod.add("tolerations", one.clone()),
            Some(other) => {
                return Err(format!("its toleration is neither a map nor a list of maps: {other}"));
            }
            None => {}
        }
    }
    for (at, entry) in entries(config, "imagePullSecret").into_iter().enumerate() {
        let fields = ("secretNameParameter", "secretName");
        if let Some(name) = name_of(call, "imagePullSecret", at, entry, fields)? {
            pod.add("imagePullSecrets", json!({ "name": name }));
        }
    }
    let affinity = super::affinity::of(call, config);
    if !affinity.is_empty() {
        pod.spec.insert("affinity".into(), Value::Object(affinity));
    }
    Ok(())
}

fn toleration(entry: &Value) -> Value {
    let mut found = Map::new();
    for name in ["key", "operator", "value", "effect"] {
        let value = text(entry, name);
        if !value.is_empty() {
            found.insert(name.to_owned(), json!(value));
        }
    }
    let seconds = field(entry, "tolerationSeconds");
    let seconds = seconds.as_i64().or_else(|| seconds.as_str()?.parse().ok());
    if let Some(seconds) = seconds {
        found.insert("tolerationSeconds".into(), json!(seconds));
    }
    Value::Object(found)
}

/// What a field of the pod would be: labels and annotations as they are declared, nothing for one that is not; names of the
/// task; this machine.
pub(super) fn field_of(call: &Call, config: &Value, path: &str) -> String {
    let quoted =
        |prefix: &str| path.strip_prefix(prefix)?.strip_suffix(']').map(|key| key.trim_matches(['\'', '"']));
    let metadata = field(config, "podMetadata");
    for (prefix, name) in [("metadata.annotations[", "annotations"), ("metadata.labels[", "labels")] {
        if let Some(key) = quoted(prefix) {
            return field(metadata, name)[key].as_str().unwrap_or_default().to_owned();
        }
    }
    match path {
        "metadata.name" => format!("{}-{}", call.resource_name, call.attempt),
        "metadata.namespace" | "spec.serviceAccountName" => "default".into(),
        "metadata.uid" => call.task.to_string(),
        "spec.nodeName" => types::io::read_to_string(HOST_NAME).unwrap_or_default().trim().to_owned(),
        "status.hostIP" | "status.podIP" | "status.hostIPs" | "status.podIPs" => "127.0.0.1".into(),
        _ => String::new(),
    }
}

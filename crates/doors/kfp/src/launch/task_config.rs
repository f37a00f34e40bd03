//! `dsl.TaskConfig`: what was set on a task, as fragments of Kubernetes' objects for a workload that the component starts elsewhere
//! (`getTaskConfigOptions` of `backend/src/v2/driver/driver.go`).

use pipelines::{Call, Datum};
use serde_json::{Map, Value, json};

use super::pod;
use crate::ir::Container;

/// The call with that input. `None` if the component asks for nothing.
pub(super) fn given(call: &Call, container: &Container) -> Result<Option<Call>, String> {
    let Some(input) = container.task_config["input"].as_str() else { return Ok(None) };
    let asked = &container.task_config["fields"];
    let passes = |field: &str| !asked[field].is_null();
    let mut spec = pod::whole(call, &container.kubernetes)?;
    let mut value = Map::new();
    if passes("RESOURCES") {
        value.insert("resources".into(), resources(&container.resources));
    }
    if passes("ENV") {
        let plain = container.env.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        let taken = spec["container"]["env"].as_array().cloned().unwrap_or_default();
        value.insert("env".into(), plain.chain(taken).collect());
    }
    for (field, name) in [
        ("KUBERNETES_AFFINITY", "affinity"),
        ("KUBERNETES_TOLERATIONS", "tolerations"),
        ("KUBERNETES_NODE_SELECTOR", "nodeSelector"),
        ("KUBERNETES_VOLUMES", "volumes"),
    ] {
        if passes(field) && !spec[name].is_null() {
            value.insert(name.to_owned(), spec[name].take());
        }
    }
    if passes("KUBERNETES_VOLUMES") && !spec["container"]["volumeMounts"].is_null() {
        value.insert("volumeMounts".into(), spec["container"]["volumeMounts"].take());
    }
    let mut given = call.clone();
    given.inputs.insert(input.to_owned(), Datum::Value(Value::Object(value)));
    Ok(Some(given))
}

/// Takes what the task does not keep out of what its pod gets.
pub(super) fn leave_out(container: &Container, pod: &mut Value) {
    let mut take = |place: &str, name: &str| {
        if let Some(fields) = pod.pointer_mut(place).and_then(Value::as_object_mut) {
            fields.remove(name);
        }
    };
    for (field, place, name) in [
        ("ENV", "/container", "env"),
        ("KUBERNETES_AFFINITY", "", "affinity"),
        ("KUBERNETES_TOLERATIONS", "", "tolerations"),
        ("KUBERNETES_NODE_SELECTOR", "", "nodeSelector"),
        ("KUBERNETES_VOLUMES", "", "volumes"),
        ("KUBERNETES_VOLUMES", "/container", "volumeMounts"),
    ] {
        if !keeps(container, field) {
            take(place, name);
        }
    }
}

/// Whether the task itself keeps such settings: a field that is passed on is not its own unless that is said.
pub(super) fn keeps(container: &Container, field: &str) -> bool {
    container.task_config["fields"][field].as_bool().unwrap_or(true)
}

fn resources(spec: &Value) -> Value {
    let mut found = json!({});
    for (kind, cpu, memory) in [
        ("requests", "resourceCpuRequest", "resourceMemoryRequest"),
        ("limits", "resourceCpuLimit", "resourceMemoryLimit"),
    ] {
        for (name, field) in [("cpu", cpu), ("memory", memory)] {
            if spec[field].is_string() {
                found[kind][name] = spec[field].clone();
            }
        }
    }
    let accelerator = &spec["accelerator"];
    let kind = accelerator["resourceType"].as_str().or(accelerator["type"].as_str());
    let count = accelerator["resourceCount"].as_str().or(accelerator["count"].as_str());
    if let (Some(kind), Some(count)) = (kind, count) {
        found["limits"][kind] = json!(count);
    }
    found
}

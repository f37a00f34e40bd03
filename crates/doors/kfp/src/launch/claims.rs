//! kfp-kubernetes' `CreatePVC` and `DeletePVC`: components without a program, which upstream's driver does itself
//! (`createPVC` and `deletePVC` of `backend/src/v2/driver/k8s.go`). On this machine a claim is a folder of this server; in a cluster it is the
//! cluster's.

use std::collections::BTreeMap;

use pipelines::{Call, Datum, Launch, VolumeClaim};
use serde_json::{Value, json};

use super::input::as_text;
use super::{make, platform};

const CREATE: &str = "argostub/createpvc";
const DELETE: &str = "argostub/deletepvc";

pub(super) fn is_stub(image: &str) -> bool {
    [CREATE, DELETE].contains(&image)
}

/// Makes or removes the folder; nothing is left to start.
pub(super) fn launch(call: &Call, image: &str) -> Result<Launch, String> {
    if call.in_pod {
        let name = name(call, image)?;
        let claim =
            if image == CREATE { VolumeClaim::Make(wanted(call, &name)?) } else { VolumeClaim::Remove(name) };
        return Ok(Launch { claim: Some(claim), ..Launch::default() });
    }
    let folder = platform::claim(call, &name(call, image)?)?;
    if image == CREATE {
        make(&folder)?;
    } else if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| format!("cannot remove {}: {e}", folder.display()))?;
    }
    Ok(Launch { argv: vec!["true".into()], ..Launch::default() })
}

/// As Kubernetes takes it. Errors: what `CreatePVC` must be given.
fn wanted(call: &Call, name: &str) -> Result<Value, String> {
    let given = |port: &str| match call.inputs.get(port) {
        Some(Datum::Value(Value::Null)) | None => None,
        Some(Datum::Value(value)) => Some(value),
        Some(_) => None,
    };
    let need = |port: &str| given(port).ok_or_else(|| format!("its input `{port}` is missing"));
    let mut spec = json!({
        "accessModes": need("access_modes")?,
        "resources": { "requests": { "storage": as_text(need("size")?) } },
    });
    // What is not said is the cluster's to choose; an empty name asks for a volume that is there already.
    for (field, port) in [
        ("storageClassName", "storage_class_name"),
        ("volumeName", "volume_name"),
        ("dataSource", "data_source"),
    ] {
        if let Some(value) = given(port) {
            spec[field] = value.clone();
        }
    }
    let mut metadata = json!({ "name": name });
    if let Some(annotations) = given("annotations") {
        metadata["annotations"] = annotations.clone();
    }
    Ok(json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec }))
}

pub(super) fn collect(call: &Call, image: &str) -> Result<BTreeMap<String, Datum>, String> {
    if image == DELETE {
        return Ok(BTreeMap::new());
    }
    Ok(BTreeMap::from([("name".to_owned(), Datum::Value(Value::from(name(call, image)?)))]))
}

/// Errors: both a name and a suffix.
fn name(call: &Call, image: &str) -> Result<String, String> {
    let given = |port: &str| match call.inputs.get(port) {
        Some(Datum::Value(value)) => Some(as_text(value)).filter(|text| !text.is_empty()),
        _ => None,
    };
    if image == DELETE {
        return given("pvc_name").ok_or_else(|| "its input `pvc_name` is missing".to_owned());
    }
    match (given("pvc_name"), given("pvc_name_suffix")) {
        (Some(_), Some(_)) => {
            Err("`pvc_name` and `pvc_name_suffix` are both given: a claim takes one of them".into())
        }
        (Some(name), None) => Ok(name),
        (None, suffix) => Ok(format!("{}{}", call.task, suffix.unwrap_or_default())),
    }
}

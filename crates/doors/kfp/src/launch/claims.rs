//! kfp-kubernetes' `CreatePVC` and `DeletePVC`: components without a program, which upstream's driver does itself
//! (`createPVC` and `deletePVC` of `backend/src/v2/driver/k8s.go`). Here a claim is a folder of this server.

use std::collections::BTreeMap;

use pipelines::{Call, Datum, Launch};
use serde_json::Value;

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
        return Err("it makes or removes a claim of the cluster, which this server does not do · hint: name one that is there, or \
             run the pipeline with the executor `process`"
            .into());
    }
    let folder = platform::claim(call, &name(call, image)?)?;
    if image == CREATE {
        make(&folder)?;
    } else if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| format!("cannot remove {}: {e}", folder.display()))?;
    }
    Ok(Launch { argv: vec!["true".into()], ..Launch::default() })
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

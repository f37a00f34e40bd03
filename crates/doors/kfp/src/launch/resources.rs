//! `PipelineContainerSpec.ResourceSpec`: what a component wants of a cluster's machine. On this machine nothing is held against it.

use pipelines::Resources;
use serde_json::Value;

const SUFFIXES: [(&str, f64); 13] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("k", 1e3),
    ("K", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("E", 1e18),
    ("P", 1e15),
    ("m", 1e-3),
    ("", 1.0),
];
/// `memoryLimit` and `memoryRequest` count these.
const GIGABYTE: f64 = 1e9;

/// The limit, or else the request. What is left open (a placeholder) is not asked for.
pub(crate) fn wanted(spec: &Value) -> Option<Resources> {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| quantity(spec[name].as_str()?));
    let number = |names: [&str; 2]| names.into_iter().find_map(|name| spec[name].as_f64());
    let cpus = text(["resourceCpuLimit", "resourceCpuRequest"]).or(number(["cpuLimit", "cpuRequest"]));
    let bytes =
        text(["resourceMemoryLimit", "resourceMemoryRequest"])
            .or(number(["memoryLimit", "memoryRequest"]).map(|gigabytes| gigabytes * GIGABYTE));
    let accelerator = &spec["accelerator"];
    let counted = accelerator["count"].as_f64();
    let told = || accelerator["count"].as_str().or(accelerator["resourceCount"].as_str()).and_then(quantity);
    let wanted = Resources {
        cpus: cpus.filter(|cpus| *cpus > 0.0),
        gpus: counted.or_else(told).filter(|gpus| *gpus > 0.0),
        memory_mib: bytes.filter(|bytes| *bytes > 0.0).map(|bytes| (bytes / 1_048_576.0).ceil() as u64),
    };
    (!wanted.is_empty()).then_some(wanted)
}

/// As Kubernetes writes amounts: `2`, `500m`, `4Gi`, `1.5G`.
fn quantity(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = SUFFIXES.iter().find(|(known, _)| *known == suffix)?.1;
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_of_the_document_are_read() {
        let texts = json!({
            "resourceCpuLimit": "500m", "resourceMemoryLimit": "2Gi", "resourceMemoryRequest": "1Gi",
            "accelerator": { "resourceType": "nvidia.com/gpu", "resourceCount": "1" },
        });
        let wanted_of = |cpus, gpus, memory_mib| Some(Resources { cpus, gpus, memory_mib });
        assert_eq!(wanted(&texts), wanted_of(Some(0.5), Some(1.0), Some(2048)));
        let numbers = json!({ "cpuLimit": 2.0, "memoryLimit": 1.048576, "accelerator": { "count": "2" } });
        assert_eq!(wanted(&numbers), wanted_of(Some(2.0), Some(2.0), Some(1000)));
        assert_eq!(wanted(&json!({ "resourceCpuLimit": "{{$.inputs.parameters['cpu']}}" })), None);
        assert_eq!(wanted(&Value::Null), None);
    }
}

//! `ExecutorInput`: what a component is told, as the JSON that upstream's launcher gives it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipelines::{Artifact, Call, Datum, Kind};
use serde_json::{Map, Value, json};

use crate::ir::platform;

/// The version of every schema that there is.
const SCHEMA_VERSION: &str = "0.0.1";
const EXECUTOR_OUTPUT: &str = "executor_output.json";

/// Where an attempt writes its outputs.
pub(crate) fn output_dir(call: &Call) -> PathBuf {
    call.dir.join("outputs")
}

/// The file of one output, be it a parameter or an artifact. Names of ports come from users.
pub(crate) fn output_path(call: &Call, port: &str) -> PathBuf {
    output_dir(call).join(file_name(port))
}

pub(crate) fn executor_output(call: &Call) -> PathBuf {
    output_dir(call).join(EXECUTOR_OUTPUT)
}

/// A name without a way out of its folder.
fn file_name(port: &str) -> String {
    let plain = |c: char| if c == '/' || c == '\0' { '_' } else { c };
    let name: String = port.chars().map(plain).collect();
    if name == "." || name == ".." || name == EXECUTOR_OUTPUT { format!("_{name}") } else { name }
}

pub(crate) fn executor_input(call: &Call, parameters: &BTreeMap<String, Value>) -> Value {
    let mut artifacts = Map::new();
    for (name, datum) in &call.inputs {
        let list = match datum {
            Datum::Artifact(one) => vec![runtime_artifact(one)],
            Datum::Artifacts(many) => many.iter().map(runtime_artifact).collect(),
            Datum::Value(_) => continue,
        };
        artifacts.insert(name.clone(), json!({ "artifacts": list }));
    }
    let (mut files, mut made) = (Map::new(), Map::new());
    for (name, port) in &call.work.outputs {
        let path = text(&output_path(call, name));
        match &port.of {
            Kind::Artifact { schema, .. } => {
                let artifact = json!({
                    "name": name, "type": schema_of(schema), "uri": path, "metadata": {},
                });
                made.insert(name.clone(), json!({ "artifacts": [artifact] }));
            }
            _ => {
                files.insert(name.clone(), json!({ "outputFile": path }));
            }
        }
    }
    json!({
        "inputs": { "parameterValues": parameters, "artifacts": artifacts },
        "outputs": {
            "parameters": files, "artifacts": made, "outputFile": text(&executor_output(call)),
        },
    })
}

fn runtime_artifact(artifact: &Artifact) -> Value {
    let metadata: BTreeMap<&String, Value> =
        artifact.metadata.iter().map(|(k, v)| (k, whole_numbers(v))).collect();
    json!({
        "name": artifact.name, "type": schema_of(&artifact.schema), "uri": artifact.uri, "metadata": metadata,
    })
}

fn schema_of(schema: &str) -> Value {
    json!({ "schemaTitle": schema, "schemaVersion": SCHEMA_VERSION })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The parameters of a call as JSON. Every number of the document is a double: integers become integers again, at the
/// top by their type, inside of lists and structs if they are whole, as protobuf's JSON writes them.
pub(crate) fn parameters(call: &Call) -> BTreeMap<String, Value> {
    let values = call.inputs.iter().filter_map(|(name, datum)| match datum {
        Datum::Value(Value::Null) | Datum::Artifact(_) | Datum::Artifacts(_) => None,
        Datum::Value(_) if name.starts_with(platform::PREFIX) => None,
        Datum::Value(value) => Some((name, value)),
    });
    let typed = values.map(|(name, value)| {
        let value = match call.work.inputs.get(name).map(|port| &port.of) {
            Some(Kind::Number) => value.clone(),
            Some(Kind::Text) if !value.is_string() => Value::String(as_text(value)),
            _ => whole_numbers(value),
        };
        (name.clone(), value)
    });
    typed.collect()
}

/// 5.0 becomes 5, at any depth.
pub(crate) fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(f) if number.is_f64() && f.fract() == 0.0 && f.abs() < 9.007_199_254_740_992e15 => {
                Value::from(f as i64)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), whole_numbers(v))).collect(),
        _ => value.clone(),
    }
}

/// As upstream's `PbValueToText`.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => whole_numbers(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_doubles_are_integers_again() {
        let value = json!({ "a": [1.0, 2.5, "3.0"], "b": -7.0, "c": 1e300 });
        assert_eq!(whole_numbers(&value).to_string(), r#"{"a":[1,2.5,"3.0"],"b":-7,"c":1e+300}"#);
        assert_eq!(as_text(&json!(5.0)), "5");
        assert_eq!(as_text(&json!([1.0, true])), "[1,true]");
        assert_eq!(as_text(&json!("x")), "x");
    }

    #[test]
    fn names_of_ports_stay_in_their_folder() {
        assert_eq!(file_name("../../etc/passwd"), ".._.._etc_passwd");
        assert_eq!(file_name(".."), "_..");
        assert_eq!(file_name("executor_output.json"), "_executor_output.json");
        assert_eq!(file_name("pipelinechannel--a-b"), "pipelinechannel--a-b");
    }
}

//! `ExecutorOutput`: what a component left, merged with the files of its output parameters. Return values stand in
//! `executor_output.json` only; container components write only the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipelines::{Artifact, Call, Datum, Kind};
use serde_json::{Map, Value};

use super::input::{executor_output, output_dir, output_path};

/// Most bytes of an output parameter, and of all that `executor_output.json` says.
const MOST: u64 = 64 << 20;

pub(crate) fn collect(call: &Call) -> Result<BTreeMap<String, Datum>, String> {
    let said = said(&executor_output(call))?;
    let part = |camel: &str, snake: &str| {
        let found = said.get(camel).or_else(|| said.get(snake));
        found.and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let (values, artifacts) = (part("parameterValues", "parameter_values"), part("artifacts", "artifacts"));
    let mut outputs = BTreeMap::new();
    for (name, port) in &call.work.outputs {
        let found = match &port.of {
            Kind::Artifact { schema, list } => Some(artifact(call, name, schema, *list, &artifacts)?),
            kind => parameter(call, name, kind, &values)?.map(|value| Datum::Value(durable(call, value))),
        };
        outputs.extend(found.map(|found| (name.clone(), found)));
    }
    Ok(outputs)
}

/// A component may return the URI of an artifact of its own, such as for an importer. Here that is a path of this attempt,
/// which nobody finds later: its address takes its place.
fn durable(call: &Call, value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    match call.addresses.get(text) {
        Some(address) => Value::String(address.clone()),
        None => value,
    }
}

fn said(path: &Path) -> Result<Map<String, Value>, String> {
    let Some(text) = read(path)? else { return Ok(Map::new()) };
    let wrong = |what: String| format!("what it wrote to executor_output.json is not usable: {what}");
    match serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))? {
        Value::Object(map) => Ok(map),
        _ => Err(wrong("no object".into())),
    }
}

/// The text of a file that may not be there.
fn read(path: &Path) -> Result<Option<String>, String> {
    let Ok(meta) = path.metadata() else { return Ok(None) };
    if !meta.is_file() {
        return Ok(None);
    }
    if meta.len() > MOST {
        return Err(format!("`{}` has {} bytes, more than {MOST}", path.display(), meta.len()));
    }
    types::io::read_to_string(path).map(Some).map_err(|e| e.to_string())
}

fn parameter(
    call: &Call,
    name: &str,
    kind: &Kind,
    values: &Map<String, Value>,
) -> Result<Option<Value>, String> {
    if let Some(value) = values.get(name) {
        return Ok((!value.is_null()).then(|| value.clone()));
    }
    let Some(text) = read(&output_path(call, name))? else { return Ok(None) };
    from_text(&text, kind).map(Some).map_err(|what| format!("its output `{name}`: {what}"))
}

/// As upstream's `TextToPbValue`: texts as they are, everything else as JSON.
fn from_text(text: &str, kind: &Kind) -> Result<Value, String> {
    let trimmed = text.trim();
    let shown: String = trimmed.chars().take(80).collect();
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Integer => {
            trimmed.parse::<i64>().map(Value::from).map_err(|_| format!("`{shown}` is no whole number"))
        }
        Kind::Number => trimmed
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| format!("`{shown}` is no number")),
        Kind::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("`{shown}` is neither true nor false")),
        },
        _ => serde_json::from_str(trimmed).map_err(|e| format!("`{shown}` is not JSON: {e}")),
    }
}

fn artifact(
    call: &Call,
    name: &str,
    schema: &str,
    list: bool,
    said: &Map<String, Value>,
) -> Result<Datum, String> {
    let found = said.get(name).and_then(|value| value.get("artifacts")).and_then(Value::as_array);
    let mut made = Vec::new();
    for (place, value) in found.into_iter().flatten().enumerate() {
        made.push(one(call, name, schema, place, value)?);
    }
    if list {
        return Ok(Datum::Artifacts(made));
    }
    // A component that says nothing has written to the path that it was given, if to any.
    let unsaid = || Artifact {
        name: name.to_owned(),
        schema: schema.to_owned(),
        uri: output_path(call, name).display().to_string(),
        metadata: BTreeMap::new(),
        digest: None,
        bytes: 0,
        is_dir: false,
    };
    Ok(Datum::Artifact(if made.is_empty() { unsaid() } else { made.swap_remove(0) }))
}

fn one(call: &Call, port: &str, schema: &str, place: usize, value: &Value) -> Result<Artifact, String> {
    let text = |camel: &str, snake: &str| {
        let found = value.get(camel).or_else(|| value.get(snake)).and_then(Value::as_str);
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let given = output_path(call, port);
    let uri = text("uri", "uri").unwrap_or_else(|| given.display().to_string());
    let uri = match text("customPath", "custom_path") {
        Some(path) if Path::new(&path).exists() => keep(call, Path::new(&path), &given, place)?,
        _ => uri,
    };
    let metadata = value.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(Artifact {
        name: text("name", "name").unwrap_or_else(|| port.to_owned()),
        schema: value
            .get("type")
            .and_then(|of| of.get("schemaTitle"))
            .and_then(Value::as_str)
            .unwrap_or(schema)
            .to_owned(),
        uri: uri.strip_prefix("file://").map_or(uri.clone(), str::to_owned),
        metadata: metadata.into_iter().collect(),
        digest: None,
        bytes: 0,
        is_dir: false,
    })
}

/// Puts a file or folder that a component wrote elsewhere below the attempt, where the engine keeps it from.
fn keep(call: &Call, from: &Path, given: &Path, place: usize) -> Result<String, String> {
    if from.starts_with(&call.dir) {
        return Ok(from.display().to_string());
    }
    let to = match (given.exists(), place) {
        (false, 0) => given.to_owned(),
        _ => output_dir(call).join(format!(".custom-{place}")),
    };
    copy(from, &to).map_err(|e| format!("cannot keep `{}`: {e}", from.display()))?;
    Ok(to.display().to_string())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        std::fs::create_dir_all(to)?;
        let entries: Vec<PathBuf> =
            std::fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        for entry in entries {
            if let Some(name) = entry.file_name() {
                copy(&entry, &to.join(name))?;
            }
        }
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::copy(from, to).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_of_parameters_are_read_by_their_type() {
        assert_eq!(from_text("a\n", &Kind::Text), Ok(json!("a\n")));
        assert_eq!(from_text(" 7\n", &Kind::Integer), Ok(json!(7)));
        assert_eq!(from_text("True", &Kind::Boolean), Ok(json!(true)));
        assert_eq!(from_text("0.5", &Kind::Number), Ok(json!(0.5)));
        assert_eq!(from_text("[1, 2]\n", &Kind::List), Ok(json!([1, 2])));
        assert!(from_text("seven", &Kind::Integer).unwrap_err().contains("`seven`"));
        assert!(from_text("NaN", &Kind::Number).is_err());
        assert!(from_text("{", &Kind::Map).is_err());
    }
}

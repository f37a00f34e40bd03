//! `mlflow/utils/validation.py` at 3.17.2: names, lengths and batch sizes, with its messages.

use serde_json::Value;
use tracking::DatasetInput;

use crate::errors::Failure;

pub(crate) const BATCH_METRICS: usize = 1_000;
pub(crate) const BATCH_PARAMS_TAGS: usize = 100;
pub(crate) const BATCH_ENTITIES: usize = 1_000;
pub(crate) const BATCH_BYTES: usize = 1_000_000;
pub(crate) const KEY: usize = 250;
const PARAM_VALUE: usize = 6_000;
const TAG_VALUE: usize = 8_000;
const EXPERIMENT_NAME: usize = 500;
const EXPERIMENT_TAG_VALUE: usize = 20_000;
const REGISTRY_TAG_VALUE: usize = 100_000;
const ALIAS: usize = 255;
/// Of traces: characters of a metadata value, and of keys; and of a tag's value as it is shown.
pub(crate) const TRACE_METADATA: usize = 250;
pub(crate) const TRACE_TAG_SHOWN: usize = 4_096;
/// Custom views that one experiment has at most.
pub(crate) const CUSTOM_VIEWS: usize = 50;
/// Rows that one search page holds at most.
pub(crate) const SEARCH_MAX: i64 = 50_000;

pub(crate) fn invalid_value(path: &str, value: &str, message: &str) -> Failure {
    let value = Value::from(value);
    if message.is_empty() {
        Failure::invalid(format!("Invalid value {value} for parameter '{path}' supplied."))
    } else {
        Failure::invalid(format!("Invalid value {value} for parameter '{path}' supplied: {message}"))
    }
}

/// Keys of metrics, parameters and tags: `^[/\w.\- :]*$`, and the same after normalising them as a path.
pub(crate) fn key(path: &str, key: &str) -> Result<(), Failure> {
    let allowed = |c: char| c.is_alphanumeric() || "_/.- :".contains(c);
    if !key.chars().all(allowed) {
        return Err(invalid_value(
            path,
            key,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and \
             slashes (/).",
        ));
    }
    unique_path(path, key)
}

fn unique_path(path: &str, name: &str) -> Result<(), Failure> {
    let normal = normalise(name);
    if normal != name || normal == "." || normal.starts_with("..") || normal.starts_with('/') {
        return Err(invalid_value(
            path,
            name,
            &format!(
                "Names may be treated as files in certain cases, and must not resolve to other names when treated as \
                 such. This name would resolve to '{normal}'"
            ),
        ));
    }
    Ok(())
}

/// `posixpath.normpath`.
fn normalise(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let root = match path.chars().take_while(|c| *c == '/').count() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    match (root, parts.join("/")) {
        ("", joined) if joined.is_empty() => ".".to_owned(),
        (root, joined) => format!("{root}{joined}"),
    }
}

fn too_long(what: &str, limit: usize) -> Failure {
    Failure::invalid(format!("'{what}' exceeds the maximum length of {limit} characters"))
}

pub(crate) fn length(what: &str, limit: usize, text: &str) -> Result<(), Failure> {
    if text.chars().count() > limit { Err(too_long(what, limit)) } else { Ok(()) }
}

/// Longer values are cut silently, as upstream does by default.
fn cut(limit: usize, text: String) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

pub(crate) fn metric_key(path: &str, name: &str) -> Result<(), Failure> {
    key(path, name)?;
    length("Metric name", KEY, name)
}

pub(crate) fn param(path: &str, name: String, value: String) -> Result<(String, String), Failure> {
    key(path, &name)?;
    length("Param key", KEY, &name)?;
    Ok((name, cut(PARAM_VALUE, value)))
}

pub(crate) fn tag(path: &str, name: String, value: String) -> Result<(String, String), Failure> {
    key(path, &name)?;
    length(path, KEY, &name)?;
    Ok((name, cut(TAG_VALUE, value)))
}

pub(crate) fn trace_tag(name: String, value: String) -> Result<(String, String), Failure> {
    key("key", &name)?;
    length("key", KEY, &name)?;
    Ok((name, cut(TAG_VALUE, value)))
}

pub(crate) fn experiment_tag(name: &str, value: &str) -> Result<(), Failure> {
    key("key", name)?;
    length("key", KEY, name)?;
    length("value", EXPERIMENT_TAG_VALUE, value)?;
    match name {
        "mlflow.trace.archivalRetention" => archival(value, "value", true),
        "mlflow.trace.archiveNow" => archival(value, "older_than", false),
        _ => Ok(()),
    }
}

/// `_parse_trace_archival_duration_config`: a JSON object whose `field` is a duration such as `30d`.
fn archival(value: &str, field: &str, typed: bool) -> Result<(), Failure> {
    let config = match serde_json::from_str(value) {
        Ok(Value::Object(config)) => config,
        _ => return Err(Failure::invalid("Trace archival config must be encoded as a JSON object.")),
    };
    if typed && config.get("type").and_then(Value::as_str) != Some("duration") {
        return Err(Failure::invalid("Trace archival config must use type 'duration'."));
    }
    let given = config.get(field).unwrap_or(&Value::Null);
    if given.is_null() && !typed {
        return Ok(());
    }
    let text = given.as_str().unwrap_or("").trim();
    if text.chars().count() > 32 {
        return Err(Failure::invalid("Trace archival duration must be at most 32 characters."));
    }
    let count = text.strip_suffix(['m', 'h', 'd']).unwrap_or("");
    if count.is_empty() || count.starts_with('0') || !count.chars().all(|c| c.is_ascii_digit()) {
        return Err(Failure::invalid(
            "Trace archival retention must be in the form `<int><unit>`, where unit is one of 'm', 'h', or 'd'.",
        ));
    }
    Ok(())
}

pub(crate) fn too_many_views(experiment: Option<i64>) -> Failure {
    let of = experiment.map(|number| format!(" for experiment {number}")).unwrap_or_default();
    Failure::invalid(format!(
        "Unable to create another custom view{of}; the maximum number of custom views per experiment is {CUSTOM_VIEWS}. \
         Delete an existing custom view before creating a new one."
    ))
}

pub(crate) fn registry_tag(name: &str, value: &str) -> Result<(), Failure> {
    key("key", name)?;
    length("key", KEY, name)?;
    length("value", REGISTRY_TAG_VALUE, value)
}

/// `_validate_model_version_tag`: a prompt's text that is too long gets its own words.
pub(crate) fn version_tag(name: &str, value: &str) -> Result<(), Failure> {
    if name == "mlflow.prompt.text" && value.chars().count() > REGISTRY_TAG_VALUE {
        return Err(Failure::invalid(format!(
            "Prompt text exceeds max length of {REGISTRY_TAG_VALUE} characters."
        )));
    }
    registry_tag(name, value)
}

/// `_validate_dataset_inputs`
pub(crate) fn dataset_input(input: &DatasetInput) -> Result<(), Failure> {
    length("name", 500, &input.name)?;
    length("digest", 36, &input.digest)?;
    length("source", 65_535, &input.source)?;
    length("schema", 1_048_575, input.schema.as_deref().unwrap_or(""))?;
    length("profile", 16_777_215, input.profile.as_deref().unwrap_or(""))?;
    for (key, value) in &input.tags {
        length("key", 255, key)?;
        length("value", 500, value)?;
    }
    Ok(())
}

pub(crate) fn experiment_name(name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::invalid(format!("Invalid experiment name: '{name}'")));
    }
    length("name", EXPERIMENT_NAME, name)
}

pub(crate) fn run_id(id: &str) -> Result<(), Failure> {
    let mut chars = id.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    if !starts || id.len() > 256 || !chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return Err(invalid_value("run_id", id, ""));
    }
    Ok(())
}

pub(crate) fn batch(metrics: usize, params: usize, tags: usize) -> Result<(), Failure> {
    let check = |what: &str, limit: usize, length: usize| {
        if length <= limit {
            return Ok(());
        }
        Err(Failure::invalid(format!(
            "A batch logging request can contain at most {limit} {what}. Got {length} {what}. Please split up {what} \
             across multiple requests and try again."
        )))
    };
    check("metrics", BATCH_METRICS, metrics)?;
    check("params", BATCH_PARAMS_TAGS, params)?;
    check("tags", BATCH_PARAMS_TAGS, tags)?;
    check("metrics, params, and tags", BATCH_ENTITIES, metrics + params + tags)
}

pub(crate) fn model_name(name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() {
        return Err(Failure::invalid("Missing value for required parameter 'name'."));
    }
    if name.contains(['/', ':']) {
        return Err(Failure::invalid(format!(
            "Invalid model name '{name}'. Names cannot contain '/' or ':'."
        )));
    }
    unique_path("name", name)
}

pub(crate) fn model_version(version: &str) -> Result<i64, Failure> {
    version
        .parse()
        .map_err(|_| Failure::invalid(format!("Parameter 'version' must be an integer, got '{version}'.")))
}

pub(crate) fn alias(alias: &str) -> Result<(), Failure> {
    if alias.is_empty() {
        return Err(Failure::invalid("Registered model alias name cannot be empty."));
    }
    if !alias.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return Err(Failure::invalid(format!(
            "Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )));
    }
    length("Registered model alias name", ALIAS, alias)
}

pub(crate) fn alias_not_reserved(alias: &str) -> Result<(), Failure> {
    if alias.eq_ignore_ascii_case("latest") {
        return Err(Failure::invalid("'latest' alias name (case insensitive) is reserved."));
    }
    let version = alias.strip_prefix(['v', 'V']);
    if version.is_some_and(|v| !v.is_empty() && v.chars().all(|c| c.is_ascii_digit())) {
        return Err(Failure::invalid(format!("Version alias name '{alias}' is reserved.")));
    }
    Ok(())
}

/// `max_results` of a search over tracking entities.
pub(crate) fn max_results(given: i64) -> Result<i64, Failure> {
    if given < 1 {
        return Err(Failure::invalid(format!(
            "Invalid value {given} for parameter 'max_results' supplied. It must be a positive integer"
        )));
    }
    if given > SEARCH_MAX {
        return Err(Failure::invalid(format!(
            "Invalid value {given} for parameter 'max_results' supplied. It must be at most {SEARCH_MAX}"
        )));
    }
    Ok(given)
}

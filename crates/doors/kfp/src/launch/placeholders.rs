//! `{{$…}}` and the struct placeholders `Concat` and `IfPresent` (`kfp/local/placeholder_utils.py`,
//! `backend/src/v2/component/launcher_v2.go`).

use std::collections::BTreeMap;

use pipelines::{Call, Datum};
use serde_json::Value;
use types::Timestamp;

use super::input::{as_text, executor_input, executor_output, output_path, parameters};

/// A constant may name another constant of the same task that names an input.
const ROUNDS: usize = 2;
/// Most bytes that resolved inputs may have.
const MOST: usize = 16 << 20;

/// What placeholders stand for in one attempt.
pub(crate) struct Context<'a> {
    call: &'a Call,
    pub parameters: BTreeMap<String, Value>,
    /// `{{$}}`.
    pub executor_input: String,
    workspace: String,
}

impl<'a> Context<'a> {
    /// Placeholders in the inputs are resolved first: they may name other inputs of the same task.
    pub fn new(call: &'a Call, workspace: String) -> Result<Self, String> {
        let mut this = Self { call, parameters: parameters(call), executor_input: String::new(), workspace };
        for _ in 0..ROUNDS {
            let mut changed = BTreeMap::new();
            for (name, value) in &this.parameters {
                let resolved = this.value(value)?;
                if resolved != *value {
                    changed.insert(name.clone(), resolved);
                }
            }
            if changed.is_empty() {
                break;
            }
            if changed.values().map(|value| value.to_string().len()).sum::<usize>() > MOST {
                return Err(format!(
                    "with their placeholders resolved, the inputs have more than {MOST} bytes"
                ));
            }
            this.parameters.extend(changed);
        }
        this.executor_input = executor_input(call, &this.parameters).to_string();
        Ok(this)
    }

    /// Whether an input names the run's workspace.
    pub fn names_workspace(&self) -> bool {
        self.parameters
            .values()
            .any(|value| value.as_str().is_some_and(|text| text.contains(&self.workspace)))
    }

    /// A command or its arguments. An `IfPresent` may become several words, or none.
    pub fn words(&self, words: &[String]) -> Result<Vec<String>, String> {
        let mut resolved = Vec::with_capacity(words.len());
        for word in words {
            for word in self.structure(word)? {
                resolved.push(self.text(&word)?);
            }
        }
        Ok(resolved)
    }

    /// Text with every placeholder replaced.
    pub fn text(&self, text: &str) -> Result<String, String> {
        let mut rest = text;
        let mut out = String::with_capacity(text.len());
        while let Some(start) = rest.find("{{$") {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            let Some(end) = from.find("}}") else {
                out.push_str(from);
                return Ok(out);
            };
            let (inner, after) = (&from[3..end], &from[end + 2..]);
            match self.look_up(inner)? {
                Some(value) => out.push_str(&value),
                None => out.push_str(&from[..end + 2]),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Every text inside of a value, keys as well.
    pub fn value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) if text.contains("{{$") => Value::String(self.text(text)?),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?,
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| Ok((self.text(key)?, self.value(value)?));
                Value::Object(map.iter().map(entry).collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }

    /// `Concat` and `IfPresent`, which stand in a word as JSON.
    fn structure(&self, word: &str) -> Result<Vec<String>, String> {
        if !(word.starts_with("{\"Concat\":") || word.starts_with("{\"IfPresent\":")) {
            return Ok(vec![word.to_owned()]);
        }
        let value: Value =
            serde_json::from_str(word).map_err(|e| format!("the placeholder {word} is not JSON: {e}"))?;
        self.parts(&value)
    }

    fn parts(&self, value: &Value) -> Result<Vec<String>, String> {
        let wrong = || format!("{value} is no placeholder");
        match value {
            Value::Null => Ok(Vec::new()),
            Value::String(text) => Ok(vec![text.clone()]),
            Value::Array(items) => {
                let parts: Vec<_> = items.iter().map(|item| self.parts(item)).collect::<Result<_, _>>()?;
                Ok(parts.into_iter().flatten().collect())
            }
            Value::Object(map) => {
                if let Some(Value::Array(items)) = map.get("Concat") {
                    let mut joined = String::new();
                    for item in items {
                        joined.extend(self.parts(item)?);
                    }
                    return Ok(vec![joined]);
                }
                let choice = map.get("IfPresent").ok_or_else(wrong)?;
                let name = choice.get("InputName").and_then(Value::as_str).ok_or_else(wrong)?;
                let branch = if self.is_present(name) { choice.get("Then") } else { choice.get("Else") };
                branch.map_or_else(|| Ok(Vec::new()), |branch| self.parts(branch))
            }
            _ => Err(wrong()),
        }
    }

    fn is_present(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
            || matches!(self.call.inputs.get(name), Some(Datum::Artifact(_) | Datum::Artifacts(_)))
    }

    /// What stands between `{{$` and `}}`. `None` if it is no placeholder of Kubeflow's: then it is data.
    fn look_up(&self, inner: &str) -> Result<Option<String>, String> {
        let call = self.call;
        if inner.is_empty() {
            return Ok(Some(self.executor_input.clone()));
        }
        if inner.contains("json_escape") {
            return Err(format!("the placeholder `{{{{${inner}}}}}` is one of Vertex AI's"));
        }
        let Some(path) = inner.strip_prefix('.') else { return Ok(None) };
        let fixed = match path {
            "outputs.output_file" | "outputMetadataUri" => executor_output(call).display().to_string(),
            "pipeline_job_name" => call.run_name.clone(),
            "pipeline_job_resource_name" => call.resource_name.clone(),
            "pipeline_job_uuid" => call.run.to_string(),
            "pipeline_task_name" => call.task_name.clone(),
            "pipeline_task_uuid" => call.task.to_string(),
            "pipeline_root" => {
                call.pipeline_root.clone().unwrap_or_else(|| format!("mlwright://pipelines/{}", call.run))
            }
            "pipeline_job_create_time_utc" => seconds(call.run_created_at),
            "pipeline_job_schedule_time_utc" => seconds(call.scheduled_at.unwrap_or(call.run_created_at)),
            "workspace_path" => self.workspace.clone(),
            _ => return self.of_port(path),
        };
        Ok(Some(fixed))
    }

    /// `inputs.parameters['k']` and the like; quotes may be doubled, as in YAML.
    fn of_port(&self, path: &str) -> Result<Option<String>, String> {
        let Some((direction, rest)) = path.split_once('.') else { return Ok(None) };
        let Some((kind, rest)) = rest.split_once('[') else { return Ok(None) };
        let Some((name, rest)) = rest.split_once(']') else { return Ok(None) };
        let name = name.trim_matches(['\'', '"']);
        Ok(match (direction, kind, rest) {
            ("inputs", "parameters", "") => {
                Some(self.parameters.get(name).map_or_else(|| "null".to_owned(), as_text))
            }
            ("inputs", "artifacts", rest) => self.of_artifact(name, rest),
            ("outputs", "parameters", ".output_file") | ("outputs", "artifacts", ".uri" | ".path") => {
                let known = self.call.work.outputs.contains_key(name);
                if !known {
                    return Err(format!("the placeholder `{path}` names an output that is not declared"));
                }
                Some(output_path(self.call, name).display().to_string())
            }
            ("outputs", "artifacts", _) => Some(String::new()),
            _ => None,
        })
    }

    fn of_artifact(&self, name: &str, rest: &str) -> Option<String> {
        let found = match self.call.inputs.get(name) {
            Some(Datum::Artifact(one)) => Some(one),
            Some(Datum::Artifacts(many)) => many.first(),
            _ => None,
        };
        let Some(artifact) = found else { return Some("null".to_owned()) };
        match rest {
            ".uri" | ".path" => Some(artifact.uri.clone()),
            ".metadata" => Some(serde_json::to_string(&artifact.metadata).unwrap_or_default()),
            other => {
                let key = other.strip_prefix(".metadata[")?.strip_suffix(']')?.trim_matches(['\'', '"']);
                Some(artifact.metadata.get(key).map_or_else(|| "null".to_owned(), as_text))
            }
        }
    }
}

/// RFC 3339 with whole seconds, as upstream's driver writes it.
fn seconds(at: Timestamp) -> String {
    let text = at.rfc3339();
    match text.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => text,
    }
}

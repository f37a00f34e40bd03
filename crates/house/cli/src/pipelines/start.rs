//! Starting a run: of what the server knows, of a Python file, or of a saved plan.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::api::{Api, segment};
use crate::args::RunPipeline;
use crate::failure::Failure;
use crate::table::cell;

/// Starts it; the run's id.
pub async fn start(api: &Api, wanted: RunPipeline) -> Result<String, Failure> {
    let inputs = inputs(&wanted.inputs)?;
    let (file, _) = wanted.what.split_once(':').unwrap_or((&wanted.what, ""));
    match Path::new(file).extension().and_then(|end| end.to_str()) {
        Some("py") => from_python(api, &wanted, &inputs),
        Some("json") => from_plan(api, &wanted, inputs).await,
        _ => by_name(api, &wanted, inputs).await,
    }
}

/// `name=value` of each, the value as JSON or else as text.
pub fn inputs(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let one = |given: &String| {
        let (name, value) = given.split_once('=').ok_or_else(|| {
            Failure::new(format!("`{given}` is no input")).hint("write it as name=value, such as rows=1000")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok((name.to_owned(), value))
    };
    given.iter().map(one).collect()
}

async fn by_name(api: &Api, wanted: &RunPipeline, inputs: Map<String, Value>) -> Result<String, Failure> {
    if wanted.name.is_some() || wanted.experiment.is_some() {
        return Err(Failure::new("--name and --experiment are for files and plans")
            .hint("a pipeline that the server knows runs as it did before"));
    }
    let body = json!({ "inputs": inputs, "no_cache": wanted.no_cache, "executor": wanted.executor });
    let started = api.post(&format!("pipelines/{}/runs", segment(&wanted.what)), body).await?;
    Ok(cell(&started, "id"))
}

async fn from_plan(api: &Api, wanted: &RunPipeline, inputs: Map<String, Value>) -> Result<String, Failure> {
    let text = types::io::read_to_string(&wanted.what)?;
    let plan: Value = serde_json::from_str(&text)
        .map_err(|e| Failure::new(format!("`{}` is no plan: {e}", wanted.what)))?;
    let mut body = json!({ "plan": plan, "inputs": inputs, "use_cache": !wanted.no_cache });
    if let Some(name) = &wanted.name {
        body["name"] = json!(name);
    }
    if let Some(experiment) = &wanted.experiment {
        body["experiment"] = json!(experiment);
    }
    if let Some(executor) = &wanted.executor {
        body["executor"] = json!(executor);
    }
    Ok(cell(&api.post("pipeline-runs", body).await?, "id"))
}

/// The file is read by Python, with the SDK that this program carries; its code is sent by it.
fn from_python(api: &Api, wanted: &RunPipeline, inputs: &Map<String, Value>) -> Result<String, Failure> {
    let sdk = ::pipelines::write_sdk(&cache()?)?;
    let python = wanted.python.as_deref().unwrap_or(Path::new("python3"));
    let options = json!({
        "inputs": inputs, "name": wanted.name, "experiment": wanted.experiment, "use_cache": !wanted.no_cache,
        "executor": wanted.executor,
    });
    let mut command = Command::new(python);
    command.args(["-m", "mlwright._submit"]).arg(&wanted.what).arg(options.to_string());
    let paths = std::env::var_os("PYTHONPATH").filter(|path| !path.is_empty());
    let paths = std::env::join_paths([sdk.into_os_string()].into_iter().chain(paths));
    command.env("PYTHONPATH", paths.map_err(|e| Failure::new(e.to_string()))?).env("MLWRIGHT_URL", &api.url);
    if let Some(token) = api.token() {
        command.env("MLWRIGHT_TOKEN", token);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|e| {
        Failure::new(format!("{} cannot be started: {e}", python.display()))
            .hint("install Python, or name one with --python")
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.lines().last().and_then(|line| line.strip_prefix("run ")) {
        Some(id) if output.status.success() => Ok(id.to_owned()),
        _ => Err(Failure::new(format!("`{}` could not be submitted", wanted.what))),
    }
}

/// Of this user alone: Python runs what lies there.
fn cache() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let missing =
        || Failure::new("there is no place for the SDK").hint("set HOME or XDG_CACHE_HOME to a folder");
    Ok(folder.ok_or_else(missing)?.join("mlwright/sdk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_json_where_they_can_be() {
        let given = ["rows=10", "name=churn", "ks=[1, 2]", "text=\"5\"", "empty="].map(str::to_owned);
        let read = Value::Object(inputs(&given).unwrap_or_default());
        assert_eq!(read, json!({ "rows": 10, "name": "churn", "ks": [1, 2], "text": "5", "empty": "" }));
        assert!(inputs(&["rows".to_owned()]).is_err());
    }
}

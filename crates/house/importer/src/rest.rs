use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use outbound::{Body, Call, Client, Method, Policy};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::model::{
    Experiment, Files, LeftOut, LoggedModel, Pairs, Place, Point, RegisteredModel, Run, RunDataset, Version,
};
use crate::{Error, Origin, Owner, Source};

/// A running MLflow server, through its REST API.
pub struct Server {
    url: String,
    client: Client,
    handle: Handle,
    authorization: Option<String>,
    /// Points about logged models by the run that logged them, as the models were read.
    model_points: BTreeMap<String, Vec<Point>>,
}

/// Asked for at once.
const PAGE: i64 = 1_000;
const HISTORY_PAGE: i64 = 10_000;

impl Server {
    pub fn open(origin: &Origin, handle: &Handle) -> Result<Self, Error> {
        let mut server = Self {
            url: origin.url.trim_end_matches('/').to_owned(),
            client: Client::new(Policy::local())?,
            handle: handle.clone(),
            authorization: origin.authorization.clone(),
            model_points: BTreeMap::new(),
        };
        server.post("experiments/search", json!({ "max_results": 1 }))?;
        Ok(server)
    }

    fn call(&self, method: Method, path: &str, body: Body) -> Call {
        let header = |value: &String| ("authorization".to_owned(), value.clone());
        let headers = self.authorization.iter().map(header).collect();
        Call { method, url: format!("{}/{path}", self.url), headers, body }
    }

    fn ask(&mut self, method: Method, path: &str, body: Body) -> Result<Value, Error> {
        let call = self.call(method, path, body);
        let answer = self.handle.block_on(self.client.send(&call))?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 200 {
            return Ok(value);
        }
        let message = value["message"].as_str().unwrap_or("no message").to_owned();
        Err(Error::Refused { url: answer.url, status: answer.status, message })
    }

    fn post(&mut self, path: &str, body: Value) -> Result<Value, Error> {
        self.ask(Method::Post, &format!("api/2.0/mlflow/{path}"), Body::Json(body))
    }

    fn get(&mut self, path: &str, query: &[(&str, &str)]) -> Result<Value, Error> {
        self.ask(Method::Get, &format!("api/2.0/mlflow/{path}{}", queried(query)), Body::Empty)
    }

    /// All items of a search, page by page.
    fn all(&mut self, path: &str, name: &str, body: &Value, by_post: bool) -> Result<Vec<Value>, Error> {
        let (mut items, mut token) = (Vec::new(), String::new());
        loop {
            let mut answer = if by_post {
                let mut body = body.clone();
                body["page_token"] = token.as_str().into();
                self.post(path, body)?
            } else {
                let most = PAGE.to_string();
                let mut query: Vec<(&str, &str)> = vec![("max_results", &most)];
                if let Some(filter) = body["filter"].as_str() {
                    query.push(("filter", filter));
                }
                if !token.is_empty() {
                    query.push(("page_token", &token));
                }
                self.get(path, &query)?
            };
            if let Value::Array(found) = answer[name].take() {
                items.extend(found);
            }
            token = text(&answer, "next_page_token");
            if token.is_empty() {
                return Ok(items);
            }
        }
    }

    /// One folder: files and folders directly inside.
    fn list(&mut self, owner: &Owner<'_>, folder: &str) -> Result<Vec<(String, bool)>, Error> {
        let answer = if owner.is_run {
            self.get("artifacts/list", &[("run_id", owner.id), ("path", folder)])?
        } else {
            let path = format!("logged-models/{}/artifacts/directories", owner.id);
            self.get(&path, &[("artifact_directory_path", folder)])?
        };
        let files = answer["files"].as_array().cloned().unwrap_or_default();
        Ok(files.iter().map(|f| (text(f, "path"), f["is_dir"].as_bool().unwrap_or_default())).collect())
    }
}

fn queried(query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => (byte as char).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn text(value: &Value, name: &str) -> String {
    text_opt(value, name).unwrap_or_default()
}

fn text_opt(value: &Value, name: &str) -> Option<String> {
    match &value[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn integer(value: &Value, name: &str) -> Option<i64> {
    value[name].as_i64().or_else(|| value[name].as_str().and_then(|text| text.parse().ok()))
}

/// Non-finite numbers come as text.
fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(f64::NAN)
}

fn pairs(value: &Value, name: &str) -> Pairs {
    let items = value[name].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| (text(item, "key"), text(item, "value"))).collect()
}

fn point(metric: &Value) -> Point {
    Point {
        key: text(metric, "key"),
        value: number(&metric["value"]),
        step: integer(metric, "step").unwrap_or_default(),
        at: integer(metric, "timestamp").unwrap_or_default(),
        ..Point::default()
    }
}

fn experiment(value: &Value) -> Experiment {
    Experiment {
        number: integer(value, "experiment_id").unwrap_or_default(),
        name: text(value, "name"),
        artifact_location: text(value, "artifact_location"),
        deleted: value["lifecycle_stage"] == "deleted",
        created_at: integer(value, "creation_time"),
        updated_at: integer(value, "last_update_time"),
        tags: pairs(value, "tags"),
    }
}

fn run(value: &Value) -> Run {
    let (info, data) = (&value["info"], &value["data"]);
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let dataset = |input: &Value| RunDataset {
        name: text(&input["dataset"], "name"),
        digest: text(&input["dataset"], "digest"),
        source_type: text(&input["dataset"], "source_type"),
        source: text(&input["dataset"], "source"),
        schema: text_opt(&input["dataset"], "schema"),
        profile: text_opt(&input["dataset"], "profile"),
        tags: pairs(input, "tags"),
    };
    let inputs = list(&value["inputs"], "model_inputs");
    let outputs = list(&value["outputs"], "model_outputs");
    Run {
        id: text(info, "run_id"),
        experiment: integer(info, "experiment_id").unwrap_or_default(),
        name: text(info, "run_name"),
        owner: text(info, "user_id"),
        status: text(info, "status").to_ascii_lowercase(),
        deleted: info["lifecycle_stage"] == "deleted",
        started_at: integer(info, "start_time").unwrap_or_default(),
        ended_at: integer(info, "end_time").filter(|at| *at > 0),
        artifact_uri: text(info, "artifact_uri"),
        params: pairs(data, "params"),
        tags: pairs(data, "tags"),
        datasets: list(&value["inputs"], "dataset_inputs").iter().map(dataset).collect(),
        models_in: inputs.iter().map(|m| text(m, "model_id")).collect(),
        models_out: outputs
            .iter()
            .map(|m| (text(m, "model_id"), integer(m, "step").unwrap_or_default()))
            .collect(),
        metrics: data["metrics"].to_string(),
    }
}

fn version(value: &Value) -> Version {
    let created_at = integer(value, "creation_timestamp").unwrap_or_default();
    Version {
        number: integer(value, "version").unwrap_or_default(),
        source: text(value, "source"),
        location: None,
        run: text_opt(value, "run_id").filter(|run| !run.is_empty()),
        run_link: text_opt(value, "run_link").filter(|link| !link.is_empty()),
        logged_model: text_opt(value, "model_id").filter(|id| !id.is_empty()),
        description: text_opt(value, "description").filter(|d| !d.is_empty()),
        stage: text_opt(value, "current_stage").unwrap_or_else(|| "None".to_owned()),
        created_by: text(value, "user_id"),
        created_at,
        updated_at: integer(value, "last_updated_timestamp").unwrap_or(created_at),
        tags: pairs(value, "tags"),
    }
}

impl Source for Server {
    fn experiments(&mut self) -> Result<Vec<Experiment>, Error> {
        let body = json!({ "max_results": PAGE, "view_type": "ALL" });
        let found = self.all("experiments/search", "experiments", &body, true)?;
        let mut found: Vec<_> = found.iter().map(experiment).collect();
        found.sort_by_key(|e| e.number);
        Ok(found)
    }

    fn logged_models(&mut self, experiment: i64) -> Result<Vec<LoggedModel>, Error> {
        let body = json!({ "experiment_ids": [experiment.to_string()], "max_results": 50 });
        let found = match self.all("logged-models/search", "models", &body, true) {
            // Servers before 3.0 have none.
            Err(Error::Refused { status: 404, .. }) => return Ok(Vec::new()),
            other => other?,
        };
        let mut models = Vec::new();
        for value in &found {
            let (info, data) = (&value["info"], &value["data"]);
            let id = text(info, "model_id");
            for metric in data["metrics"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let dataset =
                    text_opt(metric, "dataset_name").map(|name| (name, text_opt(metric, "dataset_digest")));
                let point = Point { model: Some(id.clone()), dataset, ..point(metric) };
                self.model_points.entry(text(metric, "run_id")).or_default().push(point);
            }
            let created_at = integer(info, "creation_timestamp_ms").unwrap_or_default();
            models.push(LoggedModel {
                id,
                experiment,
                name: text(info, "name"),
                model_type: text(info, "model_type"),
                status: match info["status"].as_str() {
                    Some("LOGGED_MODEL_PENDING") => "pending",
                    Some("LOGGED_MODEL_READY") => "ready",
                    Some("LOGGED_MODEL_UPLOAD_FAILED") => "failed",
                    _ => "unspecified",
                },
                source_run: text_opt(info, "source_run_id").filter(|run| !run.is_empty()),
                artifact_uri: text(info, "artifact_uri"),
                deleted: false,
                created_at,
                updated_at: integer(info, "last_updated_timestamp_ms").unwrap_or(created_at),
                params: pairs(data, "params"),
                tags: pairs(info, "tags"),
            });
        }
        Ok(models)
    }

    fn runs(&mut self, experiment: i64) -> Result<Vec<String>, Error> {
        let body = json!({
            "experiment_ids": [experiment.to_string()], "run_view_type": "ALL", "max_results": PAGE,
            "order_by": ["attributes.start_time ASC"],
        });
        let found = self.all("runs/search", "runs", &body, true)?;
        Ok(found.iter().map(|value| text(&value["info"], "run_id")).collect())
    }

    fn run(&mut self, id: &str) -> Result<Run, Error> {
        Ok(run(&self.get("runs/get", &[("run_id", id)])?["run"]))
    }

    fn points(
        &mut self,
        run: &Run,
        each: &mut dyn FnMut(Vec<Point>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let latest: Vec<Value> = serde_json::from_str(&run.metrics).unwrap_or_default();
        let most = HISTORY_PAGE.to_string();
        for key in latest.iter().map(|metric| text(metric, "key")) {
            let mut token = String::new();
            loop {
                let mut query =
                    vec![("run_id", run.id.as_str()), ("metric_key", &key), ("max_results", &most)];
                if !token.is_empty() {
                    query.push(("page_token", &token));
                }
                let answer = self.get("metrics/get-history", &query)?;
                let points = answer["metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
                each(points.iter().map(point).collect())?;
                token = text(&answer, "next_page_token");
                if token.is_empty() {
                    break;
                }
            }
        }
        match self.model_points.remove(&run.id) {
            Some(points) => each(points),
            None => Ok(()),
        }
    }

    fn models(&mut self) -> Result<Vec<RegisteredModel>, Error> {
        let mut found = Vec::new();
        // Prompts are registered models that a search hides unless it is asked for them.
        for filter in ["", "tags.`mlflow.prompt.is_prompt` = 'true'"] {
            let body = json!({ "filter": filter });
            for value in self.all("registered-models/search", "registered_models", &body, false)? {
                let name = text(&value, "name");
                let quoted = if name.contains('\'') { format!("\"{name}\"") } else { format!("'{name}'") };
                let body = json!({ "filter": format!("name = {quoted}") });
                let versions = self.all("model-versions/search", "model_versions", &body, false)?;
                let mut versions: Vec<_> = versions.iter().map(version).collect();
                versions.sort_by_key(|v| v.number);
                let aliases = value["aliases"].as_array().cloned().unwrap_or_default();
                found.push(RegisteredModel {
                    description: text_opt(&value, "description").filter(|d| !d.is_empty()),
                    tags: pairs(&value, "tags"),
                    aliases: aliases
                        .iter()
                        .filter_map(|a| Some((text(a, "alias"), integer(a, "version")?)))
                        .collect(),
                    versions,
                    name,
                });
            }
        }
        Ok(found)
    }

    fn place(&mut self, owner: &Owner<'_>) -> Result<Place, Error> {
        let scheme = owner.uri.split_once(':').map_or("", |(scheme, _)| scheme);
        let readable = ["", "file", "mlflow-artifacts", "http", "https"].contains(&scheme);
        Ok(if readable { Place::Readable } else { Place::Elsewhere })
    }

    fn files(&mut self, owner: &Owner<'_>) -> Result<Files, Error> {
        let (mut files, mut open) = (Files::new(), vec![String::new()]);
        while let Some(folder) = open.pop() {
            for (path, is_folder) in self.list(owner, &folder)? {
                if is_folder { open.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        Ok(files)
    }

    fn fetch(&mut self, owner: &Owner<'_>, path: &str, scratch: &Path) -> Result<PathBuf, Error> {
        let route = if owner.is_run {
            format!("get-artifact{}", queried(&[("run_id", owner.id), ("path", path)]))
        } else {
            let query = queried(&[("artifact_file_path", path)]);
            format!("ajax-api/2.0/mlflow/logged-models/{}/artifacts/files{query}", owner.id)
        };
        let call = self.call(Method::Get, &route, Body::Empty);
        let status = self.handle.block_on(self.client.download(&call, scratch))?;
        if status != 200 {
            let message = format!("file `{path}` cannot be read");
            return Err(Error::Refused { url: call.url, status, message });
        }
        Ok(scratch.to_owned())
    }

    fn left_out(&mut self) -> Result<Vec<LeftOut>, Error> {
        Ok(Vec::new())
    }
}

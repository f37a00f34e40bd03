//! Slurm's REST API, `slurmrestd` with `openapi/v0.0.38` and later (<https://slurm.schedmd.com/rest_api.html>).
//! From v0.0.40 on numbers come as `{"set", "infinite", "number"}`, states as lists, and `environment` is a list.

use async_trait::async_trait;
use outbound::{Answer, Method};
use serde_json::{Value, json};

use super::cluster::{Api, Cluster, Job, Standing, Trouble, quoted};
use super::spec::merge;

const API: &str = "v0.0.38";
const WAITING: [&str; 9] = [
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
    "SUSPENDED",
    "STOPPED",
];
const RUNNING: [&str; 5] = ["RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT"];

pub(crate) struct Slurm(Api);

impl Slurm {
    pub fn new(api: Api) -> Self {
        Self(api)
    }

    fn api(&self) -> &str {
        self.0.spec.api.as_deref().unwrap_or(API)
    }

    /// Whether the API is one of those whose environment is a list of `NAME=value`.
    fn is_newer(&self) -> bool {
        let minor = self.api().rsplit('.').next().and_then(|text| text.parse::<u32>().ok());
        minor.is_some_and(|minor| minor >= 39)
    }

    fn headers(&self) -> Result<Vec<(String, String)>, Trouble> {
        let mut headers = Vec::new();
        if let Some(user) = &self.0.spec.user {
            headers.push(("x-slurm-user-name".to_owned(), user.clone()));
        }
        if let Some(token) = self.0.spec.token().map_err(Trouble::Refused)? {
            // As `scontrol token` prints it, or the token alone.
            let token = token.strip_prefix("SLURM_JWT=").unwrap_or(&token).to_owned();
            headers.push(("x-slurm-user-token".to_owned(), token));
        }
        Ok(headers)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<(Answer, Value), Trouble> {
        let path = format!("/slurm/{}/{path}", self.api());
        let answer = self.0.ask(method, &path, self.headers()?, body).await?;
        let said = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Ok((answer, said))
    }

    /// What Slurm says went wrong. Errors come as 500 whatever they are about, so that the text decides.
    fn trouble(&self, answer: &Answer, said: &Value) -> Trouble {
        let errors = said["errors"].as_array().cloned().unwrap_or_default();
        let texts: Vec<String> = errors
            .iter()
            .flat_map(|error| [&error["error"], &error["description"]])
            .filter_map(|text| text.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
            .collect();
        if texts.is_empty() {
            let text = self.0.said(answer);
            return if answer.status >= 500 { Trouble::Passing(text) } else { Trouble::Refused(text) };
        }
        let text = texts.join(": ");
        // The last one is what it says when the controller is away, and to a wrong token.
        let passing =
            ["unable to contact", "connect failure", "connection refused", "timed out", "unspecified error"];
        let lower = text.to_lowercase();
        let text = format!("executor `{}`: Slurm: {text}", self.0.spec.name);
        match passing.iter().any(|words| lower.contains(words)) {
            true => Trouble::Passing(text),
            false => Trouble::Refused(text),
        }
    }

    fn is_missing(said: &Value) -> bool {
        let invalid = |error: &Value| {
            [&error["error"], &error["description"]]
                .into_iter()
                .filter_map(Value::as_str)
                .any(|text| text.to_lowercase().contains("invalid job id"))
        };
        said["errors"].as_array().is_some_and(|errors| errors.iter().any(invalid))
    }

    /// What was started under this name, ended or not, the newest first.
    async fn named(&self, name: &str) -> Result<Vec<Value>, Trouble> {
        let (answer, said) = self.ask(Method::Get, "jobs", None).await?;
        let Some(jobs) = said["jobs"].as_array().filter(|_| answer.status == 200) else {
            return Err(self.trouble(&answer, &said));
        };
        let mut found: Vec<Value> = jobs.iter().filter(|job| job["name"] == json!(name)).cloned().collect();
        found.sort_by_key(|job| std::cmp::Reverse(number(&job["job_id"])));
        Ok(found)
    }
}

/// A number of either form.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value["number"].as_i64())
}

/// A state of either form.
fn states(job: &Value) -> Vec<String> {
    match &job["job_state"] {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

fn standing(handle: &str, job: &Value) -> Standing {
    let states = states(job);
    let is = |known: &[&str]| states.iter().any(|state| known.contains(&state.as_str()));
    if is(&RUNNING) {
        return Standing::Running;
    }
    if is(&WAITING) {
        let reason = job["state_reason"].as_str().filter(|reason| *reason != "None");
        return Standing::Waiting(reason.map(|reason| format!("Slurm: {reason}")));
    }
    let state = states.first().map_or("in an unknown state", String::as_str);
    let code = number(&job["exit_code"]).or_else(|| number(&job["exit_code"]["return_code"]));
    // Before v0.0.40 as `wait` gives it.
    let code = code.map(|code| if code > 255 { code >> 8 } else { code });
    let reason = job["state_reason"].as_str().filter(|reason| *reason != "None" && !reason.is_empty());
    let mut text = format!("Slurm: job {handle} is {state}");
    if let Some(code) = code.filter(|code| *code != 0) {
        text.push_str(&format!(" with exit code {code}"));
    }
    if let Some(reason) = reason {
        text.push_str(&format!(" ({reason})"));
    }
    Standing::Ended { well: states.iter().any(|state| state == "COMPLETED"), reason: text }
}

#[async_trait]
impl Cluster for Slurm {
    async fn find(&self, name: &str) -> Result<Option<String>, Trouble> {
        let found = self.named(name).await?;
        Ok(found.first().and_then(|job| number(&job["job_id"])).map(|id| id.to_string()))
    }

    async fn submit(&self, job: &Job) -> Result<String, Trouble> {
        // Slurm takes any number of jobs with one name.
        if let Some(handle) = self.find(&job.name).await? {
            return Ok(handle);
        }
        let spec = &self.0.spec;
        let folder = spec.folder.as_deref().unwrap_or("/tmp");
        let mut env = job.env.clone();
        env.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
        let environment = match self.is_newer() {
            true => env.iter().map(|(name, value)| json!(format!("{name}={value}"))).collect(),
            false => json!(env),
        };
        let mut wanted = json!({
            "name": job.name,
            "comment": job.labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "),
            "current_working_directory": folder,
            "standard_output": format!("{folder}/{}.out", job.name),
            "standard_error": format!("{folder}/{}.out", job.name),
            "environment": environment,
            "requeue": false,
        });
        if let Some(partition) = &spec.partition {
            wanted["partition"] = json!(partition);
        }
        if let Some(cpus) = job.resources.cpus {
            wanted["tasks"] = json!(1);
            wanted["cpus_per_task"] = json!(cpus.ceil().max(1.0) as u64);
        }
        if let Some(gpus) = job.resources.gpus.filter(|gpus| *gpus > 0.0) {
            wanted["tres_per_job"] = json!(format!("gres:gpu:{}", gpus.ceil() as u64));
        }
        if let Some(mib) = job.resources.memory_mib {
            wanted["memory_per_node"] = match self.is_newer() {
                true => json!({ "set": true, "number": mib }),
                false => json!(mib),
            };
        }
        merge(&mut wanted, &spec.options);
        let script = format!("#!/bin/sh\nexec {}\n", quoted(&job.argv));
        let mut body = json!({ "job": wanted });
        body["script"] = json!(script);
        let (answer, said) = self.ask(Method::Post, "job/submit", Some(body)).await?;
        match number(&said["job_id"]).filter(|id| *id > 0 && answer.status == 200) {
            Some(id) => Ok(id.to_string()),
            None => Err(self.trouble(&answer, &said)),
        }
    }

    async fn look(&self, handle: &str) -> Result<Standing, Trouble> {
        let (answer, said) = self.ask(Method::Get, &format!("job/{handle}"), None).await?;
        if let Some(job) = said["jobs"].as_array().and_then(|jobs| jobs.first()) {
            return Ok(standing(handle, job));
        }
        if answer.status == 404 || Self::is_missing(&said) {
            return Ok(Standing::Unknown);
        }
        Err(self.trouble(&answer, &said))
    }

    async fn stop(&self, handle: &str) -> Result<(), Trouble> {
        let (answer, said) = self.ask(Method::Delete, &format!("job/{handle}"), None).await?;
        let failed = said["errors"].as_array().is_some_and(|errors| !errors.is_empty());
        if (answer.status == 200 && !failed) || answer.status == 404 || Self::is_missing(&said) {
            return Ok(());
        }
        // It may have ended in between.
        match self.look(handle).await {
            Ok(Standing::Ended { .. } | Standing::Unknown) => Ok(()),
            _ => Err(self.trouble(&answer, &said)),
        }
    }

    /// Slurm writes it to a file of its own machines.
    async fn printed(&self, _handle: &str) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_both_forms_are_understood() {
        let old = json!({ "job_state": "FAILED", "exit_code": 768, "state_reason": "NonZeroExitCode" });
        let Standing::Ended { well: false, reason } = standing("1", &old) else { panic!() };
        assert_eq!(reason, "Slurm: job 1 is FAILED with exit code 3 (NonZeroExitCode)");
        let new = json!({ "job_state": ["COMPLETED"], "exit_code": { "return_code": { "number": 0 } } });
        assert!(matches!(standing("1", &new), Standing::Ended { well: true, .. }));
        let new = json!({ "job_state": ["RUNNING", "COMPLETING"] });
        assert_eq!(standing("1", &new), Standing::Running);
        let waits = json!({ "job_state": "PENDING", "state_reason": "Resources" });
        assert_eq!(standing("1", &waits), Standing::Waiting(Some("Slurm: Resources".into())));
    }
}

//! Ray's Jobs REST API, as of Ray 2.x
//! (<https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html>).

use async_trait::async_trait;
use outbound::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::{Api, Cluster, Job, Standing, Trouble, quoted};
use super::spec::merge;

/// Of what a job printed.
const PRINTED: usize = 64 << 10;

pub(crate) struct Ray(Api);

#[derive(Deserialize)]
struct Details {
    status: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error_type: Option<String>,
}

#[derive(Deserialize)]
struct Logs {
    logs: String,
}

impl Ray {
    pub fn new(api: Api) -> Self {
        Self(api)
    }

    async fn details(&self, id: &str) -> Result<Option<Details>, Trouble> {
        let path = format!("/api/jobs/{id}");
        let answer = self.0.call(Method::Get, &path, self.0.bearer()?, None).await?;
        match answer.status {
            200 => Ok(Some(answer.json()?)),
            404 => Ok(None),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }
}

#[async_trait]
impl Cluster for Ray {
    async fn find(&self, name: &str) -> Result<Option<String>, Trouble> {
        Ok(self.details(name).await?.map(|_| name.to_owned()))
    }

    async fn submit(&self, job: &Job) -> Result<String, Trouble> {
        let mut body = json!({
            "entrypoint": quoted(&job.argv),
            "submission_id": job.name,
            "runtime_env": { "env_vars": job.env },
            "metadata": job.labels,
        });
        let wanted = &job.resources;
        for (field, value) in [
            ("entrypoint_num_cpus", wanted.cpus.map(|n| json!(n))),
            ("entrypoint_num_gpus", wanted.gpus.map(|n| json!(n))),
            ("entrypoint_memory", wanted.memory_mib.map(|mib| json!(mib << 20))),
        ] {
            if let Some(value) = value {
                body[field] = value;
            }
        }
        merge(&mut body, &self.0.spec.options);
        let answer = self.0.ask(Method::Post, "/api/jobs/", self.0.bearer()?, Some(body)).await?;
        match answer.status {
            200 => Ok(job.name.clone()),
            // A name that is taken is an error of the server here: 500 with the exception's text.
            400.. if String::from_utf8_lossy(&answer.body).contains("already exists") => Ok(job.name.clone()),
            408 | 429 | 500.. => Err(Trouble::Passing(self.0.said(&answer))),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }

    async fn look(&self, handle: &str) -> Result<Standing, Trouble> {
        let Some(found) = self.details(handle).await? else { return Ok(Standing::Unknown) };
        let reason = || {
            let message = found.message.clone().unwrap_or_default();
            // What follows is the log.
            let message = message.lines().next().unwrap_or_default().trim_end_matches(',').to_owned();
            match &found.error_type {
                Some(kind) => {
                    format!("Ray: job {handle} {}: {message} ({kind})", found.status.to_lowercase())
                }
                None => format!("Ray: job {handle} {}: {message}", found.status.to_lowercase()),
            }
        };
        Ok(match found.status.as_str() {
            "PENDING" => Standing::Waiting(found.message),
            "RUNNING" => Standing::Running,
            "SUCCEEDED" => Standing::Ended { well: true, reason: reason() },
            _ => Standing::Ended { well: false, reason: reason() },
        })
    }

    async fn stop(&self, handle: &str) -> Result<(), Trouble> {
        let path = format!("/api/jobs/{handle}/stop");
        let answer = self.0.call(Method::Post, &path, self.0.bearer()?, Some(Value::Null)).await?;
        match answer.status {
            200 | 404 => Ok(()),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }

    async fn printed(&self, handle: &str) -> Option<String> {
        let path = format!("/api/jobs/{handle}/logs");
        let answer = self.0.call(Method::Get, &path, self.0.bearer().ok()?, None).await.ok()?;
        let logs = answer.json::<Logs>().ok()?.logs;
        let start = logs.len().saturating_sub(PRINTED);
        let start = (start..logs.len()).find(|at| logs.is_char_boundary(*at)).unwrap_or(logs.len());
        Some(logs[start..].to_owned())
    }
}

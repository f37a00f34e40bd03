//! Jobs of Kubernetes' `batch/v1` (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/>).
//!
//! Plain REST: five calls with a token do not need the `kube` crate, its HTTP stack beside ours and the types of all of
//! Kubernetes; and `outbound` stays the only place that opens connections.

use async_trait::async_trait;
use outbound::{Answer, Method};
use serde_json::{Value, json};

use super::cluster::{Api, Cluster, Job, Standing, Trouble};
use super::pod::join;
use super::spec::merge;

const NAMESPACE: &str = "default";
/// Lines of a pod's log that are looked at.
const PRINTED: usize = 400;
/// How long an ended job stays for people to look at.
const KEPT_SECONDS: u64 = 24 * 3600;
/// Why a container waits that will never start.
const HOPELESS: [&str; 4] =
    ["InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"];

pub(crate) struct Kubernetes(Api);

impl Kubernetes {
    pub fn new(api: Api) -> Self {
        Self(api)
    }

    fn namespace(&self) -> &str {
        self.0.spec.namespace.as_deref().unwrap_or(NAMESPACE)
    }

    fn jobs(&self) -> String {
        format!("/apis/batch/v1/namespaces/{}/jobs", self.namespace())
    }

    fn pods(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace())
    }

    async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        self.0.call(Method::Get, path, self.0.bearer()?, None).await
    }

    async fn job(&self, name: &str) -> Result<Option<Value>, Trouble> {
        let answer = self.get(&format!("{}/{name}", self.jobs())).await?;
        match answer.status {
            200 => Ok(Some(answer.json()?)),
            404 => Ok(None),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }

    /// Of the job; a pod that is gone has taken what it could say with it.
    async fn pod(&self, job: &str) -> Option<Value> {
        let answer = self.get(&format!("{}?labelSelector=job-name%3D{job}", self.pods())).await.ok()?;
        let list: Value = answer.json().ok()?;
        list["items"].as_array()?.last().cloned()
    }

    fn manifest(&self, job: &Job) -> Value {
        let spec = &self.0.spec;
        let env: Vec<Value> =
            job.env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let mut container = json!({ "name": "task", "image": spec.image, "command": job.argv, "env": env });
        let wanted = &job.resources;
        let mut amounts = serde_json::Map::new();
        if let Some(cpus) = wanted.cpus {
            amounts.insert("cpu".into(), json!(format!("{}m", (cpus * 1000.0).ceil() as u64)));
        }
        if let Some(mib) = wanted.memory_mib {
            amounts.insert("memory".into(), json!(format!("{mib}Mi")));
        }
        let mut limits = amounts.clone();
        // More than what was asked for is fine while it is there; memory and devices are not shared.
        limits.remove("cpu");
        if let Some(gpus) = wanted.gpus.filter(|gpus| *gpus > 0.0) {
            limits.insert("nvidia.com/gpu".into(), json!(format!("{}", gpus.ceil() as u64)));
        }
        if !amounts.is_empty() || !limits.is_empty() {
            container["resources"] = json!({ "requests": amounts, "limits": limits });
        }
        let mut pod = json!({
            // Another attempt is the engine's to decide.
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": job.grace.as_secs() + 5,
            "automountServiceAccountToken": false,
            "containers": [container],
        });
        // A list replaces the list, so what is said of the container goes to this one.
        let mut options = spec.options.clone();
        if let Some(over) = options.as_object_mut().and_then(|options| options.remove("container")) {
            merge(&mut pod["containers"][0], &over);
        }
        merge(&mut pod, &options);
        let labels = json!({ "app.kubernetes.io/managed-by": "mlwright" });
        let mut metadata = json!({ "labels": labels, "annotations": annotations(job) });
        let mut wanted = job.pod.clone();
        if let Some(fields) = wanted.as_object_mut() {
            join(&mut pod["containers"][0], &fields.remove("container").unwrap_or_default());
            join(&mut metadata, &fields.remove("metadata").unwrap_or_default());
        }
        join(&mut pod, &wanted);
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": { "name": job.name, "labels": labels, "annotations": annotations(job) },
            "spec": {
                "backoffLimit": 0,
                "completions": 1,
                "parallelism": 1,
                "ttlSecondsAfterFinished": KEPT_SECONDS,
                "template": { "metadata": metadata, "spec": pod },
            },
        })
    }
}

/// Names of runs and steps may hold what a label may not.
fn annotations(job: &Job) -> Value {
    job.labels.iter().map(|(name, value)| (format!("mlwright/{name}"), json!(value))).collect()
}

/// The first container's state of this kind.
fn state<'p>(pod: &'p Value, kind: &str) -> Option<&'p Value> {
    let containers = pod["status"]["containerStatuses"].as_array()?;
    containers.iter().map(|container| &container["state"][kind]).find(|state| !state.is_null())
}

fn condition<'j>(job: &'j Value, kind: &str) -> Option<&'j Value> {
    let conditions = job["status"]["conditions"].as_array()?;
    conditions.iter().find(|found| found["type"] == json!(kind) && found["status"] == json!("True"))
}

/// What the pod says about its end, in words.
fn end_of(pod: Option<&Value>) -> String {
    let Some(pod) = pod else { return String::new() };
    if let Some(ended) = state(pod, "terminated") {
        let reason = ended["reason"].as_str().unwrap_or("ended");
        let message = ended["message"].as_str().map(|message| format!(": {message}")).unwrap_or_default();
        return format!("; its container: {reason}, exit code {}{message}", ended["exitCode"]);
    }
    match (pod["status"]["reason"].as_str(), pod["status"]["message"].as_str()) {
        (Some(reason), message) => format!("; its pod: {reason} {}", message.unwrap_or_default()),
        _ => String::new(),
    }
}

#[async_trait]
impl Cluster for Kubernetes {
    async fn find(&self, name: &str) -> Result<Option<String>, Trouble> {
        Ok(self.job(name).await?.map(|_| name.to_owned()))
    }

    async fn submit(&self, job: &Job) -> Result<String, Trouble> {
        let body = Some(self.manifest(job));
        let answer = self.0.call(Method::Post, &self.jobs(), self.0.bearer()?, body).await?;
        match answer.status {
            // 409 `AlreadyExists`: an attempt's name is its own.
            200..=202 | 409 => Ok(job.name.clone()),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }

    async fn look(&self, handle: &str) -> Result<Standing, Trouble> {
        let Some(job) = self.job(handle).await? else { return Ok(Standing::Unknown) };
        if condition(&job, "Complete").is_some() {
            return Ok(Standing::Ended {
                well: true,
                reason: format!("Kubernetes: job {handle} is complete"),
            });
        }
        let pod = self.pod(handle).await;
        if let Some(failed) = condition(&job, "Failed") {
            let reason = failed["reason"].as_str().unwrap_or("Failed");
            let message = failed["message"].as_str().unwrap_or_default();
            let reason =
                format!("Kubernetes: job {handle} failed: {reason} {message}{}", end_of(pod.as_ref()));
            return Ok(Standing::Ended { well: false, reason });
        }
        let Some(pod) = pod else { return Ok(Standing::Waiting(None)) };
        if let Some(waits) = state(&pod, "waiting") {
            let reason = waits["reason"].as_str().unwrap_or_default();
            let message = waits["message"].as_str().unwrap_or_default();
            let text = format!("Kubernetes: the container of job {handle} waits: {reason} {message}");
            if HOPELESS.contains(&reason) {
                return Ok(Standing::Ended { well: false, reason: text });
            }
            return Ok(Standing::Waiting(Some(text)));
        }
        match pod["status"]["phase"].as_str() {
            Some("Running" | "Succeeded" | "Failed") => Ok(Standing::Running),
            _ => {
                let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
                let stuck = conditions.iter().find(|found| found["status"] == json!("False"));
                let why = stuck.and_then(|found| found["message"].as_str());
                Ok(Standing::Waiting(why.map(|why| format!("Kubernetes: {why}"))))
            }
        }
    }

    /// Its pods go with it.
    async fn stop(&self, handle: &str) -> Result<(), Trouble> {
        let path = format!("{}/{handle}?propagationPolicy=Background", self.jobs());
        let body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        let answer = self.0.call(Method::Delete, &path, self.0.bearer()?, Some(body)).await?;
        match answer.status {
            200..=202 | 404 => Ok(()),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }

    async fn printed(&self, handle: &str) -> Option<String> {
        let pod = self.pod(handle).await?;
        let name = pod["metadata"]["name"].as_str()?;
        let answer = self.get(&format!("{}/{name}/log?tailLines={PRINTED}", self.pods())).await.ok()?;
        (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }
}

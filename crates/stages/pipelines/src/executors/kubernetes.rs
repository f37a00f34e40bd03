//! Jobs of Kubernetes' `batch/v1` (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/>).
//!
//! Plain REST: five calls with a token do not need the `kube` crate, its HTTP stack beside ours and the types of all of
//! Kubernetes; and `outbound` stays the only place that opens connections.

use async_trait::async_trait;
use outbound::{Answer, Method};
use serde_json::{Value, json};

use types::Timestamp;

use super::cluster::{Api, Cluster, Container, Job, Standing, Trouble};
use super::guest::Ended;
use super::manifest::{self, FETCH, TASK};
use crate::VolumeClaim;
use crate::shim::Cause;

const NAMESPACE: &str = "default";
/// Lines of a pod's log that are looked at.
const LAST_LINES: usize = 400;
/// A label of claims: the attempt that made it.
const MADE_BY: &str = "mlwright/made-by";
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

    /// Of the job.
    async fn pod(&self, job: &str) -> Result<Option<Value>, Trouble> {
        let answer = self.get(&format!("{}?labelSelector=job-name%3D{job}", self.pods())).await?;
        if answer.status != 200 {
            return Err(Trouble::Refused(self.0.said(&answer)));
        }
        let list: Value = answer.json()?;
        Ok(list["items"].as_array().and_then(|items| items.last()).cloned())
    }

    /// A pod that is gone has taken what it could say with it.
    async fn found_pod(&self, job: &str) -> Option<Value> {
        self.pod(job).await.ok().flatten()
    }

    /// What a container of the job refers to. It goes with the job, which is there (`made`, unless it was before), and whose pod
    /// waits for it.
    async fn keep_secret(&self, job: &Job, made: Option<Value>) -> Result<(), Trouble> {
        let hidden = job.image.as_ref().map(|task| &task.hidden).filter(|hidden| !hidden.is_empty());
        let Some(hidden) = hidden else { return Ok(()) };
        let made = match made {
            Some(made) => Some(made),
            None => self.job(&job.name).await?,
        };
        let uid = made.as_ref().and_then(|made| made["metadata"]["uid"].as_str());
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace());
        let body = Some(manifest::secret(&job.name, uid.unwrap_or_default(), hidden));
        let answer = self.0.call(Method::Post, &path, self.0.bearer()?, body).await?;
        match answer.status {
            200..=202 | 409 => Ok(()),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }
}

/// Those that go before the task's first.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = [&pod["status"]["initContainerStatuses"], &pod["status"]["containerStatuses"]];
    lists.into_iter().filter_map(Value::as_array).flatten()
}

/// States of this kind of its containers.
fn states<'p>(pod: &'p Value, kind: &'p str) -> impl Iterator<Item = &'p Value> {
    containers(pod).map(move |container| &container["state"][kind]).filter(|state| !state.is_null())
}

/// How the container of an image ended.
fn ended(state: &Value) -> Ended {
    let reason = state["reason"].as_str().unwrap_or_default();
    let code = state["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok());
    let message = state["message"].as_str().filter(|message| !message.is_empty());
    // containerd's word, and Docker's.
    let never = ["StartError", "ContainerCannotRun"].contains(&reason);
    let error = if never {
        Some(message.unwrap_or(reason).to_owned())
    } else {
        Some(reason).filter(|reason| !["Completed", "Error", ""].contains(reason)).map(str::to_owned)
    };
    Ended {
        cause: if never { Cause::NotStarted } else { Cause::Exited },
        code: code.filter(|_| !never),
        signal: None,
        error,
        output_bytes: 0,
        cut_bytes: 0,
    }
}

fn moment(state: &Value, name: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(state[name].as_str()?)
}

fn condition<'j>(job: &'j Value, kind: &str) -> Option<&'j Value> {
    let conditions = job["status"]["conditions"].as_array()?;
    conditions.iter().find(|found| found["type"] == json!(kind) && found["status"] == json!("True"))
}

/// What the pod says about its end, in words.
fn end_of(pod: Option<&Value>) -> String {
    let Some(pod) = pod else { return String::new() };
    // Of several, the one that went wrong.
    let failed = states(pod, "terminated").find(|state| state["exitCode"] != json!(0));
    if let Some(ended) = failed.or_else(|| states(pod, "terminated").next()) {
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
        let body = Some(manifest::of(&self.0.spec, job));
        let answer = self.0.call(Method::Post, &self.jobs(), self.0.bearer()?, body).await?;
        let made = match answer.status {
            200..=202 => Some(answer.json::<Value>()?),
            // `AlreadyExists`: an attempt's name is its own.
            409 => None,
            _ => return Err(Trouble::Refused(self.0.said(&answer))),
        };
        if let Err(why) = self.keep_secret(job, made).await {
            if matches!(why, Trouble::Refused(_)) {
                self.stop(&job.name).await?;
            }
            return Err(why);
        }
        Ok(job.name.clone())
    }

    async fn look(&self, handle: &str) -> Result<Standing, Trouble> {
        let Some(job) = self.job(handle).await? else { return Ok(Standing::Unknown) };
        if condition(&job, "Complete").is_some() {
            return Ok(Standing::Ended {
                well: true,
                reason: format!("Kubernetes: job {handle} is complete"),
            });
        }
        let pod = self.found_pod(handle).await;
        if let Some(failed) = condition(&job, "Failed") {
            let reason = failed["reason"].as_str().unwrap_or("Failed");
            let message = failed["message"].as_str().unwrap_or_default();
            let reason =
                format!("Kubernetes: job {handle} failed: {reason} {message}{}", end_of(pod.as_ref()));
            return Ok(Standing::Ended { well: false, reason });
        }
        let Some(pod) = pod else { return Ok(Standing::Waiting(None)) };
        let mut first = None;
        for waits in states(&pod, "waiting") {
            let reason = waits["reason"].as_str().unwrap_or_default();
            let message = waits["message"].as_str().unwrap_or_default();
            let text = format!("Kubernetes: the container of job {handle} waits: {reason} {message}");
            if HOPELESS.contains(&reason) {
                return Ok(Standing::Stuck(text));
            }
            first.get_or_insert(text);
        }
        if first.is_some() {
            return Ok(Standing::Waiting(first));
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
        let pod = self.found_pod(handle).await?;
        let name = pod["metadata"]["name"].as_str()?;
        // Of several, the one that goes before the task: that the task did not start is why this is asked.
        let first = containers(&pod).find(|container| container["name"] == json!(FETCH));
        let container = first.map(|_| format!("&container={FETCH}")).unwrap_or_default();
        let path = format!("{}/{name}/log?tailLines={LAST_LINES}{container}", self.pods());
        let answer = self.get(&path).await.ok()?;
        (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    async fn claim(&self, job: &str, claim: &VolumeClaim) -> Result<(), Trouble> {
        let claims = format!("/api/v1/namespaces/{}/persistentvolumeclaims", self.namespace());
        let answer = match claim {
            VolumeClaim::Make(claim) => {
                let mut body = claim.clone();
                body["metadata"]["labels"][MADE_BY] = json!(job);
                let name = claim["metadata"]["name"].as_str().unwrap_or_default();
                let answer = self.0.call(Method::Post, &claims, self.0.bearer()?, Some(body)).await?;
                if answer.status == 409 {
                    // The answer to an earlier call may have been lost.
                    let found: Value = self.get(&format!("{claims}/{name}")).await?.json()?;
                    if found["metadata"]["labels"][MADE_BY] == json!(job) {
                        return Ok(());
                    }
                }
                answer
            }
            VolumeClaim::Remove(name) => {
                self.0.call(Method::Delete, &format!("{claims}/{name}"), self.0.bearer()?, None).await?
            }
        };
        match (answer.status, claim) {
            (200..=202, _) | (404, VolumeClaim::Remove(_)) => Ok(()),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }

    async fn container(&self, handle: &str) -> Result<Option<Container>, Trouble> {
        let Some(pod) = self.pod(handle).await? else { return Ok(None) };
        let Some(name) = pod["metadata"]["name"].as_str() else { return Ok(None) };
        let Some(found) = containers(&pod).find(|container| container["name"] == json!(TASK)) else {
            return Ok(None);
        };
        let (running, terminated) = (&found["state"]["running"], &found["state"]["terminated"]);
        Ok(Some(Container {
            pod: name.to_owned(),
            started_at: moment(running, "startedAt").or_else(|| moment(terminated, "startedAt")),
            ended: terminated.is_object().then(|| ended(terminated)),
        }))
    }

    async fn lines(
        &self,
        container: &Container,
        since: Option<Timestamp>,
        limit: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let since = since.map(|at| format!("&sinceTime={}", at.rfc3339())).unwrap_or_default();
        let asked = format!("log?container={TASK}&timestamps=true&limitBytes={limit}{since}");
        let answer = self.get(&format!("{}/{}/{asked}", self.pods(), container.pod)).await?;
        match answer.status {
            200 => Ok(answer.body.to_vec()),
            _ => Err(Trouble::Refused(self.0.said(&answer))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_the_words_of_the_cluster() {
        let of = |code: i64, reason: &str, message: &str| {
            let ended = ended(&json!({ "exitCode": code, "reason": reason, "message": message }));
            (ended.cause, ended.code, ended.error)
        };
        assert_eq!(of(0, "Completed", ""), (Cause::Exited, Some(0), None));
        assert_eq!(of(3, "Error", ""), (Cause::Exited, Some(3), None));
        assert_eq!(of(137, "OOMKilled", ""), (Cause::Exited, Some(137), Some("OOMKilled".into())));
        let lacks = of(128, "StartError", "exec: \"x\": not found");
        assert_eq!(lacks, (Cause::NotStarted, None, Some("exec: \"x\": not found".into())));
    }

    #[test]
    fn of_several_containers_the_one_that_went_wrong_is_told() {
        let ended = |code: i64| json!({ "state": { "terminated": { "exitCode": code, "reason": "Error" } } });
        let pod = json!({ "status": {
            "initContainerStatuses": [ended(0)], "containerStatuses": [ended(5), ended(0)],
        } });
        assert_eq!(end_of(Some(&pod)), "; its container: Error, exit code 5");
    }
}

//! The Job of an attempt as Kubernetes takes it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::cluster::Job;
use super::image::ImageTask;
use super::pod::join;
use super::spec::merge;
use super::{ExecutorSpec, Resources};

/// The container that is watched.
pub(super) const TASK: &str = "task";
/// Before and beside an image that is the task.
pub(super) const FETCH: &str = "mlwright-fetch";
const RETURN: &str = "mlwright-return";
/// The folder that they share with it.
const VOLUME: &str = "mlwright";
pub(super) const FOLDER: &str = "/mlwright";
/// How long an ended job stays for people to look at.
const KEPT_SECONDS: u64 = 24 * 3600;
/// What an executor says of containers, and does not mean the image of a task.
const OF_OURS: [&str; 8] =
    ["name", "image", "command", "args", "workingDir", "lifecycle", "livenessProbe", "readinessProbe"];

pub(super) fn of(spec: &ExecutorSpec, job: &Job) -> Value {
    let mut pod = json!({
        // Another attempt is the engine's to decide.
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": job.grace.as_secs() + 5,
        "automountServiceAccountToken": false,
    });
    match &job.image {
        None => {
            let mut container = ours(spec, job, TASK);
            if let Some(resources) = resources(&job.resources) {
                container["resources"] = resources;
            }
            pod["containers"] = json!([container]);
        }
        Some(task) => {
            let beside = |name: &str, part: &str| {
                let mut container = ours(spec, job, name);
                add(&mut container, "env", json!({ "name": "MLWRIGHT_REMOTE_PART", "value": part }));
                let own = json!({ "fieldRef": { "fieldPath": "metadata.uid" } });
                add(&mut container, "env", json!({ "name": "MLWRIGHT_REMOTE_MARK", "valueFrom": own }));
                add(&mut container, "volumeMounts", shared(spec));
                container
            };
            pod["initContainers"] = json!([beside(FETCH, "fetch")]);
            pod["containers"] = json!([image(spec, job, task), beside(RETURN, "return")]);
            pod["volumes"] = json!([{ "name": VOLUME, "emptyDir": {} }]);
        }
    }
    // A list replaces the list, so what is said of the container goes to each of them.
    let mut options = spec.options.clone();
    if let Some(over) = options.as_object_mut().and_then(|options| options.remove("container")) {
        for list in ["initContainers", "containers"] {
            for container in pod.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                put_over(container, &over, job.image.is_some());
            }
        }
    }
    for list in ["initContainers", "containers", "volumes"] {
        // The executor's own are added to those that there must be.
        if let Some(more) =
            options.as_object_mut().filter(|_| job.image.is_some()).and_then(|o| o.remove(list))
        {
            join(&mut pod[list], &more);
        }
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

/// Secrets of a job's container, gone with the job.
pub(super) fn secret(job: &str, uid: &str, values: &BTreeMap<String, String>) -> Value {
    let owner = json!({ "apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid });
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": job,
            "labels": { "app.kubernetes.io/managed-by": "mlwright" },
            "ownerReferences": [owner],
        },
        "type": "Opaque",
        "stringData": values,
    })
}

/// A container that starts `guest.py`.
fn ours(spec: &ExecutorSpec, job: &Job, name: &str) -> Value {
    let env: Vec<Value> =
        job.env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({ "name": name, "image": spec.image, "command": job.argv, "env": env })
}

/// The container of an image that is the task.
fn image(spec: &ExecutorSpec, job: &Job, task: &ImageTask) -> Value {
    let plain = task.env.iter().map(|(name, value)| json!({ "name": name, "value": literal(value) }));
    let of_secret = |name: &String| {
        let from = json!({ "secretKeyRef": { "name": job.name, "key": name } });
        json!({ "name": name, "valueFrom": from })
    };
    let env: Vec<Value> = plain.chain(task.hidden.keys().map(of_secret)).collect();
    let mut container =
        json!({ "name": TASK, "image": task.image.name, "env": env, "volumeMounts": [shared(spec)] });
    for (field, words) in [("command", &task.image.command), ("args", &task.image.args)] {
        if !words.is_empty() {
            container[field] = words.iter().map(|word| literal(word)).collect();
        }
    }
    if let Some(resources) = resources(&job.resources) {
        container["resources"] = resources;
    }
    container
}

fn shared(spec: &ExecutorSpec) -> Value {
    json!({ "name": VOLUME, "mountPath": folder(spec) })
}

/// Where the containers of a pod find what they share.
pub(super) fn folder(spec: &ExecutorSpec) -> &str {
    spec.folder.as_deref().unwrap_or(FOLDER)
}

/// Kubernetes puts variables in the place of `$(NAME)`, and `$` in that of `$$`: a shell's words would change.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn put_over(container: &mut Value, over: &Value, has_image: bool) {
    let mut over = over.clone();
    let is_image = has_image && container["name"] == json!(TASK);
    if let Some(fields) = over.as_object_mut() {
        if is_image {
            fields.retain(|name, _| !OF_OURS.contains(&name.as_str()));
        }
        for list in ["env", "volumeMounts"] {
            // In a pod of several, both are there already, and needed.
            if has_image && let Some(more) = fields.remove(list) {
                join(&mut container[list], &more);
            }
        }
    }
    merge(container, &over);
}

fn add(container: &mut Value, list: &str, item: Value) {
    join(&mut container[list], &json!([item]));
}

/// `None` if nothing is wanted.
fn resources(wanted: &Resources) -> Option<Value> {
    let mut amounts = Map::new();
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
    let any = !amounts.is_empty() || !limits.is_empty();
    any.then(|| json!({ "requests": amounts, "limits": limits }))
}

/// Names of runs and steps may hold what a label may not.
fn annotations(job: &Job) -> Value {
    job.labels.iter().map(|(name, value)| (format!("mlwright/{name}"), json!(value))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Image;

    fn spec(options: Value) -> ExecutorSpec {
        let spec = json!({ "name": "k", "kind": "kubernetes", "url": "http://h", "image": "python:3.11", "options": options });
        serde_json::from_value(spec).unwrap()
    }

    fn job(image: Option<ImageTask>) -> Job {
        Job {
            name: "mlw-1-1".into(),
            argv: vec!["python3".into()],
            env: BTreeMap::from([("MLWRIGHT_REMOTE_TOKEN".to_owned(), "token".to_owned())]),
            resources: Resources { memory_mib: Some(64), ..Resources::default() },
            pod: json!({ "container": { "imagePullPolicy": "Always" }, "volumes": [{ "name": "v" }] }),
            image,
            labels: BTreeMap::new(),
            grace: Duration::from_secs(5),
        }
    }

    #[test]
    fn an_image_runs_as_it_is_between_two_containers_of_ours() {
        let args = vec!["echo $(date) $HOME > /mlwright/attempt/outputs/x".to_owned()];
        let image = Image { name: "alpine:3".into(), command: vec![], args };
        let mut task = ImageTask::new(image, BTreeMap::from([("A".to_owned(), "$1".to_owned())]));
        task.hidden.insert("KEY".into(), "secret".into());
        let options = json!({
            "container": { "image": "other", "securityContext": { "runAsUser": 7 }, "volumeMounts": [{ "name": "w" }] },
            "volumes": [{ "name": "w" }],
        });
        let made = of(&spec(options), &job(Some(task)));
        let pod = &made["spec"]["template"]["spec"];
        let names = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&pod["initContainers"]), [FETCH]);
        assert_eq!(names(&pod["containers"]), [TASK, RETURN]);
        assert_eq!(names(&pod["volumes"]), [VOLUME, "w", "v"]);
        let task = &pod["containers"][0];
        assert_eq!(task["image"], "alpine:3", "the executor's image is for ours");
        assert_eq!(task["securityContext"], json!({ "runAsUser": 7 }));
        assert_eq!(names(&task["volumeMounts"]), [VOLUME, "w"]);
        assert_eq!(task["args"][0], "echo $$(date) $$HOME > /mlwright/attempt/outputs/x");
        assert!(task.get("command").is_none(), "the image has its own");
        assert_eq!(task["env"][0], json!({ "name": "A", "value": "$$1" }));
        assert!(!made.to_string().contains("\"secret\""), "{made}");
        assert_eq!(
            (&task["imagePullPolicy"], &task["resources"]["limits"]["memory"]),
            (&json!("Always"), &json!("64Mi"))
        );
        assert!(!task.to_string().contains("token"), "the token of the attempt is not the image's");
        assert_eq!(pod["containers"][1]["image"], "other");
        assert_eq!(pod["containers"][1].get("imagePullPolicy"), None);
    }

    #[test]
    fn a_task_of_ours_is_one_container() {
        let made = of(&spec(json!({ "container": { "env": [{ "name": "X" }] } })), &job(None));
        let pod = &made["spec"]["template"]["spec"];
        assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
        assert_eq!(
            pod["containers"][0]["env"],
            json!([{ "name": "X" }]),
            "what is declared is taken as it is"
        );
        assert!(pod.get("initContainers").is_none());
    }
}

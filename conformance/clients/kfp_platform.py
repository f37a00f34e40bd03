"""Kubeflow's platform documents by kfp-kubernetes: python kfp_platform.py <server-url>

Secrets, config maps, volumes and fields of pods for components that run as processes, and the pods that an emulated Kubernetes is asked
for, which the official client's models must understand as a whole. Runs in the environment of
conformance/upstream/kfp_requirements.txt.
"""

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import _clusters  # noqa: E402
import kfp  # noqa: E402
import kubernetes as official  # noqa: E402
import requests  # noqa: E402
from _checks import check, run_checks  # noqa: E402
from kfp import dsl  # noqa: E402
from kfp import kubernetes as k8s  # noqa: E402

URL = sys.argv[1].rstrip("/")
client = kfp.Client(host=URL)
component = dsl.component(base_image="python:3.11")


@component
def reads_env(names: list) -> str:
    import os

    return ",".join(os.environ.get(name, "<unset>") for name in names)


@component
def reads_file(path: str) -> str:
    with open("/mnt/creds/user") as file:
        one = file.read()
    with open(path) as file:
        return one + file.read()


@component
def names_it(name: str) -> str:
    return name


@component
def writes(text: str):
    with open("/data/file.txt", "a") as file:
        file.write(text)


@component
def reads() -> str:
    with open("/data/file.txt") as file:
        return file.read()


def submitted(pipeline, arguments=None, seconds=300):
    made = client.create_run_from_pipeline_func(pipeline, arguments=arguments or {}, enable_caching=False)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = client.get_run(made.run_id)
        if run.state in ("SUCCEEDED", "FAILED", "CANCELED"):
            return run
        time.sleep(0.2)
    raise AssertionError(f"{made.run_id} did not end")


def said(run):
    return "; ".join(f"{t.display_name}: {t.error.message}" for t in run.run_details.task_details if t.error)


def native(path):
    answer = requests.get(f"{URL}/api/v1/{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


def output(run):
    assert run.state == "SUCCEEDED", f"{run.state}: {said(run)}"
    return native(f"pipeline-runs/{run.run_id}")["outputs"]["Output"]["value"]


def log(run, task):
    body = native(f"pipeline-runs/{run.run_id}")
    step = next(step for step in body["steps"] if step["task"] == task)
    return native(f"pipeline-runs/{run.run_id}/log?step={step['id']}")["text"]


def secret(name, value):
    place = f"{URL}/api/v1/secrets/{name.replace('/', '%2F')}"
    requests.put(place, json={"value": value}, timeout=30).raise_for_status()


@dsl.pipeline
def env_of_secrets(given: str = "creds") -> str:
    told = names_it(name="creds")
    task = reads_env(names=["PLAIN", "GIVEN", "TOLD", "LEVEL", "NEVER"])
    k8s.use_secret_as_env(task, secret_name="creds", secret_key_to_env={"user": "PLAIN"})
    k8s.use_secret_as_env(task, secret_name=given, secret_key_to_env={"pass": "GIVEN"})
    k8s.use_secret_as_env(task, secret_name=told.output, secret_key_to_env={"user": "TOLD"})
    k8s.use_secret_as_env(task, secret_name="none", secret_key_to_env={"x": "NEVER"}, optional=True)
    k8s.use_config_map_as_env(task, config_map_name="settings", config_map_key_to_env={"level": "LEVEL"})
    return task.output


@check
def secrets_and_config_maps_become_variables():
    secret("creds/user", "somebody")
    secret("creds/pass", "tr0ub4dor")
    secret("settings/level", "verbose")
    run = submitted(env_of_secrets)
    assert output(run) == "somebody,tr0ub4dor,somebody,verbose,<unset>", output(run)


@dsl.pipeline
def files_of_secrets() -> str:
    task = reads_file(path="/mnt/creds/pass")
    k8s.use_secret_as_volume(task, secret_name="creds", mount_path="/mnt/creds")
    return task.output


@check
def secrets_become_files_where_the_component_looks_for_them():
    assert output(submitted(files_of_secrets)) == "somebodytr0ub4dor"


@dsl.pipeline
def secrets_in_loops():
    told = names_it(name="creds")
    with dsl.ParallelFor([1, 2]):
        task = reads_env(names=["USER_NAME"])
        k8s.use_secret_as_env(task, secret_name=told.output, secret_key_to_env={"user": "USER_NAME"})


@check
def names_of_secrets_reach_into_loops():
    run = submitted(secrets_in_loops)
    assert run.state == "SUCCEEDED", said(run)


@dsl.pipeline
def no_such_secret() -> str:
    task = reads_env(names=["X"])
    k8s.use_secret_as_env(task, secret_name="nowhere", secret_key_to_env={"x": "X"})
    return task.output


@check
def a_secret_that_is_not_there_is_named():
    run = submitted(no_such_secret)
    assert run.state == "FAILED" and "`nowhere/x` does not exist" in said(run), said(run)


@dsl.pipeline
def claims() -> str:
    made = k8s.CreatePVC(pvc_name_suffix="-own", access_modes=["ReadWriteOnce"], size="1Gi", storage_class_name="standard")
    one = writes(text="a")
    two = writes(text="b").after(one)
    read = reads().after(two)
    for task in (one, two, read):
        k8s.mount_pvc(task, pvc_name=made.outputs["name"], mount_path="/data")
    k8s.DeletePVC(pvc_name=made.outputs["name"]).after(read)
    return read.output


@check
def a_claim_is_a_folder_that_tasks_share_until_it_is_deleted():
    assert output(submitted(claims)) == "ab"


@dsl.pipeline
def fields_of_pods() -> str:
    task = reads_env(names=["TEAM", "OTHER", "POD"])
    k8s.add_pod_label(task, "team", "blue")
    for name, path in (("TEAM", "metadata.labels['team']"), ("OTHER", "metadata.labels['x']"), ("POD", "metadata.name")):
        k8s.use_field_path_as_env(task, env_name=name, field_path=path)
    k8s.add_node_selector(task, "disk", "ssd")
    k8s.add_toleration(task, key="gpu", operator="Exists", effect="NoSchedule")
    k8s.set_image_pull_policy(task, "Always")
    k8s.empty_dir_mount(task, volume_name="scratch", mount_path="/scratch")
    return task.output


@check
def what_only_places_a_pod_is_said_and_left_out():
    run = submitted(fields_of_pods)
    team, other, pod = output(run).split(",")
    assert (team, other) == ("blue", "") and pod.startswith("fields-of-pods-"), output(run)
    assert "left out: nodeSelector, tolerations, imagePullPolicy" in log(run, "reads-env"), log(run, "reads-env")


@dsl.pipeline
def in_a_pod(claim: str = "shared", selector: dict = {"disk": "ssd"}) -> str:
    task = reads_env(names=["PLAIN", "OTHER"]).set_cpu_limit("1").set_memory_limit("1Gi")
    k8s.use_secret_as_env(task, secret_name="creds", secret_key_to_env={"user": "PLAIN"})
    k8s.use_secret_as_env(task, secret_name="of-the-cluster", secret_key_to_env={"k": "OTHER"})
    k8s.use_secret_as_volume(task, secret_name="files", mount_path="/mnt/files")
    k8s.mount_pvc(task, pvc_name=claim, mount_path="/data")
    k8s.add_node_selector_json(task, selector)
    k8s.add_toleration(task, key="gpu", operator="Exists", effect="NoSchedule")
    k8s.add_node_affinity(task, match_expressions=[{"key": "zone", "operator": "In", "values": ["a", "b"]}])
    k8s.set_image_pull_policy(task, "Always")
    k8s.set_image_pull_secrets(task, ["registry"])
    k8s.add_pod_annotation(task, "why", "a test")
    k8s.add_ephemeral_volume(task, volume_name="big", mount_path="/big", access_modes=["ReadWriteOnce"], size="5Gi")
    k8s.set_timeout(task, 600)
    return task.output


class Answer:
    def __init__(self, body):
        self.data = json.dumps(body)


def same(given, back, place="job"):
    """Nothing that was sent is unknown to the models, which drop what they do not know."""
    if isinstance(given, dict):
        assert set(given) <= set(back), f"{place}: {sorted(set(given) - set(back))} is not known"
        for name in given:
            same(given[name], back[name], f"{place}.{name}")
    elif isinstance(given, list):
        for at, (one, other) in enumerate(zip(given, back, strict=True)):
            same(one, other, f"{place}[{at}]")
    else:
        assert given == back, f"{place}: {given!r} became {back!r}"


@check
def a_pod_gets_what_its_cluster_has():
    cluster = _clusters.Kubernetes()
    token = Path(tempfile.mkdtemp(prefix="kfp-platform-")) / "token"
    token.write_text(_clusters.TOKEN)
    spec = {"kind": "kubernetes", "url": cluster.url, "namespace": "work", "image": "python:3.11", "default": True}
    spec |= {"token_file": str(token), "python": sys.executable, "unreachable": "30s"}
    requests.put(f"{URL}/api/v1/executors/pods", json=spec, timeout=30).raise_for_status()
    try:
        made = client.create_run_from_pipeline_func(in_a_pod, arguments={}, enable_caching=False)
        end = time.monotonic() + 60
        while not cluster.jobs and time.monotonic() < end:
            time.sleep(0.1)
        assert cluster.jobs, said(client.get_run(made.run_id))
        job = next(iter(cluster.jobs.values())).given
        client.terminate_run(made.run_id)
        while client.get_run(made.run_id).state not in ("CANCELED", "SUCCEEDED", "FAILED"):
            time.sleep(0.2)
    finally:
        requests.delete(f"{URL}/api/v1/executors/pods", timeout=30).raise_for_status()
        cluster.close()
    api = official.client.ApiClient()
    same(job, api.sanitize_for_serialization(api.deserialize(Answer(job), "V1Job")))
    pod, metadata = job["spec"]["template"]["spec"], job["spec"]["template"]["metadata"]
    (container,) = pod["containers"]
    env = {item["name"]: item for item in container["env"]}
    assert "PLAIN" not in env, "the workspace gives it"
    assert env["OTHER"]["valueFrom"]["secretKeyRef"]["name"] == "of-the-cluster", env
    assert pod["nodeSelector"] == {"disk": "ssd"} and pod["tolerations"][0]["key"] == "gpu", pod
    assert pod["affinity"]["nodeAffinity"] and pod["imagePullSecrets"] == [{"name": "registry"}], pod
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts) == {"/mnt/files", "/data", "/big"}, mounts
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    assert claims == ["shared"] and container["imagePullPolicy"] == "Always", pod
    assert metadata["annotations"]["why"] == "a test", metadata
    assert container["resources"]["limits"]["memory"] == "1024Mi", container


@component
def sleeps(seconds: int):
    import time

    time.sleep(seconds)


@dsl.pipeline(pipeline_config=dsl.PipelineConfig(active_deadline_seconds=3, ttl_seconds_after_finished=60))
def too_long():
    sleeps(seconds=60)


@check
def a_run_ends_at_its_deadline():
    run = submitted(too_long, seconds=60)
    assert run.state == "FAILED" and "its deadline of 3s" in run.error.message, run.error


sys.exit(1 if run_checks() else 0)

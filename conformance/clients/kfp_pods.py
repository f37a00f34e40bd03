"""Container components of Kubeflow pipelines as pods of an emulated Kubernetes: python kfp_pods.py <server-url>

Their containers are processes that find a shell and a few tools, and neither Python nor anything of ours; what comes before and beside
them is started by what the server submits. The jobs are held against the models of the official client. Runs in the environment of
conformance/upstream/kfp_requirements.txt.
"""

import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Optional

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
cluster = _clusters.Kubernetes()
FOLDER = Path(tempfile.mkdtemp(prefix="kfp-pods-"))
TOOLS = ("sh", "cat", "cp", "mkdir", "sleep", "ls", "dirname", "date", "head", "tr", "yes")
FINAL = ("SUCCEEDED", "FAILED", "CANCELED")


def bare_image():
    """The folder with all that the image finds."""
    tools = FOLDER / "bin"
    tools.mkdir()
    for name in TOOLS:
        os.symlink(shutil.which(name), tools / name)
    return {"path": str(tools)}


cluster.images = {"bare:1": bare_image()}
cluster.images["speaks:1"] = {**cluster.images["bare:1"], "entrypoint": ["sh", "-c", 'echo "$0 from the entry point"']}


def declare():
    (FOLDER / "token").write_text(_clusters.TOKEN)
    spec = {"kind": "kubernetes", "url": cluster.url, "namespace": "work", "image": "python:3.11", "default": True}
    spec |= {"token_file": str(FOLDER / "token"), "python": sys.executable, "unreachable": "30s"}
    requests.put(f"{URL}/api/v1/executors/pods", json=spec, timeout=30).raise_for_status()


def submitted(pipeline, arguments=None):
    return client.create_run_from_pipeline_func(pipeline, arguments=arguments or {}, enable_caching=False).run_id


def ended(run_id, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = client.get_run(run_id)
        if run.state in FINAL:
            return run
        time.sleep(0.2)
    raise AssertionError(f"{run_id} did not end: {[(c.name, c.state) for j in cluster.jobs.values() for c in j.then]}")


def said(run):
    return "; ".join(f"{t.display_name}: {t.error.message}" for t in run.run_details.task_details if t.error)


def native(path):
    answer = requests.get(f"{URL}/api/v1/{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


def steps(run_id):
    return {step["task"]: step for step in native(f"pipeline-runs/{run_id}")["steps"]}


def log(run_id, task):
    return native(f"pipeline-runs/{run_id}/log?step={steps(run_id)[task]['id']}")["text"]


def until(wanted, seconds=60, say=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = wanted()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"did not happen within {seconds} s: {say}")


def job_of(run_id, task):
    step = steps(run_id)[task]
    name = f"mlw-{step['id'].replace('-', '')}-{step['attempt']}"
    return cluster.jobs.get(name) or getattr(cluster, "gone", {}).get(name)


SAY = """
command -v python3 && exit 9
mkdir -p $(dirname "$1") "$2"
echo "said $0 at $(date +%Y) for $USER_NAME$$" | tr -d 0-9 >&2
echo out of order
printf %s "$0" > "$1"
echo weights > "$2/weights.txt"
"""


@dsl.container_component
def say(text: str, out: dsl.OutputPath(str), model: dsl.Output[dsl.Model]):
    return dsl.ContainerSpec(image="bare:1", command=["sh", "-ec", SAY], args=[text, out, model.path])


@dsl.container_component
def read(
    text: str,
    model: dsl.Input[dsl.Model],
    size: dsl.OutputPath(int),
    both: dsl.OutputPath(str),
    optional: Optional[str] = None,
):
    script = 'cat "$1/weights.txt"; echo 7 > "$2"; printf "%s and %s" "$0" "$(cat $1/weights.txt)" > "$3"; echo "${4:-nothing more}"'
    return dsl.ContainerSpec(
        image="bare:1",
        command=["sh", "-ec", script],
        args=[
            dsl.ConcatPlaceholder(["<", text, ">"]),
            model.path,
            size,
            both,
            dsl.IfPresentPlaceholder(input_name="optional", then=["given"], else_=[]),
        ],
    )


@dsl.component(base_image="python:3.11")
def in_python(size: int, text: str, model: dsl.Input[dsl.Model]) -> str:
    import os

    return f"{size} {text} {sorted(os.listdir(model.path))}"


@dsl.pipeline
def boxes(text: str = "a 'quoted' $(word) $$") -> str:
    one = say(text=text)
    k8s.use_secret_as_env(one, secret_name="creds", secret_key_to_env={"user": "USER_NAME"})
    two = read(text=one.outputs["out"], model=one.outputs["model"])
    last = in_python(size=two.outputs["size"], text=two.outputs["both"], model=one.outputs["model"])
    return last.output


class Answer:
    def __init__(self, body):
        self.data = json.dumps(body)


def known_as(body, kind):
    """Nothing that was sent is unknown to the models, which drop what they do not know."""
    api = official.client.ApiClient()

    def same(given, back, place):
        if isinstance(given, dict):
            assert set(given) <= set(back), f"{place}: {sorted(set(given) - set(back))} is not known"
            for name in given:
                same(given[name], back[name], f"{place}.{name}")
        elif isinstance(given, list):
            for at, (one, other) in enumerate(zip(given, back, strict=True)):
                same(one, other, f"{place}[{at}]")
        else:
            assert given == back, f"{place}: {given!r} became {back!r}"

    same(body, api.sanitize_for_serialization(api.deserialize(Answer(body), kind)), kind)


@check
def images_take_and_give_parameters_and_artifacts_without_anything_of_ours_in_them():
    place = f"{URL}/api/v1/secrets/creds%2Fuser"
    requests.put(place, json={"value": "somebody-secret"}, timeout=30).raise_for_status()
    run_id = submitted(boxes)
    run = ended(run_id)
    assert run.state == "SUCCEEDED", f"{said(run)}\n{log(run_id, 'say')}"
    given = native(f"pipeline-runs/{run_id}")["outputs"]["Output"]["value"]
    assert given == "7 <a 'quoted' $(word) $$> and weights ['weights.txt']", given
    text = log(run_id, "say")
    assert "said a 'quoted' $(word) $$ at  for ***\n" in text and "out of order\n" in text, text
    assert log(run_id, "read") == "weights\nnothing more\n", log(run_id, "read")
    job = job_of(run_id, "say")
    known_as(job.given, "V1Job")
    known_as(cluster.secrets[job.name], "V1Secret")
    (task, beside), (before,) = job.spec["containers"], job.spec["initContainers"]
    assert (task["image"], beside["image"], before["image"]) == ("bare:1", "python:3.11", "python:3.11"), job.spec
    assert "somebody-secret" not in json.dumps(job.given) and "MLWRIGHT_REMOTE_TOKEN" not in json.dumps(task), task
    assert cluster.secrets[job.name]["stringData"] == {"USER_NAME": "somebody-secret"}, cluster.secrets


@dsl.container_component
def entry_point(word: str):
    return dsl.ContainerSpec(image="speaks:1", args=[word])


@dsl.pipeline
def with_entry_point():
    entry_point(word="hello")


@check
def an_image_without_a_command_runs_its_own():
    run_id = submitted(with_entry_point)
    run = ended(run_id)
    assert run.state == "SUCCEEDED" and log(run_id, "entry-point") == "hello from the entry point\n", said(run)


@dsl.container_component
def fails(code: int):
    return dsl.ContainerSpec(image="bare:1", command=["sh", "-c", 'echo no such luck; exit "$0"'], args=[code])


@dsl.container_component
def takes_too_much():
    return dsl.ContainerSpec(image="bare:1", command=["sh", "-c", "kill -9 $$"])


@dsl.container_component
def lacks_its_program():
    return dsl.ContainerSpec(image="bare:1", command=["python3", "-c", "print()"])


@dsl.container_component
def has_no_image():
    return dsl.ContainerSpec(image="no/such image", command=["true"])


@dsl.pipeline
def all_bad():
    fails(code=3)
    takes_too_much()
    lacks_its_program()
    has_no_image()


@check
def failures_are_told():
    run_id = submitted(all_bad)
    run = ended(run_id)
    why = {task.display_name: task.error.message for task in run.run_details.task_details if task.error}
    assert run.state == "FAILED" and steps(run_id)["fails"]["exit_code"] == 3, said(run)
    assert "exit code 3" in why["fails"] and "no such luck" in why["fails"], why
    assert "exit code 137 (OOMKilled)" in why["takes-too-much"], why
    assert "could not be started" in why["lacks-its-program"] and "not found in $PATH" in why["lacks-its-program"], why
    assert "could not be started" in why["has-no-image"] and "InvalidImageName" in why["has-no-image"], why
    until(lambda: job_of(run_id, "has-no-image").stopped, say="a job that waits for ever is not left there")


@dsl.container_component
def counts(seconds: int):
    script = 'n=0; while [ $n -lt "$0" ]; do echo second $n; n=$((n+1)); sleep 1; done'
    return dsl.ContainerSpec(image="bare:1", command=["sh", "-c", script], args=[seconds])


@dsl.pipeline
def slow(seconds: int):
    counts(seconds=seconds)


@check
def its_log_is_there_while_it_runs():
    run_id = submitted(slow, {"seconds": 6})
    until(lambda: "second 1" in log(run_id, "counts"), say="a line while it runs")
    assert client.get_run(run_id).state == "RUNNING"
    assert ended(run_id).state == "SUCCEEDED"
    assert log(run_id, "counts") == "".join(f"second {n}\n" for n in range(6)), log(run_id, "counts")


@dsl.container_component
def writes_much():
    return dsl.ContainerSpec(image="bare:1", command=["sh", "-c", "yes a line of some length that comes again | head -n 300000"])


@dsl.pipeline
def much():
    writes_much()


@check
def every_line_is_taken_once():
    run_id = submitted(much)
    assert ended(run_id).state == "SUCCEEDED"
    step, size, part = steps(run_id)["writes-much"], 0, {}
    while not part.get("eof"):
        part = native(f"pipeline-runs/{run_id}/log?step={step['id']}&offset={size}")
        size = part["next_offset"]
    assert size == 300000 * len("a line of some length that comes again\n"), size


@check
def a_cancelled_run_stops_its_pod():
    run_id = submitted(slow, {"seconds": 600})
    until(lambda: "second 1" in log(run_id, "counts"), say="it runs")
    job = job_of(run_id, "counts")
    client.terminate_run(run_id)
    assert ended(run_id).state == "CANCELED"
    until(lambda: all(container.code is not None for container in job.then), say="its containers end")
    assert job.stopped


@dsl.pipeline
def late():
    task = counts(seconds=600)
    k8s.set_timeout(task, 2)


@check
def a_timeout_ends_it():
    run_id = submitted(late)
    run = ended(run_id)
    assert run.state == "FAILED" and "timeout of 2s" in said(run), said(run)
    assert "second 1" in log(run_id, "counts"), log(run_id, "counts")


@dsl.container_component
def appends(text: str):
    return dsl.ContainerSpec(image="bare:1", command=["sh", "-c", 'printf %s "$0" >> /data/file; cat /data/file'], args=[text])


@dsl.pipeline
def with_a_claim():
    made = k8s.CreatePVC(
        pvc_name_suffix="-own", access_modes=["ReadWriteOnce"], size="1Gi", storage_class_name="fast", annotations={"a": "b"}
    )
    one = appends(text="a")
    two = appends(text="b").after(one)
    for task in (one, two):
        k8s.mount_pvc(task, pvc_name=made.outputs["name"], mount_path="/data")
    k8s.DeletePVC(pvc_name=made.outputs["name"]).after(two)


@check
def a_claim_is_made_mounted_and_deleted_in_the_cluster():
    run_id = submitted(with_a_claim)
    made = until(lambda: cluster.claims, say="the claim is made")
    (name, claim), *_ = made.items()
    known_as(claim, "V1PersistentVolumeClaim")
    assert name.endswith("-own") and claim["spec"]["storageClassName"] == "fast", claim
    assert claim["spec"]["resources"] == {"requests": {"storage": "1Gi"}}, claim
    run = ended(run_id)
    assert run.state == "SUCCEEDED", said(run)
    assert not cluster.claims and job_of(run_id, "appends").spec["volumes"][1]["persistentVolumeClaim"] == {"claimName": name}


@dsl.pipeline
def with_a_claim_that_is_there():
    k8s.CreatePVC(pvc_name="taken", access_modes=["ReadWriteOnce"], size="1Gi")


@check
def a_claim_that_is_anothers_is_not_taken_for_ones_own():
    cluster.claims = {"taken": {"metadata": {"name": "taken"}}}
    run_id = submitted(with_a_claim_that_is_there)
    run = ended(run_id)
    assert run.state == "FAILED" and 'persistentvolumeclaims "taken" already exists' in said(run).replace("\\", ""), said(run)


try:
    declare()
    failed = run_checks()
finally:
    requests.delete(f"{URL}/api/v1/executors/pods", timeout=30).raise_for_status()
    cluster.close()
sys.exit(1 if failed else 0)

"""Kubeflow's API by the unmodified kfp package: python kfp_client.py <server-url>

Runs in the environment of conformance/upstream/kfp_requirements.txt. Prints `ok <what>` or `not ok <what>: <why>` for each check and
exits non-zero if any failed.
"""

import io
import json
import os
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from pathlib import Path
from typing import List, NamedTuple

warnings.filterwarnings("ignore")

import kfp  # noqa: E402
import kfp_server_api  # noqa: E402
import requests  # noqa: E402
from _checks import check, run_checks  # noqa: E402
from kfp import compiler, dsl  # noqa: E402
from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output  # noqa: E402

URL = sys.argv[1].rstrip("/")
API = f"{URL}/apis/v2beta1"
IMAGE = "python:3.11"
FOLDER = Path(tempfile.mkdtemp(prefix="kfp-client-"))
client = kfp.Client(host=URL)
made = {}


def component(function):
    return dsl.component(base_image=IMAGE)(function)


# ---- pipelines


@component
def double(x: int) -> int:
    return 2 * x


@component
def make_data(n: int, data: Output[Dataset]) -> NamedTuple("O", [("rows", int), ("items", list)]):
    Path(data.path).write_text("\n".join(str(i) for i in range(n)))
    data.metadata["rows"] = n
    return n, list(range(1, n + 1))


@component
def train(data: Input[Dataset], lr: float, model: Output[Model], metrics: Output[Metrics]) -> float:
    rows = len(Path(data.path).read_text().split())
    Path(model.path).mkdir(parents=True)
    (Path(model.path) / "weights").write_text(str(lr))
    metrics.log_metric("rows", rows)
    return lr * rows


@component
def best(scores: List[float], models: Input[List[Model]]) -> float:
    assert len(scores) == len(models)
    for model in models:
        assert (Path(model.path) / "weights").read_text()
    return max(scores)


@component
def say(text: str) -> str:
    print("said", text)
    return text


@component
def fail(text: str) -> str:
    raise RuntimeError(text)


@component
def fails_once(marker: str) -> str:
    path = Path(marker)
    if not path.exists():
        path.write_text("1")
        sys.exit(3)
    return "second"


@component
def notes(path: str, status: dsl.PipelineTaskFinalStatus):
    Path(path).write_text(f"{status.state} {status.pipeline_task_name} {status.error_message or ''}")


@component
def sleep(seconds: int):
    time.sleep(seconds)


# The functions above are sources that are sent elsewhere; these names are what they need there.
for function in (make_data, train, best, fails_once, notes, sleep):
    container = function.component_spec.implementation.container
    source = container.command[-1]
    container.command[-1] = source.replace("import kfp\n", "import kfp\nimport sys, time\nfrom pathlib import Path\n", 1)


@dsl.pipeline(name="doubling", description="twice as much")
def doubling(x: int = 4) -> int:
    return double(x=x).output


@dsl.pipeline(name="trials")
def trials(n: int = 4, lrs: List[float] = [0.5, 0.25]) -> float:
    data = make_data(n=n)
    with dsl.ParallelFor(items=lrs, parallelism=2) as lr:
        trained = train(data=data.outputs["data"], lr=lr)
    chosen = best(scores=dsl.Collected(trained.outputs["Output"]), models=dsl.Collected(trained.outputs["model"]))
    return chosen.output


@dsl.pipeline(name="choices")
def choices(word: str = "b") -> str:
    first = say(text=word)
    with dsl.If(first.output == "a"):
        one = say(text="was a")
    with dsl.Elif(first.output == "b"):
        two = say(text=f"was {first.output} of {dsl.PIPELINE_JOB_NAME_PLACEHOLDER}")
    with dsl.Else():
        three = say(text="was neither")
    return dsl.OneOf(one.output, two.output, three.output)


@dsl.pipeline(name="guarded")
def guarded(note: str, text: str = "broken"):
    handler = notes(path=note)
    with dsl.ExitHandler(handler, name="guard"):
        broken = fail(text=text)
        say(text="never").after(broken)


@dsl.pipeline(name="again")
def again(marker: str) -> str:
    return fails_once(marker=marker).set_retry(num_retries=2, backoff_duration="1s").output


@dsl.pipeline(name="long")
def long(seconds: int = 120):
    sleep(seconds=seconds)


@dsl.pipeline(name="loops")
def loops():
    with dsl.ParallelFor(items=[{"a": "p", "b": "x"}, {"a": "q", "b": "y"}]) as item:
        say(text=item.b)


@dsl.container_component
def echo():
    return dsl.ContainerSpec(image="alpine:no-such-tag-anywhere", command=["echo"], args=["hi"])


def compiled(pipeline, name):
    path = FOLDER / name
    compiler.Compiler().compile(pipeline, str(path))
    return path


def submitted(pipeline, arguments=None, seconds=300, **options):
    """The run once it has ended, and its tasks by name."""
    run = client.create_run_from_pipeline_func(pipeline, arguments=arguments or {}, **options)
    done = client.wait_for_run_completion(run.run_id, timeout=seconds, sleep_duration=1)
    return done, tasks(done)


def tasks(run):
    """The states of tasks by their name."""
    states = {}
    for task in run.run_details.task_details:
        states.setdefault(task.display_name, []).append(task.state)
    return states


def output(run, name="Output"):
    """What the run gave: Kubeflow's own API has no word for it."""
    answer = requests.get(f"{URL}/api/v1/pipeline-runs/{run.run_id}", timeout=30).json()
    found = answer["outputs"][name]
    return found.get("value", found)


def refused(status, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except kfp_server_api.ApiException as error:
        assert error.status == status, f"{error.status}: {error.body}"
        body = json.loads(error.body)
        assert {"code", "message", "details"} <= set(body), body
        return body["message"]
    raise AssertionError(f"not refused: expected {status}")


# ---- the server


@check
def the_server_answers_at_both_paths():
    assert requests.get(f"{API}/healthz", timeout=30).json()["multi_user"] is False
    assert requests.get(f"{URL}/kfp/apis/v2beta1/healthz", timeout=30).status_code == 200
    assert kfp.Client(host=f"{URL}/kfp").list_pipelines().total_size in (None, 0)
    unknown = requests.get(f"{API}/runs/no-such-run", timeout=30)
    assert unknown.status_code == 404 and unknown.json()["code"] == 5, unknown.text
    stranger = requests.get(f"{API}/runs", headers={"Authorization": "Bearer wrong"}, timeout=30)
    assert stranger.status_code == 401 and stranger.json()["code"] == 16, stranger.text


# ---- experiments


@check
def experiments_are_kept_found_archived_and_deleted():
    new = client.create_experiment("kfp-exp", description="first")
    assert (new.display_name, new.description, new.storage_state) == ("kfp-exp", "first", "AVAILABLE")
    assert client.create_experiment("kfp-exp").experiment_id == new.experiment_id
    assert client.get_experiment(experiment_name="kfp-exp").experiment_id == new.experiment_id
    names = [e.display_name for e in client.list_experiments(page_size=100).experiments]
    assert "kfp-exp" in names and "Default" in names, names
    client.archive_experiment(new.experiment_id)
    assert client.get_experiment(new.experiment_id).storage_state == "ARCHIVED"
    client.unarchive_experiment(new.experiment_id)
    assert client.get_experiment(new.experiment_id).storage_state == "AVAILABLE"
    client.delete_experiment(new.experiment_id)
    refused(404, client.get_experiment, new.experiment_id)
    assert client.create_experiment("kfp-exp").display_name == "kfp-exp"
    message = refused(409, client._experiment_api.experiment_service_create_experiment,
                      experiment=kfp_server_api.V2beta1Experiment(display_name="kfp-exp"))
    assert "already exists" in message


@check
def experiments_are_those_of_tracking():
    answer = requests.get(f"{URL}/api/2.0/mlflow/experiments/get-by-name?experiment_name=kfp-exp", timeout=30)
    found = answer.json()["experiment"]
    assert found["experiment_id"] == client.get_experiment(experiment_name="kfp-exp").experiment_id


# ---- pipelines and versions


@check
def a_pipeline_is_uploaded_with_versions():
    path = compiled(doubling, "doubling.yaml")
    pipeline = client.upload_pipeline(str(path), pipeline_name="doubling", description="d")
    assert (pipeline.name, pipeline.display_name, pipeline.description) == ("doubling", "doubling", "d")
    assert client.get_pipeline_id("doubling") == pipeline.pipeline_id
    assert client.get_pipeline(pipeline.pipeline_id).name == "doubling"
    version = client.upload_pipeline_version(str(path), "v2", pipeline_id=pipeline.pipeline_id, description="second")
    versions = client.list_pipeline_versions(pipeline.pipeline_id, sort_by="created_at desc").pipeline_versions
    assert [v.name for v in versions] == ["v2", "doubling"]
    found = client.get_pipeline_version(pipeline.pipeline_id, version.pipeline_version_id)
    assert found.pipeline_spec["pipelineInfo"]["name"] == "doubling" and found.description == "second"
    made.update(pipeline=pipeline.pipeline_id, version=version.pipeline_version_id)
    refused(409, client.upload_pipeline, str(path), pipeline_name="doubling")
    refused(409, client.upload_pipeline_version, str(path), "v2", pipeline_id=pipeline.pipeline_id)
    by_name = requests.get(f"{API}/pipelines/names/doubling", timeout=30).json()
    assert by_name["pipeline_id"] == pipeline.pipeline_id


@check
def uploads_may_be_packed():
    text = compiled(doubling, "packed.yaml").read_bytes()
    with zipfile.ZipFile(FOLDER / "packed.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("pipeline.yaml", text)
    with tarfile.open(FOLDER / "packed.tar.gz", "w:gz") as packed:
        info = tarfile.TarInfo("pipeline.yaml")
        info.size = len(text)
        packed.addfile(info, io.BytesIO(text))
    for name in ("packed.zip", "packed.tar.gz"):
        pipeline = client.upload_pipeline(str(FOLDER / name), pipeline_name=name)
        client.delete_pipeline_version(
            pipeline.pipeline_id,
            client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions[0].pipeline_version_id,
        )
        client.delete_pipeline(pipeline.pipeline_id)


@check
def what_is_no_pipeline_is_refused():
    def upload(name, content):
        (FOLDER / name).write_bytes(content)
        return refused(400, client.upload_pipeline, str(FOLDER / name), pipeline_name=name)

    assert "no pipeline spec" in upload("empty.yaml", b"# nothing\n")
    assert "YAML" in upload("broken.yaml", b"a: [")
    text = (FOLDER / "packed.yaml").read_text()
    odd = text.replace("componentRef:", "surprise: 1\n        componentRef:", 1)
    assert "unknown field `surprise`" in upload("odd.yaml", odd.encode())
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("pipeline.yaml", b" " * (80 << 20))
    assert "more than" in upload("bomb.zip", bomb.getvalue())
    assert [p.name for p in client.list_pipelines(page_size=100).pipelines] == ["doubling"]


@check
def lists_are_filtered_sorted_and_paged():
    pages, token = [], ""
    for name in ("a", "b", "c"):
        client.upload_pipeline(str(FOLDER / "packed.yaml"), pipeline_name=f"page-{name}")
    condition = json.dumps({"predicates": [{"operation": "IS_SUBSTRING", "key": "name", "stringValue": "page-"}]})
    while True:
        found = client.list_pipelines(page_size=2, page_token=token, sort_by="name desc", filter=condition)
        pages.append([p.name for p in found.pipelines])
        assert found.total_size == 3
        token = found.next_page_token
        if not token:
            break
    assert pages == [["page-c", "page-b"], ["page-a"]], pages
    refused(400, client.list_pipelines, sort_by="odd")
    refused(400, client.list_pipelines, filter="{")


# ---- runs


@check
def a_run_of_a_version_gives_its_output():
    experiment = client.get_experiment(experiment_name="kfp-exp").experiment_id
    run = client.run_pipeline(experiment, "job", params={"x": 21}, pipeline_id=made["pipeline"], version_id=made["version"])
    assert run.pipeline_version_reference.pipeline_version_id == made["version"]
    done = client.wait_for_run_completion(run.run_id, timeout=300, sleep_duration=1)
    assert (done.state, done.display_name, done.experiment_id) == ("SUCCEEDED", "job", experiment)
    assert output(done) == 42
    assert tasks(done) == {"root": ["SUCCEEDED"], "double": ["SUCCEEDED"]}
    assert [s.state for s in done.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert done.finished_at >= done.created_at
    made["run"] = run.run_id
    found = client.list_runs(experiment_id=experiment, sort_by="created_at desc").runs
    assert [r.run_id for r in found] == [run.run_id]


@check
def loops_collect_parameters_and_artifacts():
    done, states = submitted(trials)
    assert done.state == "SUCCEEDED", states
    assert output(done) == 2.0
    assert states["train"] == ["SUCCEEDED"] * 2


@check
def an_artifact_and_a_log_are_read_back():
    done = client.get_run(client.list_runs(sort_by="created_at desc").runs[0].run_id)
    data = next(t for t in done.run_details.task_details if t.display_name == "make-data")
    node = f"{API}/runs/{done.run_id}/nodes/{data.task_id}"
    import base64

    read = requests.get(f"{node}/artifacts/data:read", timeout=30).json()["data"]
    assert base64.b64decode(read) == b"0\n1\n2\n3"
    assert "Wrote executor output file" in requests.get(f"{node}/log", timeout=30).text


@check
def conditions_choose_one_branch():
    done, states = submitted(choices, {"word": "b"}, run_name="chosen")
    assert done.state == "SUCCEEDED", states
    assert output(done).startswith("was b of "), output(done)
    ended = sorted(state for name, found in states.items() if name.startswith("condition-") for state in found)
    assert ended.count("SKIPPED") == 2, states
    neither, _ = submitted(choices, {"word": "z"})
    assert output(neither) == "was neither"


@check
def items_of_structs_are_picked():
    done, states = submitted(loops)
    assert done.state == "SUCCEEDED" and states["say"] == ["SUCCEEDED"] * 2, states


@check
def an_exit_handler_sees_the_failure():
    note = FOLDER / "note.txt"
    done, states = submitted(guarded, {"note": str(note)})
    assert done.state == "FAILED", states
    assert states["notes"] == ["SUCCEEDED"] and states["fail"] == ["FAILED"] and states["say"] == ["SKIPPED"], states
    assert note.read_text().startswith("FAILED exit-handler-1"), note.read_text()
    assert done.error.message


@check
def a_task_is_tried_again():
    done, _ = submitted(again, {"marker": str(FOLDER / "marker")}, enable_caching=False)
    assert done.state == "SUCCEEDED" and output(done) == "second"


@check
def equal_work_is_not_done_twice():
    first, _ = submitted(doubling, {"x": 1001})
    second, _ = submitted(doubling, {"x": 1001})
    assert output(first) == output(second) == 2002
    steps = requests.get(f"{URL}/api/v1/pipeline-runs/{second.run_id}", timeout=30).json()["steps"]
    assert all(step["cached"] for step in steps if step["shape"] == "work"), steps
    third, _ = submitted(doubling, {"x": 1001}, enable_caching=False)
    steps = requests.get(f"{URL}/api/v1/pipeline-runs/{third.run_id}", timeout=30).json()["steps"]
    assert not any(step["cached"] for step in steps)


@check
def a_run_is_terminated_retried_archived_and_deleted():
    run = client.create_run_from_pipeline_func(long, arguments={"seconds": 300})
    for _ in range(200):
        if client.get_run(run.run_id).state == "RUNNING":
            break
        time.sleep(0.2)
    client.terminate_run(run.run_id)
    # The client waits for ever for a run that was cancelled.
    for _ in range(200):
        state = client.get_run(run.run_id).state
        if state == "CANCELED":
            break
        time.sleep(0.2)
    assert state == "CANCELED", state
    client._run_api.run_service_retry_run(run.run_id)
    assert client.get_run(run.run_id).state in ("PENDING", "RUNNING")
    client.terminate_run(run.run_id)
    client.archive_run(run.run_id)
    assert client.get_run(run.run_id).storage_state == "ARCHIVED"
    client.unarchive_run(run.run_id)
    client.delete_run(run.run_id)
    refused(404, client.get_run, run.run_id)


@check
def what_cannot_run_is_refused_or_says_why():
    spec = {"experiment_id": "", "display_name": "x"}
    for body in ({}, {"pipeline_version_reference": {"pipeline_id": "no"}}, {"pipeline_spec": {"a": 1}}):
        answer = requests.post(f"{API}/runs", json={**spec, **body}, timeout=30)
        assert answer.status_code in (400, 404), answer.text
    version = {"pipeline_id": made["pipeline"], "version_id": made["version"]}
    message = refused(400, client.run_pipeline, "0", "bad", params={"x": "many"}, **version)
    assert "x" in message, message
    refused(400, client.run_pipeline, "0", "bad", params={"y": 1}, **version)
    done, _ = submitted(dsl.pipeline(name="boxed")(lambda: echo() and None))
    assert done.state == "FAILED"
    if not any(os.path.exists(f"{folder}/podman") for folder in os.environ["PATH"].split(":")):
        failed = next(t for t in done.run_details.task_details if t.display_name == "echo")
        assert "container" in failed.error.message or failed.error.message, failed.error


# ---- recurring runs


@check
def a_recurring_run_starts_runs_until_it_is_disabled():
    experiment = client.get_experiment(experiment_name="kfp-exp").experiment_id
    recurring = client.create_recurring_run(
        experiment, "often", interval_second=1, pipeline_id=made["pipeline"], version_id=made["version"],
        max_concurrency=1, no_catchup=True, params={"x": 3},
    )
    assert (recurring.status, recurring.display_name) == ("ENABLED", "often")
    assert recurring.trigger.periodic_schedule.interval_second == "1"
    for _ in range(120):
        started = [r for r in client.list_runs(experiment_id=experiment, page_size=100).runs
                   if r.recurring_run_id == recurring.recurring_run_id]
        if started:
            break
        time.sleep(0.5)
    client.disable_recurring_run(recurring.recurring_run_id)
    done = client.wait_for_run_completion(started[0].run_id, timeout=120, sleep_duration=1)
    assert done.state == "SUCCEEDED" and output(done) == 6
    assert client.get_recurring_run(recurring.recurring_run_id).status == "DISABLED"
    nightly = client.create_recurring_run(
        experiment, "nightly", cron_expression="0 0 2 * * *", pipeline_package_path=str(FOLDER / "packed.yaml"))
    assert nightly.trigger.cron_schedule.cron == "0 0 2 * * *"
    names = [r.display_name for r in client.list_recurring_runs(experiment_id=experiment).recurring_runs]
    assert sorted(names) == ["nightly", "often"], names
    for found in (recurring, nightly):
        client.delete_recurring_run(found.recurring_run_id)
    refused(404, client.get_recurring_run, nightly.recurring_run_id)
    refused(400, client.create_recurring_run, experiment, "bad", cron_expression="no cron",
            pipeline_id=made["pipeline"], version_id=made["version"])


if __name__ == "__main__":
    sys.exit(1 if run_checks() else 0)

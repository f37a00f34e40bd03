"""`mlwright import mlflow` against what the unmodified mlflow package recorded: python mlflow_import.py <server-url>

Fills a SQLite database and a folder of artifacts through `mlflow` itself, imports them, and compares through the client
what the source and the server say. Then the same from a running `mlflow server`. Needs MLWRIGHT_BIN.
"""

import logging
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import requests  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, ViewType  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from _checks import check, run_checks  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.ERROR)
logging.getLogger("alembic").setLevel(logging.ERROR)

URL = sys.argv[1].rstrip("/")
BIN = os.environ.get("MLWRIGHT_BIN", "mlwright")
FOLDER = tempfile.mkdtemp(prefix="import-")
ARTIFACTS = os.path.join(FOLDER, "mlartifacts")
SOURCE = f"sqlite:///{FOLDER}/mlflow.db"


def import_from(origin, *more):
    done = subprocess.run(
        [BIN, "import", "mlflow", origin, "--server", URL, *more], capture_output=True, text=True, cwd=FOLDER, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def imported(output):
    return int(next(line for line in output.splitlines() if line.startswith("runs ")).split()[1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Origin:
    """`mlflow server` from PyPI on the source's database."""

    def start(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", SOURCE, "--artifacts-destination", ARTIFACTS]
        self.log = open(os.path.join(FOLDER, "origin.log"), "wb")
        quick = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, cwd=FOLDER, env=quick, start_new_session=True
        )
        until = time.monotonic() + 180
        while time.monotonic() < until:
            try:
                if requests.get(f"{self.url}/health", timeout=5).ok:
                    return self.url
            except requests.RequestException:
                time.sleep(0.1)
        raise RuntimeError("mlflow server did not start within 180 s")

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait()


origin = Origin()


def whole(client, run_id):
    run = client.get_run(run_id)
    history = {}
    for key in run.data.metrics:
        points = [(m.step, m.timestamp, "nan" if math.isnan(m.value) else m.value) for m in client.get_metric_history(run_id, key)]
        history[key] = sorted(points, key=str)
    inputs = [
        (i.dataset.name, i.dataset.digest, i.dataset.source, i.dataset.schema, i.dataset.profile, sorted((t.key, t.value) for t in i.tags))
        for i in run.inputs.dataset_inputs
    ]
    info = run.info
    return {
        "info": (info.run_id, info.run_name, info.status, info.start_time, info.end_time, info.lifecycle_stage, info.user_id),
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": history,
        "inputs": sorted(inputs),
        "outputs": sorted((o.model_id, o.step) for o in run.outputs.model_outputs),
    }


def files(client, run_id, path=None):
    found = {}
    for item in client.list_artifacts(run_id, path):
        if item.is_dir:
            found.update(files(client, run_id, item.path))
        else:
            found[item.path] = item.file_size
    return found


def compare_runs():
    there, here = MlflowClient(SOURCE), MlflowClient(URL)
    for e in there.search_experiments(view_type=ViewType.ALL):
        twin = here.get_experiment_by_name(e.name)
        assert twin.lifecycle_stage == e.lifecycle_stage and e.tags.items() <= twin.tags.items(), (e, twin)
        for run in there.search_runs([e.experiment_id], run_view_type=ViewType.ALL):
            old, new = whole(there, run.info.run_id), whole(here, run.info.run_id)
            assert old == new, {key: (old[key], new[key]) for key in old if old[key] != new[key]}
            assert here.get_run(run.info.run_id).info.experiment_id == twin.experiment_id


state = {}


@check
def the_source_is_filled_by_mlflow_itself():
    mlflow.set_tracking_uri(SOURCE)
    url = origin.start()
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url)
    state["experiment"] = client.create_experiment("imported", tags={"team": "ä/b"})
    mlflow.set_experiment("imported")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1, 0, 1, 0]})
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params({"lr": 0.1, "empty": "", "unicode": "naïve"})
        for step in (-3, 0, 7, 2**62):
            mlflow.log_metric("loss", step * 0.5, step=step)
        mlflow.log_metric("gone", float("nan"))
        mlflow.log_metric("huge", float("inf"))
        mlflow.log_input(mlflow.data.from_pandas(frame, name="frame"), context="training")
        mlflow.log_text("hello", "notes/a b.txt")
        mlflow.log_dict({"k": [1, 2]}, "conf.json")
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.set_tag("colour", "red")
        model = LogisticRegression().fit(frame[["a"]], frame["b"])
        logged = mlflow.sklearn.log_model(model, name="clf", input_example=frame[["a"]], registered_model_name="clf", pip_requirements=["scikit-learn"])
        mlflow.log_metric("accuracy", 0.75, model_id=logged.model_id)
        # A series that is longer than one request.
        client.log_batch(parent.info.run_id, [Metric("long", i / 7, 1_700_000_000_000 + i, i) for i in range(1000)])
    client.set_registered_model_alias("clf", "champion", 1)
    client.set_registered_model_tag("clf", "owner", "ann")
    client.update_model_version("clf", 1, "the first")
    client.transition_model_version_stage("clf", 1, "Staging")
    mlflow.genai.register_prompt("greet", "Hello {{name}}")
    dead = client.create_experiment("dead")
    client.create_run(dead)
    client.delete_experiment(dead)
    client.delete_run(child.info.run_id)
    state.update(parent=parent.info.run_id, model=logged.model_id, expected=model.predict(frame[["a"]]).tolist())
    state["frame"] = frame[["a"]]


@check
def everything_comes_over_with_its_ids_and_times():
    code, output = import_from(SOURCE)
    assert code == 0, output
    assert imported(output) == 3, output
    compare_runs()


@check
def artifacts_come_with_their_paths_and_bytes():
    here = MlflowClient(URL)
    there = MlflowClient(origin.url)
    assert files(there, state["parent"]) == files(here, state["parent"]), files(here, state["parent"])
    assert files(here, state["parent"])["notes/a b.txt"] == 5
    mlflow.set_tracking_uri(URL)
    assert mlflow.artifacts.load_text(f"runs:/{state['parent']}/notes/a b.txt") == "hello"


@check
def models_come_with_versions_aliases_stages_and_load():
    mlflow.set_tracking_uri(URL)
    here = MlflowClient(URL)
    version = here.get_model_version("clf", "1")
    assert version.description == "the first" and version.current_stage == "Staging", version
    assert here.get_registered_model("clf").tags["owner"] == "ann"
    assert here.get_model_version_by_alias("clf", "champion").version == "1"
    assert version.run_id == state["parent"]
    for uri in ("models:/clf@champion", f"models:/{state['model']}"):
        assert mlflow.sklearn.load_model(uri).predict(state["frame"]).tolist() == state["expected"], uri
    # MLflow keeps the NaN of a logged model as 0, the import does not.
    def metrics(client):
        found = client.get_logged_model(state["model"]).metrics
        return sorted((m.key, m.value, m.step, m.timestamp, m.run_id) for m in found if m.key != "gone")

    assert metrics(MlflowClient(SOURCE)) == metrics(here), metrics(here)
    assert mlflow.genai.load_prompt("prompts:/greet/1").template == "Hello {{name}}"


@check
def a_second_import_sends_nothing_twice_and_what_is_new_comes():
    code, output = import_from(SOURCE)
    assert code == 0 and imported(output) == 0, output
    there = MlflowClient(SOURCE)
    there.log_metric(state["parent"], "loss", 1.25, step=99)
    code, output = import_from(SOURCE)
    assert code == 0 and imported(output) == 1, output
    compare_runs()


@check
def a_running_server_can_be_imported_from():
    url = origin.url
    client = MlflowClient(url)
    run = client.create_run(state["experiment"], run_name="over http")
    client.log_batch(run.info.run_id, [Metric("long", float(np.sin(i)), 1_700_000_000_000 + i, i) for i in range(1000)])
    client.log_text(run.info.run_id, "over http", "deep/er/file.txt")
    client.set_terminated(run.info.run_id)
    code, output = import_from(url, "--experiment", "imported")
    assert code == 0, output
    compare_runs()
    mlflow.set_tracking_uri(URL)
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/deep/er/file.txt") == "over http"


@check
def missing_files_and_wrong_addresses_say_what_to_do():
    code, output = import_from("mysql://x/y")
    assert code != 0 and "hint:" in output and "running MLflow server" in output, output
    code, output = import_from(f"sqlite:///{FOLDER}/none.db")
    assert code != 0 and "does not exist" in output, output
    os.rename(ARTIFACTS, ARTIFACTS + ".away")
    MlflowClient(SOURCE).set_tag(state["parent"], "touched", "1")
    code, output = import_from(SOURCE)
    assert code != 0 and "missing" in output, output
    os.rename(ARTIFACTS + ".away", ARTIFACTS)
    code, output = import_from(SOURCE)
    assert code == 0, output


failed = run_checks()
origin.stop()
shutil.rmtree(FOLDER, ignore_errors=True)
sys.exit(1 if failed else 0)

"""The unmodified mlflow client against a server: python mlflow_client.py <server-url>

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. Expects a fresh server.
"""

import json
import logging
import math
import os
import sys
import tempfile
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
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from _checks import check, refused, run_checks  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.ERROR)

URL = sys.argv[1].rstrip("/")


mlflow.set_tracking_uri(URL)
client = MlflowClient()
state = {}


@check
def server_says_what_it_is():
    assert requests.get(f"{URL}/health").text == "OK"
    assert requests.get(f"{URL}/version").text == "3.17.2"
    assert requests.get(f"{URL}/api/3.0/mlflow/server-info").json()["store_type"] == "SqlStore"
    answer = requests.get(f"{URL}/api/2.0/mlflow/no-such-thing")
    assert answer.status_code == 404 and answer.json()["error_code"] == "ENDPOINT_NOT_FOUND", answer.text


@check
def default_experiment_is_there():
    default = client.get_experiment("0")
    assert default.name == "Default" and default.lifecycle_stage == "active"
    assert requests.get(f"{URL}/ajax-api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 200


@check
def experiments_live_and_die():
    number = client.create_experiment("lives", tags={"a": "1"})
    client.set_experiment_tag(number, "b", "2")
    assert client.get_experiment_by_name("lives").tags == {"a": "1", "b": "2"}
    client.delete_experiment_tag(number, "a")
    client.rename_experiment(number, "lived")
    refused("RESOURCE_ALREADY_EXISTS", "already exists", client.create_experiment, "lived")
    run = client.create_run(number)
    client.delete_experiment(number)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", "must be in the 'active' state", client.create_run, number)
    client.restore_experiment(number)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    found = client.search_experiments(filter_string="name = 'lived' AND tags.b = '2'")
    assert [e.experiment_id for e in found] == [number]
    assert client.get_experiment_by_name("nobody") is None
    refused("RESOURCE_DOES_NOT_EXIST", "No Experiment with id=99999", client.get_experiment, "99999")


@check
def fluent_api_logs_everything():
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"lr": 0.1, "solver": "lbfgs"})
        mlflow.log_metric("loss", 1.0, step=1)
        mlflow.log_metric("loss", 0.5, step=2)
        mlflow.log_metrics({"acc": 0.9, "nothing": float("nan"), "huge": float("inf")})
        mlflow.set_tags({"team": "blue", "note": ""})
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"x": 1}, "conf.json")
        data = mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2]}), name="train-data")
        mlflow.log_input(data, context="training")
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.log_metric("acc", 0.1)
    state["run"] = run.info.run_id
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED" and found.info.run_name == "first" and found.info.end_time
    assert found.data.params == {"depth": "3", "lr": "0.1", "solver": "lbfgs"}
    assert found.data.metrics["loss"] == 0.5 and math.isnan(found.data.metrics["nothing"])
    assert found.data.metrics["huge"] == sys.float_info.max
    assert found.data.tags["team"] == "blue" and found.data.tags["note"] == ""
    [entry] = found.inputs.dataset_inputs
    assert entry.dataset.name == "train-data" and entry.tags[0].value == "training"
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id


@check
def artifacts_go_up_and_down():
    run = state["run"]
    assert {f.path: f.is_dir for f in client.list_artifacts(run)} == {"notes": True, "conf.json": False}
    [note] = client.list_artifacts(run, "notes")
    assert note.path == "notes/a.txt" and note.file_size == 5
    with tempfile.TemporaryDirectory() as folder:
        big = os.path.join(folder, "big ü.bin")
        with open(big, "wb") as file:
            file.write(os.urandom(1 << 20) * 9)
        client.log_artifact(run, big, "nested/deep")
        there = client.download_artifacts(run, "nested/deep/big ü.bin", folder)
        with open(there, "rb") as one, open(big, "rb") as two:
            assert one.read() == two.read()
        copy = client.download_artifacts(run, "", folder)
        with open(os.path.join(copy, "notes/a.txt")) as file:
            assert file.read() == "hello"
    answer = requests.get(f"{URL}/get-artifact", {"run_id": run, "path": "notes/a.txt"})
    assert answer.text == "hello" and "attachment" in answer.headers["Content-Disposition"]
    base = f"{URL}/api/2.0/mlflow-artifacts/artifacts"
    for climbing in ["..%2f..%2fetc/passwd", "%2e%2e/x", "a/..%252f..%252fb"]:
        answer = requests.get(f"{base}/{climbing}")
        assert answer.status_code in (400, 404), f"{climbing}: {answer.status_code}"
    assert requests.put(f"{base}/a/..%2fb", data=b"x").status_code == 400
    assert requests.delete(f"{base}/{client.get_run(run).info.experiment_id}/{run}/artifacts/nested").status_code == 200
    assert "nested" not in {f.path for f in client.list_artifacts(run)}


@check
def parameters_do_not_change():
    run = state["run"]
    client.log_param(run, "depth", 3)
    refused("INVALID_PARAMETER_VALUE", "Changing param values is not allowed", client.log_param, run, "depth", 4)


@check
def batches_are_all_or_nothing():
    run = client.create_run("0")
    id = run.info.run_id
    client.log_batch(id, [Metric("m", 1.0, 10, 0)], [Param("p", "1")], [RunTag("t", "1")])
    refused(
        "INVALID_PARAMETER_VALUE", "Changing param values", client.log_batch,
        id, [Metric("m", 2.0, 20, 1)], [Param("p", "2"), Param("q", "1")], [RunTag("t", "2")],
    )
    data = client.get_run(id).data
    assert data.metrics == {"m": 1.0} and data.params == {"p": "1"} and data.tags["t"] == "1"
    many = [Metric("m", float(i), 100 + i, i) for i in range(1000)]
    client.log_batch(id, many)
    client.log_batch(id, many)
    assert len(client.get_metric_history(id, "m")) == 1001
    # The client splits what is too long; another client may not.
    metric = {"key": "m", "value": 1, "timestamp": 1}
    answer = requests.post(
        f"{URL}/api/2.0/mlflow/runs/log-batch", json={"run_id": id, "metrics": [metric] * 1001}
    )
    assert answer.status_code == 400 and "at most 1000 metrics" in answer.json()["message"], answer.text


@check
def latest_metric_is_by_step_then_time():
    id = client.create_run("0").info.run_id
    client.log_metric(id, "m", 1.0, timestamp=50, step=5)
    client.log_metric(id, "m", 2.0, timestamp=90, step=1)
    client.log_metric(id, "m", 3.0, timestamp=40, step=5)
    assert client.get_run(id).data.metrics["m"] == 1.0
    client.log_metric(id, "m", 4.0, timestamp=50, step=5)
    assert client.get_run(id).data.metrics["m"] == 4.0
    client.log_metric(id, "far", 1.0, timestamp=1, step=2**62)
    client.log_metric(id, "far", 2.0, timestamp=1, step=-3)
    assert [p.step for p in client.get_metric_history(id, "far")] == [-3, 2**62]
    answer = requests.get(
        f"{URL}/api/2.0/mlflow/metrics/get-history-bulk-interval",
        {"run_ids": [id], "metric_key": "m", "max_results": 2},
    ).json()
    assert len(answer["metrics"]) == 2, answer


@check
def runs_delete_restore_rename():
    id = client.create_run("0", tags={"k": "v"}).info.run_id
    client.update_run(id, name="renamed", status="KILLED")
    found = client.get_run(id)
    assert found.info.run_name == found.data.tags["mlflow.runName"] == "renamed" and found.info.status == "KILLED"
    client.set_tag(id, "mlflow.runName", "again")
    assert client.get_run(id).info.run_name == "again"
    client.delete_tag(id, "k")
    refused("RESOURCE_DOES_NOT_EXIST", "No tag with name: k", client.delete_tag, id, "k")
    client.delete_run(id)
    refused("INVALID_PARAMETER_VALUE", "must be in the 'active' state", client.log_metric, id, "m", 1)
    assert id in {r.info.run_id for r in client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)}
    client.restore_run(id)
    client.log_metric(id, "m", 1)
    refused("RESOURCE_DOES_NOT_EXIST", "Run with id=nothing not found", client.get_run, "nothing")


@check
def searches_filter_order_and_page():
    number = client.create_experiment("search")
    ids = []
    for i in range(5):
        run = client.create_run(number, start_time=1000 + i, tags={"parity": str(i % 2)}, run_name=f"run-{i}")
        ids.append(run.info.run_id)
        client.log_metric(run.info.run_id, "acc", i / 10)
        client.log_param(run.info.run_id, "a b", f"v{i}")
    client.log_metric(client.create_run(number, start_time=1).info.run_id, "acc", float("nan"))
    none = client.create_run(number, start_time=2).info.run_id

    def search(filter="", **more):
        return [ids.index(r.info.run_id) if r.info.run_id in ids else -1 for r in client.search_runs([number], filter, **more)]

    assert search("metrics.acc > 0.15") == [4, 3, 2]
    assert search("metrics.acc >= 0.1 and metric.`acc` < 3e-1", order_by=["metrics.acc ASC"]) == [1, 2]
    assert search("params.\"a b\" = 'v3'") == [3]
    assert search("params.`a b` LIKE 'v%' AND tags.parity = '1'") == [3, 1]
    assert search("tags.parity != '1'") == [4, 2, 0]
    assert search("tags.parity IS NULL") == [-1, -1]
    assert search("attributes.run_name ILIKE 'RUN-_'") == [4, 3, 2, 1, 0]
    assert search(f"run_id IN ('{ids[0]}', '{ids[2]}')") == [2, 0]
    assert search("attributes.start_time >= 1003") == [4, 3]
    assert search("attributes.status = 'RUNNING' and attr.start_time < 1001 and attributes.run_name LIKE 'run%'") == [0]
    descending = client.search_runs([number], order_by=["metrics.acc DESC"])
    assert [r.info.run_id for r in descending][:5] == ids[::-1] and descending[-1].info.run_id == none
    first = client.search_runs([number], max_results=3)
    second = client.search_runs([number], max_results=3, page_token=first.token)
    third = client.search_runs([number], max_results=3, page_token=second.token)
    assert [len(first), len(second), len(third)] == [3, 3, 1] and third.token is None
    for bad, text in [
        ("metrics.acc > 'x'", "Expected numeric value type for metric"),
        ("params.x = 3", "Expected a quoted string value"),
        ("nothing.x = 'y'", "Invalid entity type"),
        ("attributes.nothing = 'y'", "Invalid attribute key"),
        ("tags.a = 'x' OR tags.b = 'y'", "Invalid clause(s) in filter string"),
        ("metrics.acc LIKE 'x'", "Expected numeric value type for metric"),
        ("metrics.acc LIKE 5", "Invalid comparator"),
    ]:
        refused("INVALID_PARAMETER_VALUE", text, client.search_runs, [number], bad)
    frame = mlflow.search_runs(["0", number], order_by=["attributes.start_time DESC"])
    assert len(frame) >= 7 and "metrics.acc" in frame.columns


@check
def sklearn_model_is_logged_registered_and_loaded():
    x, y = np.random.default_rng(0).normal(size=(80, 3)), np.arange(80) % 2
    model = LogisticRegression().fit(x, y)
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    mlflow.set_experiment("models")
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit(frame, y), name="model", registered_model_name="clf", input_example=frame[:2]
        )
        mlflow.log_metric("acc", 0.7, model_id=info.model_id)
    logged = mlflow.get_logged_model(info.model_id)
    assert logged.status == "READY" and logged.source_run_id == run.info.run_id
    assert [m.value for m in logged.metrics] == [0.7]
    version = client.get_model_version("clf", "1")
    assert version.run_id == run.info.run_id and version.status == "READY"
    # The client's own class drops the model id, so look at the answer.
    answer = requests.get(f"{URL}/api/2.0/mlflow/model-versions/get", {"name": "clf", "version": "1"}).json()
    assert answer["model_version"]["model_id"] == info.model_id, answer
    client.set_registered_model_alias("clf", "champion", "1")
    loaded = mlflow.pyfunc.load_model("models:/clf@champion")
    assert (loaded.predict(frame) == LogisticRegression().fit(frame, y).predict(frame)).all()
    assert mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(frame).shape == (80,)
    assert mlflow.sklearn.load_model(info.model_uri).coef_.shape == model.coef_.shape
    [found] = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], filter_string="metrics.acc > 0.5", output_format="list"
    )
    assert found.model_id == info.model_id
    assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == info.model_id


@check
def onnx_model_is_logged_and_loaded():
    from skl2onnx import to_onnx

    x, y = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32), np.arange(80) % 2
    model = LogisticRegression().fit(x, y)
    graph = to_onnx(model, x[:1], options={"zipmap": False})
    with mlflow.start_run():
        info = mlflow.onnx.log_model(graph, name="model", registered_model_name="clf", input_example=x[:2])
    version = info.registered_model_version
    assert int(version) == 2, version
    client.set_registered_model_alias("clf", "champion", version)
    loaded = mlflow.pyfunc.load_model("models:/clf@champion")
    label = next(iter(loaded.predict(x).values()))
    assert (np.asarray(label).ravel() == model.predict(x)).all()
    answer = requests.get(f"{URL}/model-versions/get-artifact", {"name": "clf", "version": version, "path": "MLmodel"})
    assert "onnx" in answer.text, answer.text


@check
def registry_moves_aliases_stages_and_tags():
    assert client.get_model_version_by_alias("clf", "champion").version == "2"
    assert client.get_registered_model("clf").aliases == {"champion": "2"}
    client.delete_registered_model_alias("clf", "champion")
    refused("INVALID_PARAMETER_VALUE", "alias champion not found", client.get_model_version_by_alias, "clf", "champion")
    refused("INVALID_PARAMETER_VALUE", "is reserved", client.set_registered_model_alias, "clf", "latest", "1")
    refused("RESOURCE_DOES_NOT_EXIST", "not found", client.set_registered_model_alias, "clf", "champion", "77")
    client.transition_model_version_stage("clf", "1", "Production")
    client.transition_model_version_stage("clf", "2", "production", archive_existing_versions=True)
    assert client.get_model_version("clf", "1").current_stage == "Archived"
    assert [v.version for v in client.get_latest_versions("clf", ["Production"])] == ["2"]
    client.set_model_version_tag("clf", "1", "k", "v")
    client.set_registered_model_tag("clf", "team", "red")
    client.update_registered_model("clf", description="says")
    client.update_model_version("clf", "1", description="one")
    assert client.get_model_version("clf", "1").tags["k"] == "v"
    assert client.get_model_version("clf", "1").description == "one"
    assert client.get_registered_model("clf").description == "says"
    client.delete_model_version_tag("clf", "1", "k")
    client.delete_registered_model_tag("clf", "team")
    assert [v.version for v in client.search_model_versions("name = 'clf'", order_by=["version_number ASC"])] == ["1", "2"]
    assert [m.name for m in client.search_registered_models("name LIKE 'cl%'")] == ["clf"]
    refused("RESOURCE_ALREADY_EXISTS", "already exists", client.create_registered_model, "clf")
    refused("INVALID_PARAMETER_VALUE", "cannot contain", client.create_registered_model, "a/b")


@check
def versions_are_copied_and_deleted():
    copy = client.copy_model_version("models:/clf/1", "copied")
    assert copy.version == "1" and copy.source == "models:/clf/1"
    assert mlflow.pyfunc.load_model("models:/copied/1") is not None
    client.rename_registered_model("copied", "moved")
    assert client.get_model_version("moved", "1").name == "moved"
    client.delete_model_version("moved", "1")
    refused("RESOURCE_DOES_NOT_EXIST", "not found", client.get_model_version, "moved", "1")
    assert client.create_model_version("moved", "models:/clf/2").version == "2"
    client.delete_registered_model("moved")
    refused("RESOURCE_DOES_NOT_EXIST", "name=moved not found", client.get_registered_model, "moved")
    client.create_registered_model("moved")


@check
def sources_outside_are_refused():
    client.create_registered_model("safe")
    run = state["run"]
    for source in ["/etc", "file:///etc", "mlflow-artifacts:/../x", "mlflow-artifacts:/0/x", f"runs:/{run}/a"]:
        answer = requests.post(f"{URL}/api/2.0/mlflow/model-versions/create", json={"name": "safe", "source": source})
        assert answer.status_code == 400 and "Invalid model version source" in answer.text, (source, answer.text)


@check
def prompts_are_registered_and_hidden():
    mlflow.genai.register_prompt("greeting", "hello {{name}}")
    assert mlflow.genai.load_prompt("prompts:/greeting/1").format(name="you") == "hello you"
    assert "greeting" not in {m.name for m in client.search_registered_models()}
    assert "greeting" in {p.name for p in mlflow.genai.search_prompts()}


@check
def bad_requests_are_told_what_is_wrong():
    def post(path, body):
        answer = requests.post(f"{URL}/api/2.0/mlflow/{path}", **body)
        return answer.status_code, answer.json()

    status, body = post("experiments/create", {"json": {}})
    assert status == 400 and "Missing value for required parameter 'name'" in body["message"], body
    status, body = post("experiments/create", {"json": {"name": 12}})
    assert status == 400 and "Invalid value 12 for parameter 'name' supplied" in body["message"], body
    status, body = post("experiments/create", {"data": "{}", "headers": {"Content-Type": "text/plain"}})
    assert status == 400 and "Content-Type" in body["message"], body
    status, body = post("experiments/create", {"data": "{", "headers": {"Content-Type": "application/json"}})
    assert status == 400, body
    status, body = post("experiments/create", {"json": json.dumps({"name": "encoded twice"})})
    assert status == 200 and body["experiment_id"], body
    run = state["run"]
    status, body = post("runs/log-batch", {"json": {"run_id": run, "metrics": [{"key": "a", "value": 1}]}})
    assert status == 400 and "Missing value for required parameter 'metrics[0].timestamp'" in body["message"], body
    status, body = post("runs/log-metric", {"json": {"run_id": run, "key": "../x", "value": 1, "timestamp": 1}})
    assert status == 400 and "must not resolve to other names" in body["message"], body
    status, body = post("runs/search", {"json": {"experiment_ids": "0"}})
    assert status == 400, body


failed = run_checks()
sys.exit(1 if failed else 0)

"""Small graphs behind every door, asked by unmodified clients: python serving_graphs.py <server-url>

A scaler before a classifier, ensembles of classifiers and of regressors; each answer is compared with what onnxruntime and numpy
make of the same models.
"""

import os
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore")

from _checks import check, run_checks
from _serving import HOST, URL, close

import mlflow
import numpy as np
import onnxruntime
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

mlflow.set_tracking_uri(URL)
data = load_breast_cancer(as_frame=True)
frame = data.data.iloc[:, :8]
rows = frame.values.astype(np.float32)
scaler = StandardScaler().fit(rows)
scaled = scaler.transform(rows).astype(np.float32)
SESSIONS = {}


def register(name, fitted, sample, **options):
    onnx = to_onnx(fitted, sample[:1], target_opset={"": 18, "ai.onnx.ml": 3}, options=options)
    named = frame if sample is rows else None
    with mlflow.start_run():
        mlflow.onnx.log_model(onnx, name="model", registered_model_name=name, signature=named is not None and infer_signature(named) or None)
    SESSIONS[name] = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])


def says(name, x):
    return SESSIONS[name].run(None, {"X": x})


register("scale", scaler, rows)
register("clf-a", LogisticRegression().fit(scaled, data.target), scaled, zipmap=False)
register("clf-b", RandomForestClassifier(20, max_depth=4, random_state=0).fit(scaled, data.target), scaled, zipmap=False)
register("clf-c", LogisticRegression(C=1e-4).fit(scaled, data.target), scaled, zipmap=False)
register("raw-a", LinearRegression().fit(rows, data.target), rows)
register("raw-b", Ridge(1e5).fit(rows, data.target), rows)


def one(name):
    return {"model": name, "version": 1}


def put(endpoint, graph, **more):
    body = {"variants": [{"name": "graph", "graph": graph, **more}]}
    return requests.put(f"{URL}/api/v1/endpoints/{endpoint}", json=body)


def deployed(endpoint, graph):
    answer = put(endpoint, graph)
    assert answer.ok, answer.text


def infer(client, module, endpoint, outputs):
    given = module.InferInput("X", [4, 8], "FP32")
    given.set_data_from_numpy(rows[:4])
    answer = client.infer(endpoint, [given])
    return [answer.as_numpy(name) for name in outputs]


@check
def a_step_before_a_model_answers_as_both_do():
    deployed("chain", [one("scale"), one("clf-a")])
    (given,) = says("scale", rows[:4])
    label, probabilities = says("clf-a", given)
    for client, module in [(triton.InferenceServerClient(HOST), triton), (triton_grpc.InferenceServerClient(HOST), triton_grpc)]:
        found = infer(client, module, "chain", ["label", "probabilities"])
        assert np.array_equal(found[0], label) and np.array_equal(found[1], probabilities), found
    config = triton.InferenceServerClient(HOST).get_model_config("chain")
    assert config["platform"] == "ensemble", config


@check
def every_door_answers_for_a_graph():
    records = frame.iloc[:4].to_dict(orient="records")
    label = says("clf-a", says("scale", rows[:4])[0])[0].tolist()
    scored = requests.post(f"{URL}/endpoints/chain/invocations", json={"dataframe_records": records})
    assert [p["label"] for p in scored.json()["predictions"]] == label, scored.text
    served = requests.post(f"{URL}/v1/models/chain:predict", json={"instances": rows[:4].tolist()})
    assert "predictions" in served.json() and len(served.json()["predictions"]) == 4, served.text
    databricks = requests.post(f"{URL}/serving-endpoints/chain/invocations", json={"dataframe_records": records})
    assert databricks.json() == scored.json(), databricks.text
    cloud = requests.post(f"{URL}/v1/projects/p/locations/l/endpoints/chain:predict", json={"instances": records})
    assert len(cloud.json()["predictions"]) == 4, cloud.text
    native = requests.post(f"{URL}/api/v1/endpoints/chain/predict", json={"dataframe_records": records})
    assert native.json()["predictions"] == scored.json()["predictions"] and native.headers["x-mlwright-variant"] == "graph"


@check
def means_are_means_and_votes_are_votes():
    given = says("scale", rows[:4])[0]
    members = ["clf-a", "clf-b", "clf-c"]
    client = triton.InferenceServerClient(HOST)
    deployed("mean", [one("scale"), {"combine": "mean", "members": [one(m) for m in members]}])
    (found,) = infer(client, triton, "mean", ["probabilities"])
    close(found, np.mean([says(m, given)[1].astype(np.float64) for m in members], axis=0))
    weights = [1, 2, 5]
    deployed("weighted", [one("scale"), {"combine": "weighted", "members": [{**one(m), "weight": w} for m, w in zip(members, weights)]}])
    (found,) = infer(client, triton, "weighted", ["probabilities"])
    close(found, np.average([says(m, given)[1].astype(np.float64) for m in members], axis=0, weights=weights))
    deployed("vote", [one("scale"), {"combine": "vote", "members": [one(m) for m in members]}])
    (found,) = infer(client, triton, "vote", ["label"])
    votes = np.array([says(m, given)[0] for m in members])
    assert np.array_equal(found, (votes.sum(axis=0) >= 2).astype(votes.dtype)), (found, votes)
    deployed("regression", [{"combine": "mean", "members": [one("raw-a"), one("raw-b")]}])
    scored = requests.post(f"{URL}/endpoints/regression/invocations", json={"dataframe_records": frame.iloc[:4].to_dict(orient="records")})
    close(np.ravel(scored.json()["predictions"]), np.mean([says(m, rows[:4])[0].ravel() for m in ["raw-a", "raw-b"]], axis=0))


@check
def what_does_not_fit_is_refused_when_it_is_declared():
    for graph, text in [
        ([one("clf-a"), one("scale")], "step 2, scale 1: it takes `X` (float32 [any, 8])"),
        ([{"combine": "vote", "members": [one("raw-a"), one("raw-b")]}], "no output of labels in common"),
        ([{"combine": "mean", "members": [one("clf-a")]}], "2 to 16"),
        ([{"combine": "median", "members": [one("clf-a"), one("clf-b")]}], "a step is"),
        ([], "neither a model nor the steps"),
        ([one("nobody")], "nobody"),
    ]:
        answer = put("wrong", graph)
        assert 400 <= answer.status_code < 500 and text in answer.text, (graph, answer.status_code, answer.text)
    assert requests.get(f"{URL}/api/v1/endpoints/wrong").status_code == 404


@check
def a_graph_is_a_variant_like_any_other():
    endpoint = requests.get(f"{URL}/api/v1/endpoints/mean").json()
    (variant,) = endpoint["variants"]
    assert variant["runtime"] == "graph" and variant["awake"], variant
    assert [s.get("combine") for s in variant["graph"]] == [None, "mean"], variant
    # As it is shown it can be sent back, beside another.
    shown = {key: variant[key] for key in ["name", "model", "version", "weight", "labels", "shadow", "graph"]}
    raw = {"name": "plain", **one("raw-a"), "weight": 0}
    answer = requests.put(f"{URL}/api/v1/endpoints/mean", json={"variants": [shown, raw]})
    assert answer.ok, answer.text
    assert answer.json()["variants"][0]["graph"] == variant["graph"]
    node = answer.json()["uid"]
    lineage = requests.get(f"{URL}/api/v1/lineage", params={"kind": "endpoint_revision", "key": node, "depth": 1}).json()
    versions = [n for n in lineage["nodes"] if n["kind"] == "model_version"]
    assert len(versions) == 5, lineage


@check
def the_command_deploys_one_from_a_file():
    import json
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([one("scale"), one("clf-b")], file)
        file.flush()
        words = [os.environ["MLWRIGHT_BIN"], "--server", URL, "deploy", "from-file", "--graph", file.name]
        done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and "scale 1 → clf-b 1" in done.stdout, done.stdout + done.stderr


sys.exit(run_checks() != 0)

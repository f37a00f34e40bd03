"""The unmodified tritonclient[http] and MLflow's scoring client: python oip_client.py <server-url> [<endpoint>]

Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed. With an endpoint, only
what holds for any model is checked; without one, a scikit-learn classifier is logged with mlflow, deployed as `oip`,
and its predictions are compared with onnxruntime's on the same rows.
"""

import io
import json
import os
import sys
import traceback
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import numpy as np  # noqa: E402
import requests  # noqa: E402
import tritonclient.http as triton  # noqa: E402
from tritonclient.utils import InferenceServerException  # noqa: E402

URL = sys.argv[1].rstrip("/")
HOST = URL.split("://", 1)[1]
GIVEN = sys.argv[2] if len(sys.argv) > 2 else None
ENDPOINT = GIVEN or "oip"
CHECKS = []
state = {}


def check(function):
    CHECKS.append((function.__name__.replace("_", " "), function))
    return function


def own_model(function):
    return function if GIVEN else check(function)


def refused(status, text, function):
    try:
        function()
    except InferenceServerException as error:
        assert error.status() == str(status), f"{error.status()}: {error.message()}"
        assert text in error.message(), f"{text!r} is not in {error.message()!r}"
        return
    raise AssertionError(f"not refused: expected {status}")


def matrix(rows, datatype="FP32", binary=True, name="X"):
    value = triton.InferInput(name, list(rows.shape), datatype)
    value.set_data_from_numpy(rows, binary_data=binary)
    return value


def invoke(body, content="application/json", path="/invocations", **headers):
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return requests.post(URL + path, data=data, headers={"content-type": content, **headers})


client = triton.InferenceServerClient(HOST)


@own_model
def a_model_is_logged_registered_and_deployed():
    import mlflow
    import onnxruntime
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :8]
    model = make_pipeline(StandardScaler(), LogisticRegression(random_state=0)).fit(frame.values, data.target)
    rows = frame.values.astype(np.float32)
    onnx = to_onnx(model, rows[:1], options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3})
    mlflow.set_tracking_uri(URL)
    with mlflow.start_run():
        mlflow.onnx.log_model(
            onnx, name="model", signature=infer_signature(frame), registered_model_name="oip-cancer"
        )
    wish = {"variants": [{"model": "oip-cancer", "version": 1, "weight": 1.0}]}
    answer = requests.put(f"{URL}/api/v1/endpoints/{ENDPOINT}", json=wish)
    assert answer.ok, answer.text
    session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
    label, probabilities = session.run(None, {"X": rows})
    state.update(frame=frame, rows=rows, label=label, probabilities=probabilities)


@check
def server_and_model_are_ready():
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(ENDPOINT)
    assert not client.is_model_ready("no-such-model")
    metadata = client.get_server_metadata()
    assert metadata["name"] == "mlwright" and "binary_tensor_data" in metadata["extensions"], metadata


@check
def model_metadata_config_index_and_statistics_are_read():
    metadata = client.get_model_metadata(ENDPOINT)
    assert metadata["name"] == ENDPOINT and metadata["inputs"] and metadata["outputs"], metadata
    version = metadata["versions"][0]
    assert client.is_model_ready(ENDPOINT, version)
    assert client.get_model_metadata(ENDPOINT, version)["inputs"] == metadata["inputs"]
    config = client.get_model_config(ENDPOINT)
    assert len(config["input"]) == len(metadata["inputs"]), config
    index = client.get_model_repository_index()
    assert any(m["name"] == ENDPOINT and m["state"] == "READY" for m in index), index
    assert client.get_inference_statistics(ENDPOINT)["model_stats"][0]["name"] == ENDPOINT


@check
def unknown_model_is_404_in_tritons_words():
    refused(404, "Request for unknown model: 'nope' is not found", lambda: client.get_model_metadata("nope"))
    refused(404, "version 999", lambda: client.get_model_metadata(ENDPOINT, "999"))


@own_model
def binary_tensors_give_what_onnxruntime_gives():
    answer = client.infer(ENDPOINT, [matrix(state["rows"])], request_id="request-1")
    assert answer.get_response()["id"] == "request-1"
    assert answer.get_response()["model_name"] == ENDPOINT
    np.testing.assert_array_equal(answer.as_numpy("label"), state["label"])
    np.testing.assert_allclose(answer.as_numpy("probabilities"), state["probabilities"], rtol=1e-6)
    ids = answer.get_response()["parameters"]["prediction_ids"].split(",")
    assert len(set(ids)) == len(state["rows"]), len(ids)
    state["id"] = ids[3]


@own_model
def json_tensors_and_chosen_outputs_give_the_same():
    wanted = [triton.InferRequestedOutput("probabilities", binary_data=False)]
    answer = client.infer(ENDPOINT, [matrix(state["rows"][:5], binary=False)], outputs=wanted)
    assert [o["name"] for o in answer.get_response()["outputs"]] == ["probabilities"]
    np.testing.assert_allclose(answer.as_numpy("probabilities"), state["probabilities"][:5], rtol=1e-6)
    mixed = [
        triton.InferRequestedOutput("label", binary_data=True),
        triton.InferRequestedOutput("probabilities", binary_data=False),
    ]
    answer = client.infer(ENDPOINT, [matrix(state["rows"][:5])], outputs=mixed, model_version="1")
    np.testing.assert_array_equal(answer.as_numpy("label"), state["label"][:5])
    np.testing.assert_allclose(answer.as_numpy("probabilities"), state["probabilities"][:5], rtol=1e-6)


@own_model
def nested_data_compression_and_nan_are_taken():
    rows = state["rows"][:2].tolist()
    body = {"inputs": [{"name": "X", "shape": [2, 8], "datatype": "FP32", "data": rows}]}
    answer = requests.post(f"{URL}/v2/models/{ENDPOINT}/infer", json=body)
    assert answer.status_code == 200 and answer.json()["outputs"][0]["data"] == state["label"][:2].tolist()
    zipped = client.infer(ENDPOINT, [matrix(state["rows"])], request_compression_algorithm="gzip")
    np.testing.assert_array_equal(zipped.as_numpy("label"), state["label"])
    rows[0][0] = float("nan")
    body["inputs"][0]["data"] = rows
    answer = requests.post(f"{URL}/v2/models/{ENDPOINT}/infer", data=json.dumps(body))
    assert answer.status_code == 200, answer.text
    assert np.isnan(answer.json()["outputs"][1]["data"][0]), answer.text


@own_model
def many_requests_at_once_are_answered():
    many = triton.InferenceServerClient(HOST, concurrency=8)
    waiting = [many.async_infer(ENDPOINT, [matrix(state["rows"][i : i + 1])]) for i in range(400)]
    labels = [w.get_result().as_numpy("label")[0] for w in waiting]
    np.testing.assert_array_equal(labels, state["label"][:400])
    many.close()


@own_model
def wrong_requests_are_refused_by_name():
    rows = state["rows"][:2]
    infer = lambda value, **kw: lambda: client.infer(ENDPOINT, [value], **kw)  # noqa: E731
    refused(400, "input `X` has type float64", infer(matrix(rows.astype(np.float64), "FP64")))
    refused(400, "has shape [2, 7]", infer(matrix(np.ascontiguousarray(rows[:, :7]))))
    refused(400, "unknown input `Y`", infer(matrix(rows, name="Y")))
    refused(400, "unknown output `margin`", infer(matrix(rows), outputs=[triton.InferRequestedOutput("margin")]))
    refused(404, "unknown model", lambda: client.infer("nope", [matrix(rows)]))
    for body in ["", "{", "[]", "{}", '{"inputs": 3}', '{"inputs": [{}]}', '{"inputs": [{"name": "X"}]}']:
        answer = requests.post(f"{URL}/v2/models/{ENDPOINT}/infer", data=body)
        assert answer.status_code == 400 and answer.json()["error"], (body, answer.status_code, answer.text)
    cut = {"inference-header-content-length": "9999"}
    assert requests.post(f"{URL}/v2/models/{ENDPOINT}/infer", data="{}", headers=cut).status_code == 400
    many = np.zeros((100_001, 8), np.float32)
    refused(413, "100001 rows in one request", infer(matrix(many)))


@own_model
def mlflow_scoring_client_predicts():
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    class At(ScoringServerClient):
        def __init__(self):
            self.url_prefix = URL

    frame = state["frame"].iloc[:20]
    predictions = At().invoke(frame).get_predictions()
    np.testing.assert_array_equal(predictions["label"], state["label"][:20])
    np.testing.assert_allclose(np.stack(predictions["probabilities"]), state["probabilities"][:20], rtol=1e-6)


@own_model
def every_scoring_format_gives_the_same():
    frame = state["frame"].iloc[:3]
    columns = list(frame.columns)
    shuffled = frame[columns[::-1]].assign(extra=1)
    bodies = {
        "split": {"dataframe_split": json.loads(shuffled.to_json(orient="split"))},
        "records": {"dataframe_records": json.loads(shuffled.to_json(orient="records"))},
        "instances": {"instances": json.loads(frame.to_json(orient="records"))},
        "inputs": {"inputs": frame.to_dict(orient="list")},
    }
    answers = {k: invoke(v) for k, v in bodies.items()}
    answers["csv"] = invoke(shuffled.to_csv(index=False), "text/csv; charset=utf-8")
    buffer = io.BytesIO()
    shuffled.to_parquet(buffer)
    answers["parquet"] = invoke(buffer.getvalue(), "application/vnd.apache.parquet")
    answers["named"] = invoke(bodies["split"], path=f"/endpoints/{ENDPOINT}/invocations")
    for form, answer in answers.items():
        assert answer.status_code == 200, (form, answer.text)
        predictions = answer.json()["predictions"]
        assert [p["label"] for p in predictions] == state["label"][:3].tolist(), (form, predictions)
        got = np.array([p["probabilities"] for p in predictions])
        np.testing.assert_allclose(got, state["probabilities"][:3], rtol=1e-6, err_msg=form)
        assert len(answer.headers["x-mlwright-prediction-ids"].split(",")) == 3
    assert requests.get(f"{URL}/ping").text == "\n"


@own_model
def scoring_errors_are_mlflows():
    frame = state["frame"].iloc[:2]
    split = json.loads(frame.to_json(orient="split"))

    def error(body, content="application/json", status=400):
        answer = invoke(body, content)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer.json()["message"] if status == 400 else answer.text

    assert "exactly one of the input fields" in error({})
    assert "exactly one of the input fields" in error({"dataframe_split": split, "instances": []})
    assert "Received a list" in error([])
    assert "valid JSON formatted string" in error("{")
    assert "must be a dictionary. Got list" in error({"dataframe_split": []})
    assert "must be a list of records. Got dictionary" in error({"dataframe_records": {}})
    assert "'data' field" in error({"dataframe_split": {"columns": []}})
    missing = json.loads(frame.drop(columns=["mean area"]).assign(other=1).to_json(orient="split"))
    message = error({"dataframe_split": missing})
    assert "Model is missing inputs ['mean area']" in message and "extra inputs: ['other']" in message, message
    text = json.loads(frame.assign(**{"mean area": "x"}).to_json(orient="split"))
    assert "Failed to convert column mean area to type 'double'" in error({"dataframe_split": text})
    # pandas fills a row that is shorter than the others, and refuses rows that all are.
    short = dict(split, data=[row[:3] for row in split["data"]])
    message = error({"dataframe_split": short})
    assert "8 columns passed, passed data had 3 columns" in message, message
    assert "no rows" in error({"dataframe_split": dict(split, data=[])})
    assert "only supports the following content types" in error("x", "text/plain", 415)
    assert "only supports UTF-8" in error("{}", "application/json; charset=latin-1", 415)
    assert "Unrecognized content type parameters: format" in error("{}", "application/json; format=x", 415)


@own_model
def a_prediction_is_found_by_its_id():
    answer = requests.get(f"{URL}/api/v1/predictions/{state['id']}")
    assert answer.ok, answer.text
    found = answer.json()
    assert found["endpoint"] == ENDPOINT, found
    assert np.isclose(found["inputs"]["mean radius"], state["rows"][3][0]), found


def main():
    failed = 0
    for name, function in CHECKS:
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:  # noqa: BLE001
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

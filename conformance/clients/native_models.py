"""Native models end to end: python native_models.py <server-url>

Registers the MLmodel directories of `conformance/native/models` as MLflow's client does, deploys each, and compares what
`/invocations` and the Open Inference Protocol answer with what the libraries answered (`expected.json`). Prints `ok` or
`not ok` for each check and exits non-zero if any failed.
"""

import json
import os
import sys
import traceback
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import requests  # noqa: E402

URL = sys.argv[1].rstrip("/")
MODELS = Path(__file__).resolve().parent.parent / "native" / "models"
NAMES = sorted(path.name for path in MODELS.iterdir())
# A linear model in single precision: BLAS adds in an order of its own.
TOLERANCE = {"sk_scaler_logreg": 1e-6}


def expected(name):
    return json.loads((MODELS / name / "expected.json").read_text())


def deploy(name):
    client = mlflow.MlflowClient(URL)
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(MODELS / name), "model")
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id).version
    wish = {"variants": [{"model": name, "version": int(version), "weight": 1.0}]}
    answer = requests.put(f"{URL}/api/v1/endpoints/{name}", json=wish)
    assert answer.ok, answer.text


def same(actual, wanted, name, dtype=np.float64):
    actual, wanted = (np.asarray(v, dtype=dtype).astype(np.float64).ravel() for v in (actual, wanted))
    assert actual.shape == wanted.shape, (actual.shape, wanted.shape)
    limit = TOLERANCE.get(name, 1e-15)
    assert np.all(np.abs(actual - wanted) <= limit * np.maximum(np.abs(wanted), 1)), np.abs(actual - wanted).max()


def invocations(name):
    about = expected(name)
    body = {"dataframe_split": {"columns": about["columns"], "data": about["rows"]}}
    answer = requests.post(f"{URL}/endpoints/{name}/invocations", json=body)
    assert answer.ok, answer.text
    # Bare, as pyfunc's array is: no names of outputs.
    predictions = answer.json()["predictions"]
    assert np.shape(predictions) == tuple(about["pyfunc_predict"]["shape"]), answer.text[:300]
    same(predictions, about["pyfunc_predict"]["data"], name)


def records(name):
    about = expected(name)
    rows = [dict(zip(about["columns"], row)) for row in about["rows"][:4]]
    answer = requests.post(f"{URL}/endpoints/{name}/invocations", json={"dataframe_records": rows})
    assert answer.ok, answer.text
    width = int(np.prod(about["pyfunc_predict"]["shape"][1:]))
    same(answer.json()["predictions"], about["pyfunc_predict"]["data"][: 4 * width], name)


def every_output(name):
    about = expected(name)
    metadata = requests.get(f"{URL}/v2/models/{name}").json()
    spec = metadata["inputs"][0]
    rows = np.array(about["rows"], dtype=np.float64)
    data = [None if v != v else v for v in rows.ravel().tolist()]
    if None in data:  # JSON tensors hold no missing values
        rows = rows[:12]
        data = rows.ravel().tolist()
    wanted = [output["name"] for output in metadata["outputs"]]
    assert set(wanted) <= set(about) and len(wanted) >= 2, wanted
    for output in wanted:
        body = {
            "inputs": [{"name": spec["name"], "shape": list(rows.shape), "datatype": spec["datatype"], "data": data}],
            "outputs": [{"name": output}],
        }
        answer = requests.post(f"{URL}/v2/models/{name}/infer", json=body)
        assert answer.ok, answer.text
        outputs = answer.json()["outputs"]
        assert [o["name"] for o in outputs] == [output], outputs
        width = int(np.prod(about[output]["shape"][1:]))
        # The shortest text of a single is not that of the double.
        dtype = np.float32 if outputs[0]["datatype"] == "FP32" else np.float64
        same(outputs[0]["data"], about[output]["data"][: len(rows) * width], name, dtype)


def main():
    mlflow.set_tracking_uri(URL)
    failed = 0
    for name in NAMES:
        for step in (deploy, invocations, records, every_output):
            what = f"{name}: {step.__name__.replace('_', ' ')}"
            try:
                step(name)
                print(f"ok {what}", flush=True)
            except Exception as error:
                failed += 1
                print(f"not ok {what}: {type(error).__name__}: {error}", flush=True)
                traceback.print_exc()
                if step is deploy:
                    break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

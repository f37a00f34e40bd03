"""Models that need Python, in their sandbox, whole and in parts, with an unmodified mlflow client: python packages_models.py <url>

The server runs with `workers.python` set to this Python.
"""

import json
import os
import shutil
import socket
import sys
import time

from _checks import check, run_checks
from _images import Contained, has_runc, of_images
from _packages import PACKAGES, SCRATCH, URL, fitted, frame, log, made, mlflow, signature
from _serving import put

import pandas as pd
import requests


class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if model_input["x"].iloc[0] == 13:
            raise ValueError("thirteen is refused")
        if model_input["x"].iloc[0] == 99:
            os._exit(7)
        return model_input["x"] * 2


class Teller(mlflow.pyfunc.PythonModel):
    """Words, as many as it is asked for; for ever if that is below 0."""

    def count(self, model_input):
        found = model_input["count"]
        return int(found.iloc[0] if hasattr(found, "iloc") else found)

    def predict(self, context, model_input, params=None):
        return [" ".join(f"word{i}" for i in range(self.count(model_input)))]

    def predict_stream(self, context, model_input, params=None):
        wanted, at = self.count(model_input), 0
        while wanted < 0 or at < wanted:
            yield f"word{at} "
            at += 1
        if wanted == 7:
            raise ValueError("seven is one too many")


class Burglar:
    """Opens a socket, writes beside the model, reads what it should not: when it is unpickled."""

    def __init__(self, port, target):
        self.port, self.target = port, target

    def __reduce__(self):
        code = (
            "__import__('builtins').exec("
            "\"import socket\\n"
            f"try: socket.create_connection(('127.0.0.1', {self.port}), 1)\\n"
            "except OSError: pass\\n"
            f"try: open({self.target!r}, 'w').write('got out')\\n"
            "except OSError: pass\\n\")"
        )
        return (eval, (f"[{code}, __import__('sklearn.dummy').dummy.DummyRegressor(strategy='constant', constant=1.0).fit([[0]], [1.0])][1]",))


log(mlflow.pyfunc, python_model=Doubler(), registered_model_name="doubler",
    input_example=pd.DataFrame({"x": [1.0, 2.0]}))
log(mlflow.pyfunc, python_model=Teller(), registered_model_name="teller", input_example=pd.DataFrame({"count": [2]}))


@check
def the_server_says_how_safely_python_models_run():
    python = requests.get(f"{URL}/api/v1/runtimes").json()["python"]
    assert python["available"], python
    assert python["sandboxed"] or python["allow_unsandboxed"], python


@check
def a_pyfunc_of_ones_own_is_served_by_its_python():
    put("doubler", [{"model": "doubler", "version": 1}])
    answer = requests.post(f"{URL}/serving-endpoints/doubler/invocations", json={"dataframe_records": [{"x": 3.5}, {"x": 4.0}]})
    assert answer.json()["predictions"] == [7.0, 8.0], answer.text


def events(path, body):
    """The events of an answer in parts; the response is closed with them."""
    with requests.post(f"{URL}{path}", json=body, stream=True, timeout=60) as answer:
        assert answer.ok, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream"), answer.headers
        for line in answer.iter_lines():
            if line:
                assert line.startswith(b"data: "), line
                yield line[6:].decode()


@check
def a_model_that_yields_answers_in_parts():
    put("teller", [{"model": "teller", "version": 1}])
    rows = {"dataframe_records": [{"count": 3}]}
    words = ['"word0 "', '"word1 "', '"word2 "', "[DONE]"]
    for path in ["/serving-endpoints/teller/invocations", "/endpoints/teller/invocations", "/api/v1/endpoints/teller/predict"]:
        assert list(events(path, {**rows, "stream": True})) == words, path
    whole = requests.post(f"{URL}/serving-endpoints/teller/invocations", json=rows)
    assert whole.json()["predictions"] == ["word0 word1 word2"], whole.text
    parts = [json.loads(e) for e in events("/v2/models/teller/generate_stream", {"count": 2})]
    assert [p["model_name"] for p in parts] == ["teller"] * 2, parts
    assert "".join(next(v for k, v in p.items() if not k.startswith("model_")) for p in parts) == "word0 word1 ", parts
    # A model without parts gives its answer as one.
    single = list(events("/serving-endpoints/doubler/invocations", {"dataframe_records": [{"x": 2.0}], "stream": True}))
    assert single == ['{"predictions":[4.0]}', "[DONE]"], single
    wrong = requests.post(f"{URL}/serving-endpoints/teller/invocations", json={"dataframe_records": [{"count": 1}] * 2, "stream": True})
    assert wrong.status_code == 400 and "2 rows" in wrong.text, wrong.text


@check
def mlflows_and_amazons_clients_read_parts():
    os.environ["DATABRICKS_HOST"] = URL
    os.environ["DATABRICKS_USERNAME"], os.environ["DATABRICKS_PASSWORD"] = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    from mlflow.deployments import get_deploy_client

    rows = {"dataframe_records": [{"count": 3}]}
    client = get_deploy_client("databricks")
    assert list(client.predict_stream(endpoint="teller", inputs=rows)) == ["word0 ", "word1 ", "word2 "]
    import boto3

    runtime = boto3.client("sagemaker-runtime", endpoint_url=URL, region_name="us-east-1")
    answer = runtime.invoke_endpoint_with_response_stream(EndpointName="teller", ContentType="application/json", Body=json.dumps(rows))
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert [json.loads(p) for p in parts] == ["word0 ", "word1 ", "word2 "], parts


@check
def a_reader_that_leaves_ends_the_work_and_a_failure_is_the_last_part():
    path = "/serving-endpoints/teller/invocations"
    for _ in range(3):
        endless = events(path, {"dataframe_records": [{"count": -1}], "stream": True})
        assert [next(endless) for _ in range(3)] == ['"word0 "', '"word1 "', '"word2 "']
        endless.close()
    failed = list(events(path, {"dataframe_records": [{"count": 7}], "stream": True}))
    assert len(failed) == 8 and "seven is one too many" in failed[-1], failed
    answer = requests.post(f"{URL}{path}", json={"dataframe_records": [{"count": 1}], "stream": True}, timeout=60)
    found = requests.get(f"{URL}/api/v1/predictions/{answer.headers['x-mlwright-prediction-ids']}").json()
    assert found["outputs"] == {"answer": "word0 "}, found


@check
def a_model_that_raises_or_dies_fails_its_own_request():
    url = f"{URL}/serving-endpoints/doubler/invocations"
    refused = requests.post(url, json={"dataframe_records": [{"x": 13.0}]})
    assert refused.status_code >= 400 and "thirteen is refused" in refused.text, refused.text
    dead = requests.post(url, json={"dataframe_records": [{"x": 99.0}]})
    assert dead.status_code >= 400, dead.text
    until = time.time() + 60
    while True:
        answer = requests.post(url, json={"dataframe_records": [{"x": 1.0}]})
        if answer.ok:
            break
        assert time.time() < until, answer.text
        time.sleep(0.2)
    assert answer.json()["predictions"] == [2.0]


@check
def a_pickle_that_breaks_in_gets_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        target = os.path.join(SCRATCH, "got-out")
        import cloudpickle

        folder = os.path.join(SCRATCH, "burglar")
        mlflow.sklearn.save_model(fitted, folder, signature=signature, serialization_format="cloudpickle", pip_requirements=PACKAGES)
        with open(os.path.join(folder, "model.pkl"), "wb") as file:
            cloudpickle.dump(Burglar(listener.getsockname()[1], target), file)
        with mlflow.start_run() as run:
            mlflow.log_artifacts(folder, "burglar")
        client = mlflow.MlflowClient()
        client.create_registered_model("burglar")
        client.create_model_version("burglar", f"runs:/{run.info.run_id}/burglar", run.info.run_id)
        answer = requests.put(f"{URL}/api/v1/endpoints/burglar", json={"variants": [{"model": "burglar", "version": 1}]})
        asked = requests.post(f"{URL}/serving-endpoints/burglar/invocations", json={"dataframe_split": json.loads(frame.head(2).to_json(orient="split"))})
        assert not answer.ok or asked.json()["predictions"] == [1.0, 1.0], asked.text
        try:
            listener.accept()
            raise AssertionError("it connected")
        except TimeoutError:
            pass
        assert not os.path.exists(target), "it wrote a file"


@of_images
def an_image_takes_its_python_along():
    image = os.path.join(SCRATCH, "doubler")
    said = made("package", "models:/doubler/1", "--oci", "--python", sys.executable, "-o", image)
    assert "packages of Python" in said, said
    if not has_runc():
        return print("# no runc here")
    with Contained(image, seconds=240) as contained:
        answer = requests.post(f"{contained.url}/invocations", json={"dataframe_records": [{"x": 2.5}, {"x": -1.0}]})
        assert answer.json()["predictions"] == [5.0, -2.0], answer.text
        refused = requests.post(f"{contained.url}/invocations", json={"dataframe_records": [{"x": 13.0}]})
        assert not refused.ok and "thirteen is refused" in refused.text, refused.text
    shutil.rmtree(image)


failed = run_checks()
shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(failed != 0)

"""Params of a model's signature, held against MLflow's own scoring server and asked by each client that knows them:
python serving_params.py <url>

`mlflow.pyfunc.scoring_server.invocations` of the unmodified package answers each body in this process, the server answers it over
HTTP: both give the same predictions, or both refuse with the same words. A part of the bodies is made at random (`SEED` repeats a
run).
"""

import json
import os
import queue
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from _checks import check, run_checks
from _packages import PROGRAM, log, made
from _serving import HOST, URL, put

import mlflow
import numpy as np
import pandas as pd
import requests
from mlflow.models import ModelSignature, infer_signature
from mlflow.pyfunc.scoring_server import invocations
from mlflow.types.schema import Array, AnyType, DataType, Map, Object, ParamSchema, ParamSpec, Property
from sklearn.linear_model import LinearRegression

SCRATCH = tempfile.mkdtemp(prefix="mlwright-params-")
SEED = int(os.environ.get("SEED", random.randrange(10**6)))
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


class Echo(mlflow.pyfunc.PythonModel):
    """Says what it was told, once a row."""

    def said(self, params):
        import json

        return json.dumps(params, default=lambda value: f"{type(value).__name__} {value}", sort_keys=True)

    def predict(self, context, model_input, params=None):
        return [self.said(params)] * len(model_input)

    def predict_stream(self, context, model_input, params=None):
        for name in sorted(params):
            yield self.said({name: params[name]})


class Counter(mlflow.pyfunc.PythonModel):
    """Never says the same twice, and how many rows came together."""

    def predict(self, context, model_input, params=None):
        import time

        time.sleep(0.01)
        self.calls = getattr(self, "calls", 0) + 1
        return pd.DataFrame({
            "calls": [self.calls] * len(model_input), "by": [params["by"]] * len(model_input),
            "x": model_input["x"] * params["by"], "rows": [len(model_input)] * len(model_input),
        })


class Strict(mlflow.pyfunc.PythonModel):
    """Fails unless it is told one thing, or nothing."""

    def predict(self, context, model_input, params=None):
        if params["mode"] not in ("watched", "it's"):
            raise ValueError(params["mode"])
        return [params["mode"]] * len(model_input)


options = Object([
    Property("depth", DataType.long), Property("stop", Array(DataType.string)), Property("bias", Map(DataType.double), required=False),
    Property("inner", Object([Property("on", DataType.boolean), Property("why", DataType.string, required=False)])), Property("rest", AnyType(), required=False),
])
usual = {"depth": 1, "stop": ["x"], "inner": {"on": True}}
declared = ParamSchema([
    ParamSpec("temperature", DataType.double, 0.5), ParamSpec("top_k", DataType.long, 3), ParamSpec("seed", DataType.integer, 7),
    ParamSpec("ratio", DataType.float, 1.0), ParamSpec("mode", DataType.string, "it's"), ParamSpec("verbose", DataType.boolean, False),
    ParamSpec("since", DataType.datetime, "2024-01-01T10:00:00"), ParamSpec("stop", DataType.string, ["x"], (-1,)),
    ParamSpec("weights", DataType.double, [1, 2.5], (-1,)), ParamSpec("days", DataType.datetime, ["2024-01-01"], (-1,)),
    ParamSpec("options", options, usual), ParamSpec("prompt", DataType.string, None),
])
train = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 1.0, 0.0]})
fitted = LinearRegression().fit(train, [1.0, 2.0, 3.5])
inferred = infer_signature(train, np.array([1.0]), params={"temperature": 0.5, "stop": ["x"]})
signature = ModelSignature(inputs=inferred.inputs, outputs=inferred.outputs, params=declared)
by = infer_signature(train[["x"]], params={"by": 1.0})

LOGGED = {
    "echo": (mlflow.pyfunc, dict(python_model=Echo(), signature=signature)),
    "counter": (mlflow.pyfunc, dict(python_model=Counter(), signature=by, input_example=train[["x"]])),
    "linear": (mlflow.sklearn, dict(sk_model=fitted, signature=inferred, serialization_format="skops")),
}
references = {}
for name, (flavor, kept) in LOGGED.items():
    log(flavor, registered_model_name=name, **kept)
    put(name, [{"model": name, "version": 1}])
    folder = os.path.join(SCRATCH, name)
    flavor.save_model(path=folder, pip_requirements=["scikit-learn"], **kept)
    references[name] = mlflow.pyfunc.load_model(folder)

split = json.loads(train.head(2).to_json(orient="split"))
records = train.head(2).to_dict(orient="records")
DEFAULTS = json.loads(references["echo"].predict(train.head(1))[0])


def of_mlflow(name, body):
    """Status, and the predictions or the message without the data that it begins with."""
    model = references[name]
    text = body if isinstance(body, str) else json.dumps(body)
    try:
        said = invocations(text, "application/json", model, model.metadata.get_input_schema())
    except mlflow.exceptions.MlflowException as error:
        return error.get_http_status_code(), error.message.split("\nError: ")[-1]
    except Exception as error:
        return 500, repr(error)
    return said.status, json.loads(said.response)["predictions"]


def asked(name, body, path="/serving-endpoints/{}/invocations"):
    data = body if isinstance(body, str) else json.dumps(body)
    return requests.post(URL + path.format(name), data=data.encode(), headers={"Content-Type": "application/json"}, timeout=60)


def of_server(name, body):
    said = asked(name, body)
    return said.status_code, said.json()["predictions"] if said.ok else said.json()["message"]


def compare(name, body):
    theirs, ours = of_mlflow(name, body), of_server(name, body)
    told = f"{str(body)[:300]}\n  MLflow: {str(theirs)[:400]}\n  here:   {str(ours)[:400]}"
    assert ours[0] < 500 and (theirs[0] == 200) == (ours[0] == 200), told
    if ours[0] == 200:
        assert theirs[1] == ours[1], told
    elif "Invalid parameters" in theirs[1]:
        # Sets of several print in any order there.
        assert sorted(theirs[1]) == sorted(ours[1]) and ours[0] == theirs[0] == 400, told
    return ours


PARAMS = {
    "null": None, "none": {}, "a list": [], "a text": "x", "false": False, "a number": 7,
    "one": {"temperature": 0.9}, "several": {"temperature": 0.9, "top_k": 1, "mode": "beam", "verbose": True},
    "nobody knows it": {"nobody": 1}, "nobody knows one of them": {"nobody": [1], "top_k": 2},
    "a whole number for a float": {"temperature": 1, "ratio": 2}, "a float for a whole number": {"top_k": 1.0}, "a large one": {"seed": 2**40},
    "a text for a number": {"temperature": "hot"}, "a number for a text": {"mode": 1}, "a small float for a text": {"mode": 1e-5},
    "a large float for a text": {"mode": 1e16}, "a number for a boolean": {"verbose": 1}, "a text for a boolean": {"verbose": "true"},
    "a boolean for a number": {"temperature": True}, "a boolean for a whole number": {"top_k": True}, "quotes": {"temperature": "it's \"so\""},
    "nulls": {"temperature": None, "top_k": None, "mode": None, "verbose": None, "since": None},
    "a list for a number": {"temperature": [1]}, "an object for a number": {"temperature": {"a": [None, True]}}, "a list for a text": {"mode": ["a"]},
    "a date": {"since": "2024-05-06"}, "a time": {"since": "2024-05-06 07:08:09.5"}, "a time with a zone": {"since": "2024-05-06T07:08+02:00"},
    "a time that is none": {"since": "yesterday"}, "a number for a time": {"since": 5}, "a list for a time": {"since": [1]},
    "nanoseconds": {"since": "2024-01-01T00:00:00.123456789"}, "no time": {"since": ""}, "not a time": {"since": "NaT"},
    "a list of texts": {"stop": ["a", "b"]}, "a list of none": {"stop": []}, "a text for a list": {"stop": "a"}, "a null for a list": {"stop": None},
    "a null in a list": {"stop": [None, "a"]}, "a number in a list of texts": {"stop": ["a", 1]}, "a list in a list": {"stop": [["a"], ["b"]]},
    "a matrix": {"weights": [[1.0, 2.0], [3.0, 4.0]]}, "an uneven matrix": {"weights": [[1.0], [2.0, 3.0]]}, "a scalar beside a list": {"weights": [1.0, [2.0]]},
    "an object for a list": {"stop": {}}, "objects in a list": {"stop": [{}]}, "whole numbers in a list of floats": {"weights": [1, 2]},
    "texts in a list of floats": {"weights": [1, "x"]}, "booleans in a list of floats": {"weights": [True]}, "days": {"days": ["2024-02-29", None]},
    "days that are none": {"days": ["2023-02-29"]},
    "an object": {"options": {**usual, "depth": 5}}, "an empty object": {"options": {}}, "a null for an object": {"options": None},
    "a list for an object": {"options": [1]}, "a property too many": {"options": {**usual, "more": 1}}, "a property too few": {"options": {"depth": 1, "stop": []}},
    "a property of another type": {"options": {**usual, "depth": "x"}}, "a float for a whole property": {"options": {**usual, "depth": 1.5}},
    "a null property": {"options": {**usual, "depth": None}}, "numbers in a list of texts inside": {"options": {**usual, "stop": [1]}},
    "a map": {"options": {**usual, "bias": {"a": 1.5}}}, "a map of ones": {"options": {**usual, "bias": {"a": 1}}}, "a map of twos": {"options": {**usual, "bias": {"a": 2}}},
    "a map that is null": {"options": {**usual, "bias": None}}, "a map that is none": {"options": {**usual, "bias": [1]}},
    "inside an object": {"options": {**usual, "inner": {"on": False, "why": "so"}}}, "inside an object, wrong": {"options": {**usual, "inner": {"on": 1}}},
    "inside an object, null": {"options": {**usual, "inner": {"on": True, "why": None}}}, "anything": {"options": {**usual, "rest": [1, {"a": None}]}},
    "names that are none": {"": 1, " temperature": 2, "Temperature": 3}, "letters": {"mode": "Łódź 東京 \u0000 \\ \n"},
}
TEXTS = ['{"temperature": NaN}', '{"weights": [NaN, Infinity, -Infinity]}', '{"temperature": 0.1, "temperature": 0.2}', '{"mode": "\\u00e9"}', '{"top_k": 9007199254740993}']


@check
def params_are_taken_and_refused_as_mlflow_does():
    wrong = []
    for name, params in PARAMS.items():
        try:
            compare("echo", {"dataframe_split": split, "params": params})
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    for text in TEXTS:
        try:
            compare("echo", '{"dataframe_split": %s, "params": %s}' % (json.dumps(split), text))
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


@check
def params_go_with_every_form_of_rows_and_without_them_defaults_count():
    lists = train.head(2).to_dict(orient="list")
    for rows in ({"dataframe_split": split}, {"dataframe_records": records}, {"inputs": lists}, {"instances": records}):
        for params in ({}, {"params": {"temperature": 0.1, "stop": ["b"]}}):
            status, said = compare("echo", {**rows, **params})
            assert status == 200 and [json.loads(row) for row in said] == [{**DEFAULTS, **params.get("params", {})}] * 2, said
    csv = requests.post(f"{URL}/serving-endpoints/echo/invocations", data=train.head(2).to_csv(index=False), headers={"Content-Type": "text/csv"})
    assert [json.loads(row) for row in csv.json()["predictions"]] == [DEFAULTS] * 2, csv.text


@check
def params_made_at_random_are_never_answered_differently():
    print(f"# SEED={SEED}")
    chance, taken, refused = random.Random(SEED), 0, 0
    odd = [None, True, False, 0, 1, -7, 2**40, 0.0, 1.5, 1e300, "", "x", "2024-05-06", "7", [], {}, [1], ["a"], [None], [1.5, 2], [True], [[1]], usual,
           {**usual, "depth": 2}, {"depth": 1}]
    names = [spec.name for spec in declared.params] + ["nobody"]
    for _ in range(200):
        params = {name: chance.choice(odd) for name in chance.sample(names, chance.choice([1, 1, 1, 2, 3]))}
        status, _ = compare("echo", {"dataframe_split": split, "params": params})
        taken, refused = taken + (status == 200), refused + (status != 200)
    print(f"# {taken} answered alike, {refused} refused alike")
    assert taken > 8 and refused > 8, (taken, refused)


@check
def models_that_listen_to_nothing_look_at_their_params_all_the_same():
    """MLflow's scikit-learn wrapper takes params and passes them over; a wrong one is refused first."""
    assert requests.get(f"{URL}/api/v1/endpoints/linear").json()["variants"][0]["runtime"] == "native"
    for params in (None, {}, {"temperature": 0.9}, {"temperature": "hot"}, {"stop": 1}, {"nobody": 1}, [1]):
        theirs, ours = (f("linear", {"dataframe_split": split, "params": params}) for f in (of_mlflow, of_server))
        assert theirs[0] == ours[0], (params, theirs, ours)
        if ours[0] == 200:
            np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)


@check
def mlflows_clients_hand_params_on():
    from mlflow.deployments import get_deploy_client
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    host, port = HOST.split(":")
    client = ScoringServerClient(host, int(port))
    client.url_prefix = f"{URL}/serving-endpoints/echo"
    said = client.invoke(train.head(1), params={"top_k": 9}).get_predictions()
    assert json.loads(np.asarray(said).reshape(-1)[0]) == {**DEFAULTS, "top_k": 9}, said
    os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_USERNAME"], os.environ["DATABRICKS_PASSWORD"] = URL, KEY, SECRET
    deployed = get_deploy_client("databricks")
    said = deployed.predict(endpoint="echo", inputs={"dataframe_records": records, "params": {"mode": "beam"}})
    assert json.loads(said["predictions"][1]) == {**DEFAULTS, "mode": "beam"}, said
    parts = list(deployed.predict_stream(endpoint="echo", inputs={"dataframe_records": records[:1], "params": {"mode": "beam"}}))
    assert json.loads(parts[sorted(DEFAULTS).index("mode")]) == {"mode": "beam"} and len(parts) == len(DEFAULTS), parts
    found = requests.get(f"{URL}/api/2.0/serving-endpoints/echo/openapi").json()
    forms = found["paths"]["/serving-endpoints/echo/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    told = forms[0]["properties"]["params"]["properties"]
    assert told["temperature"] == {"type": "number", "format": "double", "default": 0.5} and told["stop"]["items"]["type"] == "string", told


@check
def amazons_client_hands_params_on():
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("sagemaker-runtime", endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    body = lambda **params: json.dumps({"dataframe_records": records[:1], "params": params})
    answer = client.invoke_endpoint(EndpointName="echo", ContentType="application/json", Body=body(seed=1))
    assert json.loads(json.loads(answer["Body"].read())["predictions"][0]) == {**DEFAULTS, "seed": 1}
    answer = client.invoke_endpoint_with_response_stream(EndpointName="echo", ContentType="application/json", Body=body(seed=2))
    lines = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]).decode().splitlines()
    assert {"seed": 2} in [json.loads(json.loads(line)) for line in lines], lines
    try:
        client.invoke_endpoint(EndpointName="echo", ContentType="application/json", Body=body(seed="x"))
    except ClientError as error:
        assert "Can not safely convert" in str(error), error
    else:
        raise AssertionError("not refused")


@check
def googles_client_hands_parameters_on():
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    aiplatform.init(project="p", location="us-central1", api_endpoint=URL, api_transport="rest", credentials=AnonymousCredentials())
    endpoint = aiplatform.Endpoint("projects/p/locations/us-central1/endpoints/echo")
    said = endpoint.predict(instances=records, parameters={"temperature": 0.25, "verbose": True, "stop": ["q"], "nobody": 1})
    assert json.loads(said.predictions[0]) == {**DEFAULTS, "temperature": 0.25, "verbose": True, "stop": ["q"]}, said
    try:
        endpoint.predict(instances=records, parameters={"temperature": "hot"})
    except Exception as error:
        assert "Can not safely convert" in str(error), error
    else:
        raise AssertionError("not refused")


@check
def tritons_clients_hand_parameters_on():
    import tritonclient.grpc as over_grpc
    import tritonclient.http as over_http
    from tritonclient.utils import InferenceServerException

    for kind in (over_http, over_grpc):
        client = kind.InferenceServerClient(HOST)
        inputs = []
        for name in ("x", "y"):
            inputs.append(kind.InferInput(name, [2], "FP64"))
            inputs[-1].set_data_from_numpy(train[name].to_numpy()[:2])
        wanted = {"temperature": 1 if kind is over_http else 1.5, "mode": "beam", "top_k": 5, "verbose": True}
        # Its HTTP client says `parameters` for what goes into the request's; its gRPC client, too.
        said = client.infer("echo", inputs, parameters={**wanted, "nobody": "x"}, timeout=10_000_000)
        rows = said.as_numpy(said.get_response()["outputs"][0]["name"] if kind is over_http else said.get_response().outputs[0].name)
        assert json.loads(rows[0]) == {**DEFAULTS, **wanted}, rows
        try:
            client.infer("echo", inputs, parameters={"temperature": "hot"})
        except InferenceServerException as error:
            assert "Can not safely convert" in str(error), error
        else:
            raise AssertionError("not refused")
        client.close()
    answer = requests.post(f"{URL}/v2/models/echo/generate", json={"x": 1.0, "y": 2.0, "parameters": {"mode": "generated"}})
    assert "generated" in answer.text, answer.text
    parts = requests.post(f"{URL}/v2/models/echo/generate_stream", json={"x": 1.0, "y": 2.0, "parameters": {"mode": "generated"}})
    assert "generated" in parts.text and parts.text.count("data: ") == len(DEFAULTS), parts.text


def recorded(answer):
    prediction = answer.headers["x-mlwright-prediction-ids"].split(",")[0]
    return requests.get(f"{URL}/api/v1/predictions/{prediction}").json()


@check
def what_was_told_is_in_the_record_defaults_included():
    found = recorded(asked("echo", {"dataframe_records": records, "params": {"temperature": 0.75, "nobody": 1}}))
    told = {**DEFAULTS, "temperature": 0.75, "since": "2024-01-01T10:00:00", "days": ["2024-01-01"]}
    assert found["params"] == told, found
    # Sent again, it is what was answered.
    again = asked("echo", {"dataframe_records": [found["inputs"]], "params": found["params"]}).json()["predictions"]
    assert again == [list(found["outputs"].values())[0]], (again, found)
    chain = requests.get(f"{URL}/api/v1/why/{found['id']}").json()["chain"]
    assert chain[0]["facts"]["params"] == told, chain[0]
    put("untold", [{"model": "linear", "version": 1}])
    found = recorded(asked("untold", {"dataframe_records": records}))
    assert found["params"] == {"temperature": 0.5, "stop": ["x"]}, found


def settings(endpoint, **wished):
    answer = requests.put(f"{URL}/api/v1/endpoints/{endpoint}/settings", json=wished)
    assert answer.ok, answer.text


@check
def a_remembered_answer_is_one_to_the_same_params():
    settings("counter", cache={"seconds": 60, "entries": 100})
    try:
        ask = lambda **params: asked("counter", {"dataframe_records": [{"x": 3.0}], "params": params}).json()["predictions"][0]
        first, other = ask(by=2.0), ask(by=4.0)
        assert (first["x"], other["x"]) == (6.0, 12.0) and first["calls"] != other["calls"], (first, other)
        assert ask(by=2.0) == first and ask(by=2) == first and ask(by=4.0) == other
        assert ask(by=2.0, nobody=1) == first, "what nobody declared is no part of it"
        default = ask()
        assert default["x"] == 3.0 and ask(by=1.0) == default, "and a default is"
    finally:
        settings("counter")


@check
def requests_are_run_together_only_with_those_that_were_told_the_same():
    settings("counter", batching={"most_rows": 64, "longest_wait_ms": 200})
    answers = queue.Queue()

    def ask(at):
        said = asked("counter", {"dataframe_records": [{"x": float(at)}], "params": {"by": float(at % 2)}})
        answers.put((at, said.json()["predictions"][0]))

    try:
        threads = [threading.Thread(target=ask, args=(at,)) for at in range(48)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        together = 0
        for _ in range(48):
            at, said = answers.get_nowait()
            assert said["x"] == float(at) * (at % 2) and said["by"] == float(at % 2), (at, said)
            together = max(together, said["rows"])
        print(f"# up to {together} requests ran together")
    finally:
        settings("counter")


@check
def a_shadow_is_told_what_the_caller_said():
    log(mlflow.pyfunc, python_model=Strict(), signature=signature, registered_model_name="strict")
    put("shadowed", [{"model": "echo", "version": 1, "name": "live"}, {"model": "strict", "version": 1, "name": "dark", "shadow": True}])

    def counted():
        text = requests.get(f"{URL}/api/2.0/serving-endpoints/shadowed/metrics").text
        of = lambda metric: next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(metric) and '"dark"' in line)
        return of("request_count_total"), of("request_5xx_count_total")

    for count, (mode, failed) in enumerate([("watched", 0), ("other", 1), ("watched", 1)], 1):
        assert asked("shadowed", {"dataframe_records": records[:1], "params": {"mode": mode}}).ok
        until = time.time() + 60
        while counted()[0] < count and time.time() < until:
            time.sleep(0.1)
        assert counted() == (count, failed), (mode, counted())


@check
def a_package_listens_as_well():
    file = os.path.join(SCRATCH, "echo.tar")
    made("package", "models:/echo/1", "-o", file)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data, url = tempfile.mkdtemp(dir=SCRATCH), f"http://127.0.0.1:{port}"
    config = os.path.join(SCRATCH, "package.toml")
    with open(config, "w") as written:
        written.write(f"[workers]\npython = {json.dumps(sys.executable)}\n")
    words = [PROGRAM, "serve", "--package", file, "--port", str(port), "--data-dir", data, "--config", config, "--home", URL]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        until = time.time() + 60
        while True:
            try:
                if requests.get(f"{url}/ping", timeout=2).ok:
                    break
            except (requests.ConnectionError, requests.Timeout):
                pass
            assert process.poll() is None and time.time() < until, process.stderr.read()
            time.sleep(0.1)
        ask = lambda params: requests.post(f"{url}/invocations", json={"dataframe_records": records, "params": params}, timeout=60)
        said = ask({"mode": "packed"})
        assert json.loads(said.json()["predictions"][0]) == {**DEFAULTS, "mode": "packed"}, said.text
        assert ask({"mode": 1}).status_code == 400
        found = requests.get(f"{url}/api/v1/predictions").json()["predictions"]
        assert found[-1]["params"]["mode"] == "packed", found
    finally:
        process.terminate()
        process.wait(30)
    # It hands its records over when it ends.
    home = requests.get(f"{URL}/api/v1/predictions/{found[-1]['id']}").json()
    assert home["variant"] == "package" and home["params"]["mode"] == "packed", home


failed = run_checks()
shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(failed != 0)

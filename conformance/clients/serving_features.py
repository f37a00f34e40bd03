"""Inputs that are looked up, seen by unmodified clients: python serving_features.py <server-url>

A model of eight columns is served by the patient's number alone: tritonclient over HTTP and gRPC, MLflow's scoring client and bodies,
and what the doors say of its inputs.
"""

import sys

from _checks import check, run_checks
from _serving import HOST, URL, close, deploy

import numpy as np
import pandas as pd
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton

made = deploy("keyed")
COLUMNS = list(made.frame.columns)
SENT = COLUMNS[0]
KEYS = [f"p-{at:03}" for at in range(len(made.frame))]


def api(method, path, body=None):
    return getattr(requests, method)(f"{URL}/api/v1/{path}", json=body)


def declare(**features):
    answer = api("put", "endpoints/keyed/settings", {"features": {"key": "patient", "dataset": "patients", **features}})
    assert answer.ok, answer.text
    return answer.json()["features"]


def rows(keys):
    at = [KEYS.index(key) for key in keys]
    return made.frame.iloc[at], made.probabilities[at]


@check
def a_data_set_becomes_the_table_that_an_endpoint_looks_up_in():
    table = made.frame[COLUMNS[1:]].copy()
    table.insert(0, "patient", KEYS)
    imported = requests.post(
        f"{URL}/api/v1/datasets/patients/versions", files={"file": ("patients.csv", table.to_csv(index=False))}
    )
    assert imported.ok, imported.text
    found = declare()
    assert found["version"] == 1, found
    assert api("get", "endpoints/keyed").json()["revision"] == 2


@check
def doors_say_what_callers_send():
    client = triton.InferenceServerClient(HOST)
    inputs = client.get_model_metadata("keyed")["inputs"]
    assert [(i["name"], i["datatype"]) for i in inputs] == [("patient", "BYTES"), (SENT, "FP32")], inputs
    openapi = api("get", "endpoints/keyed/openapi").json()
    assert f"looked up by `patient`: {COLUMNS[1]}" in openapi["info"]["description"]
    body = openapi["paths"]["/endpoints/keyed/invocations"]["post"]["requestBody"]["content"]["application/json"]
    record = body["schema"]["oneOf"][0]["properties"]["dataframe_records"]["items"]
    assert set(record["properties"]) == {"patient", SENT} and record["properties"]["patient"]["type"] == "string"


@check
def mlflow_sends_the_key():
    keys = ["p-010", "p-400", "p-010"]
    frame, expected = rows(keys)
    sent = pd.DataFrame({"patient": keys, SENT: frame[SENT].to_numpy()})
    for body in (
        {"dataframe_split": sent.to_dict(orient="split")},
        {"dataframe_records": sent.to_dict(orient="records")},
    ):
        answer = requests.post(f"{URL}/endpoints/keyed/invocations", json=body)
        assert answer.ok, answer.text
        close([row["probabilities"] for row in answer.json()["predictions"]], expected)
    text = sent.to_csv(index=False)
    answer = requests.post(f"{URL}/endpoints/keyed/invocations", data=text, headers={"content-type": "text/csv"})
    close([row["probabilities"] for row in answer.json()["predictions"]], expected)


@check
def triton_sends_the_key_over_http_and_grpc():
    keys = ["p-003", "p-568"]
    frame, expected = rows(keys)
    for module, host in ((triton, HOST), (triton_grpc, HOST)):
        client = module.InferenceServerClient(host)
        patient = module.InferInput("patient", [2], "BYTES")
        patient.set_data_from_numpy(np.array(keys, dtype=object))
        sent = module.InferInput(SENT, [2, 1], "FP32")
        sent.set_data_from_numpy(frame[[SENT]].to_numpy(dtype=np.float32))
        close(client.infer("keyed", [patient, sent]).as_numpy("probabilities"), expected)


@check
def the_record_says_what_was_looked_up():
    frame, _ = rows(["p-042"])
    body = {"dataframe_records": [{"patient": "p-042", SENT: float(frame[SENT].iloc[0])}]}
    answer = requests.post(f"{URL}/endpoints/keyed/invocations", json=body)
    assert answer.ok, answer.text
    prediction = answer.headers["x-mlwright-prediction-ids"]
    found = api("get", f"why/{prediction}").json()
    inputs = found["prediction"]["inputs"]
    assert inputs["patient"] == "p-042", inputs
    assert "patients version 1" in [link["title"] for link in found["chain"] if link["kind"] == "features"]
    for name in COLUMNS:
        assert abs(inputs[name] - float(np.float32(frame[name].iloc[0]))) < 1e-6, (name, inputs)


@check
def a_patient_that_nobody_knows_follows_the_policy():
    body = {"dataframe_records": [{"patient": "p-999", SENT: 12.0}]}
    answer = requests.post(f"{URL}/endpoints/keyed/invocations", json=body)
    assert answer.status_code == 400 and "has no features for `p-999`" in answer.text, answer.text
    means = {name: float(made.frame[name].mean()) for name in COLUMNS[1:]}
    declare(missing="default", defaults=means)
    answer = requests.post(f"{URL}/endpoints/keyed/invocations", json=body)
    assert answer.ok, answer.text
    answer = api("put", "endpoints/keyed/settings", {})
    assert answer.ok, answer.text
    answer = requests.post(f"{URL}/endpoints/keyed/invocations", json=body)
    assert answer.status_code == 400, "callers send everything again"


failed = run_checks()
sys.exit(failed != 0)

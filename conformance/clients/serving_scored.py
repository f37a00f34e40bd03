"""Odd bodies for `/invocations`, held against MLflow's own scoring server: python serving_scored.py <url>

`mlflow.pyfunc.scoring_server.invocations` of the unmodified package answers each body in this process, the server answers it over
HTTP: both give the same predictions, or both refuse. Where the server refuses what pandas would change silently, or takes what
MLflow refuses, that stands here with the reason. A part of the bodies is made at random (`SEED` repeats a run).
"""

import json
import os
import random
import shutil
import sys
import tempfile

from _checks import check, run_checks
from _serving import URL, put

import mlflow
import numpy as np
import pandas as pd
import requests
from mlflow.models import infer_signature
from mlflow.pyfunc.scoring_server import invocations
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

SCRATCH = tempfile.mkdtemp(prefix="mlwright-scored-")
SEED = int(os.environ.get("SEED", random.randrange(10**6)))
JSON, CSV = "application/json", "text/csv"

rng = np.random.default_rng(7)
train = pd.DataFrame({
    "age": rng.normal(40, 10, 300),
    "visits": rng.integers(0, 9, 300),
    "city": rng.choice(["Ulm", "Łódź", "東京"], 300),
    "größe, in m": rng.normal(1.7, 0.1, 300),
})
wanted = (train["age"] + 4 * train["visits"] + 9 * (train["city"] == "Ulm") > 60).astype(int)
before = ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="passthrough")
fitted = make_pipeline(before, RandomForestClassifier(7, random_state=0)).fit(train, wanted)
matrix = RandomForestClassifier(5, random_state=0).fit(train[["age", "visits"]].to_numpy(), wanted)

mlflow.set_tracking_uri(URL)
models = {}
for name, model, example in (("scored", fitted, train.head(3)), ("scored-matrix", matrix, train[["age", "visits"]].head(3).to_numpy())):
    folder = os.path.join(SCRATCH, name)
    signature = infer_signature(example, model.predict(example))
    kept = dict(signature=signature, serialization_format="skops", skops_trusted_types=["sklearn.tree._tree.Tree"], pip_requirements=["scikit-learn"])
    mlflow.sklearn.save_model(model, folder, **kept)
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", registered_model_name=name, **kept)
    put(name, [{"model": name, "version": 1}])
    reference = mlflow.pyfunc.load_model(folder)
    models[name] = reference, reference.metadata.get_input_schema()


def of_mlflow(name, kind, body):
    """Status and predictions; exceptions become the status that MLflow's server gives them."""
    model, schema = models[name]
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    try:
        said = invocations(text, kind, model, schema)
    except mlflow.exceptions.MlflowException as error:
        return error.get_http_status_code(), error.message
    except Exception as error:
        return 500, repr(error)
    return said.status, json.loads(said.response)["predictions"] if said.status == 200 else said.response


def of_server(name, kind, body):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    data = text.encode() if isinstance(text, str) else text
    said = requests.post(f"{URL}/serving-endpoints/{name}/invocations", data=data, headers={"Content-Type": kind})
    return said.status_code, said.json()["predictions"] if said.status_code == 200 else said.text


def compare(name, kind, body, rule="same"):
    theirs, ours = of_mlflow(name, kind, body), of_server(name, kind, body)
    told = f"{kind} {str(body)[:300]}\n  MLflow: {str(theirs)[:300]}\n  here:   {str(ours)[:300]}"
    assert ours[0] < 500, told
    if rule == "stricter":
        assert ours[0] >= 400, told
    elif rule == "looser":
        assert ours[0] == 200 and theirs[0] >= 400, told
    else:
        assert (theirs[0] == 200) == (ours[0] == 200), told
        if ours[0] == 200:
            assert theirs[1] == ours[1], told


rows = json.loads(train.head(3).to_json(orient="split"))
records = json.loads(train.head(3).to_json(orient="records"))
columns, data = rows["columns"], rows["data"]
lists = {name: [row[at] for row in data] for at, name in enumerate(columns)}
csv = train.head(3).to_csv(index=False)

FRAMES = {
    "as it should be": {"dataframe_split": rows},
    "without index": {"dataframe_split": {"columns": columns, "data": data}},
    "without columns": {"dataframe_split": {"data": data}},
    "columns null": {"dataframe_split": {"columns": None, "data": data}},
    "columns in another order": {"dataframe_split": {"columns": columns[::-1], "data": [row[::-1] for row in data]}},
    "a column too many": {"dataframe_split": {"columns": columns + ["more"], "data": [row + [1] for row in data]}},
    "a column too few": {"dataframe_split": {"columns": columns[1:], "data": [row[1:] for row in data]}},
    "rows that differ": {"dataframe_split": {"columns": columns, "data": [data[0], data[1][:2]]}},
    "no rows": {"dataframe_split": {"columns": columns, "data": []}},
    "an unknown key": {"dataframe_split": {"columns": columns, "data": data, "more": 1}},
    "a list": {"dataframe_split": data},
    "a text": {"dataframe_split": "rows"},
    "records": {"dataframe_records": records},
    "records, keys missing": {"dataframe_records": [records[0], {k: v for k, v in records[1].items() if k != "age"}]},
    "records, an object": {"dataframe_records": records[0]},
    "records, of lists": {"dataframe_records": data},
    "records, none": {"dataframe_records": []},
    "records, empty ones": {"dataframe_records": [{}, {}]},
    "inputs by column": {"inputs": lists},
    "inputs by column, one row": {"inputs": {k: v[0] for k, v in lists.items()}},
    "inputs by column, lengths that differ": {"inputs": {**lists, "age": lists["age"][:2]}},
    "inputs as records": {"inputs": records},
    "instances as records": {"instances": records},
    "instances by column": {"instances": lists},
    "two forms": {"inputs": lists, "instances": records},
    "no form": {"rows": data},
    "an empty object": {},
    "a list of rows": data,
    "null": "null",
    "a number": "7",
    "nothing": "",
    "cut off": json.dumps({"dataframe_split": rows})[:-3],
    "twice": json.dumps({"dataframe_split": rows}) * 2,
    "a signature name": {"signature_name": "x", "instances": records},
    "params that nobody knows": {"dataframe_split": rows, "params": {"temperature": 0.5}},
    "missing number": {"dataframe_records": [{**records[0], "age": None}]},
    "NaN": '{"dataframe_records": [%s]}' % json.dumps({**records[0], "age": float("nan")}),
    "numbers as texts": {"dataframe_records": [{**records[0], "age": "41.5"}]},
    "a text that is no number": {"dataframe_records": [{**records[0], "age": "old"}]},
    "a whole number for a float": {"dataframe_records": [{**records[0], "age": 41}]},
    "a category that nobody saw": {"dataframe_records": [{**records[0], "city": "Atlantis"}]},
    "a list for a number": {"dataframe_records": [{**records[0], "age": [1, 2]}]},
    "an object for a text": {"dataframe_records": [{**records[0], "city": {"a": 1}}]},
    "a key twice": json.dumps({"dataframe_records": [records[0]]}).replace('"age":', '"age": 1, "age":'),
    "an escaped name": json.dumps({"dataframe_records": records}, ensure_ascii=True),
    "a name of itself": json.dumps({"dataframe_records": records}, ensure_ascii=False),
    "half a surrogate": '{"dataframe_records": [%s]}' % json.dumps(records[0]).replace("Ulm", "\\ud800"),
}
CSVS = {
    "as it should be": csv,
    "with an index": train.head(3).to_csv(),
    "quoted names": csv.replace("age", '"age"'),
    "a line that ends early": csv.rstrip("\n").rsplit(",", 1)[0] + "\n",
    "a line that is too long": csv + "1,2,Ulm,4,5\n",
    "lines of nothing": csv.replace("\n", "\n\n"),
    "Windows": csv.replace("\n", "\r\n"),
    "without its last line's end": csv.rstrip("\n"),
    "a mark before": "\ufeff" + csv,
    "a name twice": csv.replace("age,visits", "age,age"),
    "names alone": csv.split("\n")[0] + "\n",
    "nothing": "",
    "no names": csv.split("\n", 1)[1],
    "numbers with spaces": csv.replace(",", ", "),
    "exponents": csv.split("\n")[0] + "\n4.1e1,3,Ulm,1.7\n",
    "missing": csv.split("\n")[0] + "\n,3,Ulm,\n",
    "a category that reads as missing": csv.split("\n")[0] + "\n41,3,NA,1.7\n",
    "a category that reads as a number": csv.split("\n")[0] + "\n41,3,007,1.7\n",
}
# Refused here, where pandas changes a value silently or dies; the last ones MLflow answers with 500.
STRICTER = set()
LOOSER = set()


@check
def odd_frames_are_taken_and_refused_as_mlflow_does():
    wrong = []
    for name, body in FRAMES.items():
        rule = "stricter" if name in STRICTER else "looser" if name in LOOSER else "same"
        try:
            compare("scored", JSON, body, rule)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, "\n".join(wrong)


@check
def odd_csv_is_taken_and_refused_as_mlflow_does():
    wrong = []
    for name, body in CSVS.items():
        rule = "stricter" if f"CSV: {name}" in STRICTER else "looser" if f"CSV: {name}" in LOOSER else "same"
        try:
            compare("scored", CSV, body, rule)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, "\n".join(wrong)


@check
def odd_matrices_are_taken_and_refused_as_mlflow_does():
    values = train[["age", "visits"]].head(3).to_numpy().tolist()
    wrong = []
    for body in (
        {"inputs": values}, {"instances": values}, {"inputs": values[0]}, {"inputs": [values]}, {"inputs": []}, {"inputs": [[]]},
        {"inputs": [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]]}, {"inputs": [[1.0, "x"]]}, {"inputs": [[1, 2]]}, {"inputs": 3.0}, {"inputs": {"x": values}},
        {"instances": {"x": values}}, {"inputs": [[1.0, 2.0, 3.0]]}, {"inputs": [[1.0, None]]},
    ):
        try:
            compare("scored-matrix", JSON, body)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


@check
def media_types_are_told_apart_as_mlflow_does():
    for kind in ("application/json; charset=utf-8", "application/json; charset=UTF-8", "application/json; charset=latin-1", "application/json; format=pandas", "text/plain", "text/csv; charset=utf-8", "application/xml"):
        body = csv if "csv" in kind else {"dataframe_split": rows}
        assert of_mlflow("scored", kind, body)[0] == of_server("scored", kind, body)[0], kind


def mutated(random):
    """A frame with something done to it."""
    frame = train.sample(random.randrange(1, 4), random_state=random.randrange(10**6)).reset_index(drop=True).astype(object)
    for _ in range(random.randrange(3)):
        at, column = random.randrange(len(frame)), random.choice(list(frame.columns))
        odd = [None, 0, -1, 1.5, 10**12, "", "x", " 7 ", "7", True, float("nan"), float("inf"), "NaN", [], {}, "ü", 2**70]
        frame.at[at, column] = random.choice(odd)
    if random.random() < 0.2:
        frame = frame.drop(columns=random.choice(list(frame.columns)))
    if random.random() < 0.2:
        frame[random.choice(["more", "", "age "])] = 1
    if random.random() < 0.3:
        frame = frame[random.sample(list(frame.columns), len(frame.columns))]
    form = random.choice(["dataframe_split", "dataframe_records", "inputs", "instances"])
    if form == "dataframe_split":
        return {form: {"columns": list(frame.columns), "data": frame.values.tolist()}}
    if form == "inputs" and random.random() < 0.5:
        return {form: {name: frame[name].tolist() for name in frame.columns}}
    return {form: [dict(zip(frame.columns, row)) for row in frame.values.tolist()]}


@check
def bodies_made_at_random_are_never_answered_differently():
    print(f"# SEED={SEED}")
    chance, taken, stricter = random.Random(SEED), 0, 0
    for _ in range(400):
        body = mutated(chance)
        theirs, ours = of_mlflow("scored", JSON, body), of_server("scored", JSON, body)
        told = f"SEED={SEED} {json.dumps(body)[:400]}\n  MLflow: {str(theirs)[:300]}\n  here:   {str(ours)[:300]}"
        assert ours[0] < 500, told
        if ours[0] == 200:
            # Never another answer; what MLflow refuses is refused.
            assert theirs[0] == 200 and theirs[1] == ours[1], told
            taken += 1
        elif theirs[0] == 200:
            stricter += 1
    print(f"# {taken} answered alike, {stricter} refused that pandas would have changed")
    assert taken > 40 and stricter < 80, (taken, stricter)


failed = run_checks()
shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(failed != 0)

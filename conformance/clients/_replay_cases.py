"""Requests of the differential replay: `(name, method, path, body, save)`.

`{x}` in paths and bodies stands for what an earlier answer gave under `save = {x: "path.in.the.answer"}`, on each server
its own. Bodies of GET requests are query parameters.
"""

import itertools
import random

API = "/api/2.0/mlflow"
T0 = 1_700_000_000_000


def post(name, path, body, **save):
    return (name, "POST", f"{API}/{path}", body, save)


def get(name, path, query=None, **save):
    return (name, "GET", f"{API}/{path}", query or {}, save)


def patch(name, path, body):
    return (name, "PATCH", f"{API}/{path}", body, {})


def delete(name, path, body):
    return (name, "DELETE", f"{API}/{path}", body, {})


def experiments():
    yield post("create", "experiments/create", {"name": "first", "tags": [{"key": "a", "value": "1"}]}, e1="experiment_id")
    yield post("create again", "experiments/create", {"name": "first"})
    yield post("create without a name", "experiments/create", {})
    yield post("create with an empty name", "experiments/create", {"name": ""})
    yield post("create with a number as name", "experiments/create", {"name": 12})
    yield post("create with a name that is too long", "experiments/create", {"name": "n" * 501})
    yield post("create, unicode", "experiments/create", {"name": "naïve/∂ 実験"}, e2="experiment_id")
    yield get("get", "experiments/get", {"experiment_id": "{e1}"})
    yield get("get, unicode", "experiments/get", {"experiment_id": "{e2}"})
    yield get("get nothing", "experiments/get", {})
    yield get("get what is not there", "experiments/get", {"experiment_id": "987654"})
    yield get("get by a word", "experiments/get", {"experiment_id": "abc"})
    yield get("get by name", "experiments/get-by-name", {"experiment_name": "first"})
    yield get("get by an unknown name", "experiments/get-by-name", {"experiment_name": "none"})
    yield get("get by no name", "experiments/get-by-name", {})
    yield post("rename", "experiments/update", {"experiment_id": "{e2}", "new_name": "second"})
    yield post("rename to a taken name", "experiments/update", {"experiment_id": "{e2}", "new_name": "first"})
    yield post("rename nothing", "experiments/update", {"new_name": "x"})
    yield post("tag", "experiments/set-experiment-tag", {"experiment_id": "{e1}", "key": "b", "value": "2"})
    yield post("tag without a key", "experiments/set-experiment-tag", {"experiment_id": "{e1}", "value": "2"})
    yield post("tag, long key", "experiments/set-experiment-tag", {"experiment_id": "{e1}", "key": "k" * 251, "value": "2"})
    yield post("untag", "experiments/delete-experiment-tag", {"experiment_id": "{e1}", "key": "b"})
    yield post("untag again", "experiments/delete-experiment-tag", {"experiment_id": "{e1}", "key": "b"})
    yield post("delete", "experiments/delete", {"experiment_id": "{e2}"})
    yield post("delete again", "experiments/delete", {"experiment_id": "{e2}"})
    yield post("rename a deleted one", "experiments/update", {"experiment_id": "{e2}", "new_name": "third"})
    yield post("name of a deleted one", "experiments/create", {"name": "second"})
    yield post("run in a deleted one", "runs/create", {"experiment_id": "{e2}", "start_time": T0})
    yield post("restore", "experiments/restore", {"experiment_id": "{e2}"})
    yield post("restore again", "experiments/restore", {"experiment_id": "{e2}"})
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", "NONSENSE"):
        yield post(f"search {view}", "experiments/search", {"max_results": 10, "view_type": view, "order_by": ["name"]})
    for most in (0, -1, 50_001, "x", 1):
        yield post(f"search {most}", "experiments/search", {"max_results": most, "order_by": ["experiment_id ASC"]})
    yield get("search by GET", "experiments/search", {"max_results": "5", "order_by": "name DESC"})
    for text in (
        "name = 'first'", "name != 'first'", "name LIKE 'f%'", "name LIKE 'F%'", "name ILIKE 'F%'", "tags.a = '1'",
        "tag.a = '1'", "attribute.name = 'first'", "creation_time > 0", "last_update_time > 0", "name > 'a'", "name = 1",
        "nonsense = 'x'", "name IN ('first')", "tags.a IS NULL", "tags.a IS NOT NULL", "name = 'first' AND tags.a = '1'",
        "name = 'first' OR name = 'x'", "name =", "= 'x'", "(name = 'first')", "name = first", "tags.a LIKE '1'",
    ):  # fmt: skip
        body = {"max_results": 10, "filter": text, "order_by": ["name"]}
        yield post(f"search {text}", "experiments/search", body)
    for order in ("name", "name DESC", "creation_time", "nonsense", "name UP", "tags.a", "experiment_id DESC"):
        yield post(f"order {order}", "experiments/search", {"max_results": 10, "order_by": [order], "filter": "name LIKE '%s%'"})


def runs():
    start = {"experiment_id": "{e1}", "start_time": T0, "run_name": "one", "user_id": "ann"}
    yield post("create", "runs/create", {**start, "tags": [{"key": "t", "value": "x"}]}, r1="run.info.run_id")
    yield post("create second", "runs/create", {**start, "start_time": T0 + 5, "run_name": "two"}, r2="run.info.run_id")
    yield post("create third", "runs/create", {**start, "start_time": T0 + 9, "run_name": "three"}, r3="run.info.run_id")
    yield post("create a fourth elsewhere", "runs/create", {**start, "experiment_id": "{e2}", "run_name": "odd"}, r9="run.info.run_id")
    yield post("create nowhere", "runs/create", {"experiment_id": "987654", "start_time": T0})
    yield post("create in a word", "runs/create", {"experiment_id": "abc", "start_time": T0})
    yield post("create, name twice", "runs/create", {**start, "tags": [{"key": "mlflow.runName", "value": "other"}]})
    yield post("create, time as text", "runs/create", {"experiment_id": "{e1}", "start_time": "noon"})
    yield get("get", "runs/get", {"run_id": "{r1}"})
    yield get("get by uuid", "runs/get", {"run_uuid": "{r1}"})
    yield get("get nothing", "runs/get", {})
    yield get("get what is not there", "runs/get", {"run_id": "f" * 32})
    yield get("get by a word", "runs/get", {"run_id": "not-an-id"})
    yield post("update", "runs/update", {"run_id": "{r3}", "status": "FINISHED", "end_time": T0 + 20, "run_name": "drei"})
    yield post("update, number as status", "runs/update", {"run_id": "{r3}", "status": 4})
    yield post("update, bad status", "runs/update", {"run_id": "{r3}", "status": "DONE"})
    yield post("update nothing", "runs/update", {})
    metric = {"run_id": "{r1}", "key": "loss", "value": 0.5, "timestamp": T0, "step": 1}
    yield post("metric", "runs/log-metric", metric)
    yield post("metric again", "runs/log-metric", metric)
    yield post("metric, later step", "runs/log-metric", {**metric, "step": 7, "value": 0.25, "timestamp": T0 + 1})
    yield post("metric, negative step", "runs/log-metric", {**metric, "step": -5, "value": 9.0})
    yield post("metric, largest step", "runs/log-metric", {**metric, "key": "far", "step": 2**63 - 1})
    for value in ("NaN", "Infinity", "-Infinity", "nan", "inf", "abc", None, True, [1], 10**400, -0.0, 5):
        yield post(f"metric {str(value)[:12]}", "runs/log-metric", {**metric, "run_id": "{r9}", "key": f"v{str(value)[:4]}".replace("[", "").replace("]", ""), "value": value})
    for field, value in (
        ("key", ""), ("key", None), ("key", 5), ("key", "a" * 251), ("key", "../x"), ("key", "a//b"), ("key", "/a"), ("key", "a\nb"),
        ("key", "ünï"), ("key", "a b.c-d/e:f"), ("timestamp", None), ("timestamp", "x"), ("timestamp", 1.5), ("timestamp", -1),
        ("step", "x"), ("step", 1.5), ("step", 2**63), ("value", ""), ("run_id", ""), ("run_id", None), ("run_id", "f" * 32), ("run_id", 7),
    ):  # fmt: skip
        yield post(f"metric with {field} {str(value)[:9]!r}", "runs/log-metric", {**metric, "run_id": "{r9}", field: value})
    param = {"run_id": "{r1}", "key": "lr", "value": "0.1"}
    yield post("param", "runs/log-parameter", param)
    yield post("param again", "runs/log-parameter", param)
    yield post("param changed", "runs/log-parameter", {**param, "value": "0.2"})
    yield post("param, empty", "runs/log-parameter", {**param, "key": "empty", "value": ""})
    yield post("param, long", "runs/log-parameter", {**param, "key": "long", "value": "v" * 6001})
    for field, value in (("key", ""), ("key", None), ("key", "a" * 251), ("key", "./a"), ("value", None), ("value", 3), ("run_id", "f" * 32)):
        yield post(f"param with {field} {str(value)[:9]!r}", "runs/log-parameter", {**param, field: value})
    tag = {"run_id": "{r1}", "key": "colour", "value": "red"}
    yield post("tag", "runs/set-tag", tag)
    yield post("tag changed", "runs/set-tag", {**tag, "value": "blue"})
    yield post("tag, name", "runs/set-tag", {**tag, "key": "mlflow.runName", "value": "eins"})
    yield post("tag, long", "runs/set-tag", {**tag, "key": "long", "value": "v" * 8001})
    for field, value in (("key", ""), ("key", None), ("key", "a" * 251), ("value", None), ("value", 3), ("run_id", "f" * 32)):
        yield post(f"tag with {field} {str(value)[:9]!r}", "runs/set-tag", {**tag, field: value})
    yield post("untag", "runs/delete-tag", {"run_id": "{r1}", "key": "colour"})
    yield post("untag again", "runs/delete-tag", {"run_id": "{r1}", "key": "colour"})
    yield get("get with everything", "runs/get", {"run_id": "{r1}"})


def batches():
    one = {"key": "acc", "value": 0.5, "timestamp": T0, "step": 0}
    kv = {"key": "p", "value": "1"}
    yield post("batch", "runs/log-batch", {"run_id": "{r2}", "metrics": [one, {**one, "step": 1, "value": 0.75}], "params": [kv], "tags": [{"key": "t", "value": "y"}]})
    yield post("batch of nothing", "runs/log-batch", {"run_id": "{r2}"})
    yield post("batch of nobody", "runs/log-batch", {})
    yield post("batch, other param", "runs/log-batch", {"run_id": "{r2}", "params": [{"key": "p", "value": "2"}]})
    yield post("batch, param twice", "runs/log-batch", {"run_id": "{r2}", "params": [kv, kv]})
    yield post("batch, params twice", "runs/log-batch", {"run_id": "{r2}", "params": [kv, {**kv, "value": "3"}]})
    yield post("batch, tag twice", "runs/log-batch", {"run_id": "{r2}", "tags": [{"key": "u", "value": "1"}, {"key": "u", "value": "2"}]})
    for what, most in (("metrics", 1001), ("params", 101), ("tags", 101)):
        items = [{**one, "key": f"k{i}"} if what == "metrics" else {"key": f"k{i}", "value": "v"} for i in range(most)]
        yield post(f"batch of {most} {what}", "runs/log-batch", {"run_id": "{r2}", what: items})
    yield post("batch of 1001 in all", "runs/log-batch", {"run_id": "{r2}", "metrics": [{**one, "step": i} for i in range(950)], "params": [{"key": f"q{i}", "value": "v"} for i in range(51)]})
    for what, bad in (
        ("metrics", {**one, "key": None}), ("metrics", {**one, "key": "a//b"}), ("metrics", {**one, "value": "x"}), ("metrics", {**one, "step": "foo"}),
        ("metrics", {**one, "timestamp": None}), ("metrics", {**one, "timestamp": "123"}), ("metrics", "text"), ("metrics", None), ("params", {"value": "x"}), ("params", {"key": "a" * 251, "value": "x"}),
        ("params", {"key": "zz"}), ("tags", {"key": None, "value": "x"}), ("tags", {"key": "..", "value": "x"}), ("tags", {"key": 5, "value": "x"}),
    ):  # fmt: skip
        yield post(f"batch with {what} {bad}", "runs/log-batch", {"run_id": "{r9}", what: [bad] if bad is not None else None})
    yield get("after the batches", "runs/get", {"run_id": "{r2}"})
    yield get("history", "metrics/get-history", {"run_id": "{r1}", "metric_key": "loss"})
    yield get("history, one", "metrics/get-history", {"run_id": "{r1}", "metric_key": "loss", "max_results": "1"})
    yield get("history of nothing", "metrics/get-history", {"run_id": "{r1}", "metric_key": "none"})
    yield get("history of nobody", "metrics/get-history", {"run_id": "f" * 32, "metric_key": "loss"})
    yield get("history without a key", "metrics/get-history", {"run_id": "{r1}"})
    bulk = "metrics/get-history-bulk-interval"
    for query in (
        {"run_ids": ["{r1}", "{r2}"], "metric_key": "loss", "max_results": "10"}, {"run_ids": ["{r1}"], "metric_key": "loss", "start_step": "0", "end_step": "4"},
        {"run_ids": ["{r1}"], "metric_key": "loss", "start_step": "4", "end_step": "0"}, {"run_ids": ["{r1}"], "metric_key": "loss", "start_step": "0"},
        {"metric_key": "loss"}, {"run_ids": ["{r1}"]}, {"run_ids": ["{r1}"], "metric_key": "loss", "max_results": "0"},
        {"run_ids": ["{r1}"], "metric_key": "loss", "max_results": "2501"}, {"run_ids": ["f" * 32], "metric_key": "loss"},
    ):  # fmt: skip
        yield (f"interval {query}", "GET", f"/ajax-api/2.0/mlflow/{bulk}", query, {})


def inputs():
    dataset = {"name": "d", "digest": "123", "source_type": "local", "source": "{}"}
    yield post("log input", "runs/log-inputs", {"run_id": "{r1}", "datasets": [{"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}]})
    yield post("log input again", "runs/log-inputs", {"run_id": "{r1}", "datasets": [{"dataset": dataset}]})
    yield post("log input without a run", "runs/log-inputs", {"datasets": [{"dataset": dataset}]})
    yield post("log no input", "runs/log-inputs", {"run_id": "{r1}"})
    for field in dataset:
        bad = {key: value for key, value in dataset.items() if key != field}
        yield post(f"log input without {field}", "runs/log-inputs", {"run_id": "{r1}", "datasets": [{"dataset": bad}]})
    yield get("run with inputs", "runs/get", {"run_id": "{r1}"})
    for path in ("/ajax-api/2.0/mlflow/experiments/search-datasets",):
        yield ("datasets", "POST", path, {"experiment_ids": ["{e1}"]}, {})
        yield ("datasets of nothing", "POST", path, {"experiment_ids": []}, {})
        yield ("datasets of an unknown one", "POST", path, {"experiment_ids": ["987654"]}, {})


def run_searches():
    filters = [
        "", "metrics.acc > 0.5", "metrics.acc >= 0.75", "metrics.acc = 0.75", "metrics.acc != 0.75", "metric.acc < 1", "metrics.`acc` > 0", 'metrics."acc" > 0',
        "metrics.acc > 'x'", "metrics.acc LIKE 'x'", "metrics.none > 0", "params.p = '1'", "params.p = \"1\"", "params.p = 1", "params.p > '0'", "parameter.p = '1'",
        "param.p LIKE '1%'", "params.p ILIKE '1'", "params.p IS NULL", "params.p IS NOT NULL", "tags.t = 'x'", "tag.t != 'x'", "tags.t LIKE 'X'", "tags.t ILIKE 'X'",
        "tags.none IS NULL", "tags.`t` = 'x'", "attributes.status = 'RUNNING'", "status = 'FINISHED'", "attribute.run_name = 'two'", "attr.`run name` = 'two'", "run_name LIKE 't%'",
        "run_name ILIKE 'T%'", "attributes.start_time > 1700000000001", "start_time = 1700000000005", "start_time > 'x'", "end_time > 0", "attributes.nonsense = 'x'", "user_id = 'ann'",
        "run_id IN ('{r1}')", "run_id NOT IN ('{r1}')", "attributes.run_id IN ('{r1}', '{r2}')", "run_id = '{r2}'", "run_id IN ('')", "run_id IN (1)", "run_name IN ('two')", "status IN ('RUNNING')",
        "datasets.name = 'd'", "dataset.name LIKE 'd'", "datasets.digest = '123'", "datasets.context = 'train'", "datasets.nonsense = 'x'", "datasets.name IN ('d', 'e')",
        "metrics.acc > 0 AND params.p = '1'", "metrics.acc > 0 and tags.t = 'y'", "metrics.acc > 0 OR params.p = '1'", "(metrics.acc > 0)", "metrics.acc > 0 AND", "AND metrics.acc > 0", "metrics.acc",
        "metrics.acc > ", "metrics > 0", "acc > 0", "params. = 'x'", "nonsense.x = 'x'", "metrics.acc BETWEEN 0 AND 1", "NOT metrics.acc > 0", "metrics.acc > 0;", "metrics.acc > 0 -- x",
        "params.p = '1", "params.p = 1'", "tags.t = 'it''s'", "metrics.acc>0.5", "metrics.acc   >    0.5", "params.lr = '0.1' AND metrics.loss < 1 AND tags.t = 'x'", "tags.t == 'x'", "tags.t <> 'x'", "metrics.acc > -1", "metrics.acc > 1e-3", "metrics.acc > .5",
        "metrics.acc > +1", "metrics.acc > NaN", "artifact_uri LIKE '%'", "lifecycle_stage = 'active'", "tags.t IS NOT", "params.p NOT LIKE '1'", "params.p = NULL", "metrics.acc IS NULL", "params.p = true",
    ]  # fmt: skip
    for text in filters:
        yield post(f"search {text}", "runs/search", {"experiment_ids": ["{e1}"], "filter": text})
    for order in (
        "metrics.acc", "metrics.acc ASC", "metrics.acc DESC", "metrics.loss DESC", "params.p", "params.lr DESC", "tags.t", "start_time", "attributes.start_time DESC", "attribute.end_time ASC",
        "run_name", "nonsense", "metrics.none", "metrics.acc UP", "metrics.acc desc", "metrics.`acc` DESC", "status", "", "metrics", "datasets.name", "user_id DESC",
    ):  # fmt: skip
        yield post(f"order {order}", "runs/search", {"experiment_ids": ["{e1}"], "order_by": [order]})
    yield post("two orders", "runs/search", {"experiment_ids": ["{e1}"], "order_by": ["tags.t", "start_time ASC"]})
    yield post("the same order twice", "runs/search", {"experiment_ids": ["{e1}"], "order_by": ["start_time", "start_time"]})
    for most in (0, 1, -1, 50_000, 50_001, "x", "2"):
        yield post(f"search {most}", "runs/search", {"experiment_ids": ["{e1}"], "max_results": most})
    yield post("search with a bad token", "runs/search", {"experiment_ids": ["{e1}"], "page_token": "nonsense"})
    yield post("search nowhere", "runs/search", {"experiment_ids": []})
    yield post("search an unknown one", "runs/search", {"experiment_ids": ["987654"]})
    yield post("search a word", "runs/search", {"experiment_ids": ["abc"]})
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
        yield post(f"search {view}", "runs/search", {"experiment_ids": ["{e1}"], "run_view_type": view})
    yield post("delete", "runs/delete", {"run_id": "{r3}"})
    yield post("delete again", "runs/delete", {"run_id": "{r3}"})
    yield post("delete nothing", "runs/delete", {})
    yield post("metric to a deleted run", "runs/log-metric", {"run_id": "{r3}", "key": "m", "value": 1, "timestamp": T0})
    yield post("batch to a deleted run", "runs/log-batch", {"run_id": "{r3}", "params": [{"key": "k", "value": "v"}]})
    yield post("tag on a deleted run", "runs/set-tag", {"run_id": "{r3}", "key": "k", "value": "v"})
    yield post("update a deleted run", "runs/update", {"run_id": "{r3}", "status": "FINISHED"})
    yield post("search deleted", "runs/search", {"experiment_ids": ["{e1}"], "run_view_type": "DELETED_ONLY"})
    yield post("restore", "runs/restore", {"run_id": "{r3}"})
    yield post("restore again", "runs/restore", {"run_id": "{r3}"})
    yield post("restore nobody", "runs/restore", {"run_id": "f" * 32})


def registry():
    name = {"name": "m/1 ü"}
    plain = {"name": "plain"}
    yield post("create", "registered-models/create", {**plain, "description": "d", "tags": [{"key": "k", "value": "v"}]})
    yield post("create again", "registered-models/create", plain)
    yield post("create, slash", "registered-models/create", name)
    yield post("create nothing", "registered-models/create", {})
    yield post("create empty", "registered-models/create", {"name": ""})
    yield get("get", "registered-models/get", plain)
    yield get("get unknown", "registered-models/get", {"name": "none"})
    yield get("get nothing", "registered-models/get", {})
    yield patch("update", "registered-models/update", {**plain, "description": "other"})
    yield patch("update unknown", "registered-models/update", {"name": "none", "description": "x"})
    yield post("rename", "registered-models/rename", {**plain, "new_name": "renamed"})
    yield post("rename back", "registered-models/rename", {"name": "renamed", "new_name": "plain"})
    yield post("rename to nothing", "registered-models/rename", plain)
    yield post("rename unknown", "registered-models/rename", {"name": "none", "new_name": "x"})
    source = "s3://bucket/model"
    for i in (1, 2, 3):
        yield post(f"version {i}", "model-versions/create", {**plain, "source": source, "run_id": "{r1}", "tags": [{"key": "i", "value": str(i)}]})
    for body in (
        {}, plain, {"name": "none", "source": source}, {**plain, "source": ""}, {**plain, "source": "file:///etc"}, {**plain, "source": "/etc/passwd"}, {**plain, "source": "s3://b/../x"},
        {**plain, "source": "http://h/%2e%2e/x"}, {**plain, "source": "models:/none/1"}, {**plain, "source": "mlflow-artifacts:/../../x"},
        {**plain, "source": "runs:/{r1}/model", "run_id": "{r2}"}, {**plain, "source": 5},
    ):  # fmt: skip
        yield post(f"version of {body}", "model-versions/create", body)
    at = {**plain, "version": "1"}
    yield get("version", "model-versions/get", at)
    for version in ("9", "x", "", "-1", "1.5"):
        yield get(f"version {version!r}", "model-versions/get", {**plain, "version": version})
    yield get("version of nothing", "model-versions/get", {"version": "1"})
    yield patch("describe", "model-versions/update", {**at, "description": "first"})
    yield get("download uri", "model-versions/get-download-uri", at)
    for stage in ("Staging", "production", "Production", "Archived", "None", "Nonsense", ""):
        yield post(f"stage {stage!r}", "model-versions/transition-stage", {**at, "stage": stage, "archive_existing_versions": False})
    yield post("stage, archive", "model-versions/transition-stage", {**plain, "version": "2", "stage": "Staging", "archive_existing_versions": True})
    yield post("stage, archive in None", "model-versions/transition-stage", {**plain, "version": "2", "stage": "None", "archive_existing_versions": True})
    yield post("stage without a version", "model-versions/transition-stage", {**plain, "stage": "Staging"})
    for body in ({**plain, "stages": []}, {**plain, "stages": ["Staging"]}, {**plain, "stages": ["Nonsense"]}, {"name": "none"}, {}):
        yield post(f"latest {body}", "registered-models/get-latest-versions", body)
    yield post("tag version", "model-versions/set-tag", {**at, "key": "k", "value": "v"})
    yield post("tag version, no key", "model-versions/set-tag", {**at, "value": "v"})
    yield delete("untag version", "model-versions/delete-tag", {**at, "key": "k"})
    yield delete("untag version again", "model-versions/delete-tag", {**at, "key": "k"})
    yield post("tag", "registered-models/set-tag", {**plain, "key": "k2", "value": "v"})
    yield post("tag unknown", "registered-models/set-tag", {"name": "none", "key": "k", "value": "v"})
    yield delete("untag", "registered-models/delete-tag", {**plain, "key": "k2"})
    for alias, version in (("champion", "1"), ("champion", "2"), ("latest", "1"), ("v1", "1"), ("a" * 256, "1"), ("", "1"), ("ok", "9"), ("ok", "x"), ("a/b", "1"), ("a b", "1")):
        yield post(f"alias {alias[:9]!r} {version}", "registered-models/alias", {**plain, "alias": alias, "version": version})
    yield get("by alias", "registered-models/alias", {**plain, "alias": "champion"})
    yield get("by unknown alias", "registered-models/alias", {**plain, "alias": "none"})
    yield delete("drop alias", "registered-models/alias", {**plain, "alias": "champion"})
    yield delete("drop alias again", "registered-models/alias", {**plain, "alias": "champion"})
    for text in ("", "name = 'plain'", "name LIKE 'pl%'", "name ILIKE 'PL%'", "name != 'plain'", "tags.k = 'v'", "tag.k = 'v'", "nonsense = 'x'", "name > 'a'", "name IN ('plain')", "name = 'plain' OR name = 'x'", "run_id = 'x'"):
        yield get(f"models {text}", "registered-models/search", {"filter": text, "max_results": "10"})
    for order in ("name", "name DESC", "timestamp", "last_updated_timestamp ASC", "nonsense", "creation_timestamp"):
        yield get(f"models by {order}", "registered-models/search", {"order_by": order, "filter": "name = 'plain'"})
    for most in ("0", "1", "1001", "-1", "x"):
        yield get(f"models {most}", "registered-models/search", {"max_results": most})
    for text in (
        "", "name = 'plain'", "name='plain' and run_id='{r1}'", "run_id IN ('{r1}')", "run_id IN ()", "run_id = '{r1}'", "source_path = 's3://bucket/model'", "version_number = '1'", "version_number > 1", "version_number = 1", "tags.i = '2'", "name LIKE 'p%'",
        "nonsense = 'x'", "run_id LIKE 'x'", "name IN ('plain')", "current_stage = 'None'",
    ):  # fmt: skip
        yield get(f"versions {text}", "model-versions/search", {"filter": text})
    for order in ("version_number DESC", "version_number ASC", "name", "creation_timestamp ASC", "nonsense", "last_updated_timestamp"):
        yield get(f"versions by {order}", "model-versions/search", {"filter": "name = 'plain'", "order_by": [order, "version_number ASC"]})
    yield delete("delete version", "model-versions/delete", {**plain, "version": "3"})
    yield delete("delete version again", "model-versions/delete", {**plain, "version": "3"})
    yield post("version after", "model-versions/create", {**plain, "source": source})
    yield delete("delete", "registered-models/delete", name)
    yield delete("delete again", "registered-models/delete", name)
    yield delete("delete nothing", "registered-models/delete", {})


def logged_models():
    yield post("create", "logged-models", {"experiment_id": "{e1}", "name": "lm", "model_type": "t", "source_run_id": "{r1}", "params": [{"key": "a", "value": "1"}], "tags": [{"key": "k", "value": "v"}]}, m1="model.info.model_id")
    yield post("create nowhere", "logged-models", {"experiment_id": "987654", "name": "lm"})
    yield post("create with a bad name", "logged-models", {"experiment_id": "{e1}", "name": "a/b"})
    yield get("get", "logged-models/{m1}")
    yield get("get unknown", "logged-models/m-none")
    yield patch("finalize", "logged-models/{m1}", {"model_id": "{m1}", "status": "LOGGED_MODEL_READY"})
    yield post("params", "logged-models/{m1}/params", {"model_id": "{m1}", "params": [{"key": "b", "value": "2"}]})
    yield patch("tags", "logged-models/{m1}/tags", {"model_id": "{m1}", "tags": [{"key": "c", "value": "3"}]})
    yield ("untag", "DELETE", f"{API}/logged-models/{{m1}}/tags/c", {}, {})
    yield ("untag again", "DELETE", f"{API}/logged-models/{{m1}}/tags/c", {}, {})
    yield post("metric of it", "runs/log-metric", {"run_id": "{r1}", "key": "score", "value": 0.5, "timestamp": T0, "step": 0, "model_id": "{m1}", "dataset_name": "d", "dataset_digest": "123"})
    for text in ("", "name = 'lm'", "attributes.name = 'lm'", "metrics.score > 0.1", "metrics.score > 0.9", "params.a = '1'", "tags.k = 'v'", "tags.k = 'x'", "nonsense.x = 1", "status = 'READY'", "name > 'a'", "creation_timestamp > 0", "model_type = 't'", "metrics.score > 'x'"):
        yield post(f"search {text}", "logged-models/search", {"experiment_ids": ["{e1}"], "filter": text})
    yield post("search nowhere", "logged-models/search", {})
    yield post("search, order", "logged-models/search", {"experiment_ids": ["{e1}"], "order_by": [{"field_name": "metrics.score", "ascending": False}]})
    yield post("search, bad order", "logged-models/search", {"experiment_ids": ["{e1}"], "order_by": [{"field_name": "nonsense"}]})
    yield ("delete", "DELETE", f"{API}/logged-models/{{m1}}", {}, {})
    yield get("get deleted", "logged-models/{m1}")


def artifacts():
    proxy = "/api/2.0/mlflow-artifacts/artifacts"
    yield ("put", "PUT", f"{proxy}/{{e1}}/{{r1}}/artifacts/a/b.txt", b"hello", {})
    yield get("list", "artifacts/list", {"run_id": "{r1}"})
    yield get("list below", "artifacts/list", {"run_id": "{r1}", "path": "a"})
    yield get("list nothing", "artifacts/list", {"run_id": "{r1}", "path": "none"})
    for path in ("..", "../..", "/etc", "a/../..", "a/%2e%2e"):
        yield get(f"list {path}", "artifacts/list", {"run_id": "{r1}", "path": path})
        yield ("download " + path, "GET", "/get-artifact", {"run_id": "{r1}", "path": path}, {})
    yield ("download", "GET", "/get-artifact", {"run_id": "{r1}", "path": "a/b.txt"}, {})
    yield ("download of nobody", "GET", "/get-artifact", {"run_id": "f" * 32, "path": "a/b.txt"}, {})
    yield ("proxy list", "GET", proxy, {"path": "{e1}/{r1}/artifacts"}, {})
    yield ("proxy download", "GET", f"{proxy}/{{e1}}/{{r1}}/artifacts/a/b.txt", {}, {})
    yield ("proxy delete", "DELETE", f"{proxy}/{{e1}}/{{r1}}/artifacts/a/b.txt", {}, {})


def wrong():
    yield ("no such endpoint", "GET", f"{API}/nonsense", {}, {})
    yield ("wrong method", "GET", f"{API}/runs/create", {}, {})
    yield ("not JSON", "POST", f"{API}/experiments/create", b"{", {})
    yield ("a list", "POST", f"{API}/experiments/create", b"[]", {})
    yield ("text", "POST", f"{API}/experiments/create", b'"text"', {})
    yield ("JSON in JSON", "POST", f"{API}/experiments/search", b'"{\\"max_results\\": 1, \\"filter\\": \\"name = \'first\'\\"}"', {})
    yield ("unknown fields", "POST", f"{API}/experiments/search", {"max_results": 1, "nonsense": {"a": 1}, "filter": "name = 'first'"}, {})
    yield ("health", "GET", "/health", {}, {})
    yield ("version", "GET", "/version", {}, {})


def generated(seed=7, count=150):
    """Filters put together at random from right and wrong pieces."""
    pick = random.Random(seed)
    keys = ["metrics.acc", "metrics.`loss`", "params.p", "tags.t", "status", "run_name", "attributes.start_time", "datasets.name", "nonsense", "metrics", '"tags.t"', "tags.`a b`"]
    operators = ["=", "!=", ">", "<=", "LIKE", "ILIKE", "IS NULL", "IN", "==", ""]
    values = ["'x'", "1", "0.5", '"y"', "('x', 'y')", "'it''s'", "x", "", "-3", "NULL", "'%'"]
    joins = [" AND ", " and ", " OR ", ", ", " "]
    for i in range(count):
        parts = [f"{pick.choice(keys)} {pick.choice(operators)} {pick.choice(values)}".strip() for _ in range(pick.choice([1, 1, 2, 3]))]
        text = parts[0] + "".join(pick.choice(joins) + part for part in parts[1:])
        yield post(f"generated {i}: {text}", "runs/search", {"experiment_ids": ["{e1}"], "filter": text})


def cases():
    parts = (experiments, runs, batches, inputs, run_searches, registry, logged_models, artifacts, wrong, generated)
    for part in parts:
        for name, *rest in itertools.chain(part()):
            yield (f"{part.__name__}: {name}", *rest)

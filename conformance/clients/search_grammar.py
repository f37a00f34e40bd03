"""Filters and orderings, judged by the parser of the installed `mlflow`: python search_grammar.py <server-url>

Thousands of them are made up (valid, nearly valid, hostile; the seed is fixed, SEARCH_SEED changes it) and put both to
mlflow's own SQL store, in this process on a fresh SQLite file, and to the server, which holds the same data. Both must
take or refuse it, with the same error code and message, and find the same things in the same order. Where mlflow fails
with an error that is not its own (a bug there), the server must refuse with a 400. SEARCH_COUNT says how many.

Prints `ok <what>` or `not ok <what>: <why>`. Expects a fresh server.
"""

import json
import logging
import os
import random
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

import requests  # noqa: E402
from mlflow.entities import (  # noqa: E402
    Dataset,
    DatasetInput,
    ExperimentTag,
    InputTag,
    LoggedModelParameter,
    LoggedModelTag,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.model_registry.rest_store import RestStore as RestRegistry  # noqa: E402
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as SqlRegistry  # noqa: E402
from mlflow.store.tracking.rest_store import RestStore  # noqa: E402
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: E402
from mlflow.utils.rest_utils import MlflowHostCreds  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.CRITICAL)
logging.getLogger("alembic").setLevel(logging.CRITICAL)

URL = sys.argv[1].rstrip("/")
SEED = int(os.environ.get("SEARCH_SEED", "20261126"))
COUNT = int(os.environ.get("SEARCH_COUNT", "2400"))
R = random.Random(SEED)
SESSION = requests.Session()


def fill(tracking, registry):
    """The same data in a store; the ids of its runs and experiments by name, and the names by id."""
    ids = {"Default": "0"}
    for name in ("one", "Two", "zwölf"):
        tags = [ExperimentTag("team", name.upper()), ExperimentTag("a.b", "x y")][: 1 + (name != "one")]
        ids[name] = tracking.create_experiment(name, tags=tags)
    values = [0.5, float("nan"), None, 2.0, -1.5, 1e300, 0.5, None, -0.0, float("inf"), 3, float("nan")]
    texts = ["abc", "ABC", "a%c", "a_c", None, "", "é", "1", "0.5", "it's", 'say "x"', "abc"]
    for i, (value, text) in enumerate(zip(values, texts)):
        name = f"run {i}"
        run = tracking.create_run(ids["one"] if i % 3 else ids["Two"], f"user{i % 2}", 1000 + i, [], name)
        run_id = ids[name] = run.info.run_id
        metrics = [] if value is None else [Metric("m", value, 5, 0), Metric("my metric", i % 4, 5, i)]
        params = [] if text is None else [Param("p", text), Param("a b", str(i))]
        tags = [RunTag("t", text or "none")] + ([RunTag("a.b", "x")] if i % 2 else [])
        tracking.log_batch(run_id, metrics, params, tags)
        if i % 4 == 1:
            dataset = Dataset(f"data{i % 3}", f"d{i}", "local", "source")
            context = [InputTag("mlflow.data.context", "train" if i % 3 else "Eval")]
            tracking.log_inputs(run_id, [DatasetInput(dataset, context)])
        if i % 3 == 0:
            status = ["FINISHED", "FAILED", "KILLED", "SCHEDULED"][i // 3 % 4]
            from mlflow.entities import RunStatus

            tracking.update_run_info(run_id, RunStatus.from_string(status), 2000 + i, None)
    tracking.delete_run(ids["run 7"])
    for i, name in enumerate(["m1", "m2", "M3", "vier"]):
        model = tracking.create_logged_model(
            ids["one"], name, None, [LoggedModelTag("t", f"v{i}")], [LoggedModelParameter("p", str(i / 4))],
            "Agent" if i % 2 else "model",
        )
        ids[f"model {name}"] = model.model_id
        if i != 3:
            metrics = [Metric("m", i / 2, 5, 0, model_id=model.model_id, dataset_name=f"data{i % 2}", dataset_digest="d")]
            tracking.log_batch(ids["run 1"], metrics, [], [])
        time.sleep(0.002)
    for i, name in enumerate(["alpha", "Beta", "gamma delta"]):
        registry.create_registered_model(name, [RegisteredModelTag("t", f"v{i}")])
        for v in range(3):
            run_id = ids[f"run {v}"] if i else None
            registry.create_model_version(name, f"s3://x/{i}/{v}", run_id, [ModelVersionTag("t", f"v{v}")])
            time.sleep(0.002)
    prompt = [RegisteredModelTag("mlflow.prompt.is_prompt", "true")]
    registry.create_registered_model("a prompt", prompt)
    registry.create_model_version(
        "a prompt", "dummy-source", None, [ModelVersionTag("mlflow.prompt.is_prompt", "true"), ModelVersionTag("mlflow.prompt.text", "x")]
    )
    return ids


folder = Path(tempfile.mkdtemp(prefix="search-grammar-"))
database = f"sqlite:///{folder}/mlflow.db"
theirs, their_registry = SqlAlchemyStore(database, str(folder / "artifacts")), SqlRegistry(database)
creds = MlflowHostCreds(URL)
THEIR_IDS = fill(theirs, their_registry)
OUR_IDS = fill(RestStore(lambda: creds), RestRegistry(lambda: creds))


# ---- what is asked ----
VALUES = [
    "'abc'", "'ABC'", '"abc"', "'a%'", "'%c'", "'a_c'", "''", "'é'", "'it''s'", "'x'", "0.5", "1", "-1.5", "1e5", "2.", ".5",
    "1E-3", "0x1F", "'0.5'", "'1'", "('abc','x')", "('abc')", '("abc", \'x\')', "()", "(1)", "('a' 'b')", "('a',)", "((('a')))",
    "abc", "`abc`", "NULL", "true", "'unclosed", "'user1'", "'FINISHED'", "'F%'", "'train'", "'Eval'", "'data1'", "'RUN 3'",
    "'run 3'", "'%RUN%'", "1003", "1003.5", "99999999999999999999", "'v1'", "'alpha'", "'Beta'", "'m1'", "'%m%'", "'true'", "'false'",
    "{run 1}", "{run 2}", "({run 1}, {run 2})", "{one}", "({one}, {Two})", "'one'", "'TWO'", "'s3://x/1/%'", "3", "'3'",
]  # fmt: skip
OPERATORS = [
    "=", "!=", "<", ">", "<=", ">=", " LIKE ", " ILIKE ", " like ", " ilike ", " IN ", " NOT IN ", " in ", " not  in ",
    " IS NULL", " IS NOT NULL", " is null", " Is Not Null", " RLIKE ", " NOT LIKE ", "==", "<>", " BETWEEN ", "~",
]  # fmt: skip
KEYS = {
    "runs": [
        "metrics.m", "metric.m", "metrics.`my metric`", 'metrics."my metric"', "params.p", "param.p", "parameter.`a b`",
        "tags.t", "tag.`a.b`", "tags.'t'", "attributes.status", "attr.run_id", "run_id", "run_name", "attributes.`run name`",
        "start_time", "end_time", "created", "status", "user_id", "datasets.name", "dataset.digest", "dataset.context",
        "metrics.never", "params.never", "foo.bar", "attributes.foo", "dataset.foo", "timestamp", "name", "metrics.timestamp",
        "`metrics`.m", "metrics", "tags.order", "params.case", "run.status", "artifact_uri",
    ],
    "experiments": [
        "name", "attribute.name", "experiment_id", "creation_time", "last_update_time", "tags.team", "tag.`a.b`", "tags.never",
        "attributes.name", "params.p", "foo", "tags.\"a.b\"", "`name`",
    ],
    "registered models": [
        "name", "attribute.name", "tags.t", "tag.`t`", "tags.`mlflow.prompt.is_prompt`", "tags.\"mlflow.prompt.is_prompt\"",
        "version_number", "`name`", "foo", "params.p", "tags.never",
    ],
    "model versions": [
        "name", "run_id", "source_path", "version_number", "tags.t", "tag.t", "tags.`mlflow.prompt.is_prompt`", "attribute.run_id",
        "creation_timestamp", "foo", "metrics.m", "`name`",
    ],
    "logged models": [
        "name", "attributes.name", "model_id", "model_type", "source_run_id", "creation_timestamp", "creation_time",
        "last_updated_timestamp_ms", "metrics.m", "params.p", "tags.t", "params.`p`", "metric.m", "foo.x", "attributes.`name`",
    ],
    "traces": [
        "timestamp", "timestamp_ms", "attributes.timestamp_ms", "execution_time", "end_time_ms", "status", "trace.status",
        "request_id", "client_request_id", "name", "run_id", "prompt", "text", "trace.text", "tags.t", "tag.`a b`", "metadata.k",
        "request_metadata.`a.b`", "span.name", "span.type", "span.status", "span.content", "span.attributes.x", "span.attributes.`a.b`",
        "span.foo", "feedback.a", "expectation.`a b`", "issue.id", "issue.x", "assessment.a", "foo", "foo.bar", "trace.name",
    ],
}  # fmt: skip
ORDERS = {
    "runs": ["metrics.m", "metrics.`my metric`", "params.p", "tags.t", "start_time", "end_time", "created", "status", "run_name",
             "attributes.user_id", "metrics.never", "foo", "datasets.name", "params.`a b`", "timestamp", 'tag."a.b"'],
    "experiments": ["name", "experiment_id", "creation_time", "last_update_time", "attribute.name", "tags.team", "foo"],
    "registered models": ["name", "timestamp", "last_updated_timestamp", "creation_timestamp", "tags.t", "`name`"],
    "model versions": ["name", "version_number", "creation_timestamp", "last_updated_timestamp", "tags.t", "foo", "attribute.name"],
}  # fmt: skip
DIRECTIONS = ["", "", " ASC", " DESC", " asc", " desc", " Desc", "  DESC", " foo", " DESC NULLS LAST", ", name", ";", " DESC foo"]
JOINTS = [" AND ", " AND ", " AND ", " AND ", " and ", "\nAND\n", " And ", " OR ", "; ", " ", " AND NOT ", ", "]
NOISE = list("'\"`.,;()=<>!-#*%[]{}\\ \n\t$?:@~+/") + [
    "--", "/*", "*/", "# ", "--x\n", "/* x */", "AND", "OR", "NOT", "IN", "IS", "NULL", "AS", "FROM", "SELECT", "CASE", "WHEN",
    "END", "WHERE", "ORDER BY", "BEGIN", "GO", "timestamp", "date", "order", "$$", "::", ":=", "->", "é", "\u00a0", "0", "1.5", "''",
]  # fmt: skip


def comparison(kind):
    operator, key = R.choice(OPERATORS), R.choice(KEYS[kind])
    if kind == "runs" and R.random() < 0.3:
        key = R.choice(["metrics.m", "params.p", "tags.t", "start_time", "run_id"])
    value = "" if "NULL" in operator.upper() else R.choice(VALUES)
    space = R.choice(["", " ", " ", "  ", "\n"])
    return f"{key}{space}{operator}{space}{value}"


def made_up(kind):
    """A filter: mostly right, then broken here and there, or nothing but noise."""
    dice = R.random()
    if dice < 0.04:
        return "".join(R.choice(NOISE) + R.choice(["", " "]) for _ in range(R.randint(1, 12)))
    joints = [" AND "] if dice < 0.7 else JOINTS
    parts = [comparison(kind) for _ in range(R.choice([1, 1, 1, 2, 2, 3, 5]))]
    text = parts[0] + "".join(R.choice(joints) + part for part in parts[1:])
    if dice > 0.75:
        text = list(text)
        for _ in range(R.randint(1, 3)):
            at = R.randrange(len(text) + 1)
            if R.random() < 0.4 and at < len(text):
                del text[at]
            else:
                text.insert(at, R.choice(NOISE))
        text = "".join(text)
    return R.choice(["", "", "", " ", "("]) + text + R.choice(["", "", "", "", " ", ";", " ;", " AND", ")", " -- x"]) if dice > 0.6 else text


def with_ids(text, ids):
    for name in ("run 1", "run 2", "one", "Two"):
        text = text.replace(f"{{{name}}}", f"'{ids[name]}'")
    return text


# ---- who is asked ----
def ask(method, path, body):
    url = f"{URL}/api/{path}"
    answer = SESSION.request(method, url, json=body) if method == "POST" else SESSION.get(url, params=body)
    found = answer.json()
    if answer.status_code == 200:
        return found
    if answer.status_code >= 500:
        raise RuntimeError(f"{answer.status_code} {found}")
    raise MlflowException(found["message"], error_code=1000 if found["error_code"] == "INVALID_PARAMETER_VALUE" else 1)


def runs(filter, order):
    ids = [THEIR_IDS["one"], THEIR_IDS["Two"]]
    expected = lambda: [r.info.run_name for r in theirs.search_runs(ids, with_ids(filter, THEIR_IDS), ViewType.ACTIVE_ONLY, 1000, order)]
    body = {"experiment_ids": [OUR_IDS["one"], OUR_IDS["Two"]], "filter": with_ids(filter, OUR_IDS), "order_by": order, "max_results": 1000}
    found = lambda: [r["info"]["run_name"] for r in ask("POST", "2.0/mlflow/runs/search", body).get("runs", [])]
    return expected, found


def experiments(filter, order):
    expected = lambda: [e.name for e in theirs.search_experiments(ViewType.ACTIVE_ONLY, 1000, with_ids(filter, THEIR_IDS), order)]
    body = {"filter": with_ids(filter, OUR_IDS), "order_by": order, "max_results": 1000}
    found = lambda: [e["name"] for e in ask("POST", "2.0/mlflow/experiments/search", body).get("experiments", [])]
    return expected, found


def models(filter, order):
    expected = lambda: [m.name for m in their_registry.search_registered_models(with_ids(filter, THEIR_IDS), 100, order)]
    body = {"filter": with_ids(filter, OUR_IDS), "order_by": order}
    found = lambda: [m["name"] for m in ask("GET", "2.0/mlflow/registered-models/search", body).get("registered_models", [])]
    return expected, found


def versions(filter, order):
    named = lambda name, version: f"{name} {version}"
    expected = lambda: [named(v.name, v.version) for v in their_registry.search_model_versions(with_ids(filter, THEIR_IDS), 100, order)]
    body = {"filter": with_ids(filter, OUR_IDS), "order_by": order}
    found = lambda: [named(v["name"], v["version"]) for v in ask("GET", "2.0/mlflow/model-versions/search", body).get("model_versions", [])]
    return expected, found


def logged_models(filter, order):
    expected = lambda: [m.name for m in theirs.search_logged_models([THEIR_IDS["one"]], with_ids(filter, THEIR_IDS))]
    body = {"experiment_ids": [OUR_IDS["one"]], "filter": with_ids(filter, OUR_IDS)}
    found = lambda: [m["info"]["name"] for m in ask("POST", "2.0/mlflow/logged-models/search", body).get("models", [])]
    return expected, found


def traces(filter, order):
    expected = lambda: [t.trace_id for t in theirs.search_traces(locations=[THEIR_IDS["one"]], filter_string=with_ids(filter, THEIR_IDS))[0]]
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": OUR_IDS["one"]}}
    body = {"locations": [location], "filter": with_ids(filter, OUR_IDS)}
    found = lambda: [t["trace_id"] for t in ask("POST", "3.0/mlflow/traces/search", body).get("traces", [])]
    return expected, found


SEARCHES = {
    "runs": runs,
    "experiments": experiments,
    "registered models": models,
    "model versions": versions,
    "logged models": logged_models,
    "traces": traces,
}


def outcome(call, of_mlflow=False):
    """What comes back: ("found", names), ("refused", message) or ("failed", error)."""
    try:
        return "found", call()
    except MlflowException as error:
        # Its database, or Python itself, refused what its grammar let through.
        texts = ("(sqlite3.", "type object", "could not convert string")
        broken = of_mlflow and any(text in error.message for text in texts)
        return "failed" if broken else "refused", error.message
    except Exception as error:  # noqa: BLE001
        return "failed", f"{type(error).__name__}: {error}"


def comparable(message):
    """Sets are shown in any order."""
    return re.sub(r"\{([^{}]*)\}", lambda m: "{" + ", ".join(sorted(m.group(1).split(", "))) + "}", message)


def agree(kind, filter, order):
    """None, or what differs."""
    expected, found = SEARCHES[kind](filter, order)
    (verdict, what), (ours, got) = outcome(expected, True), outcome(found)
    if verdict == ours == "refused" and "{" in filter:
        # Broken quotes lay ids open, and one id parses unlike another: both must be asked about the same.
        expected, _ = SEARCHES[kind](with_ids(filter, OUR_IDS), order)
        verdict, what = outcome(expected, True)
    if ours == "failed":
        return f"the server fails: {got}"
    if verdict == "failed":
        fine = ours == "refused" or answered(what)
        return None if fine else f"mlflow fails with {what}; the server finds {got}"
    if verdict != ours and kind == "traces" and "Invalid value for numeric attribute" in str(got):
        return None  # text where a number belongs: SQLite compares them somehow
    if verdict != ours:
        return None if answered(what) else f"mlflow: {verdict} {what}; the server: {ours} {got}"
    if verdict == "refused" or ours == "refused":
        # A list where none may be, which mlflow hands to its database.
        listed = "Only IN and NOT IN take a list" in str(got)
        same = listed or comparable(what) == comparable(got)
    else:
        same = what == got
    return None if same else f"mlflow: {what}; the server: {got}"


def answered(what):
    """Whether mlflow's database failed where the server answers: that difference is meant."""
    return any(text in str(what) for text in ("OverflowError", "OperationalError", "too large", "StatementError", "InterfaceError", "has no attribute"))


def main():
    failures, counts = {}, dict.fromkeys(SEARCHES, 0)
    weights = {"runs": 5, "experiments": 2, "registered models": 2, "model versions": 2, "logged models": 2, "traces": 3}
    for _ in range(COUNT):
        kind = R.choices(list(weights), list(weights.values()))[0]
        filter, order = made_up(kind), []
        if kind in ORDERS and R.random() < 0.4:
            filter = filter if R.random() < 0.3 else ""
            order = [R.choice(ORDERS[kind]) + R.choice(DIRECTIONS) for _ in range(R.choice([1, 1, 2]))]
        counts[kind] += 1
        why = agree(kind, filter, order)
        if why:
            failures.setdefault(kind, []).append(f"{json.dumps(filter)} {order}: {why}")
    for kind, count in counts.items():
        found = failures.get(kind, [])
        if found:
            print(f"not ok {kind}: {len(found)} of {count} filters differ (seed {SEED}), such as {found[0]}")
            for each in found[1 : int(os.environ.get('SEARCH_SHOW', '3'))]:
                print(f"  {each}")
        else:
            print(f"ok {kind}: {count} filters and orderings as mlflow's own store takes them")
    paging(failures)
    hostile(failures)
    sys.exit(1 if failures else 0)


PAGED = {
    "runs": ("POST", "2.0/mlflow/runs/search", "runs", ["metrics.m DESC", "params.p", "end_time"]),
    "experiments": ("POST", "2.0/mlflow/experiments/search", "experiments", ["name DESC", "last_update_time", "experiment_id"]),
    "registered models": ("GET", "2.0/mlflow/registered-models/search", "registered_models", ["timestamp DESC", "name DESC"]),
    "model versions": ("GET", "2.0/mlflow/model-versions/search", "model_versions", ["version_number", "name DESC"]),
    "logged models": ("POST", "2.0/mlflow/logged-models/search", "models", [{"field_name": "metrics.m"}, {"field_name": "name", "ascending": False}]),
}


def paging(failures):
    """One row a page gives every row once, in the order of one large page; a token serves no other search."""
    for kind, (method, path, member, orders) in PAGED.items():
        try:
            for order in [None, *orders]:
                body = {"max_results": 1000}
                if kind in ("runs", "logged models"):
                    body["experiment_ids"] = [OUR_IDS["one"], OUR_IDS["Two"]]
                if order:
                    body["order_by"] = [order]
                whole = ask(method, path, body)
                assert "next_page_token" not in whole, "a token though nothing is left"
                found, token = [], ""
                while token is not None:
                    page = ask(method, path, {**body, "max_results": 1, "page_token": token})
                    found += page.get(member, [])
                    token = page.get("next_page_token")
                    if token and len(found) == 1:
                        other = {**body, "page_token": token, "filter": "name = 'other'" if kind != "runs" else "tags.t = 'other'"}
                        assert outcome(lambda: ask(method, path, other))[0] == "refused", "a token of another search is taken"
                assert found == whole[member], f"{order}: {len(found)} rows page by page, {len(whole[member])} at once"
            for token in ("garbage", "e30=", "eyJvZmZzZXQiOiAxfQ=="):
                verdict, what = outcome(lambda: ask(method, path, {**body, "page_token": token}))
                assert verdict == "refused" and "page token" in what, f"{token}: {verdict} {what}"
            print(f"ok pages of {kind}")
        except Exception as error:  # noqa: BLE001
            failures.setdefault(f"pages of {kind}", []).append(str(error))
            print(f"not ok pages of {kind}: {type(error).__name__}: {error}")


def hostile(failures):
    """Written to explode a parser: an answer comes quickly all the same, and it is a refusal or a result."""
    cases = {
        "100,000 conditions": " AND ".join(["metrics.m > 0"] * 100_000),
        "1,000 conditions": " AND ".join(["metrics.m > 0"] * 1_000),
        "200 conditions": " AND ".join(["metrics.m > 0"] * 200),
        "deep parentheses": "(" * 200_000 + ")" * 200_000,
        "nested lists": "run_id IN " + "(" * 3_000 + "'a'" + ")" * 3_000,
        "a megabyte of text": "params.p = '" + "x" * 1_000_000 + "'",
        "a megabyte of quotes": "params.p = " + "'" * 1_000_001,
        "a megabyte of backslashes": "params.p = '" + "\\'" * 500_000,
        "a megabyte of dollars": "$a$ $b$ " * 130_000,
        "a megabyte of comments": "/*" * 500_000,
        "a megabyte of spaces": "metrics.m" + " " * 1_000_000 + "> 0",
        "100,000 names in a list": "run_id IN (" + ",".join(["'x'"] * 100_000) + ")",
        "a chain of operators": "metrics.m > " + "+".join(["1"] * 20_000),
        "percent signs": "params.p LIKE '" + "%a" * 5_000 + "'",
    }
    for what, filter in cases.items():
        began = time.monotonic()
        body = {"experiment_ids": [OUR_IDS["one"]], "filter": filter}
        answer = SESSION.post(f"{URL}/api/2.0/mlflow/runs/search", json=body, timeout=30)
        took = time.monotonic() - began
        if answer.status_code not in (200, 400) or took > 3:
            failures.setdefault("hostile", []).append(what)
            print(f"not ok {what}: {answer.status_code} after {took:.1f} s: {answer.text[:200]}")
        else:
            print(f"ok {what}: {answer.status_code}")


if __name__ == "__main__":
    main()

"""Searching runs: 20,000 of them on every server, and a million on mlwright (`--only search`, SQLite and PostgreSQL).

The runs are put into the tables by SQL, since logging them would take upstream an hour: four metrics, three parameters and
two tags each, in one experiment. Asked over HTTP by one client, and read to the last byte; the figure is the p95.
`SEARCH_RUNS=1000000` changes the large number, 0 leaves it out.
"""

import http.client
import json
import os
import sqlite3
import sys
import time

TITLE = "Searching runs"
RUNS = 20_000
MANY = int(os.environ.get("SEARCH_RUNS", "1000000"))
START = 1_790_000_000_000

# A number in [0, 1) that looks random, and others of the run number `i`.
METRICS = {
    "acc": "((i * 7919) % 1000003) / 1000003.0",
    "loss": "((i * 104729) % 1000003) / 500001.5",
    "epochs": "10.0",
    "f1": "((i * 15485863) % 1000003) / 1000003.0",
}
PARAMS = {"lr": "'0.' || (1 + i % 50)", "seed": "CAST(i AS TEXT)", "optimizer": "CASE i % 3 WHEN 0 THEN 'adam' WHEN 1 THEN 'sgd' ELSE 'lion' END"}
TAGS = {"team": "'team ' || (i % 7)", "mlflow.runName": "'run-' || i"}

SEARCHES = [
    ("metric filter and order", {"filter": "metrics.acc > 0.5", "order_by": ["metrics.acc DESC"]}, 100),
    ("metric filter, another metric's order", {"filter": "metrics.acc > 0.2", "order_by": ["metrics.loss ASC"]}, 100),
    ("two filters, newest first", {"filter": "metrics.acc > 0.9 AND params.optimizer = 'adam'"}, 100),
    ("one run by its parameter", {"filter": "params.seed = '4321'"}, 100),
    ("newest, no filter", {}, 100),
    ("newest, no filter, 1,000 a page", {}, 1_000),
    ("ordered by a parameter", {"order_by": ["params.seed ASC"]}, 100),
    ("all metrics equal", {"order_by": ["metrics.epochs DESC"]}, 100),
]


def statements(kind, count):
    """SQL that makes runs `i` = 1 … count."""
    postgres = kind.endswith("postgres")
    if postgres:
        numbers = f"FROM generate_series(1::bigint, {count}) AS n(i)"
        uid = "lpad(to_hex(i), 32, '0')"
        head = ""
    else:
        numbers = "FROM n"
        uid = "printf('%032x', i)"
        head = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
    insert = lambda table, columns, values: f"INSERT INTO {table} ({columns}) {head}SELECT {values} {numbers}"
    real = (lambda sql: f"({sql})::double precision") if postgres else (lambda sql: sql)
    text = (lambda sql: f"({sql})::text") if postgres else (lambda sql: sql)
    if kind.startswith("mlflow"):
        false = "FALSE" if postgres else "0"
        yield insert("runs", "run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id, source_type, source_name, entry_point_name, source_version", f"{uid}, 'run-' || i, 'me', 'FINISHED', {START} + i, {START} + i + 5, 'active', 'x', 0, 'UNKNOWN', '', '', ''")
        for key, value in METRICS.items():
            yield insert("latest_metrics", "key, value, timestamp, step, is_nan, run_uuid", f"'{key}', {real(value)}, {START}, 0, {false}, {uid}")
            yield insert("metrics", "key, value, timestamp, step, is_nan, run_uuid", f"'{key}', {real(value)}, {START}, 0, {false}, {uid}")
        for key, value in PARAMS.items():
            yield insert("params", "key, value, run_uuid", f"'{key}', {text(value)}, {uid}")
        for key, value in TAGS.items():
            yield insert("tags", "key, value, run_uuid", f"'{key}', {text(value)}, {uid}")
    else:
        for key in [*METRICS, *PARAMS, *TAGS]:
            yield f"INSERT INTO attribute_key (workspace_id, name) VALUES (1, '{key}') ON CONFLICT DO NOTHING"
        key_id = lambda key: f"(SELECT id FROM attribute_key WHERE workspace_id = 1 AND name = '{key}')"
        experiment = "(SELECT id FROM experiment WHERE workspace_id = 1 AND number = 0)"
        yield insert("run", "id, workspace_id, uid, experiment_id, name, status, owner, deleted, started_at, ended_at", f"1000000 + i, 1, {uid}, {experiment}, 'run-' || i, 'finished', 'me', FALSE, ({START} + i) * 1000, ({START} + i + 5) * 1000")
        for key, value in METRICS.items():
            yield insert("run_metric", "workspace_id, run_id, key_id, experiment_id, last_value, is_nan, last_step, last_at, min_value, max_value, points, sealed, chunks", f"1, 1000000 + i, {key_id(key)}, {experiment}, {real(value)}, FALSE, 0, {START}, {real(value)}, {real(value)}, 1, 0, 0")
        for key, value in PARAMS.items():
            yield insert("run_param", "workspace_id, run_id, key_id, value", f"1, 1000000 + i, {key_id(key)}, {text(value)}")
        for key, value in TAGS.items():
            yield insert("run_tag", "workspace_id, run_id, key_id, value", f"1, 1000000 + i, {key_id(key)}, {text(value)}")


def fill(bench, server, count):
    if server.name.endswith("postgres"):
        for statement in statements(server.name, count):
            bench.psql(statement, server.database)
        bench.psql("ANALYZE", server.database)
        return
    file = "mlflow.db" if server.name.startswith("mlflow") else None
    path = server.folder / file if file else next(p for p in server.folder.rglob("*") if p.suffix in (".db", ".sqlite", ".sqlite3"))
    database = sqlite3.connect(path, timeout=60)
    database.execute("PRAGMA cache_size = -500000")
    for statement in statements(server.name, count):
        database.execute(statement)
    database.commit()
    database.close()


def p95(server, body, seconds, limit, least=5):
    """Milliseconds, without the first answer; at least `least` answers, at most 100."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    text = json.dumps({"experiment_ids": ["0"], "max_results": limit, **body})
    times, ends = [], time.monotonic() + seconds
    while len(times) < least or (time.monotonic() < ends and len(times) < 100):
        began = time.monotonic()
        connection.request("POST", "/api/2.0/mlflow/runs/search", text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        times.append((time.monotonic() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"{server.name}: {answer.status} {content[:300]}")
    found = len(json.loads(content).get("runs", []))
    if found == 0:
        raise SystemExit(f"{server.name} finds nothing for {body}")
    times = sorted(times[1:])
    return times[min(len(times) - 1, int(len(times) * 0.95))]


def deep(server, limit, pages):
    """The p95 of reading page after page, ordered by a metric."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    token, times = "", []
    for _ in range(pages):
        body = {"experiment_ids": ["0"], "max_results": limit, "order_by": ["metrics.f1 DESC"], "page_token": token}
        began = time.monotonic()
        connection.request("POST", "/api/2.0/mlflow/runs/search", json.dumps(body), {"Content-Type": "application/json"})
        content = connection.getresponse().read()
        times.append((time.monotonic() - began) * 1000)
        token = json.loads(content)["next_page_token"]
    times.sort()
    return times[int(len(times) * 0.95)]


def measure(bench):
    rows = []
    for count, kinds in ((RUNS, bench.kinds), (MANY, [k for k in bench.kinds if k.startswith("mlwright")])):
        if not count:
            continue
        figures = {name: {} for name, *_ in SEARCHES}
        paging = {}
        for kind in kinds:
            with bench.server(kind) as server:
                fill(bench, server, count)
                slow = kind.startswith("mlflow")
                for name, body, limit in SEARCHES:
                    if not slow:
                        p95(server, body, 0, limit)
                    figures[name][kind] = p95(server, body, bench.seconds, limit, 3 if slow else 20)
                    print(f"  {count:,} runs, {kind}, {name}: {figures[name][kind]:,.2f} ms", file=sys.stderr, flush=True)
                paging[kind] = deep(server, 100, 2 if slow else 50)
        rows += [(f"{count:,} runs: {name}", "ms", "less", values) for name, values in figures.items()]
        rows.append((f"{count:,} runs: page by page, ordered by a metric", "ms", "less", paging))
    return rows

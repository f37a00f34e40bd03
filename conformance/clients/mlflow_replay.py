"""The same requests to `mlflow server` from PyPI and to a server: python mlflow_replay.py <server-url> [name part]

Status and JSON of each answer are compared, with ids, times and made-up names put aside. Differences that are meant are
listed below with their reason; another one fails. Expects a fresh server.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import requests
from _replay_cases import cases

URL = sys.argv[1].rstrip("/")
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""

# Where the answers differ, and why that is right. A pattern of the case's name, then the reason.
MEANT = [
    (r"rename to a taken name", "MLflow shows the database's own error and its SQL"),
    (r"NONSENSE|bad status", "MLflow takes an unknown enumeration value for absent"),
    (r"(timestamp|step) '1.5'|step '9223|metric True|'value': 'x'|'step': 'foo'", "MLflow stores 0 in place of what it cannot read"),
    (r"metric with value ''|tags \{'key': 5", "the value is named as it was sent"),
    (r"metric \[1\]|metric 1000|metrics text|metrics None|: a list|: text$|the same order twice|version_number (DESC|ASC)$|metrics.score > 'x'", "MLflow fails with 500"),
    (r"models (0|-1|1001)$", "a page has at least one item, and the number is named as a number"),
    (r"search, bad order", "the error class is the message's own"),
    (r"http://h/%2e", "the path climbs; MLflow refuses the scheme first"),
    (r"not JSON", "MLflow takes it for an empty object"),
    (r"artifacts: put", "an empty message instead of an empty body"),
    (r"search status = .READY", "MLflow compares the name with the number that stands for it"),
    (r"no such endpoint|wrong method", "a JSON error instead of a page"),
]

# What no two servers share.
TIMES = re.compile(r"(creation_time|last_update_time|creation_timestamp|last_updated_timestamp|creation_timestamp_ms|last_updated_timestamp_ms|end_time)$")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="replay-")
        port = free_port()
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/m.db", "--artifacts-destination", f"{self.folder}/a"]
        quick = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        out = open(f"{self.folder}/log", "wb")
        self.process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder, env=quick, start_new_session=True)
        until = time.monotonic() + 180
        while time.monotonic() < until:
            try:
                if requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok:
                    return f"http://127.0.0.1:{port}"
            except requests.RequestException:
                time.sleep(0.1)
        raise RuntimeError("mlflow server did not start within 180 s")

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Side:
    """One of the two servers, and what its answers gave."""

    def __init__(self, url):
        self.url, self.saved, self.session = url, {}, requests.Session()

    def fill(self, value):
        if isinstance(value, str):
            for name, found in self.saved.items():
                value = value.replace("{" + name + "}", found)
            return value
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        return value

    def ask(self, method, path, body, save):
        path, body = self.fill(path), self.fill(body)
        how = {"timeout": 60}
        if method == "GET":
            how["params"] = body
        elif isinstance(body, bytes):
            how["data"] = body
            how["headers"] = {"Content-Type": "application/json"}
        else:
            how["data"] = json.dumps(body)
            how["headers"] = {"Content-Type": "application/json"}
        answer = self.session.request(method, self.url + path, **how)
        try:
            found = answer.json()
        except ValueError:
            found = answer.text
        for name, place in save.items():
            value = found
            for key in place.split("."):
                value = value.get(key, {}) if isinstance(value, dict) else {}
            self.saved[name] = str(value)
        return answer.status_code, self.plain(found)

    def plain(self, value, key=""):
        """Without what no two servers share."""
        if isinstance(value, dict):
            return {k: self.plain(v, k) for k, v in sorted(value.items())}
        if isinstance(value, list):
            items = [self.plain(item, key) for item in value]
            unordered = key in ("tags", "params", "metrics", "aliases") or all(isinstance(i, dict) and set(i) == {"key", "value"} for i in items)
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if unordered else items
        if TIMES.search(key) and isinstance(value, int) and value > 1_750_000_000_000:
            return "<time>"
        if key == "next_page_token":
            return "<token>" if value else value
        if isinstance(value, str):
            for name, found in self.saved.items():
                # A number of an experiment may stand anywhere by chance.
                if len(found) > 8:
                    value = value.replace(found, f"<{name}>")
            value = re.sub(r"\b[0-9a-f]{32}\b", "<id>", value)
            # Python writes sets in any order; SQLAlchemy adds the statement.
            value = re.sub(r"\{('[^{}]*')\}", lambda m: "{" + ", ".join(sorted(m.group(1).split(", "))) + "}", value)
            value = value.split(" Error: (sqlite3")[0]
            value = value.replace(self.url, "<url>")
        return value


def describe(left, right, place=""):
    """The first places where two answers differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            if left.get(key) != right.get(key):
                yield from describe(left.get(key), right.get(key), f"{place}.{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for i, (a, b) in enumerate(zip(left, right)):
            if a != b:
                yield from describe(a, b, f"{place}[{i}]")
    else:
        yield f"{place or 'answer'}: mlflow {json.dumps(left)[:300]} here {json.dumps(right)[:300]}"


def main():
    counts, meant, failed = {}, 0, 0
    with Peer() as url:
        there, here = Side(url), Side(URL)
        for name, method, path, body, save in cases():
            left, right = there.ask(method, path, body, save), here.ask(method, path, body, save)
            part = name.split(":")[0]
            counts[part] = counts.get(part, 0) + 1
            if left == right or (ONLY and ONLY not in name):
                continue
            if any(re.search(pattern, name) for pattern, _ in MEANT):
                meant += 1
                continue
            failed += 1
            statuses = f"{left[0]} / {right[0]}"
            print(f"not ok {name}: {statuses} " + "; ".join(list(describe(left[1], right[1]))[:3]), flush=True)
    for part, count in counts.items():
        print(f"ok {count} requests about {part.replace('_', ' ')} were compared", flush=True)
    print(f"{sum(counts.values())} requests, {meant} meant differences, {failed} others")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Tracking, side by side: `mlflow server` from PyPI and mlwright, each on SQLite and on PostgreSQL, in one run.

    python3 benches/tracking/run.py --mlwright target/bench-fast/mlwright --mlflow /path/to/venv/bin/mlflow \\
        [--postgres postgres://user@host:port] [--only ingest,history] [--seconds 10] [--port 6100]

Needs: rustc (for the load generator), an environment with `mlflow` (and `psycopg[binary]` for PostgreSQL), and a PostgreSQL that
it may make databases on. One file of `scenarios/` is one scenario: a `TITLE` and `measure(bench)`, which returns rows of
(figure, unit, better, {server: value}); `better` is "more" or "less". Everything is bounded by `--seconds` and counts.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Server:
    """One server that runs; `process` leads a session of its own, so that all of its processes are counted."""

    def __init__(self, name, command, port, env, folder):
        self.name, self.port, self.folder = name, port, folder
        self.host = f"127.0.0.1:{port}"
        self.log = open(folder / f"{name}.log", "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=env, cwd=folder, start_new_session=True)
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self):
        for _ in range(1500):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended: see {self.log.name}")
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://{self.host}/health", timeout=2).status == 200:
                    return
            time.sleep(0.2)
        raise SystemExit(f"{self.name} does not answer: see {self.log.name}")

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.host}{path}", method=method)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, data, timeout=300) as answer:
            return json.load(answer)

    def new_run(self):
        body = {"experiment_id": "0", "start_time": 1}
        return self.ask("POST", "/api/2.0/mlflow/runs/create", body)["run"]["info"]["run_id"]

    def pids(self):
        """Of the whole session."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    if int(fields[3]) == self.process.pid:
                        found.append(int(entry.name))
        return found

    def memory(self):
        """Resident memory of all its processes, MB: shared pages are counted once for each (RSS), and once (PSS)."""
        rss = pss = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Rss:"):
                        rss += int(line.split()[1])
                    if line.startswith("Pss:"):
                        pss += int(line.split()[1])
        return rss / 1024, pss / 1024

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self.log.close()


class Bench:
    def __init__(self, args):
        self.args, self.seconds = args, args.seconds
        self.folder = Path(tempfile.mkdtemp(prefix="bench-tracking-"))
        self.load_binary = self.folder / "load"
        subprocess.run(["rustc", "--edition", "2024", "-O", "-o", self.load_binary, HERE.parent / "load.rs"], check=True)
        self.kinds = ["mlflow-sqlite", "mlwright-sqlite"]
        if args.postgres:
            self.kinds += ["mlflow-postgres", "mlwright-postgres"]
        self.starts = 0

    @contextlib.contextmanager
    def server(self, kind):
        """A fresh server on a fresh store."""
        self.starts += 1
        port = self.args.port + self.starts % 50
        folder = self.folder / f"{self.starts}-{kind}"
        folder.mkdir()
        database = f"bench_tracking_{os.getpid()}_{self.starts}"
        # Without the peer's job workers: they are processes of their own that these scenarios do not use.
        env = {
            **os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }  # fmt: skip
        if kind.endswith("postgres"):
            self.psql(f"CREATE DATABASE {database}")
        if kind == "mlflow-sqlite":
            store = f"sqlite:///{folder}/mlflow.db"
        elif kind == "mlflow-postgres":
            store = f"{self.args.postgres.replace('postgres://', 'postgresql://')}/{database}"
        if kind.startswith("mlflow"):
            command = [self.args.mlflow, "server", "--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port)]
        else:
            command = [self.args.mlwright, "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder / "data")]
            if kind.endswith("postgres"):
                command += ["--database-url", f"{self.args.postgres}/{database}"]
        server = Server(kind, command, port, env, folder)
        server.database = database
        try:
            yield server
        finally:
            server.stop()
            if kind.endswith("postgres"):
                self.psql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            shutil.rmtree(folder, ignore_errors=True)

    def psql(self, sql, database="postgres", **more):
        command = ["psql", "-qAt", "-v", "ON_ERROR_STOP=1", f"{self.args.postgres}/{database}", "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout.strip()

    def load(self, server, *args):
        command = [self.load_binary, server.host, *map(str, args)]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=900).stdout
        found = json.loads(out)
        if found["errors"]:
            print(f"  {server.name}: {found['errors']} errors, the first: {found['first_error']}", file=sys.stderr)
        return found


def scenarios(only):
    for path in sorted((HERE / "scenarios").glob("*.py")):
        if only and path.stem not in only:
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield path.stem, module


def table(title, rows, kinds):
    print(f"\n### {title}\n")
    print("| Figure | " + " | ".join(kinds) + " | ratio on SQLite | ratio on PostgreSQL |")
    print("|---" * (len(kinds) + 3) + "|")
    for figure, unit, better, values in rows:
        cells = [f"{values[k]:,.{0 if values[k] >= 100 else 2}f} {unit}" if k in values else "–" for k in kinds]
        for store in ("sqlite", "postgres"):
            theirs, ours = values.get(f"mlflow-{store}"), values.get(f"mlwright-{store}")
            ratio = None
            if theirs and ours:
                ratio = ours / theirs if better == "more" else theirs / ours
            cells.append(f"**{ratio:,.1f}×**" if ratio else "–")
        print(f"| {figure} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlwright", required=True)
    parser.add_argument("--mlflow", required=True)
    parser.add_argument("--postgres")
    parser.add_argument("--only", default="")
    parser.add_argument("--servers", default="", help="only these, such as mlwright-sqlite")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--port", type=int, default=6100)
    args = parser.parse_args()
    args.mlwright = str(Path(args.mlwright).resolve())
    bench = Bench(args)
    if args.servers:
        bench.kinds = [k for k in bench.kinds if k in args.servers.split(",")]
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    version = subprocess.run([args.mlflow, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"machine: {os.cpu_count()} cores, {model}, load {os.getloadavg()[0]:.1f}, {platform.system()}")
    print(f"date: {time.strftime('%Y-%m-%d')}; {version}")
    try:
        for _, module in scenarios([s for s in args.only.split(",") if s]):
            table(module.TITLE, module.measure(bench), bench.kinds)
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Pipelines, side by side: mlwright, Airflow with its LocalExecutor, Prefect and `kfp.local`, all from PyPI, in one run.

    python3 benches/pipelines/run.py --mlwright target/bench-fast/mlwright [--airflow <venv>] [--prefect <venv>] [--kfp <venv>] \
        [--postgres postgres://user@host:port] [--fan 1000] [--airflow-fan 40] [--port 6900]

A chain of 40 Python steps that do nothing, a fan-out of such steps, the time from asking to the first step, the pause between
a step's end and the next one's start (Airflow only: mlwright's transaction that ends a step is the one that starts the next,
and the way to the process counts as the step's), and the processor time of an idle server. Airflow's database is PostgreSQL where
`--postgres` is given, else SQLite. Airflow's and Prefect's own clocks say when a task began and ended, as mlwright's does; a
fan-out of Airflow is smaller, since it takes two seconds of processor time a task: its figure is tasks a second.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "python")]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None


def family(pid):
    """A process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, of in parents.items() if of == parent]
    return found


def cpu(pids):
    """Seconds of processor time of these processes and all below them, as far as they are there now."""
    total = 0
    for pid in {p for root in pids for p in family(root)}:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def idle(pids, seconds=20):
    """Percent of one core."""
    time.sleep(5)
    before = cpu(pids)
    time.sleep(seconds)
    return 100 * (cpu(pids) - before) / seconds


def wait(url, seconds=120):
    for _ in range(seconds * 10):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).read()
            return
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


@contextlib.contextmanager
def running(folder, env, *commands):
    """Processes that live as long as the block; their ids."""
    log = open(folder / "log", "ab")
    started = [
        subprocess.Popen(list(map(str, c)), env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True) for c in commands
    ]
    try:
        yield [p.pid for p in started]
    finally:
        for process in started:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


def pauses(steps):
    """Milliseconds from the end of a step to the start of the next, of (start, end) in the order of a chain."""
    steps = sorted(steps)
    return [1000 * (after[0] - before[1]) for before, after in zip(steps, steps[1:])]


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def chain_figures(steps, asked, found, pause=True):
    """Adds what a chain of (start, end) says; `asked`: when it was asked for."""
    found["time to first task"] = 1000 * (min(s for s, _ in steps) - asked)
    found["chain of 40"] = 1000 * (max(e for _, e in steps) - asked)
    if pause:
        gaps = pauses(steps)
        found["end to next start, p50"] = quantile(gaps, 0.5)
        found["end to next start, p99"] = quantile(gaps, 0.99)
    found["a step itself, p50"] = 1000 * statistics.median(e - s for s, e in steps)


def mlwright(args, folder):
    env = {**os.environ, "MLWRIGHT_URL": f"http://127.0.0.1:{args.port}"}
    os.environ.update(env)
    command = (args.mlwright, "serve", "--port", args.port, "--data-dir", folder / "data")
    with running(folder, env, command) as pids:
        wait(f"http://127.0.0.1:{args.port}/health")
        import chains

        def done(pipeline, *inputs):
            asked = time.time()
            run = pipeline.submit(*inputs, use_cache=False)
            while run.state not in ("succeeded", "failed", "cancelled"):
                time.sleep(0.05)
            if run.refresh()["state"] != "succeeded":
                raise SystemExit(f"mlwright: {run.message}")
            return asked, run

        def works(run):
            rows = []
            for step in run.steps:
                if step["shape"] == "work":
                    rows.append((moment(step["started_at"]), moment(step["ended_at"])))
            return rows

        done(chains.one)  # makes the environment
        time.sleep(2)
        done(chains.one)
        found = {}
        asked, run = done(chains.chain)
        chain_figures(works(run), asked, found, pause=False)
        asked, run = done(chains.fan, {"items": list(range(args.fan))})
        found["fan-out, tasks a second"] = args.fan / (moment(run.refresh()["ended_at"]) - asked)
        found["idle, percent of a core"] = idle(pids)
        return found


def airflow(args, folder):
    port = args.port + 1
    python = args.airflow / "bin"
    dags = folder / "dags"
    dags.mkdir(parents=True)
    (dags / "airflow_dags.py").write_text((HERE / "airflow_dags.py").read_text())
    secret = "insecure-example-only-insecure-example-only-insecure-example-only"
    env = {
        **os.environ,
        "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW_FAN": str(args.airflow_fan),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secret,
    }
    if args.postgres:
        database = f"bench_airflow_{os.getpid()}"
        subprocess.run(["psql", "-qAt", f"{args.postgres}/postgres", "-c", f"CREATE DATABASE {database}"], check=True)
        env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"{args.postgres.replace('postgres://', 'postgresql+psycopg2://')}/{database}"
    subprocess.run([python / "airflow", "db", "migrate"], env=env, check=True, capture_output=True)
    parts = [(python / "airflow", part) for part in ("api-server", "scheduler", "dag-processor")]
    base = f"http://127.0.0.1:{port}"
    with running(folder, env, *parts) as pids:
        wait(f"{base}/api/v2/version", 180)
        token = json.load(urllib.request.urlopen(f"{base}/auth/token"))["access_token"]

        def call(method, path, body=None):
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            data = json.dumps(body).encode() if body is not None else None
            return json.load(urllib.request.urlopen(urllib.request.Request(base + path, data, headers, method=method), timeout=60))

        for _ in range(300):
            if call("GET", "/api/v2/dags")["total_entries"] >= 3:
                break
            time.sleep(1)

        def done(dag):
            asked = time.time()
            run = call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
            place = f"/api/v2/dags/{dag}/dagRuns/{run}"
            while call("GET", place)["state"] not in ("success", "failed"):
                time.sleep(1)
            if call("GET", place)["state"] != "success":
                raise SystemExit(f"airflow: {dag} failed")
            tasks = call("GET", f"{place}/taskInstances?limit=1000")["task_instances"]
            return asked, [(moment(t["start_date"]), moment(t["end_date"])) for t in tasks]

        done("one")
        found = {}
        asked, steps = done("chain")
        chain_figures(steps, asked, found)
        asked, steps = done("fan")
        found["fan-out, tasks a second"] = len(steps) / (max(e for _, e in steps) - asked)
        found["idle, percent of a core"] = idle(pids)
        return found


def prefect(args, folder):
    env = {
        **os.environ,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "200",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [args.prefect / "bin/python", HERE / "prefect_flow.py", str(args.fan)]
    done = subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True, text=True)
    times = json.loads(done.stdout.strip().splitlines()[-1])
    return {"chain of 40": 1000 * times["chain"], "fan-out, tasks a second": args.fan / times["fan"]}


def kfp(args, folder):
    env = {**os.environ, "PATH": f"{args.kfp / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [args.kfp / "bin/python", HERE / "kfp_chain.py"]
    done = subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True, text=True)
    return {"chain of 40": 1000 * json.loads(done.stdout.strip().splitlines()[-1])["chain"]}


FIGURES = (
    ("chain of 40", "ms", "less"),
    ("time to first task", "ms", "less"),
    ("end to next start, p50", "ms", "less"),
    ("end to next start, p99", "ms", "less"),
    ("a step itself, p50", "ms", "less"),
    ("fan-out, tasks a second", "/s", "more"),
    ("idle, percent of a core", "%", "less"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlwright", required=True, type=lambda p: Path(p).resolve())
    for peer in ("airflow", "prefect", "kfp"):
        parser.add_argument(f"--{peer}", type=lambda p: Path(p).absolute())
    parser.add_argument("--postgres")
    parser.add_argument("--fan", type=int, default=1000)
    parser.add_argument("--airflow-fan", type=int, default=40)
    parser.add_argument("--port", type=int, default=6900)
    args = parser.parse_args()
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    print(f"machine: {os.cpu_count()} cores, {model}, load {os.getloadavg()[0]:.1f}, {platform.system()}, {time.strftime('%Y-%m-%d')}")
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-pipelines-") as top:
        for name, measure in (("mlwright", mlwright), ("airflow", airflow), ("prefect", prefect), ("kfp", kfp)):
            if name == "mlwright" or getattr(args, name):
                folder = Path(top) / name
                folder.mkdir()
                found[name] = measure(args, folder)
                print(f"  {name}: {found[name]}", file=sys.stderr, flush=True)
    peers = [name for name in found if name != "mlwright"]
    print("| Figure | " + " | ".join(found) + " | " + " | ".join(f"to {peer}" for peer in peers) + " |")
    print("|---" * (1 + len(found) + len(peers)) + "|")
    for figure, unit, better in FIGURES:
        cells = [f"{found[n][figure]:,.1f} {unit}" if figure in found[n] else "–" for n in found]
        for peer in peers:
            ours, theirs = found["mlwright"].get(figure), found[peer].get(figure)
            ratio = None if not ours or not theirs else (theirs / ours if better == "less" else ours / theirs)
            cells.append(f"**{ratio:,.1f}×**" if ratio else "–")
        print(f"| {figure} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

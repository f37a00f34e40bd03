"""kill -9 of server, shim and step, in a loop, while plans are under way: every run ends in a true state, once.

    python kill_plans.py <mlwright binary> [seconds]

Runs of a Python pipeline (a fan-out, what collects it, a condition, a step that fails always) are kept under way. All the
time something is killed with SIGKILL: the server (which comes back at once or later), the shim that stands between it
and a step, or the step itself with all its threads. Then:

- every run has ended: as it must by its inputs, and with the result that they give;
- every task has one committed end, and no two attempts of a task were ever at work at the same time;
- nothing is left running, and the chain of events holds.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from _server import Checks, Server

HERE = Path(__file__).resolve().parent
# Runs that go on at the same time.
AT_ONCE = 4
WIDTH = 4

PIPELINE = '''
import fcntl, os, time
from pathlib import Path
from typing import List
from mlwright import each, first_of, otherwise, pipeline, step, when

NOTES = Path(os.environ.get("NOTES", "."))

def alone(notes: str):
    """Two attempts of a task must never meet."""
    folder = Path(notes) / os.environ["MLWRIGHT_PIPELINE_RUN"]
    folder.mkdir(exist_ok=True)
    name = os.environ["MLWRIGHT_STEP"].replace("/", "_")
    lock = open(folder / f"{name}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        (folder / f"{name}.met").write_text(os.environ["MLWRIGHT_ATTEMPT"])
    with open(folder / f"{name}.attempts", "a") as attempts:
        attempts.write(os.environ["MLWRIGHT_ATTEMPT"] + "\\n")
    return lock

@step(retries=50, cache=False)
def numbers(notes: str, seed: int, width: int) -> List[int]:
    lock = alone(notes)
    time.sleep(0.1)
    return [seed + at for at in range(width)]

@step(retries=50, cache=False)
def square(notes: str, number: int) -> int:
    lock = alone(notes)
    time.sleep(0.3)
    return number * number

@step(retries=50, cache=False)
def add(notes: str, squares: List[int]) -> int:
    lock = alone(notes)
    time.sleep(0.1)
    return sum(squares)

@step(retries=50, cache=False)
def big(notes: str, total: int) -> str:
    lock = alone(notes)
    return f"big {total}"

@step(retries=50, cache=False)
def small(notes: str, total: int) -> str:
    lock = alone(notes)
    return f"small {total}"

@step(retries=2, cache=False)
def fail(notes: str) -> int:
    raise ValueError("always")

@pipeline
def squares(notes: str, seed: int = 0, width: int = 4, wrong: bool = False):
    found = numbers(notes, seed, width)
    with each(found.output, limit=3) as number:
        one = square(notes, number)
    total = add(notes, one.output)
    with when(total.output > 1000):
        a = big(notes, total)
    with otherwise():
        b = small(notes, total)
    with when(wrong == True):
        fail(notes)
    return {"said": first_of(a, b)}
'''


def processes(data: Path, word: str) -> list[int]:
    """Shims (`shim`), or what they attend to (`step`), below the server's directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        is_shim = "internal-step-shim" in line
        inside = where.startswith(str(data / "pipelines"))
        # One that waits for its next attempt is elsewhere, or where its last one has ended.
        is_busy = is_shim and not os.path.exists(f"{where}/exit.json")
        if inside and (is_busy if word == "shim" else not is_shim):
            found.append(int(entry.name))
    return found


def end(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except OSError:
        return False


def main():
    binary, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 90
    checks = Checks()
    seed = int(time.time())
    random.seed(seed)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="mlwright-plans-") as name:
        folder = Path(name)
        notes = folder / "notes"
        notes.mkdir()
        (folder / "squares.py").write_text(PIPELINE)
        config = folder / "config.toml"
        config.write_text("[pipelines]\nworkers = 4\n")
        server = Server(binary, folder / "data")
        server.more = ["--config", str(config)]
        server.start()
        environment = {**os.environ, "MLWRIGHT_URL": server.url, "PYTHONPATH": str(HERE.parents[1] / "python")}
        first = [binary, "pipelines", "run", str(folder / "squares.py"), "--input", f"notes={notes}", "--python", sys.executable]
        subprocess.run(first, env=environment, check=True, stdout=subprocess.DEVNULL)
        runs, open_, killed = {}, set(), Counter()
        number = 0

        def submit():
            nonlocal number
            number += 1
            wrong = number % 7 == 0
            body = {"inputs": {"notes": str(notes), "seed": number, "width": WIDTH, "wrong": wrong}}
            status, answer = server.ask("POST", "/api/v1/pipelines/squares/runs", body)
            assert status in (200, 201, 202), answer
            runs[answer["id"]] = (number, wrong)
            open_.add(answer["id"])

        def look():
            for run in list(open_):
                status, answer = server.ask("GET", f"/api/v1/pipeline-runs/{run}")
                if status == 200 and answer["state"] in ("succeeded", "failed", "cancelled"):
                    open_.discard(run)

        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while len(open_) < AT_ONCE:
                submit()
            time.sleep(random.uniform(0.05, 0.6))
            what = random.choices(["server", "shim", "step"], [3, 2, 4])[0]
            if what == "server":
                server.kill()
                time.sleep(random.choice([0.0, 0.0, 0.8]))
                # Others may die while it is away.
                if random.random() < 0.3:
                    killed["shim while away"] += any(end(pid) for pid in processes(server.data, "shim")[:1])
                server.start()
                killed[what] += 1
            else:
                pids = processes(server.data, what)
                if pids:
                    killed[what] += end(random.choice(pids))
            look()
        deadline = time.monotonic() + 120
        while open_ and time.monotonic() < deadline:
            look()
            time.sleep(0.2)
        print(f"  {len(runs)} runs; killed: {dict(killed)}", flush=True)
        checks.check(not open_, "every run has ended", f"{len(open_)} have not")
        untrue = []
        for run, (n, wrong) in runs.items():
            _, answer = server.ask("GET", f"/api/v1/pipeline-runs/{run}")
            total = sum((n + at) ** 2 for at in range(WIDTH))
            said = f"{'big' if total > 1000 else 'small'} {total}"
            if wrong:
                true = answer["state"] == "failed" and "fail" in (answer["message"] or "")
            else:
                true = answer["state"] == "succeeded" and said in str(answer["outputs"])
            if not true:
                untrue.append((n, answer["state"], answer["message"], str(answer.get("outputs"))[:100]))
        checks.check(not untrue, "every run ended as its inputs say", str(untrue[:3]))
        met = [path.name for path in notes.glob("*/*.met")]
        checks.check(not met, "no two attempts of a task met", str(met[:5]))
        twice = [
            str(path)
            for path in notes.glob("*/*.attempts")
            if len(set(path.read_text().split())) < len(path.read_text().split())
        ]
        checks.check(not twice, "no attempt started twice", str(twice[:5]))
        left = processes(server.data, "shim") + processes(server.data, "step")
        checks.check(not left, "nothing is left running", str(left))
        status, chain = server.ask("GET", "/api/v1/audit/verify")
        checks.check(status == 200 and chain.get("ok", True) is not False, "the chain of events holds", str(chain)[:300])
        server.stop()
        database = sqlite3.connect(f"file:{server.data}/ledger.sqlite?mode=ro", uri=True)
        ends = database.execute(
            "SELECT subject, count(*) FROM event WHERE kind = 'step.finished' GROUP BY subject HAVING count(*) > 1"
        ).fetchall()
        checks.check(not ends, "every task has one committed end", str(ends[:3]))
        runs_ended = database.execute(
            "SELECT subject, count(*) FROM event WHERE kind = 'pipeline.run_finished' GROUP BY subject HAVING count(*) > 1"
        ).fetchall()
        checks.check(not runs_ended, "every run has one end", str(runs_ended[:3]))
        database.close()
        if checks.failed:
            print(server.said())
    checks.close()


if __name__ == "__main__":
    main()

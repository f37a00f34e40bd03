"""Two servers on one PostgreSQL database, one of them killed under load: no task is lost, none is committed twice.

    MLWRIGHT_TEST_POSTGRES=postgres://… python replicas.py <mlwright binary> [rounds]

The servers have a data directory each and share the database and a folder of blobs. A round starts many runs of a
pipeline and a schedule on both, kills one of them with SIGKILL in the middle, and lets the other finish:

- near: the killed server's directory can be reached, as after a crash of the program. Its steps go on under the
  other server, and every step starts once.
- far: the machine is gone with everything that ran on it. Its attempts are lost, and new ones follow.
- asleep: the server is stopped for longer than its lease (SIGSTOP) and goes on then: what it says about what was
  taken away from it is refused.

Every run succeeds, every task has one committed end, and what the other server takes over it takes over within the lease.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from _server import Checks, Server

LEASE = 5
RUNS = 20
STEPS = ("load", "left", "right", "join")

PROJECT = """\
version: 1
project: replicas
datasets:
  numbers:
    files: [numbers.csv]
pipelines:
  diamond:
    dataset: numbers
    params: {notes: nowhere, round: 0}
    steps:
      - {name: load, run: sh step.sh load, outputs: [out.txt]}
      - {name: left, needs: [load], run: sh step.sh left, outputs: [out.txt]}
      - {name: right, needs: [load], run: sh step.sh right, outputs: [out.txt]}
      - {name: join, needs: [left, right], run: sh step.sh join, outputs: [out.txt]}
"""

STEP = """\
echo "$MLWRIGHT_PIPELINE_RUN $1 $MLWRIGHT_ATTEMPT started" >> "$MLWRIGHT_PARAM_NOTES"
sleep 0.$(( $(od -An -N1 -tu1 /dev/urandom) % 8 + 1 ))
echo "$MLWRIGHT_ATTEMPT" > "$MLWRIGHT_OUTPUTS/out.txt"
echo "$MLWRIGHT_PIPELINE_RUN $1 $MLWRIGHT_ATTEMPT ended" >> "$MLWRIGHT_PARAM_NOTES"
"""


class Replica(Server):
    def __init__(self, binary: str, folder: Path, name: str, database: str):
        super().__init__(binary, folder / name)
        self.name = name
        self.config = folder / f"{name}.toml"
        self.config.write_text(f"[pipelines]\nworkers = 3\nlease_seconds = {LEASE}\n")
        os.environ["MLWRIGHT_MASTER_KEY"] = os.environ.get("MLWRIGHT_MASTER_KEY") or "A" * 43 + "="
        self.more = ["--config", str(self.config), "--database-url", database, "--blob-url", f"file://{folder}/blobs"]


class Database:
    """Asked with PostgreSQL's own client."""

    def __init__(self, server: str):
        self.name = f"mlwright_replicas_{os.getpid()}"
        self.server = server
        self.url = f"{server.rsplit('/', 1)[0]}/{self.name}"

    def say(self, url: str, sql: str) -> list[list[str]]:
        said = subprocess.run(["psql", "-XAtq", "-F", "\t", url, "-c", sql], capture_output=True, text=True, check=True)
        return [line.split("\t") for line in said.stdout.splitlines()]

    def create(self):
        self.say(self.server, f"CREATE DATABASE {self.name}")

    def drop(self):
        self.say(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def ask(self, sql: str) -> list[list[str]]:
        return self.say(self.url, sql)


def make_project(folder: Path):
    folder.mkdir()
    (folder / "mlwright.yaml").write_text(PROJECT)
    (folder / "step.sh").write_text(STEP)
    (folder / "numbers.csv").write_text("n\n1\n2\n3\n")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Diamond"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)


def end_processes(data: Path) -> int:
    """What a machine that is gone takes with it: every process that works below the server's directory."""
    ended = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            where = os.readlink(entry / "cwd")
            if where.startswith(str(data)):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
        except OSError:
            pass
    return ended


def submit(servers: list, notes: Path, number: int) -> list[str]:
    runs = []
    for at in range(RUNS):
        body = {"params": {"notes": str(notes), "round": number * 1000 + at}}
        status, answer = servers[at % len(servers)].ask("POST", "/api/v1/pipelines/diamond/runs", body)
        assert status in (200, 201, 202), answer
        runs.append(answer["id"])
    return runs


def wait_for_ends(server: Server, runs: list[str], seconds: float) -> dict[str, dict]:
    ended = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and len(ended) < len(runs):
        for run in runs:
            if run not in ended:
                status, answer = server.ask("GET", f"/api/v1/pipeline-runs/{run}")
                if status == 200 and answer["state"] in ("succeeded", "failed", "cancelled"):
                    ended[run] = answer
        time.sleep(0.2)
    return ended


def play(checks: Checks, database: Database, folder: Path, number: int, kind: str, victim: Replica, other: Replica):
    what = f"round {number} ({kind})"
    notes = folder / f"notes-{number}"
    first = int(database.ask("SELECT COALESCE(max(id), 0) FROM event")[0][0])
    runs = submit([victim, other], notes, number)
    time.sleep(random.uniform(1.0, 3.0))
    if kind == "asleep":
        victim.process.send_signal(signal.SIGSTOP)
    else:
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
    silent = time.time()
    if kind == "far":
        end_processes(victim.data)
        victim.data.rename(folder / "gone")
    owner = victim.owner
    held = int(database.ask(f"SELECT count(*) FROM step_run WHERE state = 'running' AND owner = '{owner}'")[0][0])
    deadline = time.monotonic() + 4 * LEASE
    while time.monotonic() < deadline:
        if database.ask(f"SELECT count(*) FROM step_run WHERE state = 'running' AND owner = '{owner}'")[0][0] == "0":
            break
        time.sleep(0.1)
    took = time.time() - silent
    # It beats at a sixth of its lease, and is looked at as often. One that sleeps may hold locks of the database for 5 s.
    limit = LEASE * (1 + 2 / 6) + 4 + (5 if kind == "asleep" else 0)
    checks.check(took < limit, f"{what}: {held} tasks are taken over within the lease", f"{took:.1f} s, at most {limit:.1f} s")
    print(f"  {held} tasks taken over after {took:.1f} s", flush=True)
    if kind == "asleep":
        time.sleep(1)
        victim.process.send_signal(signal.SIGCONT)
    ended = wait_for_ends(other, runs, 120)
    states = Counter(answer["state"] for answer in ended.values())
    checks.check(states == {"succeeded": RUNS}, f"{what}: all {RUNS} runs succeed", f"{states} of {len(runs)}")
    since = f"id > {first}"
    twice = database.ask(
        f"SELECT subject, count(*) FROM event WHERE {since} AND kind = 'step.finished' GROUP BY subject HAVING count(*) > 1"
    )
    checks.check(not twice, f"{what}: no task is committed twice", str(twice[:3]))
    count = int(database.ask(f"SELECT count(*) FROM event WHERE {since} AND kind = 'step.finished'")[0][0])
    checks.check(count >= RUNS * len(STEPS), f"{what}: every task is committed", f"{count} ends")
    # What was committed is what the attempt that the row names has written.
    lines = [line.split() for line in notes.read_text().splitlines()]
    starts = Counter((run, step) for run, step, _, said in lines if said == "started")
    missing = [(run, step) for run in runs for step in STEPS if not starts[run, step]]
    checks.check(not missing, f"{what}: every task ran", str(missing[:3]))
    again = {key: n for key, n in starts.items() if n > 1}
    if kind == "near":
        checks.check(not again, f"{what}: no task started twice", str(list(again.items())[:3]))
    else:
        rows = database.ask(
            "SELECT count(*) FROM step_run s JOIN pipeline_run r ON r.uid = s.run_uid WHERE s.attempt > 1 AND r.uid IN ("
            + ", ".join(f"'{run.replace('-', '')}'" for run in runs) + ")"
        )
        print(f"  {len(again)} tasks started again, {rows[0][0]} rows have another attempt", flush=True)
    ends = {(run, step, attempt) for run, step, attempt, said in lines if said == "ended"}
    wrong = []
    for run in runs:
        _, steps = other.ask("GET", f"/api/v1/pipeline-runs/{run}/steps")
        for step in steps["steps"]:
            if (run, step["name"], str(step["attempt"])) not in ends:
                wrong.append((run, step["name"], step["attempt"]))
    checks.check(not wrong, f"{what}: what is committed was done by the attempt that is named", str(wrong[:3]))
    if kind == "far":
        (folder / "gone").rename(victim.data)
    if kind != "asleep":
        victim.start()
    left = database.ask("SELECT count(*) FROM step_run WHERE state IN ('ready', 'running') AND shape = 'work'")
    checks.check(left == [["0"]], f"{what}: nothing is left over", str(left))


def main():
    binary, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 6
    server = os.environ.get("MLWRIGHT_TEST_POSTGRES")
    if not server:
        print("not ok PostgreSQL is named by MLWRIGHT_TEST_POSTGRES")
        os._exit(1)
    checks = Checks()
    seed = int(time.time())
    random.seed(seed)
    print(f"seed {seed}")
    database = Database(server)
    database.create()
    folder = Path(tempfile.mkdtemp(prefix="mlwright-replicas-"))
    replicas = [Replica(binary, folder, name, database.url) for name in ("one", "two")]
    try:
        for replica in replicas:
            replica.start()
            replica.owner = (replica.data / "pipelines/owner").read_text().strip()
        make_project(folder / "project")
        environment = {**os.environ, "MLWRIGHT_URL": replicas[0].url}
        subprocess.run([binary, "apply", "--yes"], cwd=folder / "project", env=environment, check=True, stdout=subprocess.DEVNULL)
        plan = {"name": "tick", "root": {"tasks": [{"name": "ask", "component": "ask"}]}, "components": {"ask": {"approval": {"question": "?"}}}}
        status, schedule = replicas[1].ask(
            "POST", "/api/v1/schedules",
            {"name": "tick", "interval_seconds": 1, "plan": plan, "max_concurrency": 1000, "catch_up": True},
        )
        assert status == 200, schedule
        for number in range(1, rounds + 1):
            victim, other = random.sample(replicas, 2)
            play(checks, database, folder, number, ("near", "far", "asleep")[(number - 1) % 3], victim, other)
        fired = database.ask("SELECT scheduled_at, count(*) FROM pipeline_run WHERE schedule_uid IS NOT NULL GROUP BY scheduled_at")
        twice = [row for row in fired if row[1] != "1"]
        moments = sorted(int(row[0]) for row in fired)
        gaps = {b - a for a, b in zip(moments, moments[1:])}
        checks.check(not twice, "a schedule fires once for each moment", str(twice[:3]))
        checks.check(gaps == {1_000_000}, f"all {len(fired)} moments of the schedule came", str(gaps))
        deadlocks = database.ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        print(f"  deadlocks that PostgreSQL resolved: {deadlocks[0][0]}")
        status, said = replicas[0].ask("GET", "/api/v1/servers")
        checks.check(status == 200 and len(said["servers"]) == 2, "both servers are listed", json.dumps(said)[:300])
    finally:
        for replica in replicas:
            if replica.process and replica.process.poll() is None:
                replica.process.send_signal(signal.SIGCONT)
                replica.process.kill()
                replica.process.wait()
        if checks.failed:
            for replica in replicas:
                print(f"--- {replica.name}\n{replica.said()}")
        end_processes(folder)
        database.drop()
        shutil.rmtree(folder, ignore_errors=True)
    checks.close()


if __name__ == "__main__":
    main()

"""kill -9 of the server while a pipeline runs: running steps live on, are found again, and every step runs once.

    python kill_steps.py <mlwright binary> [rounds]

A round starts a run of three steps that each take a second and note in a file that they started and ended. The server is
killed at a random moment, and comes back at once (the step still runs and is adopted) or late (it has ended and is
collected). Either way the run must succeed, and every step must have started exactly once.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _server import Checks, Server

PROJECT = """\
version: 1
project: survivors
datasets:
  numbers:
    files: [numbers.csv]
pipelines:
  count:
    dataset: numbers
    params: {notes: nowhere, round: 0}
    steps:
      - {name: first, run: sh step.sh first, outputs: [out.txt]}
      - {name: second, needs: [first], run: sh step.sh second, outputs: [out.txt]}
      - {name: third, needs: [second], run: sh step.sh third, outputs: [out.txt]}
"""

STEP = """\
echo "$1 started" >> "$MLWRIGHT_PARAM_NOTES"
sleep 1
echo "$1 $MLWRIGHT_PARAM_ROUND" > "$MLWRIGHT_OUTPUTS/out.txt"
echo "$1 ended" >> "$MLWRIGHT_PARAM_NOTES"
"""


def make_project(folder: Path):
    folder.mkdir()
    (folder / "mlwright.yaml").write_text(PROJECT)
    (folder / "step.sh").write_text(STEP)
    (folder / "numbers.csv").write_text("n\n1\n2\n3\n")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Count"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)


def wait_for_end(server: Server, run: str) -> dict:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status, answer = server.ask("GET", f"/api/v1/pipeline-runs/{run}")
        if status == 200 and answer["state"] in ("succeeded", "failed", "cancelled"):
            return answer
        time.sleep(0.2)
    return {"state": "still running after a minute"}


def main():
    binary, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8
    checks = Checks()
    seed = int(time.time())
    random.seed(seed)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="mlwright-steps-") as name:
        folder = Path(name)
        make_project(folder / "project")
        server = Server(binary, folder / "data")
        server.start()
        environment = {**os.environ, "MLWRIGHT_URL": server.url}
        subprocess.run([binary, "apply", "--yes"], cwd=folder / "project", env=environment, check=True)
        for number in range(1, rounds + 1):
            notes = folder / f"notes-{number}"
            body = {"params": {"notes": str(notes), "round": number}}
            status, answer = server.ask("POST", "/api/v1/pipelines/count/runs", body)
            assert status in (200, 201, 202), answer
            kills = random.randint(1, 2)
            away = random.choice([0.0, 1.5])
            for _ in range(kills):
                time.sleep(random.uniform(0.05, 1.2))
                server.kill()
                time.sleep(away)
                server.start()
            run = wait_for_end(server, answer["id"])
            lines = notes.read_text().splitlines() if notes.exists() else []
            expected = [f"{step} {what}" for step in ("first", "second", "third") for what in ("started", "ended")]
            what = f"round {number} ({kills} kills, {away:.1f} s away)"
            checks.check(run["state"] == "succeeded", f"{what}: the run succeeds", str(run)[:400])
            checks.check(lines == expected, f"{what}: every step ran once", str(lines))
        server.stop()
    checks.close()


if __name__ == "__main__":
    main()

"""kill -9 under load, again and again: every acknowledged write is there, and the chain of events verifies.

    python kill_writes.py <mlwright binary> [rounds]

Writers log metrics, params and artifacts through the MLflow protocol, and note what was acknowledged. Between rounds the
server is killed at a random moment; the next one must have all of it, and must not have half of a batch.
"""

import hashlib
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from _server import Checks, Server

WRITERS = 8
API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


class Writer(threading.Thread):
    """One run. `sent` counts batches sent, `acknowledged` those that were answered with 200."""

    def __init__(self, server: Server, number: int):
        super().__init__(daemon=True)
        self.server, self.number, self.stopping = server, number, False
        self.sent, self.acknowledged, self.files, self.errors = 0, [], {}, []
        status, answer = server.ask("POST", f"{API}/runs/create", {"experiment_id": "0", "start_time": 1})
        assert status == 200, answer
        self.run_id = answer["run"]["info"]["run_id"]
        self.root = answer["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/").lstrip("/")

    def run(self):
        while not self.stopping:
            try:
                self.write()
            except OSError:
                return  # killed: what was not answered is not acknowledged

    def write(self):
        step = self.sent
        self.sent += 1
        batch = {
            "run_id": self.run_id,
            "metrics": [{"key": key, "value": step, "timestamp": 1, "step": step} for key in ("a", "b")],
            "params": [{"key": f"p{step}", "value": str(step)}],
        }
        status, answer = self.server.ask("POST", f"{API}/runs/log-batch", batch)
        if status == 200:
            self.acknowledged.append(step)
        else:
            self.errors.append((status, answer))
        if step % 10 == 0:
            content = random.randbytes(random.randrange(1, 200_000))
            path = f"{self.root}/file-{step}.bin"
            status, answer = self.server.ask("PUT", f"{ARTIFACTS}/{path}", content)
            if status == 200:
                self.files[path] = hashlib.sha256(content).hexdigest()
            else:
                self.errors.append((status, answer))


def steps(server: Server, run_id: str, key: str) -> list:
    found, token = [], ""
    while True:
        path = f"{API}/metrics/get-history?run_id={run_id}&metric_key={key}&max_results=10000"
        status, answer = server.ask("GET", path + (f"&page_token={token}" if token else ""))
        assert status == 200, answer
        found += [int(metric.get("step", 0)) for metric in answer.get("metrics", [])]
        token = answer.get("next_page_token")
        if not token:
            return found


def verify(server: Server, checks: Checks, writers: list, name: str):
    lost, torn, doubled, spoiled = [], [], [], []
    for writer in writers:
        first, second = steps(server, writer.run_id, "a"), steps(server, writer.run_id, "b")
        lost += sorted(set(writer.acknowledged) - set(first))
        doubled += [step for step in set(first) if first.count(step) > 1]
        _, run = server.ask("GET", f"{API}/runs/get?run_id={writer.run_id}")
        params = {int(param["value"]) for param in run["run"]["data"].get("params", [])}
        lost += sorted(set(writer.acknowledged) - params)
        torn += sorted(set(first) ^ set(second)) + sorted(set(first) ^ params)
        for path, digest in writer.files.items():
            status, content = server.ask("GET", f"{ARTIFACTS}/{path}")
            if status != 200 or hashlib.sha256(content).hexdigest() != digest:
                spoiled.append(path)
    count = sum(len(writer.acknowledged) for writer in writers)
    files = sum(len(writer.files) for writer in writers)
    checks.check(not lost, f"{name}: {count} acknowledged batches are all there", str(lost[:5]))
    checks.check(not torn, f"{name}: no batch is there by half", str(torn[:5]))
    checks.check(not doubled, f"{name}: no batch is there twice", str(doubled[:5]))
    checks.check(not spoiled, f"{name}: {files} acknowledged artifacts are whole", str(spoiled[:5]))
    errors = [error for writer in writers for error in writer.errors]
    checks.check(not errors, f"{name}: a server that lives refuses nothing", str(errors[:2]))
    status, audit = server.ask("GET", "/api/v1/audit/verify")
    checks.check(status == 200 and audit.get("ok") is True, f"{name}: the chain of events verifies", str(audit)[:300])


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    seed = int(time.time())
    print(f"seed {seed}")
    random.seed(seed)
    checks, everyone = Checks(), []
    with tempfile.TemporaryDirectory(prefix="mlwright-kill-") as folder:
        server = Server(sys.argv[1], Path(folder) / "data")
        server.start()
        for number in range(1, rounds + 1):
            writers = [Writer(server, number) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.1, 2.0))
            server.kill()
            for writer in writers:
                writer.stopping = True
                writer.join()
            server.start()
            everyone += writers
            verify(server, checks, writers, f"round {number}")
        verify(server, checks, everyone, "in the end")
        server.stop()
    checks.close()


if __name__ == "__main__":
    main()

"""One project and the same checks of it on every executor: what differs is one line of it (standard library only).

The scripts that use it bring a cluster: `executors.py` emulated ones whose jobs are processes, `../long/executors_ray.py` a real Ray,
`../long/executors_slurm.py` a real Slurm.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "python"))
sys.path.insert(0, str(HERE.parent / "long"))

PROJECT = """\
version: 1
project: everywhere
datasets:
  numbers:
    files: [numbers.csv]
executors:
  cluster: %(cluster)s
  nowhere: {kind: ray, url: "http://127.0.0.1:1", unreachable: 3s}
pipelines:
  sum:
    dataset: numbers
    params: {factor: 3, notes: nowhere}
    executor: %(executor)s
    steps:
      - {name: scale, run: python3 scale.py, outputs: [scaled.csv, parts]}
      - {name: total, needs: [scale], run: python3 total.py, outputs: [total.txt]}
  slow:
    dataset: numbers
    params: {notes: nowhere, seconds: 6}
    executor: %(executor)s
    steps:
      - {name: count, run: python3 count.py, outputs: [done.txt], timeout: 60s}
  bad:
    dataset: numbers
    params: {}
    executor: %(executor)s
    steps:
      - {name: fail, run: "echo going wrong; exit 3"}
  late:
    dataset: numbers
    params: {}
    executor: %(executor)s
    steps:
      - {name: sleep, run: "echo asleep; sleep 300", timeout: 2s}
  missing:
    dataset: numbers
    params: {}
    executor: %(executor)s
    steps:
      - {name: nothing, run: "true", outputs: [nothing.txt]}
  away:
    dataset: numbers
    params: {}
    executor: nowhere
    steps:
      - {name: step, run: "true"}
"""

FILES = {
    "scale.py": """\
import json, os, pathlib
out = pathlib.Path(os.environ["MLWRIGHT_OUTPUTS"])
factor = int(os.environ["MLWRIGHT_PARAM_FACTOR"])
assert json.load(open(os.environ["MLWRIGHT_PARAMS"]))["factor"] == factor
data = pathlib.Path(os.environ["MLWRIGHT_DATASET"])
assert [path.read_bytes()[:4] for path in data.glob("*.parquet")] == [b"PAR1"], list(data.iterdir())
count = sum(part["rows"] for part in json.loads((data / "manifest.json").read_text())["parts"])
rows = list(range(1, count + 1))
(out / "scaled.csv").write_text("\\n".join(str(row * factor) for row in rows))
(out / "parts" / "deep").mkdir(parents=True)
(out / "parts" / "deep" / "count.txt").write_text(str(len(rows)))
print("scaled", len(rows), "by", factor, open("words.txt").read().strip())
if os.environ["MLWRIGHT_PARAM_NOTES"] != "nowhere":
    with open(os.environ["MLWRIGHT_PARAM_NOTES"], "a") as notes:
        notes.write("scale\\n")
""",
    "total.py": """\
import os, pathlib
given = pathlib.Path(os.environ["MLWRIGHT_INPUTS"]) / "scale"
rows = [int(line) for line in (given / "scaled.csv").read_text().split()]
assert (given / "parts" / "deep" / "count.txt").read_text() == str(len(rows))
pathlib.Path(os.environ["MLWRIGHT_OUTPUTS"], "total.txt").write_text(str(sum(rows)))
print("total", sum(rows))
""",
    "count.py": """\
import os, pathlib, time
def note(word):
    with open(os.environ["MLWRIGHT_PARAM_NOTES"], "a") as notes:
        notes.write(word + "\\n")
note("started")
for second in range(int(os.environ["MLWRIGHT_PARAM_SECONDS"])):
    print("second", second, flush=True)
    time.sleep(1)
pathlib.Path(os.environ["MLWRIGHT_OUTPUTS"], "done.txt").write_text("done")
note("ended")
""",
    "words.txt": "of the code\n",
    "numbers.csv": "n\n1\n2\n3\n",
}


class House:
    """A server that runs, and what its API says."""

    def __init__(self, url: str, binary: str, cluster: dict, data=None):
        self.url, self.binary, self.data = url.rstrip("/"), binary, data
        self.folder = Path(tempfile.mkdtemp(prefix="mlwright-executors-"))
        self.cluster = cluster
        self.project = self.folder / "project"
        self.project.mkdir()
        for name, text in FILES.items():
            (self.project / name).write_text(text)

    def apply(self, executor: str):
        """The one line that differs."""
        text = PROJECT % {"cluster": json.dumps(self.cluster), "executor": executor}
        (self.project / "mlwright.yaml").write_text(text)
        environment = {**os.environ, "MLWRIGHT_URL": self.url}
        done = subprocess.run(
            [self.binary, "apply", "--yes"], cwd=self.project, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, method: str, path: str, body=None, headers=None, raw=None, timeout=30):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, text.decode(errors="replace")

    def start(self, pipeline: str, **params) -> str:
        status, answer = self.ask(
            "POST", f"/api/v1/pipelines/{pipeline}/runs", {"params": params, "no_cache": True}
        )
        assert status < 300, answer
        return answer["id"]

    def run(self, run: str) -> dict:
        status, answer = self.ask("GET", f"/api/v1/pipeline-runs/{run}")
        assert status == 200, answer
        return answer

    def ended(self, run: str, timeout=120) -> dict:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                answer = self.run(run)
            except (OSError, AssertionError):
                answer = {"state": "the server is away"}
            if answer["state"] in ("succeeded", "failed", "cancelled"):
                return answer
            time.sleep(0.2)
        raise AssertionError(f"not ended after {timeout} s: {json.dumps(answer)[:600]}\n{self.log(run)}")

    def steps(self, run: str) -> dict:
        return {step["name"]: step for step in self.run(run)["steps"]}

    def log(self, run: str) -> str:
        text = ""
        try:
            for name in self.steps(run):
                status, part = self.ask("GET", f"/api/v1/pipeline-runs/{run}/steps/{name}/log?offset=0")
                text += part["text"] if status == 200 else ""
        except (OSError, AssertionError, KeyError):
            pass
        return text

    def until(self, what, timeout=60, say=""):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"did not happen within {timeout} s: {say}")

    def digests(self, run: str) -> dict:
        return {
            (name, output["name"]): output["digest"]
            for name, step in self.steps(run).items()
            for output in step.get("outputs", [])
        }

    def notes(self, name: str) -> Path:
        return self.folder / name

    def job(self, run: str) -> dict:
        """What the server has noted of the job of a run's only step."""
        found = list(Path(self.data, "pipelines", run.replace("-", "")).glob("*/*/remote.json"))
        assert len(found) == 1, found
        return {"path": found[0], **json.loads(found[0].read_text())}


def lines(path: Path) -> list:
    return path.read_text().split() if path.exists() else []


def same_everywhere(house: House, places=("process", "zygote", "cluster")):
    """The same project here and there: one line differs, nothing else."""
    found = {}
    for executor in places:
        house.apply(executor)
        run = house.start("sum", factor=5)
        ended = house.ended(run)
        assert ended["state"] == "succeeded", f"{executor}: {ended.get('message')}\n{house.log(run)}"
        found[executor] = house.digests(run)
        text = house.log(run)
        assert "scaled 3 by 5 of the code" in text and "total 30" in text, text
    assert all(digests == found["process"] for digests in found.values()), found
    assert len(found["cluster"]) == 3, found


def by_the_run(house: House):
    """A run that names an executor overrides what its pipeline says; the cache is one for all."""
    status, answer = house.ask(
        "POST", "/api/v1/pipelines/sum/runs", {"params": {"factor": 7}, "no_cache": True, "executor": "process"}
    )
    assert status < 300, answer
    assert house.ended(answer["id"])["state"] == "succeeded"
    status, again = house.ask("POST", "/api/v1/pipelines/sum/runs", {"params": {"factor": 7}})
    assert house.ended(again["id"])["state"] == "succeeded"
    assert all(step["cached"] for step in house.steps(again["id"]).values()), house.steps(again["id"])
    status, answer = house.ask(
        "POST", "/api/v1/pipelines/sum/runs", {"params": {}, "no_cache": True, "executor": "elsewhere"}
    )
    ended = house.ended(answer["id"])
    assert ended["state"] == "failed" and "no executor `elsewhere`" in str(ended), ended


def sdk(house: House):
    """A pipeline of the Python SDK, with loops, folders, artifacts and code, on the cluster."""
    os.environ["MLWRIGHT_URL"] = house.url
    import _sdk_pipelines as p

    here = p.choose.local(rows=4)
    there = p.choose.submit(rows=4, executor="cluster", use_cache=False).wait(timeout=400)
    assert there.outputs["what"] == here.outputs["what"] == "3 on 4 at 0.75", there.outputs
    trained = next(step for step in there.steps if step["name"] == "each-1/1/train")
    assert trained["run_id"], trained


def tail(house: House, seconds=8):
    """What it prints is there while it runs."""
    run = house.start("slow", notes=str(house.notes("tail")), seconds=seconds)
    house.until(lambda: "second 1" in house.log(run), 90, "a line while it runs")
    assert house.run(run)["state"] == "running", house.run(run)
    assert not lines(house.notes("tail"))[1:], lines(house.notes("tail"))
    ended = house.ended(run)
    assert ended["state"] == "succeeded", ended
    assert house.log(run).split() == [w for n in range(seconds) for w in ("second", str(n))], house.log(run)
    assert lines(house.notes("tail")) == ["started", "ended"]


def failures(house: House):
    run = house.start("bad")
    ended = house.ended(run)
    step = house.steps(run)["fail"]
    assert ended["state"] == "failed" and step["exit_code"] == 3, (ended, step)
    assert "exit code 3" in step["message"] and "going wrong" in house.log(run), step
    run = house.start("missing")
    ended = house.ended(run)
    assert ended["state"] == "failed" and "did not write its output `nothing.txt`" in str(ended), ended


def timeouts(house: House):
    run = house.start("late")
    ended = house.ended(run)
    assert ended["state"] == "failed" and "timeout of 2s" in str(ended), ended
    assert "asleep" in house.log(run)


def unreachable(house: House):
    run = house.start("away")
    ended = house.ended(run, 60)
    step = house.steps(run)["step"]
    assert ended["state"] == "failed" and "`nowhere` did not answer for 3s" in step["message"], step


def cancelled(house: House, ends):
    """`ends(job)`: whether the cluster says that the job has ended."""
    notes = house.notes("cancel")
    run = house.start("slow", notes=str(notes), seconds=600)
    house.until(lambda: "second 1" in house.log(run), 90, "it runs")
    job = house.job(run)
    pid = json.loads(job["path"].with_name("claim.json").read_text())["pid"]
    status, answer = house.ask("POST", f"/api/v1/pipeline-runs/{run}/cancel", {})
    assert status == 200, answer
    ended = house.ended(run, 60)
    assert ended["state"] == "cancelled", ended
    house.until(lambda: ends(job["job"]), 60, "the cluster ended the job")
    house.until(lambda: not alive(pid), 30, "its process is gone")
    size = len(lines(notes))
    time.sleep(1.5)
    assert lines(notes)[:size] == ["started"], lines(notes)
    return job


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def doubles(house: House, program: str):
    """Another process with the same token is sent away, and a late one finds that all is over."""
    notes = house.notes("double")
    run = house.start("slow", notes=str(notes), seconds=6)
    house.until(lambda: "second 1" in house.log(run), 90, "it runs")
    job = house.job(run)
    environment = {
        **os.environ,
        "MLWRIGHT_REMOTE": house.url + "/api/v1/tasks",
        "MLWRIGHT_REMOTE_TOKEN": job["token"],
    }
    script = house.folder / "guest.py"
    with urllib.request.urlopen(house.url + "/api/v1/tasks/guest.py") as answer:
        script.write_bytes(answer.read())
    for moment in ("while it runs", "when it has ended"):
        second = subprocess.run([program, str(script)], env=environment, capture_output=True, text=True, timeout=60)
        assert second.returncode == 0 and "nothing to do here" in second.stderr, (moment, second)
        assert moment != "while it runs" or "runs already" in second.stderr, second.stderr
        if moment == "while it runs":
            assert house.ended(run)["state"] == "succeeded"
    headers = {"Authorization": "Bearer " + job["token"], "X-Mlwright-Mark": "of somebody else"}
    status, answer = house.ask("PUT", "/api/v1/tasks/result", headers=headers, raw=b"anything")
    assert status == 409, (status, answer)
    wrong = {**headers, "Authorization": "Bearer mlw-task-1.no.such.1.token"}
    status, answer = house.ask("PUT", "/api/v1/tasks/result", headers=wrong, raw=b"anything")
    assert status == 401, (status, answer)
    assert lines(notes) == ["started", "ended"], lines(notes)


def tokens(house: House):
    """The token of an attempt lets its process in while it runs, and nobody afterwards."""
    run = house.start("slow", notes=str(house.notes("token")), seconds=4)
    house.until(lambda: "second 1" in house.log(run), 90, "it runs")
    token = house.job(run)["token"]
    headers = {"Authorization": "Bearer " + token}
    status, _ = house.ask("POST", "/api/v1/tasks/log?offset=0", headers=headers, raw=b"")
    assert status == 409, status
    assert house.ask("GET", "/api/v1/pipelines", headers=headers)[0] == 200
    assert house.ended(run)["state"] == "succeeded"
    house.until(lambda: house.ask("GET", "/api/v1/pipelines", headers=headers)[0] == 401, 20, "the token is over")


def survives(house: House, server, count):
    """kill -9 of the server: before the submission was noted, and while the job runs. `count()`: jobs that there are."""
    notes = house.notes("kill")
    before = count()
    run = house.start("slow", notes=str(notes), seconds=8)
    house.until(lambda: lines(notes), 90, "it runs")
    server.kill()
    # As if it had died between the submission and its note.
    job = house.job(run)
    path = job.pop("path")
    assert job.pop("handle"), job
    path.write_text(json.dumps(job))
    time.sleep(1)
    server.start()
    house.until(lambda: house.job(run).get("handle"), 60, "the job was found again")
    server.kill()
    time.sleep(10)
    server.start()
    ended = house.ended(run)
    assert ended["state"] == "succeeded", ended
    assert house.steps(run)["count"]["attempt"] == 1, house.steps(run)
    assert lines(notes) == ["started", "ended"], lines(notes)
    assert count() - before == 1, (before, count())
    assert "second 7" in house.log(run), house.log(run)


def stop_process(process):
    """Ends a process that was started here, with its group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

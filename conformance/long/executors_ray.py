"""The same project on this machine and on a real Ray, started here: python executors_ray.py <mlwright binary>

Needs a Python environment with `ray[default]`: the variable MLWRIGHT_RAY names its folder.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

import _executors as same  # noqa: E402
from _checks import check  # noqa: E402
from _real import Real, missing  # noqa: E402
from _server import free_port  # noqa: E402

RAY = Path(os.environ.get("MLWRIGHT_RAY", ""))
FOLDER = Path(tempfile.mkdtemp(prefix="mlw-ray-"))
# Ray lets in whoever shows it, the server's executor included.
TOKEN = FOLDER / "token"
TOKEN.write_text(secrets.token_hex(32))
TOKEN.chmod(0o600)
os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(TOKEN))


class Ray:
    """A head of its own on free ports."""

    name = "Ray"

    def __init__(self):
        self.port, self.gcs = free_port(), free_port()
        self.process, self.starts = None, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.starts += 1
        arguments = [RAY / "bin/ray", "start", "--head", "--block", "--port", self.gcs, "--num-cpus", 2]
        arguments += ["--dashboard-host", "127.0.0.1", "--dashboard-port", self.port, "--disable-usage-stats"]
        arguments += ["--dashboard-agent-listen-port", free_port(), "--ray-client-server-port", free_port()]
        arguments += ["--object-store-memory", 80_000_000, "--temp-dir", FOLDER / f"r{self.starts}"]
        environment = {**os.environ, "PATH": f"{RAY / 'bin'}:{os.environ['PATH']}"}
        # A busy machine takes its time.
        environment.update(RAY_raylet_start_wait_time_s="240", RAY_agent_register_timeout_ms="240000")
        with open(FOLDER / "ray.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            try:
                self.get("/api/jobs/")
                return
            except OSError:
                time.sleep(0.5)
        raise SystemExit("not ok Ray starts\n" + (FOLDER / "ray.log").read_text()[-3000:])

    def stop(self):
        same.stop_process(self.process)

    away, back = stop, start

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer " + TOKEN.read_text()})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def said(self, job):
        return self.get(f"/api/jobs/{job}")["status"]

    def is_over(self, job):
        return self.said(job) in ("STOPPED", "FAILED")

    def count(self):
        return len(self.get("/api/jobs/"))


if not (RAY / "bin/ray").exists():
    missing("MLWRIGHT_RAY names no environment; make one: uv venv ray && uv pip install -p ray 'ray[default]'")

ray = Ray()
DECLARED = {"kind": "ray", "url": ray.url, "python": str(RAY / "bin/python"), "resources": {"cpus": 1}}
DECLARED.update(token_file=str(TOKEN), unreachable="5m")
real = Real(ray, sys.argv[1], FOLDER, DECLARED, str(RAY / "bin/python"))
house = real.house


@check
def a_step_may_use_the_cluster_it_runs_on():
    (house.project / "count.py").write_text(
        "import os, pathlib, ray\n"
        "ray.init()\n"
        "square = ray.remote(num_cpus=0)(lambda x: x * x)\n"
        "total = sum(ray.get([square.remote(n) for n in range(4)]))\n"
        "pathlib.Path(os.environ['MLWRIGHT_OUTPUTS'], 'done.txt').write_text(str(total))\n"
        "print('sum', total)\n"
    )
    try:
        house.apply("cluster")
        run = house.start("slow", notes="nowhere")
        ended = house.ended(run, 180)
        assert ended["state"] == "succeeded" and "sum 14" in house.log(run), (ended, house.log(run))
    finally:
        (house.project / "count.py").write_text(same.FILES["count.py"])
        house.apply("cluster")


@check
def a_python_that_is_not_there_is_told():
    real.declare(python="/no/such/python")
    try:
        run = house.start("bad")
        ended = house.ended(run, 120)
        step = house.steps(run)["fail"]
        assert ended["state"] == "failed" and "JOB_ENTRYPOINT_COMMAND" in step["message"], step
        assert "/no/such/python" in house.log(run), house.log(run)
    finally:
        real.declare()


@check
def a_head_that_is_gone_fails_the_attempt():
    real.declare(unreachable="10s")
    run = house.start("slow", notes=str(house.notes("gone")), seconds=600)
    house.until(lambda: "second 1" in house.log(run), 90, "it runs")
    claim = json.loads(house.job(run)["path"].with_name("claim.json").read_text())
    ray.stop()
    # The process lives on without its head, and would end well; here its machine goes, too.
    if same.alive(claim["pid"]):
        os.kill(claim["pid"], signal.SIGKILL)
    ended = house.ended(run, 120)
    step = house.steps(run)["count"]
    assert ended["state"] == "failed" and "`cluster` did not answer for 10s" in step["message"], step
    ray.start()
    real.declare()


real.run()

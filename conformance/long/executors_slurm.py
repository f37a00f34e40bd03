"""The same project on this machine and on a real Slurm of one node, started here: python executors_slurm.py <mlwright binary>

Needs Debian's `slurm-wlm slurmrestd slurm-wlm-jwt-plugin munge`, and root, as their daemons want it.
"""

import json
import os
import shutil
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

FOLDER = Path(tempfile.mkdtemp(prefix="mlw-slurm-"))
os.environ["PATH"] += ":/usr/sbin"
CONFIG = """\
ClusterName=mlw
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={root}/jwt.key
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/controller.pid
SlurmdPidFile={root}/node.pid
SlurmctldLogFile={root}/controller.log
SlurmdLogFile={root}/node.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A controller, a node and their REST daemon, with a munge of their own."""

    name = "Slurm"

    def __init__(self):
        self.port = free_port()
        self.host = os.uname().nodename.split(".")[0]
        self.running = {}
        for name in ("state", "spool", "work"):
            (FOLDER / name).mkdir()
        FOLDER.chmod(0o755)
        (FOLDER / "work").chmod(0o777)
        ports = {"controller": free_port(), "node": free_port()}
        (FOLDER / "slurm.conf").write_text(CONFIG.format(root=FOLDER, host=self.host, **ports))
        for name in ("jwt.key", "munge.key"):
            (FOLDER / name).write_bytes(os.urandom(128))
            (FOLDER / name).chmod(0o600)
        os.environ["SLURM_CONF"] = str(FOLDER / "slurm.conf")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def spawn(self, name, arguments, **options):
        with open(FOLDER / f"{name}.out", "ab") as log:
            self.running[name] = subprocess.Popen(
                [str(argument) for argument in arguments], stdout=log, stderr=log, start_new_session=True, **options
            )

    def start(self):
        munge = ["munged", "--foreground", "--force", f"--key-file={FOLDER}/munge.key"]
        munge += [f"--socket={FOLDER}/munge.socket", f"--pid-file={FOLDER}/munge.pid"]
        munge += [f"--log-file={FOLDER}/munge.log", f"--seed-file={FOLDER}/munge.seed"]
        self.spawn("munged", munge)
        time.sleep(1)
        self.spawn("controller", ["slurmctld", "-D"])
        self.spawn("node", ["slurmd", "-D", "-N", self.host])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            said = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True)
            if said.stdout.strip() == "idle":
                return self.back()
            time.sleep(0.5)
        for name in ("munged.out", "controller.log", "node.log"):
            path = FOLDER / name
            print(name, path.read_text()[-1500:] if path.exists() else "")
        self.stop()
        raise SystemExit(f"not ok Slurm starts: {said}")

    def back(self):
        said = subprocess.run(
            ["scontrol", "token", "username=nobody", "lifespan=7200"], capture_output=True, text=True, check=True
        )
        (FOLDER / "token").write_text(said.stdout)
        # Not as root: it refuses that.
        environment = {**os.environ, "SLURM_JWT": "daemon"}
        arguments = ["slurmrestd", "-a", "rest_auth/jwt", "-s", "openapi/v0.0.38", f"127.0.0.1:{self.port}"]
        self.spawn("rest", arguments, env=environment, user="nobody", group="nogroup", extra_groups=[])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.get("ping")
                return
            except OSError:
                time.sleep(0.3)
        self.stop()
        raise SystemExit("not ok slurmrestd starts\n" + (FOLDER / "rest.out").read_text())

    def away(self):
        same.stop_process(self.running.pop("rest"))

    def stop(self):
        for name in ("rest", "node", "controller", "munged"):
            if name in self.running:
                same.stop_process(self.running[name])

    def get(self, path):
        token = (FOLDER / "token").read_text().strip().removeprefix("SLURM_JWT=")
        headers = {"X-SLURM-USER-NAME": "nobody", "X-SLURM-USER-TOKEN": token}
        request = urllib.request.Request(f"{self.url}/slurm/v0.0.38/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def jobs(self, name=None):
        return [job for job in self.get("jobs")["jobs"] if name in (None, job["name"])]

    def said(self, name):
        return [job["job_state"] for job in self.jobs(name)]

    def is_over(self, name):
        return not {"RUNNING", "PENDING"} & set(self.said(name))

    def count(self):
        return len(self.jobs())


lacks = [name for name in ("slurmctld", "slurmd", "slurmrestd", "munged") if not shutil.which(name)]
lacks += [] if os.path.exists("/usr/bin/python3") else ["/usr/bin/python3"]
if lacks:
    missing(f"no {', '.join(lacks)}; install Debian: slurm-wlm slurmrestd slurm-wlm-jwt-plugin munge python3")
if os.geteuid() != 0:
    missing("its daemons want root")

slurm = Slurm()
DECLARED = {
    "kind": "slurm",
    "url": slurm.url,
    "user": "nobody",
    "token_file": str(FOLDER / "token"),
    "partition": "debug",
    "folder": str(FOLDER / "work"),
    # One that `nobody` may run.
    "python": "/usr/bin/python3",
    "resources": {"cpus": 1},
    "unreachable": "2m",
    "env": {"HOME": str(FOLDER / "work")},
}
real = Real(slurm, sys.argv[1], FOLDER, DECLARED, sys.executable)
house = real.house
# Steps of `nobody` note what they do there.
house.folder.chmod(0o777)


@check
def what_slurm_refuses_is_told():
    real.declare(partition="nowhere")
    try:
        run = house.start("bad")
        ended = house.ended(run, 60)
        step = house.steps(run)["fail"]
        assert ended["state"] == "failed" and "artition" in step["message"], step
    finally:
        real.declare()


real.run()

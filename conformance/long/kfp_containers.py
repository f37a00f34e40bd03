"""Container components of Kubeflow pipelines with a real podman: outputs, failures, a missing image, cancellation, a killed shim.

    python kfp_containers.py <mlwright binary>

Needs podman and a static busybox (Debian: podman, runc, busybox-static); the image is made from it, nothing is pulled. Without podman
the script says so and fails. `CONTAINERS_CONF` is passed on, for machines where podman needs settings.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import kfp  # noqa: E402
from _server import Checks, Server  # noqa: E402
from kfp import dsl  # noqa: E402

IMAGE = "localhost/mlwright-busybox:1"
FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


@dsl.container_component
def say(text: str, out: dsl.OutputPath(str), model: dsl.Output[dsl.Model]):
    command = 'mkdir -p $(dirname "$1") $(dirname "$2"); printf %s "$0" > "$1"; echo weights > "$2"'
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", command], args=[text, out, model.path])


@dsl.container_component
def ends_badly():
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", "echo no such luck; exit 3"])


@dsl.container_component
def naps():
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", "trap '' TERM; echo asleep; sleep 400; sleep 400"])


@dsl.container_component
def has_no_image():
    return dsl.ContainerSpec(image="localhost/mlwright-nothing:1", command=["true"])


@dsl.component
def read(text: str, model: dsl.Input[dsl.Model]) -> str:
    with open(model.path) as file:
        return f"{text} {file.read().strip()}"


@dsl.pipeline
def boxes(text: str = "a 'quoted' word"):
    said = say(text=text).set_env_variable("A_SECRET", "hidden")
    read(text=said.outputs["out"], model=said.outputs["model"])


@dsl.pipeline
def bad():
    ends_badly()


@dsl.pipeline
def absent():
    has_no_image()


@dsl.pipeline
def sleepy():
    naps()


def import_image():
    busybox = shutil.which("busybox")
    if busybox is None or shutil.which("podman") is None:
        raise SystemExit("not ok podman and busybox are here\nhint: apt install podman runc busybox-static")
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "bin").mkdir()
        (Path(root) / "tmp").mkdir()
        shutil.copy(busybox, f"{root}/bin/busybox")
        for name in ("sh", "echo", "cat", "mkdir", "sleep", "dirname", "true"):
            os.symlink("busybox", f"{root}/bin/{name}")
        packed = subprocess.run(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["podman", "import", "--quiet", "-", IMAGE], input=packed, check=True, stdout=subprocess.DEVNULL)


def containers():
    listed = subprocess.run(["podman", "ps", "--all", "--format", "{{.Names}}"], stdout=subprocess.PIPE, text=True, check=True)
    return [name for name in listed.stdout.split() if name.startswith("mlwright-")]


def until(wanted, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted():
            return True
        time.sleep(0.1)
    return False


def main():
    checks = Checks()
    import_image()
    folder = Path(tempfile.mkdtemp())
    server = Server(sys.argv[1], folder / "data")
    server.start()
    client = kfp.Client(host=server.url)

    def run(pipeline):
        made = client.create_run_from_pipeline_func(pipeline, arguments={}, enable_caching=False)
        return made.run_id

    def ended(run_id, seconds=120):
        until(lambda: client.get_run(run_id).state in FINAL, seconds)
        return client.get_run(run_id)

    def error(run, name):
        tasks = [task for task in run.run_details.task_details if task.display_name == name]
        return tasks[0].error.message if tasks and tasks[0].error else ""

    good = ended(run(boxes), 300)
    checks.check(good.state == "SUCCEEDED", "a container's parameter and artifact reach the next task", good.state)
    failed = ended(run(bad))
    why = error(failed, "ends-badly")
    checks.check(failed.state == "FAILED" and "exit code 3" in why and "no such luck" in why, "an exit code fails it, with its last words", why)
    gone = ended(run(absent))
    checks.check(gone.state == "FAILED" and "mlwright-nothing" in error(gone, "has-no-image"), "a missing image is named", str(gone.state))

    napping = run(sleepy)
    checks.check(until(lambda: len(containers()) == 1, 30), "a container carries the name of its attempt", str(containers()))
    client.terminate_run(napping) if hasattr(client, "terminate_run") else client._run_api.run_service_terminate_run(run_id=napping)
    state = ended(napping).state
    checks.check(state == "CANCELED", "a container that ignores SIGTERM is cancelled", state)
    checks.check(until(lambda: not containers(), 20), "and nothing of it is left", str(containers()))

    napping = run(sleepy)
    until(lambda: containers(), 30)
    for started in (folder / "data" / "pipelines").rglob("started.json"):
        pid = json.loads(started.read_text())["pid"]
        if not (started.parent / "exit.json").exists() and b"internal-step-shim" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    state = ended(napping, 60).state
    checks.check(state == "FAILED", "with its shim killed the attempt is lost", state)
    checks.check(until(lambda: not containers(), 20), "and its container ended", str(containers()))

    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    checks.close()


main()

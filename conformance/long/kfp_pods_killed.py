"""A container component in a pod of an emulated Kubernetes, and a server that is killed meanwhile: python kfp_pods_killed.py <mlwright binary>

The task goes on without the server; its result, its log and its job are there once. Runs in the environment of
conformance/upstream/kfp_requirements.txt.
"""

import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients"))

import _clusters  # noqa: E402
import kfp  # noqa: E402
from _server import Checks, Server  # noqa: E402
from kfp import dsl  # noqa: E402

SECONDS = 25


@dsl.container_component
def counts(seconds: int, out: dsl.OutputPath(str)):
    script = 'n=0; while [ $n -lt "$0" ]; do echo second $n; n=$((n+1)); sleep 1; done; printf done > "$1"'
    return dsl.ContainerSpec(image="counts:1", command=["sh", "-c", script], args=[seconds, out])


@dsl.pipeline
def slow(seconds: int) -> str:
    return counts(seconds=seconds).outputs["out"]


def main():
    checks = Checks()
    folder = Path(tempfile.mkdtemp(prefix="kfp-pods-killed-"))
    server, cluster = Server(sys.argv[1], folder / "data"), _clusters.Kubernetes()
    server.start()
    (folder / "token").write_text(_clusters.TOKEN)
    spec = {"kind": "kubernetes", "url": cluster.url, "namespace": "work", "image": "python:3.11", "default": True}
    spec |= {"token_file": str(folder / "token"), "python": sys.executable, "unreachable": "60s"}
    status, answer = server.ask("PUT", "/api/v1/executors/pods", spec)
    assert status == 200, answer
    made = kfp.Client(host=server.url).create_run_from_pipeline_func(slow, arguments={"seconds": SECONDS})
    place = f"/api/v1/pipeline-runs/{made.run_id}"

    def run():
        return server.ask("GET", place)[1]

    def log():
        step = next(step for step in run()["steps"] if step["task"] == "counts")
        return server.ask("GET", f"{place}/log?step={step['id']}")[1]["text"]

    def until(wanted, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not wanted():
            time.sleep(0.3)

    until(lambda: "second 3" in log(), 90)
    checks.check("second 3" in log(), "it prints while it runs", log())
    for pause in (4, 6):
        server.kill()
        time.sleep(pause)
        server.start()
        time.sleep(3)
    until(lambda: run()["state"] in ("succeeded", "failed", "cancelled"), 120)
    ended = run()
    checks.check(ended["state"] == "succeeded", "it goes on without its server, and ends well", ended.get("message") or ended["state"])
    checks.check((ended.get("outputs") or {}).get("Output") == {"value": "done"}, "its output came back", str(ended.get("outputs")))
    text = log()
    checks.check(text == "".join(f"second {n}\n" for n in range(SECONDS)), "each line of its log is there once", text)
    checks.check(all(step["attempt"] <= 1 for step in ended["steps"]), "it was tried once", str(ended["steps"]))
    checks.check(len(cluster.jobs) == 1, "there was one job", str(list(cluster.jobs)))
    cluster.close()
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    checks.close()


main()

"""One project on this machine, Kubernetes, Ray and Slurm: python executors.py <server-url>

The clusters are emulated (`_clusters.py`): their jobs are processes here, started by what the server submits. Real ones are
in `conformance/long`. Prints `ok <what>` or `not ok <what>: <why>` for each check and exits non-zero if any failed.
"""

import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import _clusters as clusters  # noqa: E402
import _executors as same  # noqa: E402
from _checks import CHECKS, run_checks  # noqa: E402

URL, BINARY, DATA = sys.argv[1], os.environ["MLWRIGHT_BIN"], os.environ["MLWRIGHT_DATA_DIR"]
SECRET = Path(DATA).parent / "cluster-token"
SECRET.write_text(clusters.TOKEN + "\n")


def declared(cluster):
    common = {"url": cluster.url, "python": sys.executable, "unreachable": "30s"}
    if isinstance(cluster, clusters.Kubernetes):
        return {
            **common,
            "kind": "kubernetes",
            "namespace": "work",
            "image": "python:3.11",
            "token_file": str(SECRET),
            "resources": {"cpus": 0.5, "memory_mib": 256},
            "options": {"nodeSelector": {"pool": "small"}, "container": {"imagePullPolicy": "IfNotPresent"}},
        }
    if isinstance(cluster, clusters.Slurm):
        return {**common, "kind": "slurm", "user": "worker", "token_file": str(SECRET), "partition": "debug"}
    return {**common, "kind": "ray", "resources": {"cpus": 1}}


def lost_answer(house, cluster):
    """The submission arrives, its answer does not: the job is there once."""
    before = cluster.count()
    cluster.deaf = True
    run = house.start("slow", notes=str(house.notes("deaf")), seconds=3)
    house.until(lambda: cluster.count() > before, 30, "the submission arrives")
    time.sleep(2)
    cluster.deaf = False
    assert house.ended(run)["state"] == "succeeded", house.run(run)
    assert cluster.count() == before + 1 and same.lines(house.notes("deaf")) == ["started", "ended"]


def lost_job(house, cluster):
    """A job that the cluster forgets, and whose process is gone, has an end."""
    run = house.start("slow", notes=str(house.notes("lost")), seconds=600)
    house.until(lambda: "second 1" in house.log(run), 60, "it runs")
    job = cluster.find(house.job(run)["job"])
    with cluster.lock:
        cluster.jobs = {key: other for key, other in cluster.jobs.items() if other is not job}
    os.killpg(job.process.pid, 9)
    job.process.wait()
    ended = house.ended(run, 90)
    assert ended["state"] == "failed" and "does not know job" in str(ended), ended


def comes_back(house, cluster):
    """An API that is away for a while delays, and loses nothing."""
    cluster.away = True
    run = house.start("sum", factor=2)
    time.sleep(3)
    assert house.run(run)["state"] == "running"
    cluster.away = False
    assert house.ended(run)["state"] == "succeeded", house.run(run)


def of(kind):
    """Registers the checks of one cluster."""
    name = kind.__name__
    state = {}

    def named(text, function):
        CHECKS.append((f"{name}: {text}", function))

    def begin():
        state["cluster"] = kind()
        state["house"] = same.House(URL, BINARY, declared(state["cluster"]), DATA)
        places = ("process", "zygote", "cluster") if kind is clusters.Kubernetes else ("process", "cluster")
        same.same_everywhere(state["house"], places)

    def on(check):
        return lambda: check(state["house"], state["cluster"])

    def end():
        state["cluster"].close()

    named("one line moves a project there", begin)
    named("a cancelled run stops its job", on(lambda house, cluster: same.cancelled(house, cluster.ended)))
    named("a lost answer makes no second job", on(lost_answer))
    if kind is clusters.Kubernetes:
        named("its log is there while it runs", on(lambda house, _: same.tail(house, 5)))
        named("failures are told", on(lambda house, _: same.failures(house)))
        named("a run may say where it runs", on(lambda house, _: same.by_the_run(house)))
        named("a timeout ends it", on(lambda house, _: same.timeouts(house)))
        named("a second process is sent away", on(lambda house, _: same.doubles(house, sys.executable)))
        named("tokens end with their attempts", on(lambda house, _: same.tokens(house)))
        named("pipelines of the SDK run there", on(lambda house, _: same.sdk(house)))
        named("a job that is gone has an end", on(lost_job))
        named("an API that is away is asked again", on(comes_back))
        named("one that stays away is told", on(lambda house, _: same.unreachable(house)))
    CHECKS.append((f"{name}: its jobs end", end))


for each in (clusters.Kubernetes, clusters.Ray, clusters.Slurm):
    of(each)
sys.exit(1 if run_checks() else 0)

"""What every real cluster is asked, whatever it is: the project of `clients/_executors.py`, and trouble (standard library only).

A cluster has `name`, `start()`, `stop()`, `away()` and `back()` (its API only), `count()` of the jobs that it knows, `is_over(job)` and
`said(job)`, how it names the job's state.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients"))

import _executors as same  # noqa: E402
from _checks import CHECKS, run_checks  # noqa: E402
from _server import Server  # noqa: E402


def missing(what):
    """Ends the script: a cluster that is not there was not tried."""
    print(f"not ok its cluster is there: {what}")
    sys.exit(1)


class Real:
    """A server, a cluster that was started for it, and the checks of both."""

    def __init__(self, cluster, binary, folder, declared, python):
        self.cluster, self.declared, self.python = cluster, declared, python
        cluster.start()
        self.server = Server(os.path.abspath(binary), folder / "data")
        self.server.start()
        self.house = same.House(self.server.url, os.path.abspath(binary), declared, folder / "data")
        house = self.house
        name = cluster.name
        for text, check in (
            (f"one line moves a project to {name}", lambda: same.same_everywhere(house)),
            ("a run may say where it runs", lambda: same.by_the_run(house)),
            ("pipelines of the SDK run there", lambda: same.sdk(house)),
            ("its log is there while it runs", lambda: same.tail(house)),
            ("failures are told", lambda: same.failures(house)),
            ("a timeout ends it", lambda: same.timeouts(house)),
            ("a cancelled run stops its job", self.cancelled),
            ("a second process is sent away", lambda: same.doubles(house, python)),
            ("tokens end with their attempts", lambda: same.tokens(house)),
            ("jobs outlive the server and are there once", lambda: same.survives(house, self.server, cluster.count)),
            ("an API that is away is asked again", self.away),
            ("what cannot be reached is told", lambda: same.unreachable(house)),
        ):
            CHECKS.append((text, check))

    def cancelled(self):
        job = same.cancelled(self.house, self.cluster.is_over)
        print(f"  {self.cluster.name} says", self.cluster.said(job["job"]))

    def away(self):
        self.cluster.away()
        run = self.house.start("sum", factor=2)
        time.sleep(3)
        assert self.house.run(run)["state"] == "running", self.house.run(run)
        self.cluster.back()
        ended = self.house.ended(run)
        assert ended["state"] == "succeeded", ended

    def declare(self, **others):
        """The cluster with other words; none for its own."""
        self.house.cluster = {**self.declared, **others}
        self.house.apply("cluster")

    def run(self):
        failed = 1
        try:
            failed = run_checks()
        finally:
            self.server.stop()
            self.cluster.stop()
        if failed:
            print(self.server.said())
        sys.exit(1 if failed else 0)

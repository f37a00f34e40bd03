"""lakeFS's own Python tests, and lakefs-spec's, against mlwright: every test must pass or be listed in lakefs_differences.txt.

    LAKEFS_CHECKOUT=<treeverse/lakeFS> LAKEFS_SPEC_CHECKOUT=<aai-institute/lakefs-spec> \
        python lakefs_suites.py <mlwright binary> [wrapper] [spec]

Each suite runs on a fresh server on port 8000, which lakefs-spec's tests have built in. The tests run in the environment of
lakefs_requirements.txt (`LAKEFS_SUITE_PYTHON` names its interpreter; without it the running one is taken). `DATABASE_URL` puts the
server on PostgreSQL.
"""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The key pair of lakeFS's quickstart, which lakefs-spec's tests sign in with.
KEY, SECRET = "AKIAIOSFOLQUICKSTART", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PORT = 8000
# Suite: the checkout, the folder in it, and pytest's arguments.
SUITES = {
    "wrapper": ("LAKEFS_CHECKOUT", "clients/python-wrapper", ["tests/integration"]),
    "spec": ("LAKEFS_SPEC_CHECKOUT", ".", ["tests"]),
}


def differences() -> set[str]:
    """Tests that do not pass; docs/conformance/lakefs.md says why."""
    lines = (HERE / "lakefs_differences.txt").read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


class Server:
    def __init__(self, binary: str, folder: str):
        environment = {
            **os.environ,
            "MLWRIGHT_ROOT_ACCESS_KEY_ID": KEY,
            "MLWRIGHT_ROOT_SECRET_ACCESS_KEY": SECRET,
        }
        command = [binary, "serve", "--port", str(PORT), "--data-dir", f"{folder}/data"]
        if "DATABASE_URL" in os.environ:
            command += ["--database-url", os.environ["DATABASE_URL"]]
        command += shlex.split(os.environ.get("SERVER_OPTIONS", ""))
        self.log = open(f"{folder}/server.log", "wb")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5):
                    return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise SystemExit(f"the server did not start: {Path(self.log.name).read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def run(suite: str, binary: str, python: str) -> dict[str, str]:
    """What became of each test: `passed`, `failed` or `skipped`, by id."""
    variable, below, arguments = SUITES[suite]
    checkout = Path(os.environ[variable]).resolve() / below
    with tempfile.TemporaryDirectory(prefix="lakefs-suite-") as folder:
        report = Path(folder) / "report.xml"
        environment = {
            **os.environ,
            "LAKECTL_CREDENTIALS_ACCESS_KEY_ID": KEY,
            "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY": SECRET,
            "LAKECTL_SERVER_ENDPOINT_URL": f"http://localhost:{PORT}",
            "STORAGE_NAMESPACE": "local://suite",
            # Tests that change the home folder's lakectl configuration change this one.
            "HOME": folder,
        }
        if suite == "spec":
            for name in [name for name in environment if name.startswith("LAKECTL_")]:
                del environment[name]
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--no-header", "-o", "addopts="]
        command += ["-o", "junit_family=xunit1", "--tb=short", "--color=no", f"--junit-xml={report}", *arguments]
        with Server(binary, folder):
            log = Path(os.environ.get("LAKEFS_SUITE_LOGS", folder)) / f"lakefs_{suite}.log"
            with log.open("wb") as out:
                subprocess.run(command, cwd=checkout, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False)
        if not report.exists():
            print(log.read_text(errors="replace")[-3000:])
            return {}
        return dict(outcome(case) for case in xml.parse(report).getroot().iter("testcase"))


def outcome(case: xml.Element) -> tuple[str, str]:
    found = [child.tag for child in case]
    bad = "failure" in found or "error" in found
    name = f"{case.get('file')}::{case.get('name')}"
    return name, "failed" if bad else "skipped" if "skipped" in found else "passed"


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    binary, *wanted = sys.argv[1:]
    suites = wanted or [suite for suite, (variable, _, _) in SUITES.items() if variable in os.environ]
    if not suites or any(SUITES[suite][0] not in os.environ for suite in suites):
        print(__doc__)
        return 2
    python = os.environ.get("LAKEFS_SUITE_PYTHON", sys.executable)
    known, held, asked = differences(), 0, 0
    for suite in suites:
        print(f"-- {suite}", flush=True)
        found = run(suite, str(Path(binary).resolve()), python)
        for name, became in sorted(found.items()):
            if became != "passed":
                print(f"  {became}{' (known)' if name in known else ''}: {name}")
        good = [name for name, became in found.items() if became == "passed"]
        print(f"  {len(good)} of {len(found)} passed", flush=True)
        wanted_here = [name for name in found if name not in known]
        held += sum(found[name] == "passed" for name in wanted_here)
        asked += max(len(wanted_here), 1)
    print(f"{held} of {asked} checks hold")
    return 0 if held == asked else 1


if __name__ == "__main__":
    sys.exit(main())

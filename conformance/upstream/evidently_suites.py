"""Evidently's own tests of its service against mlwright: every one must pass or be listed in evidently_differences.txt.

    EVIDENTLY_CHECKOUT=<evidentlyai/evidently> python evidently_suites.py <mlwright binary>

The tests run unmodified, except that their fixture `test_client` is an HTTP client of a running server instead of one inside the process.
The environment is that of evidently_requirements.txt (`EVIDENTLY_SUITE_PYTHON` names its interpreter for `cargo xtask test`).
`SERVER_URL` takes a server that runs already.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Those of upstream's tests that go through the service; the others are about its own storage.
FILES = ("test_sdk_remote_workspace", "test_artifacts", "test_prompts", "test_download_endpoint")

# A plugin: each test sees a server without anything in it, as upstream's do, since it makes a project of its own.
PLUGIN = '''
import os
import httpx
import pytest


class Client(httpx.Client):
    """What `litestar.testing.TestClient` has that is used."""

    def __enter__(self):
        return self


@pytest.fixture
def test_client():
    with httpx.Client(base_url=os.environ["SERVER_URL"], timeout=60, follow_redirects=True) as client:
        yield client
'''


def differences():
    lines = (HERE / "evidently_differences.txt").read_text().splitlines()
    return {line.split(" ", 1)[0] for line in lines if line.strip() and not line.startswith("#")}


def start(binary, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [binary, "serve", "--port", str(port), "--data-dir", f"{folder}/data"]
    if "DATABASE_URL" in os.environ:
        command += ["--database-url", os.environ["DATABASE_URL"]]
    log = open(f"{folder}/server.log", "wb")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return process, url
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise SystemExit(f"the server did not start: {Path(log.name).read_text(errors='replace')[-2000:]}")


def prepare(checkout, folder):
    """Copies of the tests, whose own `test_client` fixtures are taken out: the one of conftest.py is used."""
    tests = folder / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(PLUGIN)
    for name in FILES:
        text = (checkout / "tests/future/test_ui" / f"{name}.py").read_text()
        marker = "@pytest.fixture\ndef test_client(tmp_path):"
        if marker in text:
            before, after = text.split(marker, 1)
            text = before + after.split("\n\n\n", 1)[1]
        (tests / f"{name}.py").write_text(text)
    return tests


def main():
    checkout = Path(os.environ["EVIDENTLY_CHECKOUT"])
    folder = Path(tempfile.mkdtemp(prefix="evidently-suites-"))
    process, url = None, os.environ.get("SERVER_URL", "")
    if not url:
        process, url = start(sys.argv[1], folder)
    try:
        tests = prepare(checkout, folder)
        report = folder / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", str(tests)]
        subprocess.run(command, env={**os.environ, "SERVER_URL": url, "DO_NOT_TRACK": "1"}, check=False)
    finally:
        if process:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    listed, failed = differences(), 0
    for case in xml.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name')}"
        bad = case.find("failure") is not None or case.find("error") is not None
        if bad == (name in listed):
            print(f"ok {name}{' (differs as listed)' if bad else ''}")
        else:
            failed += 1
            print(f"not ok {name}: {'it fails' if bad else 'it passes, and is listed as a difference'}")
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())

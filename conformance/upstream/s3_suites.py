"""ceph's s3-tests against mlwright's S3 door: every test must pass or be listed in s3_differences.txt.

    S3_TESTS_CHECKOUT=<ceph/s3-tests> python s3_suites.py <mlwright binary>

Run in an environment of s3_requirements.in. Left out by their marks and names: what a bucket of S3 has and a repository has not
(access lists, policies, versions, lifecycle, locks, encryption, notifications, websites, logging, forms, tags). `s3_branch.py`
puts the branch in front of keys. `--all` prints what became of each test, to renew the list.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEY, SECRET = "AKIAS3TESTSMAINKEY00", "mainsecretmainsecretmainsecretmainsecret"
LEFT_OUT = (
    "lifecycle lock versioning versioned acl website encrypt sse kms logging policy ownership public_block block_public "
    "notification cors inventory replication torrent restore cloud post_object tag anon access_bucket usage _version_ "
    "list_objects_anonymous unordered current_if current_object owner not_owned bucket_create bucket_recreate raw_get raw_put "
    "bucket_gone delete_nonempty head_extended get_location buckets_paginated delete_marker 100_continue read_unreadable return_data"
).split()


def differences() -> set[str]:
    """Tests that do not pass; docs/conformance/s3.md says why."""
    lines = (HERE / "s3_differences.txt").read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()}


def run(binary: str, checkout: Path) -> dict[str, str]:
    """What became of each test: `passed`, `failed` or `skipped`, by name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="s3-suite-") as folder:
        report, config = Path(folder) / "report.xml", Path(folder) / "s3tests.conf"
        sample = (checkout / "s3tests.conf.SAMPLE").read_text()
        for name, value in (("host", "127.0.0.1"), ("port", port), ("access_key", KEY), ("secret_key", SECRET)):
            sample = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", sample)
        config.write_text(sample)
        environment = {
            **os.environ,
            "MLWRIGHT_ROOT_ACCESS_KEY_ID": KEY,
            "MLWRIGHT_ROOT_SECRET_ACCESS_KEY": SECRET,
            "S3_URL": f"http://127.0.0.1:{port}",
            "S3_KEY": KEY,
            "S3_SECRET": SECRET,
            "S3TEST_CONF": str(config),
            "PYTHONPATH": f"{checkout}{os.pathsep}{HERE}",
        }
        with open(f"{folder}/server.log", "wb") as log:
            command = [binary, "serve", "--port", str(port), "--data-dir", f"{folder}/data"]
            server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).read()
                    break
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    time.sleep(0.1)
            command = [sys.executable, "-m", "pytest", "-p", "s3_branch", "-p", "no:cacheprovider", "-q", "--no-header", "--tb=short"]
            command += ["-k", " and ".join(f"not {word}" for word in LEFT_OUT), "-W", "ignore", "--color=no"]
            command += [f"--junit-xml={report}", "s3tests/functional/test_s3.py"]
            said = Path(os.environ.get("S3_SUITE_LOGS", folder)) / "s3_tests.log"
            with said.open("wb") as out:
                subprocess.run(command, cwd=checkout, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False)
            if not report.exists():
                print(said.read_text(errors="replace")[-3000:])
                return {}
            return dict(outcome(case) for case in xml.parse(report).getroot().iter("testcase"))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def outcome(case: xml.Element) -> tuple[str, str]:
    found = [child.tag for child in case]
    bad = "failure" in found or "error" in found
    return case.get("name"), "failed" if bad else "skipped" if "skipped" in found else "passed"


def main() -> int:
    arguments = [word for word in sys.argv[1:] if word != "--all"]
    if len(arguments) != 1 or "S3_TESTS_CHECKOUT" not in os.environ:
        print(__doc__)
        return 2
    found = run(str(Path(arguments[0]).resolve()), Path(os.environ["S3_TESTS_CHECKOUT"]).resolve())
    known = differences()
    for name, became in sorted(found.items()):
        if became != "passed" or "--all" in sys.argv:
            print(f"  {became}{' (known)' if name in known else ''}: {name}")
    held = [name for name, became in found.items() if became == "passed"]
    wrong = [name for name, became in found.items() if became != "passed" and name not in known]
    print(f"{len(held)} passed, {len(wrong)} failed")
    return 0 if held and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())

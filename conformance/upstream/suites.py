"""MLflow's own tests against mlwright: every id of `expected/` must pass.

    MLFLOW_CHECKOUT=<folder with upstream's tests/> python suites.py <mlwright binary> [suite …]

Without names, every suite that has a list. Each runs in the environment of requirements.txt (`MLFLOW_SUITE_PYTHON` names its
interpreter; without it the running one is taken). `--all` runs whole suites instead of the listed ids and prints what passed, to renew a list.
`SERVER_CMD=builtin:mlflow` runs them against real MLflow instead: the yardstick.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
STORE = {"EXT_STORE": "1"}
FLUENT = {"EXT_FLUENT": "1"}
# Suites whose tests look into the folder that the client wrote to, as they can with a server that shares the disk.
SHARED = " --default-artifact-root {artifact_root}"
# Suite: pytest's arguments below the checkout, how the plugin brings the server in, and further options of the server.
SUITES = {
    "rest_tracking": (["tests/tracking/test_rest_tracking.py"], {}, SHARED),
    # Those of the same file that have the server itself read and write the files.
    "rest_tracking_own_store": (["tests/tracking/test_rest_tracking.py"], {}, ""),
    "model_registry": (["tests/tracking/test_model_registry.py"], {}, ""),
    "fluent": (["tests/tracking/fluent/test_fluent.py", "tests/tracking/test_tracking.py"], FLUENT, SHARED),
    "tracking_store": (["tests/store/tracking/test_sqlalchemy_store.py", "-k", "workspace-disabled"], STORE, SHARED),
    "registry_store": (["tests/store/model_registry/test_sqlalchemy_store.py", "-k", "workspace-disabled"], STORE, ""),
    "prompts": (["tests/genai/prompts"], FLUENT, ""),
    "models": (["tests/models/test_model.py"], FLUENT, SHARED),
    "sklearn": (["tests/sklearn/test_sklearn_autolog.py"], FLUENT, ""),
    "client": (["tests/tracking/test_log_image.py", "tests/tracking/test_artifact_utils.py", "tests/tracking/_model_registry"],
               FLUENT, SHARED),
    "otel": (["tests/tracing/test_otel_logging.py", "tests/tracing/test_otel_loading.py"], {}, ""),
    "auth": (["tests/server/auth/test_client.py", "tests/server/auth/test_auth.py"], {}, ""),
    "artifacts": (["tests/tracking/test_mlflow_artifacts.py"], {}, ""),
}


def expected(suite: str) -> list[str]:
    lines = (HERE / "expected" / f"{suite}.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def differences() -> set[str]:
    """Ids of the lists that MLflow 3.17.2 does not pass either; docs/conformance/mlflow.md says why."""
    lines = (HERE / "differences.txt").read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def run(suite: str, checkout: Path, python: str, binary: str, whole: bool) -> dict[str, str]:
    """What became of each test: `passed`, `failed` or `skipped`, by id."""
    arguments, extra, options = SUITES[suite]
    serve = f"{binary} serve --port {{port}} --host {{host}} --data-dir {{root}}/data{options}"
    with tempfile.TemporaryDirectory(prefix="mlflow-suite-") as folder:
        report = Path(folder) / "report.xml"
        environment = {
            "SERVER_CMD": serve,
            "SERVER_CMD_ARTIFACTS": serve,
            **os.environ,
            **extra,
            "PYTHONPATH": str(HERE),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TMPDIR": folder,
            "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
        }
        if not whole:
            environment["EXT_ONLY"] = str(HERE / "expected" / f"{suite}.txt")
        command = [python, "-m", "pytest", "-p", "mlflow_ext_server", "-p", "no:cacheprovider", "-q", "--no-header"]
        command += ["-o", "addopts=", "-o", "junit_family=xunit1", "--timeout", "180", "--tb=short", "--color=no"]
        command += [f"--junit-xml={report}", *arguments]
        log = Path(os.environ.get("MLFLOW_SUITE_LOGS", folder)) / f"{suite}.log"
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
    owner = (case.get("classname") or "").rsplit(".", 1)[-1]
    if owner[:1].isupper():
        name = f"{case.get('file')}::{owner}::{case.get('name')}"
    return name, "failed" if bad else "skipped" if "skipped" in found else "passed"


def main() -> int:
    arguments = [a for a in sys.argv[1:] if a != "--all"]
    whole = "--all" in sys.argv
    if not arguments or "MLFLOW_CHECKOUT" not in os.environ:
        print(__doc__)
        return 2
    binary, *wanted = arguments
    checkout = Path(os.environ["MLFLOW_CHECKOUT"]).resolve()
    if not (checkout / "tests/tracking").is_dir():
        print(f"MLFLOW_CHECKOUT={checkout} has no tests/tracking; README.md says which commit to check out")
        return 2
    python = os.environ.get("MLFLOW_SUITE_PYTHON", sys.executable)
    binary = str(Path(binary).resolve())
    passed = asked = 0
    listed = [suite for suite in SUITES if (HERE / "expected" / f"{suite}.txt").exists()]
    for suite in wanted or listed:
        print(f"-- {suite}", flush=True)
        found = run(suite, checkout, python, binary, whole)
        ids = sorted(found) if whole else [i for i in expected(suite) if i not in differences()]
        good = [i for i in ids if found.get(i) == "passed"]
        for name in ids:
            if whole or found.get(name) != "passed":
                print(f"  {found.get(name, 'did not run')}: {name}")
        print(f"  {len(good)} of {len(ids)}", flush=True)
        passed, asked = passed + len(good), asked + len(ids)
    print(f"{passed} of {asked} checks hold")
    return 0 if passed == asked else 1


if __name__ == "__main__":
    sys.exit(main())

"""Kubeflow Pipelines' own tests and pipelines against mlwright: every one must come out as expected or be listed in kfp_differences.txt.

    KFP_CHECKOUT=<kubeflow/pipelines> python kfp_suites.py <mlwright binary> [client] [local] [compiled]

- client: `sdk/python/test/client/client_test.py`, unmodified, by pytest.
- local: the pipelines of `sdk/python/test/local_execution/local_execution_test.py`, submitted through `kfp.Client`; what they give is
  compared with what that file expects. Its tests of warnings of the local runner are run for their pipelines' outputs.
- compiled: each file of `test_data/sdk_compiled_pipelines/valid` that holds lightweight components only (importers and claims of
  volumes among them), uploaded and run with inputs made as upstream's end-to-end tests make them; the run must succeed, below `failing/` it must fail.

The server runs on a fresh folder. The environment is that of kfp_requirements.txt (`KFP_SUITE_PYTHON` names its interpreter for
`cargo xtask test`). `KFP_SUITE_ONLY` takes the compiled files with that in their name, `KFP_SUITE_SHARE=1/3` a third of them.
`DATABASE_URL` puts the server on PostgreSQL, `SERVER_URL` takes one that runs already.
"""

import json
import os
import random
import shlex
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
import xml.etree.ElementTree as xml
from pathlib import Path

warnings.filterwarnings("ignore")
HERE = Path(__file__).resolve().parent
SUITES = ("client", "local", "compiled")
# Longest time for one run, which may build an environment first.
PATIENCE = int(os.environ.get("KFP_SUITE_PATIENCE", "900"))
FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


def differences():
    """What does not come out as expected; docs/conformance/kfp.md says why."""
    lines = (HERE / "kfp_differences.txt").read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


class Server:
    def __init__(self, binary, folder):
        self.url = os.environ.get("SERVER_URL", "")
        self.process = None
        if self.url:
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [binary, "serve", "--port", str(port), "--data-dir", f"{folder}/data"]
        if "DATABASE_URL" in os.environ:
            command += ["--database-url", os.environ["DATABASE_URL"]]
        command += shlex.split(os.environ.get("SERVER_OPTIONS", ""))
        self.log = open(f"{folder}/server.log", "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        for _ in range(600):
            if self.process and self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise SystemExit(f"the server did not start: {Path(self.log.name).read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_):
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


# ---- client


def client_suite(server, checkout, folder):
    report = Path(folder) / "report.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-o", "junit_family=xunit1", "--tb=short"]
    command += ["-o", "addopts=", "--color=no", f"--junit-xml={report}", "sdk/python/test/client/client_test.py"]
    log = Path(os.environ.get("KFP_SUITE_LOGS", folder)) / "kfp_client.log"
    environment = {**os.environ, "apiUrl": server.url, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("wb") as out:
        subprocess.run(command, cwd=checkout, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False)
    if not report.exists():
        print(log.read_text(errors="replace")[-3000:])
        return {}
    found = {}
    for case in xml.parse(report).getroot().iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"client::{case.get('name')}"] = bad[0].get("message", "")[:300] if bad else None
    return found


# ---- runs


def outputs(server, run_id):
    with urllib.request.urlopen(f"{server.url}/api/v1/pipeline-runs/{run_id}", timeout=30) as answer:
        body = json.load(answer)
    found = body.get("outputs") or {}
    return {name: datum.get("value", datum) for name, datum in found.items()}, body


def wait(client, run_id, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        run = client.get_run(run_id)
        if run.state in FINAL:
            return run
        time.sleep(0.5)
    client.terminate_run(run_id)
    raise AssertionError(f"it did not end within {patience} s")


def why(run):
    """What the tasks that failed say."""
    said = [f"{t.display_name}: {t.error.message}" for t in run.run_details.task_details if t.error]
    return "; ".join(said)[:500] or (run.error.message if run.error else "")


# ---- local


def local_suite(server, checkout, folder):
    sys.path.insert(0, str(checkout))
    os.chdir(folder)
    import kfp
    from kfp import dsl

    cases = __import__("sdk.python.test.local_execution.local_execution_test", fromlist=["pipeline_func_data"])
    client = kfp.Client(host=server.url)
    found = {}

    def run(function, arguments, **options):
        made = client.create_run_from_pipeline_func(function, arguments=arguments or {}, **options)
        return wait(client, made.run_id)

    def case(name, check):
        try:
            check()
            found[f"local::{name}"] = None
        except Exception as error:  # noqa: BLE001
            found[f"local::{name}"] = f"{type(error).__name__}: {error}"[:500]
        print(f"  {'ok' if found[f'local::{name}'] is None else 'not'}: {name}", flush=True)

    def of_data(data):
        done = run(data.pipeline_func, data.pipeline_func_args)
        assert done.state == "SUCCEEDED", f"{done.state}: {why(done)}"
        given = outputs(server, done.run_id)[0].get("Output")
        expected = data.expected_output
        if isinstance(expected, list):
            assert given in expected or given == expected, given
        elif expected is not None:
            assert given == expected, given

    for data in cases.pipeline_func_data:
        case(data.name, lambda data=data: of_data(data))

    def downstream_runs_after_upstream_failure():
        marker = Path(folder) / "marker.txt"
        done = run(cases.pipeline_with_ignore_upstream_failure, {"marker_path": str(marker)})
        assert done.state == "FAILED", done.state
        assert marker.read_text() == "cleanup_ran"

    def second_run_hits_cache():
        for again in (False, True):
            done = run(cases.pipeline_with_caching, {"x": 1})
            given, body = outputs(server, done.run_id)
            assert given["Output"] == 2, given
            cached = [step["cached"] for step in body["steps"] if step["shape"] == "work"]
            assert all(cached) or not again, cached

    @dsl.component
    def identity(x: str) -> str:
        return x

    @dsl.pipeline
    def shown() -> str:
        return identity(x="hello").set_display_name("Human Label").output

    @dsl.pipeline
    def limited() -> str:
        task = identity(x="hello")
        task.set_cpu_limit("1000m").set_memory_limit("256Mi").set_accelerator_type("nvidia.com/gpu")
        return task.output

    def gives_hello(function, arguments=None):
        done = run(function, arguments)
        assert done.state == "SUCCEEDED", why(done)
        assert outputs(server, done.run_id)[0]["Output"] == "hello"

    @dsl.component
    def body_ok() -> str:
        return "ok"

    @dsl.component
    def exit_fails(status: dsl.PipelineTaskFinalStatus) -> str:
        raise RuntimeError(f"exit handler failed; saw {status.state}")

    @dsl.pipeline
    def failing_exit_pipeline():
        with dsl.ExitHandler(exit_fails()):
            body_ok()

    def failing_exit_task_propagates_failure():
        done = run(failing_exit_pipeline, {})
        states = {task.display_name: task.state for task in done.run_details.task_details}
        assert (done.state, states["body-ok"], states["exit-fails"]) == ("FAILED", "SUCCEEDED", "FAILED"), states

    @dsl.component
    def read_var() -> str:
        import os

        return os.environ.get("MYVAR", "<unset>")

    @dsl.pipeline
    def p_one() -> str:
        return read_var().set_env_variable("MYVAR", "one").output

    @dsl.pipeline
    def p_two() -> str:
        return read_var().set_env_variable("MYVAR", "two").output

    def env_var_change_invalidates_cache():
        for function, expected in ((p_one, "one"), (p_two, "two")):
            done = run(function, {})
            given, body = outputs(server, done.run_id)
            assert given["Output"] == expected, given
            assert not any(step["cached"] for step in body["steps"]), body["steps"]

    case("downstream runs after upstream failure", downstream_runs_after_upstream_failure)
    case("second run hits cache", second_run_hits_cache)
    case("k8s methods (component)", lambda: gives_hello(limited))
    case("k8s methods (pipeline)", lambda: gives_hello(cases.pipeline_with_k8s_only_methods, {"message": "hello"}))
    case("display name", lambda: gives_hello(shown))
    case("failing exit task propagates failure", failing_exit_task_propagates_failure)
    case("env var change invalidates cache", env_var_change_invalidates_cache)
    return found


# ---- compiled


def text_of(length=20):
    return "".join(random.choices(string.ascii_lowercase, k=length))


def inputs_of(spec):
    """As `GetPipelineRunTimeInputs` of backend/test/testutil makes them."""
    makers = {
        "NUMBER_INTEGER": lambda: random.randrange(1000),
        "NUMBER_DOUBLE": random.random,
        "BOOLEAN": lambda: True,
        "LIST": lambda: [text_of()],
        "STRUCT": lambda: {"A": str(random.random()), "B": str(random.random())},
    }
    parameters = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    needed = {n: p for n, p in parameters.items() if "defaultValue" not in p and not p.get("isOptional")}
    return {name: makers.get(p["parameterType"], text_of)() for name, p in needed.items()}


def is_lightweight(spec):
    """Claims of kfp-kubernetes have no program."""
    executors = spec.get("deploymentSpec", {}).get("executors", {}).values()

    def of(executor):
        if "importer" in executor or executor["container"]["image"].startswith("argostub/"):
            return True
        return any("ephemeral_component.py" in part for part in executor["container"].get("command", []))

    return all(of(executor) for executor in executors)


# What upstream's end-to-end tests put into their cluster before they start.
SECRETS = {"test-secret-1/username": "user1", "test-secret-2/password": "psw1", "test-secret-3/password": "psw2"}


def keep_secrets(server):
    for name, value in SECRETS.items():
        place = f"{server.url}/api/v1/secrets/{name.replace('/', '%2F')}"
        body = json.dumps({"value": value}).encode()
        request = urllib.request.Request(place, data=body, headers={"Content-Type": "application/json"}, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()


def compiled_suite(server, checkout, folder):
    import kfp
    import yaml

    keep_secrets(server)
    client = kfp.Client(host=server.url)
    base = checkout / "test_data/sdk_compiled_pipelines/valid"
    only = os.environ.get("KFP_SUITE_ONLY")
    share, shares = map(int, os.environ.get("KFP_SUITE_SHARE", "1/1").split("/"))
    found, going, others, place = {}, {}, 0, 0
    for path in sorted([*base.rglob("*.yaml"), *base.rglob("*.json")]):
        name = str(path.relative_to(base))
        documents = [document for document in yaml.safe_load_all(path.read_text()) if document]
        if "root" not in documents[0] or not is_lightweight(documents[0]):
            others += 1
            continue
        place += 1
        if (only and only not in name) or place % shares != share % shares:
            continue
        try:
            pipeline = client.upload_pipeline(str(path), pipeline_name=f"{name} {time.time_ns()}").pipeline_id
            version = client.list_pipeline_versions(pipeline).pipeline_versions[0].pipeline_version_id
            given = inputs_of(documents[0])
            made = client.run_pipeline("0", name, params=given, pipeline_id=pipeline, version_id=version)
            going[name] = made.run_id
        except Exception as error:  # noqa: BLE001
            found[f"compiled::{name}"] = f"not submitted: {getattr(error, 'body', error)}"[:500]
    print(f"  {len(going) + len(found)} files are lightweight only, {others} have containers", flush=True)
    for name, run_id in going.items():
        expected = "FAILED" if name.startswith("failing/") else "SUCCEEDED"
        try:
            done = wait(client, run_id)
            became = None if done.state == expected else f"{done.state}: {why(done)}"
        except Exception as error:  # noqa: BLE001
            became = f"{type(error).__name__}: {error}"[:500]
        found[f"compiled::{name}"] = became
        print(f"  {'ok' if became is None else 'not'}: {name}", flush=True)
    return found


def main():
    if len(sys.argv) < 2 or "KFP_CHECKOUT" not in os.environ:
        print(__doc__)
        return 2
    binary, *wanted = sys.argv[1:]
    checkout = Path(os.environ["KFP_CHECKOUT"]).resolve()
    known, held, asked = differences(), 0, 0
    for suite in wanted or SUITES:
        print(f"-- {suite}", flush=True)
        with tempfile.TemporaryDirectory(prefix="kfp-suite-", ignore_cleanup_errors=True) as folder:
            with Server(str(Path(binary).resolve()), folder) as server:
                found = {"client": client_suite, "local": local_suite, "compiled": compiled_suite}[suite](
                    server, checkout, folder
                )
        for name, became in sorted(found.items()):
            if became is not None:
                print(f"  failed{' (known)' if name in known else ''}: {name}: {became}")
        print(f"  {sum(became is None for became in found.values())} of {len(found)} came out as expected", flush=True)
        here = [name for name in found if name not in known]
        held += sum(found[name] is None for name in here)
        asked += max(len(here), 1)
    print(f"{held} of {asked} checks hold")
    return 0 if held == asked else 1


if __name__ == "__main__":
    sys.exit(main())

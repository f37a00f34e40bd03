"""Parity, packages and images of a scikit-learn model, with an unmodified mlflow client: python packages_client.py <url> <program>

The server runs with `workers.python` set to this Python. Images are looked at with skopeo and run with runc where those are
installed.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

from _checks import check, run_checks
from _images import Contained, has_runc, of_images, wait
from _packages import PACKAGES, PROGRAM, SCRATCH, URL, command, fitted, frame, iris, log, made, mlflow, signature
from _serving import put

import numpy as np
import pandas as pd
import requests
from mlflow.models import infer_signature

log(mlflow.sklearn, sk_model=fitted, signature=signature, input_example=frame.head(3),
    registered_model_name="packed", serialization_format="skops")


@check
def parity_holds_for_a_scikit_learn_model_and_is_remembered():
    said = made("parity", "models:/packed/1")
    assert "parity native: passed" in said, said
    verdicts = requests.get(f"{URL}/api/v1/models/packed/versions/1/verdicts").json()["verdicts"]
    native = [v for v in verdicts if v["kind"] == "parity" and v["engine"] == "native"]
    assert native[0]["passed"] and native[0]["detail"]["rows"] > 250, native


@check
def a_package_is_the_same_bytes_each_time_and_signed():
    one, two = os.path.join(SCRATCH, "one.tar"), os.path.join(SCRATCH, "two.tar")
    train = os.path.join(SCRATCH, "train.csv")
    iris.data.to_csv(train, index=False)
    made("package", "models:/packed/1", "-o", one, "--baseline", train)
    made("package", "packed/1", "-o", two, "--baseline", train)
    digest = lambda path: hashlib.sha256(open(path, "rb").read()).hexdigest()
    assert digest(one) == digest(two)
    key = made("package", "key").strip()
    assert key in made("package", "verify", one, "--key", key)
    other = command("package", "verify", one, "--key", "A" * 43 + "=")
    assert other.returncode == 1 and "was signed by" in other.stderr, other.stderr


@check
def a_package_predicts_without_a_server():
    rows = os.path.join(SCRATCH, "rows.csv")
    frame.to_csv(rows, index=False)
    alone = [PROGRAM, "--server", "http://127.0.0.1:9", "predict", os.path.join(SCRATCH, "one.tar"), rows]
    done = subprocess.run(alone, capture_output=True, text=True, timeout=120)
    assert [json.loads(line) for line in done.stdout.split()] == fitted.predict(frame).tolist(), done
    with open(rows, "w") as file:
        file.write("nobody\n1\n")
    done = subprocess.run(alone, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "missing inputs" in done.stderr, done


@check
def an_altered_package_is_found_out():
    whole = open(os.path.join(SCRATCH, "one.tar"), "rb").read()
    for name, change in {
        "one bit": lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 1]) + b[len(b) // 2 + 1 :],
        "cut off": lambda b: b[: len(b) - 20480],
        "the statement": lambda b: b.replace(b'"packed"', b'"pecked"', 1),
    }.items():
        path = os.path.join(SCRATCH, "altered.tar")
        with open(path, "wb") as file:
            file.write(change(whole))
        done = command("package", "verify", path)
        assert done.returncode == 1 and "no package that can be trusted" in done.stderr, (name, done.stdout, done.stderr)
    with open(path, "wb") as file:
        file.write(whole)
    with tarfile.open(path, "a") as archive:
        archive.add(__file__, arcname="model/extra.py")
    done = command("package", "verify", path)
    assert done.returncode == 1 and "was not signed" in done.stderr, done.stderr


@check
def a_trial_starts_the_package_by_itself_and_times_it():
    said = made("package", "check", "models:/packed/1")
    assert "infrastructure native: passed" in said and "ms an answer" in said and "MiB resident" in said, said


def verdicts_of(model, kind, url=URL, seconds=120):
    until = time.time() + seconds
    while True:
        found = requests.get(f"{url}/api/v1/models/{model}/versions/1/verdicts").json()["verdicts"]
        found = [v for v in found if v["kind"] == kind]
        if found or time.time() > until:
            return found
        time.sleep(0.2)


def an_onnx_file_that_is_not_its_python(folder):
    """A pyfunc that gives zeros, beside a regression as ONNX: what one of them says of a row, the other does not."""
    import yaml

    class Zeros(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return np.zeros(len(model_input), dtype=np.float32)

    onnx = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "diabetes_linear.onnx")
    rows = pd.DataFrame(np.ones((2, 4)), columns=[f"c{i}" for i in range(4)])
    mlflow.pyfunc.save_model(folder, python_model=Zeros(), pip_requirements=PACKAGES, input_example=rows,
                             signature=infer_signature(rows, np.zeros(2, dtype=np.float32)))
    shutil.copy(onnx, os.path.join(folder, "model.onnx"))
    path = os.path.join(folder, "MLmodel")
    about = yaml.safe_load(open(path))
    about["flavors"]["onnx"] = {"data": "model.onnx", "onnx_version": "1.17.0"}
    with open(path, "w") as file:
        yaml.safe_dump(about, file)
    return rows


def registered(name, folder, url):
    client = mlflow.MlflowClient(url)
    run = client.create_run("0")
    client.log_artifacts(run.info.run_id, folder, "model")
    client.create_registered_model(name)
    client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)


@check
def a_deployment_is_judged_by_itself_and_once_for_each_content():
    put("packed", [{"model": "packed", "version": 1}])
    tried = verdicts_of("packed", "infrastructure")
    assert tried[0]["passed"] and tried[0]["detail"]["asked"] >= 5, tried
    assert tried[0]["detail"]["p50_ms"] <= tried[0]["detail"]["p99_ms"] and tried[0]["detail"]["resident_mib"] > 1, tried
    endpoint = requests.get(f"{URL}/api/v1/endpoints/packed").json()
    assert [v["runtime"] for v in endpoint["variants"]] == ["native"], endpoint["variants"]
    shown = requests.get(f"{URL}/api/v1/models/packed/versions/1").json()["verdicts"]
    assert {v["kind"] for v in shown} == {"parity", "infrastructure"}, shown


@check
def a_runtime_that_gives_something_else_than_python_stops_serving():
    folder = os.path.join(SCRATCH, "zeros")
    rows = an_onnx_file_that_is_not_its_python(folder)
    registered("zeros", folder, URL)
    put("zeros", [{"model": "zeros", "version": 1}])
    found = verdicts_of("zeros", "parity")
    assert found and not found[0]["passed"] and found[0]["engine"] == "onnx", found
    until = time.time() + 60
    while requests.get(f"{URL}/api/v1/endpoints/zeros").json()["variants"][0].get("runtime") != "python":
        assert time.time() < until, requests.get(f"{URL}/api/v1/endpoints/zeros").text
        time.sleep(0.2)
    answer = requests.post(f"{URL}/serving-endpoints/zeros/invocations", json={"dataframe_split": json.loads(rows.to_json(orient="split"))})
    assert answer.json()["predictions"] == [0.0, 0.0], answer.text


@check
def what_is_required_is_found_before_a_deployment_or_it_is_refused():
    folder, data = os.path.join(SCRATCH, "required.toml"), tempfile.mkdtemp(dir=SCRATCH)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(folder, "w") as file:
        file.write(f'[serving]\nparity = "required"\ntrial = "required"\n[workers]\npython = {json.dumps(sys.executable)}\n')
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([PROGRAM, "serve", "--config", folder, "--port", str(port), "--data-dir", data], stderr=subprocess.DEVNULL)
    try:
        wait(url, process)
        wish = lambda name: requests.put(f"{url}/api/v1/endpoints/{name}", json={"variants": [{"model": name, "version": 1}]})
        saved = os.path.join(SCRATCH, "saved")
        mlflow.sklearn.save_model(fitted, saved, signature=signature, input_example=frame.head(3), serialization_format="skops", pip_requirements=PACKAGES)
        registered("packed", saved, url)
        assert wish("packed").ok, wish("packed").text
        kinds = [v["kind"] for v in requests.get(f"{url}/api/v1/models/packed/versions/1/verdicts").json()["verdicts"]]
        assert sorted(kinds) == ["infrastructure", "parity"], kinds
        assert wish("packed").ok
        assert len(requests.get(f"{url}/api/v1/models/packed/versions/1/verdicts").json()["verdicts"]) == 2, "judged twice"
        # A package that refuses its own example is not deployed.
        broken = os.path.join(SCRATCH, "broken")
        shutil.copytree(saved, broken)
        with open(os.path.join(broken, "serving_input_example.json"), "w") as file:
            file.write('{"dataframe_split": {"columns": ["nobody"], "data": [[1.0]]}}')
        registered("broken", broken, url)
        refused = wish("broken")
        assert refused.status_code >= 400 and "may not be deployed" in refused.text, refused.text
        assert requests.get(f"{url}/api/v1/endpoints/broken").status_code == 404
    finally:
        process.terminate()
        process.wait(30)


class Served:
    def __init__(self, *words, env=None, home=True):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = tempfile.mkdtemp(dir=SCRATCH)
        words = [PROGRAM, "serve", "--package", os.path.join(SCRATCH, "one.tar"), "--port", str(self.port), "--data-dir", self.data, *words]
        self.process = subprocess.Popen(words, env={**os.environ, **(env or {})}, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        wait(self.url, self.process)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


@check
def a_package_far_from_home_answers_the_same_bytes_and_hands_its_records_over():
    put("packed", [{"model": "packed", "version": 1}])
    body = {"dataframe_split": json.loads(frame.to_json(orient="split"))}
    home = requests.post(f"{URL}/serving-endpoints/packed/invocations", json=body)
    assert home.json()["predictions"] == fitted.predict(frame).tolist(), home.text
    with Served("--home", URL) as served:
        away = requests.post(f"{served.url}/invocations", json=body)
        assert away.content == home.content, (away.text, home.text)
        assert requests.get(f"{served.url}/api/v1/package").json()["manifest"]["model"] == "packed"
        assert "mlwright_inference_requests_total" in requests.get(f"{served.url}/metrics").text
        drift = requests.get(f"{served.url}/api/v1/drift").json()
        assert len(drift["columns"]) == 4 and all(c["psi"] >= 0 and sum(c["counts"]) == len(frame) for c in drift["columns"]), drift
        found = requests.get(f"{served.url}/api/v1/predictions").json()["predictions"]
        assert len(found) == len(frame)
        told = requests.post(f"{served.url}/api/v1/labels", json={"labels": [{"prediction_id": found[0]["id"], "label": 1}]})
        assert told.json()["accepted"] == 1, told.text
        assert requests.get(f"{served.url}/api/v1/experiments").status_code == 404, "nothing but this package is there"
        page = requests.post(f"{served.url}/invocations", json=body, headers={"Origin": "http://evil.example"})
        assert page.status_code == 403
    # It hands over once more when it ends.
    answer = requests.get(f"{URL}/api/v1/predictions/{found[0]['id']}")
    assert answer.ok, answer.text
    assert answer.json()["variant"] == "package", answer.text


@of_images
def an_image_passes_skopeo_and_is_the_same_digest_each_time():
    global IMAGE
    IMAGE = os.path.join(SCRATCH, "image")
    first = made("package", "models:/packed/1", "--oci", "-o", IMAGE)
    # A program that was built without optimisation is large, and slow to compress; there a unit test has to do.
    if os.path.getsize(PROGRAM) < 150 << 20:
        again = made("package", "models:/packed/1", "--oci", "-o", os.path.join(SCRATCH, "again"))
        assert first.split("@")[1] == again.split("@")[1]
        shutil.rmtree(os.path.join(SCRATCH, "again"))
    if not shutil.which("skopeo"):
        return print("# no skopeo here")
    looked = subprocess.run(["skopeo", "inspect", f"oci:{IMAGE}"], capture_output=True, text=True)
    assert looked.returncode == 0, looked.stderr
    assert json.loads(looked.stdout)["Labels"]["org.opencontainers.image.title"] == "packed"


@of_images
def an_image_runs_under_runc_and_keeps_sagemakers_and_vertexs_contracts():
    if not has_runc():
        return print("# no runc here")
    with Contained(IMAGE, AIP_HEALTH_ROUTE="/alive", AIP_PREDICT_ROUTE="/ask") as contained:
        url = contained.url
        body = {"dataframe_split": json.loads(frame.to_json(orient="split"))}
        home = requests.post(f"{URL}/serving-endpoints/packed/invocations", json=body)
        assert requests.post(f"{url}/invocations", json=body).content == home.content
        csv = requests.post(f"{url}/invocations", data=frame.to_csv(index=False), headers={"Content-Type": "text/csv"})
        assert csv.json()["predictions"] == fitted.predict(frame).tolist(), csv.text
        assert requests.get(f"{url}/alive").status_code == 200
        rows = frame.head(2).to_dict(orient="records")
        vertex = requests.post(f"{url}/ask", json={"instances": rows})
        assert len(vertex.json()["predictions"]) == 2, vertex.text


class Registry:
    """As much of a registry as a push needs (OCI distribution specification)."""

    def __init__(self):
        import http.server
        import threading

        blobs, manifests = {}, {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self, status, **headers):
                self.send_response(status)
                for key, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(key, value)
                self.end_headers()

            def body(self):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def do_HEAD(self):
                self.reply(200 if self.path.rsplit("/", 1)[1] in blobs else 404)

            def do_POST(self):
                self.reply(202, Location="/upload/1?state=x")

            def do_PUT(self):
                data = self.body()
                if "/manifests/" in self.path:
                    manifests[self.path] = data
                    return self.reply(201)
                digest = self.path.split("digest=")[1].replace("%3A", ":")
                assert "sha256:" + hashlib.sha256(data).hexdigest() == digest
                blobs[digest] = data
                self.reply(201)

            def log_message(self, *_):
                pass

        self.blobs, self.manifests = blobs, manifests
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@of_images
def a_push_sends_what_the_registry_lacks():
    registry = Registry()
    to = f"127.0.0.1:{registry.server.server_address[1]}/team/packed:1"
    first = made("package", "push", IMAGE, to, "--plain-http")
    assert "(4 blobs sent)" in first, first
    assert list(registry.manifests) == ["/v2/team/packed/manifests/1"]
    assert "(0 blobs sent)" in made("package", "push", IMAGE, to, "--plain-http")
    registry.server.shutdown()


failed = run_checks()
shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(failed != 0)

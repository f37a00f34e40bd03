"""The same requests to a real Triton and to this server, answer by answer: python triton.py <mlwright binary>

Triton is the server inside `nvidia-pytriton`, in an environment of its own that MLWRIGHT_TRITON names; its model is the same ONNX
file in its Python backend. Answers must be the same, binary tensors byte by byte, but for what DIFFERENCES names with its reason;
a difference that is gone must leave that list.
"""

import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from http.client import HTTPConnection
from pathlib import Path

from _server import MODELS, Checks, Server, deploy, free_port

FOLDER = Path(tempfile.mkdtemp(prefix="mlw-triton-"))
checks = Checks()

CONFIG = """name: "cancer"
backend: "python"
max_batch_size: 0
input [{ name: "X" data_type: TYPE_FP32 dims: [-1, 8] }]
output [{ name: "label" data_type: TYPE_INT64 dims: [-1] }, { name: "probabilities" data_type: TYPE_FP32 dims: [-1, 2] }]
instance_group [{ kind: KIND_CPU count: 1 }]
"""
MODEL = '''
import os, sys
sys.path.insert(0, os.environ["TRITON_SITE_PACKAGES"])
import onnxruntime
import triton_python_backend_utils as utils


class TritonPythonModel:
    def initialize(self, args):
        path = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def execute(self, requests):
        answers = []
        for request in requests:
            found = self.session.run(None, {"X": utils.get_input_tensor_by_name(request, "X").as_numpy()})
            wanted = request.requested_output_names()
            tensors = [utils.Tensor(name, value) for name, value in zip(self.names, found) if name in wanted]
            answers.append(utils.InferenceResponse(tensors))
        return answers
'''


class Triton:
    def __init__(self, environment):
        (site,) = environment.glob("lib/python3*/site-packages")
        root = site / "pytriton" / "tritonserver"
        version = site.parent.name.removeprefix("python")
        backends = FOLDER / "backends"
        shutil.copytree(root / "backends", backends)
        stub = backends / "python" / "triton_python_backend_stub"
        shutil.copy(root / "python_backend_stubs" / version / stub.name, stub)
        stub.chmod(0o755)
        model = FOLDER / "repository" / "cancer" / "1"
        model.mkdir(parents=True)
        shutil.copy(MODELS / "cancer_logreg.onnx", model / "model.onnx")
        (model / "model.py").write_text(MODEL)
        (model.parent / "config.pbtxt").write_text(CONFIG)
        python = environment / "bin" / "python"
        asked = "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"
        library = subprocess.run([python, "-c", asked], capture_output=True, text=True).stdout.strip()
        self.port, grpc = free_port(), free_port()
        words = [
            root / "bin" / "tritonserver", f"--model-repository={model.parent.parent}", f"--backend-directory={backends}",
            f"--http-port={self.port}", "--http-address=127.0.0.1", f"--grpc-port={grpc}", "--grpc-address=127.0.0.1",
            "--allow-metrics=false", "--model-control-mode=explicit", "--load-model=cancer",
        ]
        path = f"{site / 'nvidia_pytriton.libs'}:{root / 'lib'}:{library}"
        environ = {**os.environ, "LD_LIBRARY_PATH": path, "PATH": f"{python.parent}:{os.environ['PATH']}", "TRITON_SITE_PACKAGES": str(site)}
        self.log = open(FOLDER / "triton.log", "w")
        self.process = subprocess.Popen([str(word) for word in words], env=environ, stdout=self.log, stderr=self.log)
        until = time.time() + 120
        while not ready(self.port):
            said = (FOLDER / "triton.log").read_text()[-2000:]
            assert self.process.poll() is None and time.time() < until, said
            time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def ready(port):
    try:
        return send(port, "GET", "/v2/models/cancer/ready")[0] == 200
    except OSError:
        return False


def send(port, method, path, body=None, headers=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


ROWS = [[(i * 7 + j * 3) % 11 + 0.25 * j for j in range(8)] for i in range(3)]
FLAT = [x for row in ROWS for x in row]
RAW = struct.pack("<24f", *FLAT)


def given(data=FLAT, shape=(3, 8), name="X", datatype="FP32", **more):
    tensor = {"name": name, "shape": list(shape), "datatype": datatype, **more}
    return tensor if data is None else {**tensor, "data": data}


def infer(inputs=None, headers=None, path="/v2/models/cancer/infer", raw=b"", **more):
    """A request body; with `raw`, JSON and tensors one after the other."""
    text = json.dumps({"inputs": [given()] if inputs is None else inputs, **more}).encode()
    headers = dict(headers or {})
    if raw:
        headers.setdefault("Inference-Header-Content-Length", str(len(text)))
    return ("POST", path, text + raw, headers)


def binary(size=len(RAW), raw=RAW, **more):
    return infer([given(None, parameters={"binary_data_size": size})], raw=raw, **more)


def wanted(*outputs, **more):
    return infer(outputs=[{"name": name, **more} for name in outputs])


PLAIN = json.dumps({"inputs": [given()]}).encode()
# What is asked, by a name that says what it is about.
REQUESTS = {
    "live": ("GET", "/v2/health/live", None, {}),
    "ready": ("GET", "/v2/health/ready", None, {}),
    "model metadata": ("GET", "/v2/models/cancer", None, {}),
    "metadata of a version": ("GET", "/v2/models/cancer/versions/1", None, {}),
    "metadata of an unknown model": ("GET", "/v2/models/nobody", None, {}),
    "metadata of an unknown version": ("GET", "/v2/models/cancer/versions/7", None, {}),
    "model ready": ("GET", "/v2/models/cancer/ready", None, {}),
    "version ready": ("GET", "/v2/models/cancer/versions/1/ready", None, {}),
    "unknown model ready": ("GET", "/v2/models/nobody/ready", None, {}),
    "unknown version ready": ("GET", "/v2/models/cancer/versions/7/ready", None, {}),
    "repository index": ("POST", "/v2/repository/index", b"", {}),
    "repository index of what is ready": ("POST", "/v2/repository/index", b'{"ready": true}', {}),
    "unknown path": ("GET", "/v2/nothing", None, {}),
    "infer by GET": ("GET", "/v2/models/cancer/infer", None, {}),
    "flat data": infer(),
    "nested data": infer([given(ROWS)]),
    "one row": infer([given(ROWS[0], (1, 8))]),
    "of a version": infer(path="/v2/models/cancer/versions/1/infer"),
    "of an unknown version": infer(path="/v2/models/cancer/versions/7/infer"),
    "of an unknown model": infer(path="/v2/models/nobody/infer"),
    "with an id": infer(id="abc"),
    "with parameters": infer(parameters={"priority": 1, "mine": "x"}),
    "one output": wanted("probabilities"),
    "outputs in another order": wanted("probabilities", "label"),
    "an unknown output": wanted("margin"),
    "classes of an output": infer(outputs=[{"name": "probabilities", "parameters": {"classification": 2}}]),
    "whole numbers as data": infer([given([1] * 24)]),
    "missing input": infer([]),
    "an unknown input": infer([given(name="Y")]),
    "an input too many": infer([given(), given(name="Y")]),
    "an input twice": infer([given(), given()]),
    "wrong datatype": infer([given(datatype="FP64")]),
    "unknown datatype": infer([given(datatype="FP33")]),
    "wrong width": infer([given(FLAT[:21], (3, 7))]),
    "wrong rank": infer([given(FLAT, (24,))]),
    "too few values": infer([given(FLAT[:23])]),
    "too many values": infer([given(FLAT + [1.0])]),
    "no values": infer([given([])]),
    "no data": infer([given(None)]),
    "no shape": infer([{"name": "X", "datatype": "FP32", "data": FLAT}]),
    "no datatype": infer([{"name": "X", "shape": [3, 8], "data": FLAT}]),
    "no name": infer([{"shape": [3, 8], "datatype": "FP32", "data": FLAT}]),
    "negative shape": infer([given(FLAT, (-3, 8))]),
    "huge shape": infer([given(FLAT, (1 << 40, 1 << 40))]),
    "texts as data": infer([given(["a"] * 24)]),
    "null as data": infer([given([None] * 24)]),
    "a truth as data": infer([given([True] * 24)]),
    "inputs are no list": ("POST", "/v2/models/cancer/infer", b'{"inputs": {}}', {}),
    "no inputs": ("POST", "/v2/models/cancer/infer", b"{}", {}),
    "a list": ("POST", "/v2/models/cancer/infer", b"[]", {}),
    "empty body": ("POST", "/v2/models/cancer/infer", b"", {}),
    "no JSON": ("POST", "/v2/models/cancer/infer", b"{", {}),
    "binary input": binary(),
    "binary input, binary output": infer([given(None, parameters={"binary_data_size": len(RAW)})], raw=RAW, outputs=[{"name": "probabilities", "parameters": {"binary_data": True}}]),
    "binary outputs": infer(parameters={"binary_data_output": True}),
    "binary outputs but one": infer(parameters={"binary_data_output": True}, outputs=[{"name": "label", "parameters": {"binary_data": False}}, {"name": "probabilities"}]),
    "binary: fewer bytes than said": binary(raw=RAW[:-4]),
    "binary: more bytes than said": binary(raw=RAW + b"\0\0\0\0"),
    "binary: size of another shape": binary(size=len(RAW) - 4, raw=RAW[:-4]),
    "binary: negative size": binary(size=-1),
    "binary: header beyond the body": binary(headers={"Inference-Header-Content-Length": "100000"}),
    "binary: header cuts the JSON": binary(headers={"Inference-Header-Content-Length": "10"}),
    "binary: header is no number": binary(headers={"Inference-Header-Content-Length": "x"}),
    "binary: header negative": binary(headers={"Inference-Header-Content-Length": "-1"}),
    "raw body": ("POST", "/v2/models/cancer/infer", RAW, {"Inference-Header-Content-Length": "0"}),
    "raw body of half a row": ("POST", "/v2/models/cancer/infer", RAW[:-10], {"Inference-Header-Content-Length": "0"}),
    "gzip": ("POST", "/v2/models/cancer/infer", gzip.compress(PLAIN), {"Content-Encoding": "gzip"}),
    "deflate": ("POST", "/v2/models/cancer/infer", zlib.compress(PLAIN), {"Content-Encoding": "deflate"}),
    "gzip that is none": ("POST", "/v2/models/cancer/infer", PLAIN, {"Content-Encoding": "gzip"}),
    "unknown encoding": ("POST", "/v2/models/cancer/infer", PLAIN, {"Content-Encoding": "br"}),
    "answer as gzip": ("POST", "/v2/models/cancer/infer", PLAIN, {"Accept-Encoding": "gzip"}),
    "unknown model's statistics": ("GET", "/v2/models/nobody/stats", None, {}),
    "unknown model's configuration": ("GET", "/v2/models/nobody/config", None, {}),
}
# What differs on purpose, and why. Everything else must be the same.
BODY = "Open Inference Protocol gives health a body, Triton's is empty"
DIFFERENCES = {
    "live": BODY,
    "ready": BODY,
    "model ready": BODY,
    "version ready": BODY,
    "unknown path": "this server has one answer for all paths that nobody knows",
    "infer by GET": "this server's answer has no body",
    "outputs in another order": "here outputs come as they were asked, Triton keeps the model's order",
    "binary outputs but one": "`binary_data_output` counts for outputs that say nothing, as its extension is described; Triton gives JSON",
    "classes of an output": "Triton sees one answer in a model without batches; here each row has its classes",
    "empty body": "Triton takes it for a tensor without rows",
    "gzip that is none": "Triton takes it for an empty body",
    "answer as gzip": "answers are not compressed here",
}


def told(answer, asked):
    """What must be the same: the answer without what is each server's own; of a refusal, that it is one in the right form."""
    status, headers, body = answer
    encoding = headers.get("content-encoding")
    if encoding:
        body = gzip.decompress(body) if encoding == "gzip" else zlib.decompress(body)
    length = int(headers.get("inference-header-content-length", len(body)))
    text, raw = body[:length], body[length:]
    try:
        value = json.loads(text)
    except ValueError:
        value = text.decode(errors="replace")
    if status >= 400:
        # Triton answers much that is the caller's fault with 500, and both have texts of their own.
        formed = isinstance(value, dict) and set(value) == {"error"} and isinstance(value["error"], str)
        return {"refused": True, "form": "error" if formed else value}
    if isinstance(value, dict):
        value.pop("platform", None)
        # Ids of predictions, and the id of a request that had none.
        value.pop("parameters", None)
        if b'"id"' not in (asked[2] or b""):
            value.pop("id", None)
    return {"status": status, "encoding": encoding, "body": value, "raw": raw.hex()}


def main():
    environment = Path(os.environ.get("MLWRIGHT_TRITON", ""))
    server = Server(sys.argv[1], FOLDER / "data")
    server.start()
    triton = Triton(environment)
    try:
        deploy(server, "cancer", "cancer_logreg.onnx")
        for name, request in REQUESTS.items():
            theirs, ours = (told(send(port, *request), request) for port in (triton.port, server.port))
            differs = theirs != ours
            if name in DIFFERENCES:
                checks.check(differs, f"{name}: differs, as {DIFFERENCES[name]}", f"\n  both   {theirs}")
            else:
                checks.check(not differs, f"{name}: the same", f"\n  Triton {theirs}\n  here   {ours}")
    finally:
        triton.stop()
        server.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
    checks.close()


if __name__ == "__main__":
    main()

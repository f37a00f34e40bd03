"""A server that a test may kill: started on one data folder and one port, again and again (standard library only)."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

MODELS = Path(__file__).resolve().parent.parent / "models"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def deploy(server, name, file):
    """Logs the ONNX file of `conformance/models` with MLflow's client, registers it as `name`, and serves it there."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow
    import onnx

    mlflow.set_tracking_uri(server.url)
    with mlflow.start_run():
        mlflow.onnx.log_model(onnx.load(MODELS / file), name="model", registered_model_name=name)
    status, answer = server.ask("PUT", f"/api/v1/endpoints/{name}", {"variants": [{"model": name, "version": 1}]})
    assert status == 200, answer


class Server:
    def __init__(self, binary: str, data: Path):
        self.binary, self.data, self.port = binary, data, free_port()
        self.log = data.with_suffix(".log")
        self.process = None
        # Further arguments of the server.
        self.more = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        with open(self.log, "ab") as log:
            arguments = [self.binary, "serve", "--port", str(self.port), "--data-dir", str(self.data)]
            arguments += self.more
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.ask("GET", "/readyz", timeout=1)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise SystemExit(f"not ok the server starts again\n{self.said()}")

    def ask(self, method: str, path: str, body=None, timeout=30):
        """Status and JSON (or text) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def kill(self):
        """SIGKILL to the server alone: what it started lives on, as after a crash."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def said(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class Checks:
    """Prints `ok …` or `not ok …`, and ends with the exit code."""

    def __init__(self):
        self.failed = 0

    def check(self, happened: bool, what: str, detail: str = ""):
        print(f"{'ok' if happened else 'not ok'} {what}" + (f": {detail}" if detail and not happened else ""), flush=True)
        self.failed += not happened

    def close(self):
        os._exit(1 if self.failed else 0)

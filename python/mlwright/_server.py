from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_running: dict[Path, "Server"] = {}
_lock = threading.Lock()


class StartError(RuntimeError):
    """The server did not start; the message says why and what to do."""


def find_binary() -> str:
    """Path of the ``mlwright`` program: ``MLWRIGHT_BIN``, else the one of this environment, else the one on PATH.

    Raises ``StartError`` if there is none.
    """
    name = "mlwright.exe" if os.name == "nt" else "mlwright"
    given = os.environ.get("MLWRIGHT_BIN")
    folders = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    try:
        folders.append(sysconfig.get_path("scripts", f"{os.name}_user"))
    except KeyError:
        pass
    for path in [given, *(os.path.join(folder, name) for folder in folders if folder), shutil.which(name)]:
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise StartError("no mlwright program found; `pip install mlwright` again, or set MLWRIGHT_BIN to its path")


class Server:
    """A running server. ``with mlwright.start() as server:`` stops it at the end."""

    def __init__(self, process: subprocess.Popen[Any], url: str, data_dir: Path, log: Path):
        self.process, self.url, self.data_dir, self.log = process, url, data_dir, log

    def stop(self, timeout: float = 15.0) -> None:
        """Stops the server and waits until everything is written; after ``timeout`` seconds it is killed."""
        with _lock:
            _running.pop(self.data_dir, None)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self.process.poll() is None else "stopped"
        return f"<mlwright server {self.url} {state}, data in {self.data_dir}>"


def start(
    data_dir: str | os.PathLike[str] = "mlwright-data",
    port: int | None = None,
    *,
    set_mlflow: bool = True,
    timeout: float = 30.0,
) -> Server:
    """Starts a server on loopback, waits until it is ready, and points MLflow at it.

    ``port`` is a free one if not given. With ``set_mlflow``, ``MLFLOW_TRACKING_URI`` is set for this process and those
    that it starts, and ``mlflow.set_tracking_uri`` is called if ``mlflow`` is imported already. A second call for the
    same folder returns the server that runs. The server stops with this process.

    Raises ``StartError`` if it does not become ready within ``timeout`` seconds.
    """
    folder = Path(data_dir).resolve()
    with _lock:
        server = _running.get(folder)
        if server is None or server.process.poll() is not None:
            server = _launch(folder, port or _free_port(), timeout)
            _running[folder] = server
            atexit.register(server.stop)
    if set_mlflow:
        os.environ["MLFLOW_TRACKING_URI"] = server.url
        mlflow = sys.modules.get("mlflow")
        if mlflow is not None:
            mlflow.set_tracking_uri(server.url)
    return server


def _launch(folder: Path, port: int, timeout: float) -> Server:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    command = [find_binary(), "serve", "--port", str(port), "--data-dir", str(folder)]
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + timeout
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1) as answer:
                # Another server may have the port.
                if answer.status == 200 and process.poll() is None:
                    return Server(process, url, folder, log)
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    if process.poll() is None:
        process.kill()
        process.wait()
    tail = log.read_text(errors="replace").strip().splitlines()[-5:]
    raise StartError("\n".join([f"the server on {folder} did not start; it said:", *tail]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

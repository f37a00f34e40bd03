"""What the installed wheel brings: python start.py, run by the interpreter that the wheel is installed for."""

import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import mlwright

os.environ.pop("MLWRIGHT_BIN", None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
failed = 0


def check(what, holds, why=""):
    global failed
    failed += not holds
    print(f"ok {what}" if holds else f"not ok {what}: {why}", flush=True)


binary = Path(mlwright.find_binary())
check("the program is beside the interpreter", binary.parent == Path(sys.executable).parent, binary)
said = subprocess.run([sys.executable, "-m", "mlwright", "--version"], capture_output=True, text=True)
check("python -m mlwright is the command line", said.stdout.startswith("mlwright "), said)

folder = Path(tempfile.mkdtemp(prefix="wheel-"))
import mlflow  # noqa: E402

with mlwright.start(folder / "data") as server:
    check("mlflow logs to it", mlflow.get_tracking_uri() == server.url == os.environ["MLFLOW_TRACKING_URI"])
    with mlflow.start_run() as run:
        mlflow.log_metric("loss", 0.25)
    check("a second start is the same server", mlwright.start(folder / "data") is server)
    page = urllib.request.urlopen(server.url, timeout=5).read().decode()
    check("the web app is in the program", "<script" in page, page[:200])
check("it stops", server.process.poll() is not None)
with mlwright.start(folder / "data"):
    check("what was logged is kept", mlflow.get_run(run.info.run_id).data.metrics == {"loss": 0.25})

(folder / "file").write_text("")
os.environ["MLWRIGHT_BIN"] = str(folder / "file")
broken = folder / "broken"
broken.write_text("#!/bin/sh\necho it does not work >&2\nexit 3\n")
broken.chmod(0o755)
os.environ["MLWRIGHT_BIN"] = str(broken)
try:
    mlwright.start(folder / "other")
    check("a program that ends at once is an error", False)
except mlwright.StartError as error:
    check("a program that ends at once is an error", "it does not work" in str(error), error)
sys.exit(1 if failed else 0)

"""One large file up and down through the artifact proxy: mlwright beside `mlflow server`, in one run.

    artifacts.py MLWRIGHT PYTHON [--mib 1024] [--rounds 3]

MLWRIGHT is the binary; PYTHON runs an environment with mlflow (both the peer and the client of both). Each server gets
a fresh folder. Two clients: bare HTTP (one PUT, one GET, in chunks of 1 MiB) and the unmodified mlflow client with its
defaults (which takes parts and several connections where the server offers them). Printed: the best of the rounds in
MiB/s, and the most memory that the server's processes held together while a round ran (sum of their peaks).
"""

import argparse
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

CLIENT = """
import os, sys, time
os.environ.update(MLFLOW_TRACKING_URI=sys.argv[1], MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
import mlflow
client = mlflow.MlflowClient()
run = client.create_run("0").info.run_id
source, target = sys.argv[2], sys.argv[3]
started = time.perf_counter()
client.log_artifact(run, source)
up = time.perf_counter() - started
started = time.perf_counter()
got = client.download_artifacts(run, os.path.basename(source), target)
print(up, time.perf_counter() - started, os.path.getsize(got))
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def family(pid):
    """A process and all below it."""
    found, names = [pid], {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                names[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                pass
    for parent in found:
        found += [child for child, of in names.items() if of == parent]
    return found


def peak_mib(pid):
    total = 0
    for member in family(pid):
        try:
            status = pathlib.Path(f"/proc/{member}/status").read_text()
            total += int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        except (OSError, StopIteration):
            pass
    return total / 1024


def reset_peaks(pid):
    for member in family(pid):
        try:
            pathlib.Path(f"/proc/{member}/clear_refs").write_text("5")
        except OSError:
            pass


class Server:
    def __init__(self, command, folder):
        self.port = free_port()
        self.folder = folder
        log = open(folder / "server.log", "wb")
        line = [part.format(port=self.port, folder=folder) for part in command]
        self.process = subprocess.Popen(line, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1).read()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"no answer; see {folder}/server.log")

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def bare(port, path):
    """One PUT and one GET; seconds of each."""
    place = f"/api/2.0/mlflow-artifacts/artifacts/bench/{path.name}"
    connection = http.client.HTTPConnection("127.0.0.1", port, blocksize=1 << 20)
    started = time.perf_counter()
    with open(path, "rb") as source:
        headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "application/octet-stream"}
        connection.request("PUT", place, body=source, headers=headers)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    up = time.perf_counter() - started
    started = time.perf_counter()
    connection.request("GET", place)
    answer, size = connection.getresponse(), 0
    while chunk := answer.read(1 << 20):
        size += len(chunk)
    assert size == path.stat().st_size, size
    return up, time.perf_counter() - started


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("mlwright", type=pathlib.Path)
    arguments.add_argument("python", type=pathlib.Path)
    arguments.add_argument("--mib", type=int, default=1024)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    mlflow = str(given.python.absolute().parent / "mlflow")
    servers = {
        "mlwright": [str(given.mlwright.absolute()), "serve", "--port", "{port}", "--data-dir", "{folder}/data"],
        "mlflow": [
            *(mlflow, "server", "--port", "{port}", "--workers", "1"),
            *("--backend-store-uri", "sqlite:///{folder}/mlflow.db", "--artifacts-destination", "{folder}/files"),
        ],
    }
    top = pathlib.Path(tempfile.mkdtemp(prefix="artifacts-bench-"))
    source = top / "large.bin"
    with open(source, "wb") as file:
        for _ in range(given.mib):
            file.write(os.urandom(1 << 20))
    results = {}
    try:
        for name, command in servers.items():
            (top / name).mkdir()
            server = Server(command, top / name)
            try:
                for client in ("http", "mlflow client"):
                    ups, downs, peaks = [], [], []
                    for _ in range(given.rounds):
                        reset_peaks(server.process.pid)
                        if client == "http":
                            up, down = bare(server.port, source)
                        else:
                            target = pathlib.Path(tempfile.mkdtemp(dir=top))
                            url = f"http://127.0.0.1:{server.port}"
                            line = [str(given.python), "-c", CLIENT, url, str(source), str(target)]
                            said = subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()
                            up, down = float(said[0]), float(said[1])
                            assert int(said[2]) == source.stat().st_size
                            shutil.rmtree(target)
                        ups.append(up)
                        downs.append(down)
                        peaks.append(peak_mib(server.process.pid))
                    results[name, client] = (given.mib / min(ups), given.mib / min(downs), max(peaks))
                    up, down, peak = results[name, client]
                    print(f"{name:9} {client:14} up {up:7.0f} MiB/s   down {down:7.0f} MiB/s   peak {peak:6.0f} MiB", flush=True)
            finally:
                server.stop()
                shutil.rmtree(top / name)
        for client in ("http", "mlflow client"):
            (up, down, peak), (peer_up, peer_down, peer_peak) = results["mlwright", client], results["mlflow", client]
            ratio = f"up {up / peer_up:.1f}x   down {down / peer_down:.1f}x   memory 1/{peer_peak / peak:.1f}"
            print(f"ratio     {client:14} {ratio}")
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()

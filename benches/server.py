"""Start-up time and idle memory of the server: `python benches/server.py <mlwright binary>` (standard library only).

Start-up is the time from starting the process on an empty data folder to the first 200 of /readyz. Idle memory is the
resident set ten seconds later, in which nobody asked anything. Ends with an error above the limits.
"""

import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTS = 10
START_LIMIT_MS = 300
MEMORY_LIMIT_MB = 80


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def start(binary: str, folder: Path):
    port = free_port()
    began = time.perf_counter()
    log = open(folder.with_suffix(".log"), "wb")
    arguments = [binary, "serve", "--port", str(port), "--data-dir", str(folder)]
    process = subprocess.Popen(arguments, stdout=log, stderr=log)
    while not ready(port):
        if process.poll() is not None or time.perf_counter() - began > 30:
            sys.exit(f"the server did not start:\n{folder.with_suffix('.log').read_text()}")
        time.sleep(0.001)
    return process, (time.perf_counter() - began) * 1000


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


def resident_mb(process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def main():
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="mlwright-bench-") as folder:
        times = []
        for number in range(STARTS):
            process, took = start(binary, Path(folder) / f"start-{number}")
            times.append(took)
            stop(process)
        process, _ = start(binary, Path(folder) / "idle")
        time.sleep(10)
        memory = resident_mb(process)
        stop(process)
    took = statistics.median(times)
    print(f"start on an empty folder: median {took:.0f} ms, worst {max(times):.0f} ms of {STARTS} (limit {START_LIMIT_MS})")
    print(f"idle memory: {memory:.1f} MB resident (limit {MEMORY_LIMIT_MB})")
    fits = {"start": took <= START_LIMIT_MS, "memory": memory <= MEMORY_LIMIT_MB}
    for name, fit in fits.items():
        print(f"{'ok' if fit else 'not ok'} {name} within its limit")
    sys.exit(0 if all(fits.values()) else 1)


if __name__ == "__main__":
    main()

"""Requests that nobody should send, while a good client asks all the time: python serving_hostile.py <mlwright binary>

Bombs of gzip, lengths that lie, bodies of 64 MiB, clients that never read or never finish. Each is answered with an error of its
protocol or not at all; the server's memory stays bounded, and the good client notices nothing.
"""

import gzip
import http.client
import json
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from _server import Checks, Server, deploy

FOLDER = Path(tempfile.mkdtemp(prefix="mlw-hostile-"))
# Where bodies go, and what a right one looks like.
ROW = [0.5] * 8
DOORS = {
    "/v2/models/cancer/infer": {"inputs": [{"name": "X", "shape": [1, 8], "datatype": "FP32", "data": ROW}]},
    "/v1/models/cancer:predict": {"instances": [ROW]},
    "/endpoints/cancer/invocations": {"inputs": [ROW]},
    "/serving-endpoints/cancer/invocations": {"inputs": [ROW]},
    "/v1/projects/p/locations/l/endpoints/cancer:predict": {"instances": [ROW]},
    "/api/v1/endpoints/cancer/predict": {"inputs": [ROW]},
}
JSON = {"Content-Type": "application/json"}


class Good:
    """Asks and asks; remembers what was not answered as it should be."""

    def __init__(self, port):
        self.port, self.asked, self.wrong, self.over = port, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        body = json.dumps(DOORS["/v2/models/cancer/infer"])
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.over.is_set():
            try:
                connection.request("POST", "/v2/models/cancer/infer", body, JSON)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    self.wrong.append((answer.status, text[:200]))
            except OSError as error:
                self.wrong.append(repr(error))
                connection.close()
            self.asked += 1
            time.sleep(0.002)

    def end(self):
        self.over.set()
        self.thread.join()


def resident(server, field="VmRSS"):
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) >> 10


def post(server, path, body, headers=JSON, timeout=120):
    """The status; `None` if the server closed the connection without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (ConnectionError, http.client.RemoteDisconnected):
        return None, b""
    finally:
        connection.close()


def opened(server, head, body=b""):
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(head + body)
    return connection


def refused(status):
    return status is None or 400 <= status < 500


def bombs(server, checks):
    bomb = gzip.compress(bytes(1 << 30), 9)
    # As a right body goes on for ever inside.
    long = gzip.compress(b'{"inputs": [' + b"[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5]," * (8 << 20), 9)
    before = resident(server)
    for path in DOORS:
        for what, body in [("zeros", bomb), ("rows", long)]:
            status, text = post(server, path, body, {**JSON, "Content-Encoding": "gzip"})
            checks.check(refused(status), f"a gzip bomb of {what} at {path} is refused", f"{status} {text[:200]}")
    grown = resident(server, "VmHWM") - before
    checks.check(grown < 1024, "bombs do not fill memory", f"{grown} MiB more")


def lies(server, checks):
    path = "/v2/models/cancer/infer"
    wrong = {
        "a shape of 2^62 rows": [{"name": "X", "shape": [1 << 62, 8], "datatype": "FP32", "data": ROW}],
        "a shape whose product wraps around": [{"name": "X", "shape": [1 << 33, 1 << 31], "datatype": "FP32", "data": []}],
        "no rows and a huge width": [{"name": "X", "shape": [0, 1 << 62], "datatype": "FP32", "data": []}],
    }
    for what, inputs in wrong.items():
        status, text = post(server, path, json.dumps({"inputs": inputs}))
        checks.check(refused(status), f"{what} is refused", f"{status} {text[:200]}")
    for size in [0, 31, 33, 1 << 31, (1 << 63) - 1, -1]:
        head = json.dumps({"inputs": [{"name": "X", "shape": [1, 8], "datatype": "FP32", "parameters": {"binary_data_size": size}}]}).encode()
        headers = {"Inference-Header-Content-Length": str(len(head))}
        status, text = post(server, path, head + bytes(32), headers)
        checks.check(refused(status), f"32 bytes that are said to be {size} are refused", f"{status} {text[:200]}")
    texts = b"\xff\xff\xff\xff" + b"abc"
    head = json.dumps({"inputs": [{"name": "X", "shape": [1, 8], "datatype": "BYTES", "parameters": {"binary_data_size": len(texts)}}]}).encode()
    status, text = post(server, path, head + texts, {"Inference-Header-Content-Length": str(len(head))})
    checks.check(refused(status), "a text of 4 GiB in 3 bytes is refused", f"{status} {text[:200]}")


def large(server, checks):
    before = resident(server)
    digits = b"0.123456789," * ((64 << 20) // 12)
    bodies = {
        "64 MiB of numbers": b'{"inputs": [{"name": "X", "shape": [%d, 8], "datatype": "FP32", "data": [' % (len(digits) // 96) + digits + b"0]}]}",
        "64 MiB of one number": b'{"inputs": [[' + b"1" * (64 << 20) + b"]]}",
        "64 MiB of opening brackets": b"[" * (64 << 20),
        "64 MiB of one text": b'{"inputs": [["' + b"x" * (64 << 20) + b'"]]}',
        "64 MiB of nothing": b" " * (64 << 20),
    }
    for what, body in bodies.items():
        for path in DOORS:
            status, text = post(server, path, body)
            checks.check(refused(status), f"{what} at {path} are refused", f"{status} {text[:200]}")
    status, text = post(server, "/v2/models/cancer/infer", bytes(64 << 20), {"Inference-Header-Content-Length": "0"})
    checks.check(refused(status), "64 MiB of a raw tensor are refused: too many rows", f"{status} {text[:200]}")
    grown = resident(server, "VmHWM") - before
    checks.check(grown < 2048, "large bodies do not fill memory", f"{grown} MiB more")


def deaf(server, checks):
    """Clients that never read their answers of some MiB, and such that never send all they said they would."""
    rows = 20000
    body = json.dumps({"inputs": [{"name": "X", "shape": [rows, 8], "datatype": "FP32", "data": ROW * rows}]}).encode()
    head = b"POST /v2/models/cancer/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
    before = resident(server)
    never_read = [opened(server, head % len(body), body) for _ in range(20)]
    never_finish = [opened(server, head % (1 << 20), b'{"inputs"') for _ in range(200)]
    never_ask = [opened(server, b"POST /v2/mod") for _ in range(200)]
    time.sleep(3)
    status, _ = post(server, "/v2/models/cancer/infer", json.dumps(DOORS["/v2/models/cancer/infer"]))
    checks.check(status == 200, "others are answered beside clients that never read", str(status))
    grown = resident(server) - before
    checks.check(grown < 1024, "clients that never read do not fill memory", f"{grown} MiB more")
    for connection in never_read + never_finish + never_ask:
        connection.close()


def main():
    checks = Checks()
    server = Server(sys.argv[1], FOLDER / "data")
    server.start()
    deploy(server, "cancer", "cancer_logreg.onnx")
    for path, body in DOORS.items():
        status, text = post(server, path, json.dumps(body))
        checks.check(status == 200, f"{path} answers a right body", f"{status} {text[:200]}")
    for part in (lies, deaf, bombs, large):
        good = Good(server.port)
        part(server, checks)
        good.end()
        checks.check(not good.wrong and good.asked > 0, f"the good client noticed nothing of {part.__name__} ({good.asked} requests)", str(good.wrong[:3]))
    status, endpoint = server.ask("GET", "/api/v1/endpoints/cancer")
    checks.check(endpoint["traffic"]["errors"] == 0, "none of it counts as an error of the model", str(endpoint["traffic"]["errors"]))
    server.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
    checks.close()


if __name__ == "__main__":
    main()

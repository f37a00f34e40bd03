"""1,000 hot swaps under load: not one request fails, and no connection is answered by a revision older than the last one.

    python hot_swaps.py <mlwright binary> [swaps] [requests]

Clients are processes with one connection each. Each deployment names its variant after its number, so that every answer says
which revision gave it. Then a candidate that fails is rolled out: it must go back by itself, and no caller may notice.
"""

import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

from _server import Checks, Server

CLIENTS = 4
MODELS = Path(__file__).resolve().parent.parent / "models"


def ask(port, path, body, stop, answers, counts, index):
    """Requests one after the other on one connection; what went wrong, and how many revisions were seen."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer, newest, seen, wrong, backwards = b"", -1, 0, [], 0
    while not stop.is_set():
        connection.sendall(head + body)
        while b"\r\n\r\n" not in buffer:
            more = connection.recv(65536)
            if not more:
                wrong.append("the connection was closed")
                break
            buffer += more
        if wrong and wrong[-1] == "the connection was closed":
            break
        top, _, rest = buffer.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(rest) < length:
            rest += connection.recv(65536)
        answer, buffer = rest[:length], rest[length:]
        if not top.startswith(b"HTTP/1.1 200"):
            wrong.append((top.split(b"\r\n")[0] + b" " + answer[:200]).decode(errors="replace"))
        else:
            mark = answer.find(b'"variant":"r')
            if mark >= 0:
                number = int(answer[mark + 12 : answer.find(b'"', mark + 12)])
                backwards += number < newest
                seen += number != newest
                newest = max(newest, number)
        counts[index] += 1
    answers.put((wrong[:5], len(wrong), backwards, seen))


def under_load(port, endpoint, value, work, least):
    """Runs `work` while clients ask, and lets them go on until they have asked `least` times."""
    body = json.dumps({"inputs": [{"name": "X", "shape": [1, 8], "datatype": "FP32", "data": [value] * 8}]}).encode()
    stop, answers = multiprocessing.Event(), multiprocessing.Queue()
    counts = multiprocessing.Array("q", CLIENTS, lock=False)
    path = f"/v2/models/{endpoint}/infer"
    clients = [
        multiprocessing.Process(target=ask, args=(port, path, body, stop, answers, counts, index)) for index in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        work(lambda: sum(counts))
        deadline = time.monotonic() + 1800
        while sum(counts) < least and time.monotonic() < deadline and any(c.is_alive() for c in clients):
            time.sleep(0.1)
    finally:
        stop.set()
        told = [answers.get(timeout=60) for _ in clients]
        for client in clients:
            client.join()
    return sum(counts), told


def register(url, name, files):
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow
    import onnx

    mlflow.set_tracking_uri(url)
    for file in files:
        with mlflow.start_run():
            mlflow.onnx.log_model(onnx.load(MODELS / file), name="model", registered_model_name=name)


def main():
    binary = sys.argv[1]
    swaps = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    least = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, Path(folder) / "data")
        server.start()
        register(server.url, "cancer", ["cancer_logreg.onnx", "cancer_logreg_2.onnx"])
        register(server.url, "lookup", ["lookup.onnx"])

        def deploy(number):
            variant = {"model": "cancer", "version": 1 + number % 2, "name": f"r{number}"}
            status, answer = server.ask("PUT", "/api/v1/endpoints/e", {"variants": [variant]})
            assert status == 200, answer

        deploy(0)

        def swap(asked):
            start, first = time.monotonic(), asked()
            for number in range(1, swaps + 1):
                deploy(number)
            print(f"{swaps} swaps in {time.monotonic() - start:.1f} s, {asked() - first} requests meanwhile", flush=True)

        sent, told = under_load(server.port, "e", 0.5, swap, least)
        failed = [text for wrong, *_ in told for text in wrong]
        checks.check(sum(t[1] for t in told) == 0, f"none of {sent} requests failed", "; ".join(failed))
        checks.check(sent >= least, f"there were at least {least} requests", str(sent))
        checks.check(sum(t[2] for t in told) == 0, "no connection was answered by an older revision")
        checks.check(all(t[3] > swaps / 20 for t in told), "every connection saw many revisions", str([t[3] for t in told]))
        status, endpoint = server.ask("GET", "/api/v1/endpoints/e")
        checks.check(endpoint["traffic"]["errors"] == 0, "the endpoint counted no error")

        def canary(asked):
            wish = {"model": "lookup", "version": 1, "steps": [0.5], "bake_seconds": 3600}
            status, answer = server.ask("POST", "/api/v1/endpoints/e/rollout", wish)
            assert status == 200, answer
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                status, answer = server.ask("GET", "/api/v1/endpoints/e/rollouts")
                if answer["rollouts"][0]["state"] != "running":
                    break
                time.sleep(0.1)
            newest = answer["rollouts"][0]
            checks.check(newest["state"] == "rolled_back", "a failing candidate goes back by itself", json.dumps(newest))

        # `lookup` takes the value as an index of a table of four: 9 fails.
        sent, told = under_load(server.port, "e", 9.0, canary, 0)
        failed = [text for wrong, *_ in told for text in wrong]
        checks.check(sum(t[1] for t in told) == 0, f"none of {sent} callers noticed it", "; ".join(failed))
        server.stop()
    checks.close()


if __name__ == "__main__":
    main()

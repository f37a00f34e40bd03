"""Models that leave memory and come back, seen by unmodified clients: python serving_residency.py <server-url>

The server that it is given is not asked: it starts one of its own (`MLWRIGHT_BIN`) with a memory budget that holds one of three
models, then once more with lazy loading.
"""

import shutil
import socket
import sys
import tempfile
import threading
import time

with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
sys.argv[1:] = [f"http://127.0.0.1:{PORT}"]

from _checks import check, run_checks  # noqa: E402
from _served import Served  # noqa: E402
from _serving import HOST, URL, put  # noqa: E402

import numpy as np  # noqa: E402
import requests  # noqa: E402
import tritonclient.http as triton  # noqa: E402

SCRATCH = tempfile.mkdtemp(prefix="mlwright-residency-")
NAMES = ["one", "two", "three"]
WIDTH = 8
rows = np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float32)
expected = {}


def served(settings):
    return Served(SCRATCH, PORT, f'[serving]\nparity = "off"\ntrial = "off"\n{settings}')


def register():
    """Three forests of random labels: more than half of the budget each."""
    import mlflow
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestRegressor

    mlflow.set_tracking_uri(URL)
    random = np.random.default_rng(1)
    for seed, name in enumerate(NAMES):
        x, y = random.normal(size=(600, WIDTH)).astype(np.float32), random.normal(size=600)
        forest = RandomForestRegressor(n_estimators=25, random_state=seed).fit(x, y)
        onnx = to_onnx(forest, x[:1], target_opset={"": 18, "ai.onnx.ml": 3})
        size = len(onnx.SerializeToString())
        assert (520 << 10) < size < (1 << 20), size
        with mlflow.start_run():
            mlflow.onnx.log_model(onnx, name="model", registered_model_name=name)
        session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
        expected[name] = session.run(None, {"X": rows})[0]
        put(name, [{"model": name, "version": 1}])


def ask(client, name):
    given = triton.InferInput("X", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows)
    answer = client.infer(name, [given])
    found = answer.as_numpy(answer.get_response()["outputs"][0]["name"])
    assert np.array_equal(found, expected[name]), (name, found, expected[name])


def awake():
    found = requests.get(f"{URL}/api/v1/endpoints").json()["endpoints"]
    return {e["name"] for e in found if e["variants"][0]["awake"]}


def awake_until(wanted):
    until = time.time() + 20
    while not wanted(awake()):
        assert time.time() < until, awake()
        time.sleep(0.1)


@check
def over_the_budget_only_the_model_that_was_asked_last_stays():
    with served("memory_budget_mib = 1\n"):
        register()
        client = triton.InferenceServerClient(HOST)
        for name in NAMES:
            ask(client, name)
            awake_until(lambda found: found == {name})
        index = {m["name"]: m for m in client.get_model_repository_index()}
        assert all(m["state"] == "READY" for m in index.values()), index
        assert [n for n in NAMES if "asleep" in index[n].get("reason", "")] == NAMES[:2], index
        assert client.is_model_ready("one")


@check
def no_request_fails_while_models_come_and_go():
    with served("memory_budget_mib = 1\n"):
        failures = []

        def run(seed):
            client = triton.InferenceServerClient(HOST)
            for at in range(60):
                try:
                    ask(client, NAMES[(at * (seed + 1)) % 3])
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[:3]
        metrics = requests.get(f"{URL}/metrics").text
        assert 'mlwright_model_sleeps_total{reason="memory"}' in metrics, metrics[:2000]


@check
def a_lazy_start_loads_nothing_and_the_first_request_does():
    with served("lazy_load = true\n"):
        assert awake() == set()
        client = triton.InferenceServerClient(HOST)
        # What it takes and gives is known all the same.
        assert client.get_model_metadata("two")["inputs"][0]["shape"] == [-1, WIDTH]
        assert awake() == set()
        ask(client, "two")
        assert awake() == {"two"}


@check
def a_model_that_nobody_asks_for_leaves_memory_and_comes_back():
    with served("idle_unload_seconds = 1\n"):
        client = triton.InferenceServerClient(HOST)
        ask(client, "three")
        awake_until(lambda found: found == set())
        ask(client, "three")
        assert awake() == {"three"}


failed = run_checks()
shutil.rmtree(SCRATCH, ignore_errors=True)
sys.exit(failed != 0)

"""Callers of the model: independent clients that count for themselves.

Each caller is a thread with its own unmodified `tritonclient`. What it counts are its own requests: one that
raises, or is answered without a prediction, has failed. Nothing here is read back from the server.
"""

import itertools
import threading
import time
from collections import Counter

import numpy as np
import tritonclient.http as triton

MODEL = "visits"


class Answer:
    """One answered request: the row that was sent, and what came back."""

    def __init__(self, row, prediction_id, version, probability, started):
        self.row, self.prediction_id, self.version = row, prediction_id, version
        self.probability, self.started = probability, started


class Callers:
    """Counts over the whole run, by any number of threads."""

    def __init__(self, host: str, features: list):
        self.host, self.features = host, features
        self.sent, self.failures, self.by_version = 0, [], Counter()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = []

    def send(self, rows: list, clients: int = 8) -> list:
        """Send every row once; the answers, in no particular order."""
        queue, answers = iter(rows), []
        with self.lock:
            self.stopping.clear()
        threads = [threading.Thread(target=self._work, args=(queue, answers)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def start(self, rows: list, clients: int = 4) -> list:
        """Keep sending the rows round and round until `stop`; the list of answers grows meanwhile."""
        queue, answers = itertools.cycle(rows), []
        self.stopping.clear()
        self.threads = [threading.Thread(target=self._work, args=(queue, answers)) for _ in range(clients)]
        for thread in self.threads:
            thread.start()
        return answers

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _work(self, queue, answers: list):
        client = triton.InferenceServerClient(self.host, connection_timeout=30.0, network_timeout=30.0)
        while not self.stopping.is_set():
            with self.lock:
                row = next(queue, None)
            if row is None:
                break
            started = time.monotonic()
            try:
                answer = self._ask(client, row, started)
            except Exception as error:  # whatever it is, the request has failed
                answer = error
            with self.lock:
                self.sent += 1
                if isinstance(answer, Answer):
                    self.by_version[answer.version] += 1
                    answers.append(answer)
                else:
                    self.failures.append(repr(answer))
        client.close()

    def _ask(self, client, row: dict, started: float) -> Answer:
        inputs = []
        for name in self.features:
            tensor = triton.InferInput(name, [1], "FP32")
            tensor.set_data_from_numpy(np.array([row[name]], dtype=np.float32))
            inputs.append(tensor)
        result = client.infer(MODEL, inputs)
        head = result.get_response()
        probability = float(result.as_numpy("probability").reshape(-1)[-1])
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"probability {probability}")
        return Answer(row, head["id"], head["model_version"], probability, started)

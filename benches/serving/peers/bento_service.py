import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1)
class Forest:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["FOREST"], options, providers=["CPUExecutionProvider"])

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=200)
    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"X": np.asarray(x, dtype=np.float32)})[1]

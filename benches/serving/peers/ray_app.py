import os

import numpy as np
import onnxruntime
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0})
class Forest:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["FOREST"], options, providers=["CPUExecutionProvider"])

    async def __call__(self, request: Request):
        x = np.asarray((await request.json())["x"], dtype=np.float32)
        return {"probabilities": self.session.run(None, {"X": x})[1].tolist()}


app = Forest.bind()

import os
import sys

sys.path.insert(0, os.environ["FOREST_SITE_PACKAGES"])
import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["FOREST"], options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        parts = [triton.get_input_tensor_by_name(request, "X").as_numpy() for request in requests]
        given = self.session.run(["probabilities"], {"X": np.concatenate(parts)})[0]
        answers, start = [], 0
        for part in parts:
            tensor = triton.Tensor("probabilities", given[start : start + len(part)])
            answers.append(triton.InferenceResponse([tensor]))
            start += len(part)
        return answers

"""A model behind an endpoint, for the scripts that ask it: a scikit-learn pipeline as ONNX, and what onnxruntime says."""

import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Clients must not go through a proxy to loopback.
os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")

import numpy as np  # noqa: E402
import requests  # noqa: E402

URL = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:5000"
HOST = URL.split("://", 1)[1]


class Deployed:
    """`frame` is the input, `rows` the same as float32, `label` and `probabilities` what the model gives for them."""

    def __init__(self, endpoint, model):
        self.endpoint, self.model = endpoint, model


def deploy(endpoint, model=None, versions=1):
    """Logs, registers and deploys; with two versions the second one is registered and not deployed."""
    import mlflow
    import onnxruntime
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    made = Deployed(endpoint, model or f"{endpoint}-model")
    data = load_breast_cancer(as_frame=True)
    made.frame = data.data.iloc[:, :8]
    made.rows = made.frame.values.astype(np.float32)
    mlflow.set_tracking_uri(URL)
    for version in range(versions):
        classifier = LogisticRegression(random_state=0, C=1.0 / (1 + 9 * version))
        fitted = make_pipeline(StandardScaler(), classifier).fit(made.frame.values, data.target)
        onnx = to_onnx(
            fitted, made.rows[:1], options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3}
        )
        with mlflow.start_run():
            mlflow.onnx.log_model(
                onnx, name="model", signature=infer_signature(made.frame), registered_model_name=made.model
            )
        if version == 0:
            session = onnxruntime.InferenceSession(
                onnx.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            made.label, made.probabilities = session.run(None, {"X": made.rows})
    put(endpoint, [{"model": made.model, "version": 1}])
    return made


def put(endpoint, variants):
    answer = requests.put(f"{URL}/api/v1/endpoints/{endpoint}", json={"variants": variants})
    assert answer.ok, answer.text
    return answer.json()


def close(got, wanted, rtol=1e-6):
    # A row alone and in a batch are summed in another order: the last bits of a float32 differ.
    np.testing.assert_allclose(np.asarray(got, dtype=float), np.asarray(wanted, dtype=float), rtol=rtol, atol=1e-6)

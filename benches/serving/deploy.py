"""Logs the forest with the unmodified mlflow client and deploys it: python deploy.py <server> sklearn|onnx <folder>"""

import json
import os
import sys
import urllib.request
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import joblib  # noqa: E402
import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402

url, flavour, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
rows = np.asarray(json.loads((folder / "rows.json").read_text()), dtype=np.float32)
frame = pd.DataFrame(rows, columns=[f"f{i}" for i in range(20)])
forest = joblib.load(folder / "forest.joblib")
mlflow.set_tracking_uri(url)
with mlflow.start_run():
    if flavour == "onnx":
        output = {"label": forest.predict(rows[:8]), "probabilities": forest.predict_proba(rows[:8]).astype(np.float32)}
        signature = infer_signature(rows[:8], output)
        mlflow.onnx.log_model(onnx.load(folder / "forest.onnx"), name="model", signature=signature, registered_model_name="forest")
    else:
        signature = infer_signature(frame, forest.predict(rows))
        trusted = ["sklearn.tree._tree.Tree"]
        mlflow.sklearn.log_model(forest, name="model", signature=signature, registered_model_name="forest", skops_trusted_types=trusted)
wish = {"variants": [{"model": "forest", "version": 1, "weight": 1.0}]}
request = urllib.request.Request(f"{url}/api/v1/endpoints/forest", json.dumps(wish).encode(), {"Content-Type": "application/json"}, method="PUT")
urllib.request.urlopen(request, timeout=120).read()

"""One forest for every server: python forest.py <folder> [joblib]

A random forest of 100 trees of depth 10 over 20 features and two classes. Writes `rows.json` (1,024 rows), `forest.joblib`,
and unless only `joblib` is asked for (a server whose scikit-learn is another version reads its own), `forest.onnx` and
`mlflow/`, an MLflow model in its default format.
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
features, labels = make_classification(n_samples=5_000, n_features=20, n_informative=12, random_state=7)
features = features.astype(np.float32)
forest = RandomForestClassifier(n_estimators=100, max_depth=10, random_state=7, n_jobs=1).fit(features, labels)
joblib.dump(forest, folder / "forest.joblib")
(folder / "rows.json").write_text(json.dumps(features[:1024].tolist()))

if "joblib" not in sys.argv[2:]:
    import mlflow
    import mlflow.onnx
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx

    onnx = to_onnx(forest, features[:1], options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3})
    (folder / "forest.onnx").write_bytes(onnx.SerializeToString())
    frame = pd.DataFrame(features, columns=[f"f{i}" for i in range(20)])
    signature = infer_signature(frame, forest.predict(features))
    mlflow.sklearn.save_model(forest, folder / "mlflow", signature=signature, skops_trusted_types=["sklearn.tree._tree.Tree"])

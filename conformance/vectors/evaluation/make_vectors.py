"""Writes `cancer.csv` (the rows of scikit-learn's breast cancer data that the models of `conformance/models` take) and
`cancer.json` (what scikit-learn says of those models on them).

    python conformance/vectors/evaluation/make_vectors.py
"""

import json
import pathlib

import numpy as np
import onnxruntime
from sklearn import metrics
from sklearn.datasets import load_breast_cancer

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent.parent / "models"


def judge(y, p):
    label = (p >= 0.5).astype(int)
    return {
        "roc_auc": metrics.roc_auc_score(y, p),
        "log_loss": metrics.log_loss(y, p),
        "brier": metrics.brier_score_loss(y, p),
        "accuracy": metrics.accuracy_score(y, label),
        "precision": metrics.precision_score(y, label),
        "recall": metrics.recall_score(y, label),
        "f1": metrics.f1_score(y, label),
    }


def main():
    data = load_breast_cancer()
    columns = [str(c) for c in data.feature_names[:8]]
    x = data.data[:, :8].astype(np.float32)
    y = data.target
    large = x[:, 0] > 15
    with open(HERE / "cancer.csv", "w") as out:
        out.write(",".join(columns + ["large", "benign"]) + "\n")
        for row, size, label in zip(x, large, y):
            values = [repr(float(v)) for v in row]
            out.write(",".join(values + [str(int(size)), str(label)]) + "\n")
    found = {}
    for name in ["cancer_logreg", "cancer_logreg_2"]:
        session = onnxruntime.InferenceSession(str(MODELS / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        p = session.run(["probabilities"], {"X": x})[0][:, 1].astype(float)
        found[name] = {
            "n": len(y),
            "metrics": judge(y, p),
            "large = 0": {"n": int((~large).sum()), "metrics": judge(y[~large], p[~large])},
            "large = 1": {"n": int(large.sum()), "metrics": judge(y[large], p[large])},
        }
    (HERE / "cancer.json").write_text(json.dumps(found, indent=1) + "\n")


main()

"""Train a gradient boosting classifier, track it with MLflow, and register it as an ONNX model.

The step writes `model.onnx` and `metrics.json` as well, so that a replay can be compared bit by bit.
"""

import json
import os
from pathlib import Path

import mlflow
import onnx
import pandas as pd
from mlflow.models import infer_signature
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline

from columns import FEATURES, LABEL

MODEL = "visits"
COLUMNS = list(FEATURES)
STEP = 10  # trees between two points of the curves


def fit(train: pd.DataFrame, holdout: pd.DataFrame, params: dict) -> tuple[Pipeline, dict]:
    """Grow the trees in blocks, and log both losses after each block."""
    columns = ColumnTransformer([("features", "passthrough", COLUMNS)])
    trees = GradientBoostingClassifier(
        learning_rate=params["learning_rate"],
        max_depth=params["max_depth"],
        subsample=params["subsample"],
        random_state=params["seed"],
        warm_start=True,
    )
    x_train, x_holdout = columns.fit_transform(train[COLUMNS]), columns.transform(holdout[COLUMNS])
    metrics = {}
    for count in range(STEP, params["trees"] + 1, STEP):
        trees.set_params(n_estimators=count).fit(x_train, train[LABEL])
        expected, predicted = holdout[LABEL], trees.predict_proba(x_holdout)[:, 1]
        metrics = {
            "train_log_loss": float(log_loss(train[LABEL], trees.predict_proba(x_train)[:, 1])),
            "holdout_log_loss": float(log_loss(expected, predicted)),
            "holdout_roc_auc": float(roc_auc_score(expected, predicted)),
            "holdout_accuracy": float(accuracy_score(expected, predicted > 0.5)),
        }
        mlflow.log_metrics(metrics, step=count)
        print(f"{count:4} trees  " + "  ".join(f"{k} {v:.4f}" for k, v in metrics.items()), flush=True)
    return Pipeline([("columns", columns), ("trees", trees)]), metrics


def to_onnx(pipeline: Pipeline, table: int) -> onnx.ModelProto:
    """The pipeline as ONNX: one float32 input [n] a feature; outputs `label` [n] and `probability` [n] (of a visit).
    With a `table`, chronic diseases are looked up in hundredths up to that number first; beyond it the model fails.

    skl2onnx gives inputs [n, 1] and a probability for both classes, [n, 2]. MLflow's pyfunc feeds the columns of a
    DataFrame as vectors and expects vectors back, so that is what the graph takes and gives.
    """
    model = convert_sklearn(
        pipeline,
        name=MODEL,  # the default is a random name, and the file would differ every time
        initial_types=[(column, FloatTensorType([None, 1])) for column in COLUMNS],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    graph = model.graph
    for node in graph.node:
        node.input[:] = [f"{name}_column" if name in FEATURES else name for name in node.input]
    known = {"disea": "disea_known"} if table else {}
    to_columns = [
        onnx.helper.make_node("Unsqueeze", [known.get(column, column), "axis"], [f"{column}_column"], name=f"column_{column}")
        for column in COLUMNS
    ]
    if table:
        hundredths = onnx.helper.make_node("Mul", ["disea", "hundred"], ["disea_hundredths"], name="hundredths")
        whole = onnx.helper.make_node("Cast", ["disea_hundredths"], ["place"], name="whole", to=onnx.TensorProto.INT64)
        lookup = onnx.helper.make_node("Gather", ["table", "place"], ["disea_known"], name="lookup")
        to_columns = [hundredths, whole, lookup, *to_columns]
        numbers = [(place + 0.5) / 100 for place in range(table * 100)]
        graph.initializer.append(onnx.helper.make_tensor("hundred", onnx.TensorProto.FLOAT, [], [100.0]))
        graph.initializer.append(onnx.helper.make_tensor("table", onnx.TensorProto.FLOAT, [len(numbers)], numbers))
    positive = onnx.helper.make_node("Gather", ["probabilities", "visit"], ["probability"], name="visit", axis=1)
    nodes = [*to_columns, *graph.node, positive]
    del graph.node[:], graph.input[:], graph.output[-1:]
    graph.node.extend(nodes)
    graph.initializer.append(onnx.helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1]))
    graph.initializer.append(onnx.helper.make_tensor("visit", onnx.TensorProto.INT64, [], [1]))
    graph.input.extend(vector(column) for column in COLUMNS)
    graph.output.append(vector("probability"))
    onnx.checker.check_model(model)
    return model


def vector(name: str) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"])


def main():
    params = json.loads(Path(os.environ["MLWRIGHT_PARAMS"]).read_text())
    inputs = Path(os.environ["MLWRIGHT_INPUTS"]) / "split"
    outputs = Path(os.environ["MLWRIGHT_OUTPUTS"])
    train = pd.read_parquet(inputs / "train.parquet")
    holdout = pd.read_parquet(inputs / "holdout.parquet")

    with mlflow.start_run():  # takes up the run that the pipeline created (MLFLOW_RUN_ID)
        mlflow.log_params({**params, "train_rows": len(train), "holdout_rows": len(holdout)})
        pipeline, metrics = fit(train, holdout, params)
        model = to_onnx(pipeline, params.get("disease_table", 0))
        (outputs / "model.onnx").write_bytes(model.SerializeToString())
        (outputs / "metrics.json").write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n")

        example = train[COLUMNS].head(3)
        answer = pd.DataFrame({
            "label": pipeline.predict(example),
            "probability": pipeline.predict_proba(example)[:, 1].astype("float32"),
        })
        mlflow.onnx.log_model(
            model,
            name="model",
            # A replay answers whether the same bytes come out; it must not add a version.
            registered_model_name=None if os.environ.get("MLWRIGHT_REPLAY") else MODEL,
            signature=infer_signature(example, answer),
            input_example=example,
            # Given, so that MLflow does not start a second Python to infer what the lock file already says.
            pip_requirements=mlflow.onnx.get_default_pip_requirements(),
        )


if __name__ == "__main__":
    main()

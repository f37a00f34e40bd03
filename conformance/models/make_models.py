"""Writes the small ONNX models of this directory, with inputs and expected outputs, from data sets that ship with
scikit-learn. Expected outputs are what onnxruntime itself gives for the same bytes.

    python conformance/models/make_models.py

Made with scikit-learn 1.9, skl2onnx 1.20, onnx 1.23, onnxruntime 1.32. Everything is seeded; rerunning it with the
same versions gives the same predictions (the .onnx bytes may differ in names of intermediate values).
"""

import json
import pathlib

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
OPSET = {"": 18, "ai.onnx.ml": 3}


def save(name, onnx, feeds, columns):
    data = onnx.SerializeToString()
    (HERE / f"{name}.onnx").write_bytes(data)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    outputs = session.run(names, feeds)
    plain = lambda a: a.tolist() if isinstance(a, np.ndarray) else a
    (HERE / f"{name}.expected.json").write_text(
        json.dumps(
            {
                "columns": columns,
                "inputs": {k: {"shape": list(v.shape), "data": plain(v.ravel())} for k, v in feeds.items()},
                "outputs": {
                    k: (
                        {"dtype": str(v.dtype), "shape": list(v.shape), "data": plain(v.ravel())}
                        if isinstance(v, np.ndarray)
                        else None
                    )
                    for k, v in zip(names, outputs)
                },
            },
            indent=1,
        )
        + "\n"
    )
    print(name, len(data), "bytes", names)


def main():
    # A scaler and a logistic regression: binary, one matrix input, named columns.
    cancer = load_breast_cancer()
    columns = [str(c) for c in cancer.feature_names[:8]]
    x = cancer.data[:, :8].astype(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression(random_state=0)).fit(x, cancer.target)
    options = {"zipmap": False}
    save("cancer_logreg", to_onnx(model, x[:1], options=options, target_opset=OPSET), {"X": x[:8]}, columns)

    # The same classifier trained on half of the rows: a second version for swaps.
    model2 = make_pipeline(StandardScaler(), LogisticRegression(random_state=0)).fit(x[::2], cancer.target[::2])
    save("cancer_logreg_2", to_onnx(model2, x[:1], options=options, target_opset=OPSET), {"X": x[:8]}, columns)

    # With ZipMap: refused by the runtime, with a hint.
    save("cancer_zipmap", to_onnx(model, x[:1], target_opset=OPSET), {"X": x[:8]}, columns)

    # Three classes with text labels.
    iris = load_iris()
    names = np.array([str(n) for n in iris.target_names])
    xi = iris.data.astype(np.float32)
    forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(xi, names[iris.target])
    save(
        "iris_forest",
        to_onnx(forest, xi[:1], options=options, target_opset=OPSET),
        {"X": xi[::20]},
        ["sepal_length", "sepal_width", "petal_length", "petal_width"],
    )

    # A regression: output `variable` [n, 1].
    diabetes = load_diabetes()
    xd = diabetes.data[:, :4].astype(np.float32)
    linear = LinearRegression().fit(xd, diabetes.target)
    save("diabetes_linear", to_onnx(linear, xd[:1], target_opset=OPSET), {"X": xd[:8]}, ["age", "sex", "bmi", "bp"])

    # One input per column, of several types: size class as text, radius as float, a whole number.
    radius = cancer.data[:, 0]
    size = np.where(radius > np.median(radius), "large", "small").astype(object)
    points = np.round(cancer.data[:, 7] * 100).astype(np.int64)
    import pandas as pd

    frame = pd.DataFrame({"size": size, "radius": radius.astype(np.float32), "points": points})
    mixed = make_pipeline(
        ColumnTransformer([("text", OneHotEncoder(), ["size"]), ("numbers", StandardScaler(), ["radius", "points"])]),
        LogisticRegression(random_state=0),
    ).fit(frame, cancer.target)
    types = [
        ("size", StringTensorType([None, 1])),
        ("radius", FloatTensorType([None, 1])),
        ("points", Int64TensorType([None, 1])),
    ]
    from skl2onnx import convert_sklearn

    onnx = convert_sklearn(mixed, initial_types=types, options={id(mixed.steps[-1][1]): options}, target_opset=OPSET)
    feeds = {
        "size": size[:8].reshape(-1, 1),
        "radius": radius[:8].astype(np.float32).reshape(-1, 1),
        "points": points[:8].reshape(-1, 1),
    }
    save("cancer_columns", onnx, feeds, ["size", "radius", "points"])


if __name__ == "__main__":
    main()

"""What the scripts of packages and of Python models share: a fitted pipeline, how it is logged, and the command line."""

import os
import shutil
import subprocess
import sys
import tempfile

from _serving import URL

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PROGRAM = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("MLWRIGHT_BIN") or shutil.which("mlwright")
SCRATCH = tempfile.mkdtemp(prefix="mlwright-packages-")

mlflow.set_tracking_uri(URL)
iris = load_iris(as_frame=True)
frame = iris.data.iloc[::10].reset_index(drop=True)
fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(iris.data, iris.target)
signature = infer_signature(frame, fitted.predict(frame))
PACKAGES = [f"mlflow=={mlflow.__version__}", "scikit-learn", "skops", "pandas"]


def log(kind, **kwargs):
    with mlflow.start_run():
        # Named, so that nothing is inferred: the server runs them with this very Python.
        return kind.log_model(name="model", pip_requirements=PACKAGES, **kwargs)


def command(*words, **kwargs):
    return subprocess.run([PROGRAM, "--server", URL, *words], capture_output=True, text=True, timeout=300, **kwargs)


def made(*words):
    done = command(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

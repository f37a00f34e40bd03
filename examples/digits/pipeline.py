"""Reads handwritten digits: several models are trained beside each other, the best is kept if it is good enough."""

from __future__ import annotations

import json
from typing import List, NamedTuple

from mlwright import (
    ClassificationMetrics,
    Dataset,
    Input,
    Markdown,
    Metrics,
    Model,
    Output,
    Status,
    each,
    first_of,
    on_exit,
    otherwise,
    pipeline,
    step,
    when,
)

PACKAGES = ["scikit-learn==1.7.2", "joblib==1.5.2"]


class Split(NamedTuple):
    rows: int
    held_out: int


@step(packages=PACKAGES)
def prepare(share: float, train: Output[Dataset], test: Output[Dataset]) -> Split:
    """scikit-learn's digits, split once and for all models alike."""
    import joblib
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x, x_test, y, y_test = train_test_split(digits.data, digits.target, test_size=share, random_state=0)
    joblib.dump((x, y), train.path)
    joblib.dump((x_test, y_test), test.path)
    train.metadata["rows"], test.metadata["rows"] = len(x), len(x_test)
    return Split(len(x), len(x_test))


@step(packages=PACKAGES, experiment="digits", retries=1, backoff="5s", timeout="10m")
def fit(
    train: Input[Dataset], test: Input[Dataset], depth: int, model: Output[Model], metrics: Output[Metrics]
) -> float:
    """One forest; its accuracy on what was held out."""
    import joblib
    from sklearn.ensemble import RandomForestClassifier

    x, y = joblib.load(train.path)
    forest = RandomForestClassifier(n_estimators=60, max_depth=depth, random_state=0).fit(x, y)
    joblib.dump(forest, model.path)
    model.metadata["depth"] = depth
    accuracy = forest.score(*joblib.load(test.path))
    metrics.log("accuracy", accuracy)
    metrics.log("leaves", sum(tree.get_n_leaves() for tree in forest.estimators_))
    print(f"depth {depth}: accuracy {accuracy:.4f}")
    return accuracy


@step(packages=PACKAGES)
def choose(
    scores: List[float],
    models: Input[List[Model]],
    test: Input[Dataset],
    best: Output[Model],
    confusion: Output[ClassificationMetrics],
) -> float:
    import shutil

    import joblib
    from sklearn.metrics import confusion_matrix

    place = scores.index(max(scores))
    shutil.copy(models[place].path, best.path)
    best.metadata["depth"] = models[place].metadata["depth"]
    x, y = joblib.load(test.path)
    matrix = confusion_matrix(y, joblib.load(best.path).predict(x))
    confusion.log_confusion_matrix([str(digit) for digit in range(10)], matrix.tolist())
    return scores[place]


@step
def describe(best: Input[Model], score: float, card: Output[Markdown]) -> str:
    """Anything may stand here: a registration, a deployment."""
    card.path.write_text(f"# Digits\n\nA forest of depth {best.metadata['depth']} with accuracy {score:.4f}.\n")
    return f"depth {best.metadata['depth']}, accuracy {score:.4f}"


@step
def refuse(score: float, least: float) -> str:
    return f"accuracy {score:.4f} is below {least}"


@step
def report(status: Status):
    """Runs however the rest ended; a message to a channel, for instance."""
    print(json.dumps({"state": status.state, "message": status.message}))


@pipeline
def digits(depths: List[int] = [2, 4, 8, 16], share: float = 0.25, least: float = 0.9):
    with on_exit(report):
        data = prepare(share)
        with each(depths, limit=2) as depth:
            fitted = fit(data.outputs.train, data.outputs.test, depth).named("Random forest")
        chosen = choose(fitted.output, fitted.outputs.model, data.outputs.test)
        with when(chosen.output >= least):
            good = describe(chosen.outputs.best, chosen.output)
        with otherwise():
            bad = refuse(chosen.output, least)
        said = first_of(good, bad)
    return {"result": said, "score": chosen.output, "model": chosen.outputs.best}


if __name__ == "__main__":
    print(digits.local().outputs)

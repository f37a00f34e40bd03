"""What steps hand on as files: data sets, models, metrics, pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Type
from urllib.parse import unquote, urlparse

from mlwright.errors import PipelineError


class Artifact:
    """A file or folder with metadata. A class of your own is a type of your own: give it a ``schema``.

    A step writes an output to ``path`` (a file, or a folder that it makes there) and reads an input from it.
    """

    schema = "system.Artifact"

    def __init__(self, name: str = "", uri: str = "", metadata: Optional[Dict[str, Any]] = None):
        self.name = name
        self.uri = uri
        #: Values that JSON can hold; they travel with the artifact.
        self.metadata: Dict[str, Any] = dict(metadata or {})

    @property
    def path(self) -> Path:
        """Where the content lies on this machine."""
        place = urlparse(self.uri)
        if place.scheme == "file":
            return Path(unquote(place.path))
        if place.scheme and len(place.scheme) > 1:
            raise PipelineError(
                f"artifact `{self.name}` is at {self.uri}, not on this machine",
                "inside of a step it would be; outside, `download(folder)` brings it",
            )
        return Path(self.uri)

    def to_json(self) -> Dict[str, Any]:
        """As plans and runs write artifacts."""
        return {"name": self.name, "schema": self.schema, "uri": str(self.uri), "metadata": self.metadata}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, uri={str(self.uri)!r}, metadata={self.metadata!r})"


class Dataset(Artifact):
    """Data in any format."""

    schema = "system.Dataset"


class Model(Artifact):
    """A trained model in any format."""

    schema = "system.Model"


class Metrics(Artifact):
    """Numbers by name. They are also logged to the step's tracking run, if it has one."""

    schema = "system.Metrics"

    def log(self, name: str, value: float) -> None:
        self.metadata[name] = float(value)

    #: The name that Kubeflow's SDK gives it.
    log_metric = log


class ClassificationMetrics(Artifact):
    """A confusion matrix or a ROC curve, as the web app draws them."""

    schema = "system.ClassificationMetrics"

    def log_confusion_matrix(self, classes: Sequence[str], matrix: Sequence[Sequence[int]]) -> None:
        """``matrix[i][j]`` counts the rows of class ``i`` that were taken for class ``j``."""
        if len(matrix) != len(classes) or any(len(row) != len(classes) for row in matrix):
            raise PipelineError(
                f"a confusion matrix of {len(classes)} classes has {len(classes)} rows of as many numbers"
            )
        self.metadata["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": str(name)} for name in classes],
            "rows": [{"row": [int(count) for count in row]} for row in matrix],
        }

    def log_roc_curve(self, fpr: Sequence[float], tpr: Sequence[float], threshold: Sequence[float]) -> None:
        """Three sequences of one length, as scikit-learn's ``roc_curve`` gives them."""
        if not len(fpr) == len(tpr) == len(threshold):
            raise PipelineError(f"a ROC curve needs as many fpr ({len(fpr)}) as tpr ({len(tpr)}) as thresholds")
        largest = 1e308
        self.metadata["confidenceMetrics"] = [
            {
                "falsePositiveRate": float(f),
                "recall": float(t),
                # The first threshold of scikit-learn is infinite, which JSON cannot say.
                "confidenceThreshold": min(float(at), largest),
            }
            for f, t, at in zip(fpr, tpr, threshold)
        ]


class HTML(Artifact):
    """A page."""

    schema = "system.HTML"


class Markdown(Artifact):
    """A text in Markdown."""

    schema = "system.Markdown"


def from_json(data: Dict[str, Any], wanted: Optional[Type[Artifact]] = None) -> Artifact:
    """The artifact that ``data`` describes, as ``wanted`` or else as the class of its schema."""
    cls = wanted or _BY_SCHEMA.get(data.get("schema", ""), Artifact)
    made = cls(data.get("name", ""), data.get("uri", ""), data.get("metadata"))
    if wanted is None and made.schema != data.get("schema"):
        made.schema = data.get("schema", made.schema)
    return made


_BY_SCHEMA: Dict[str, Type[Artifact]] = {
    cls.schema: cls for cls in (Artifact, Dataset, Model, Metrics, ClassificationMetrics, HTML, Markdown)
}

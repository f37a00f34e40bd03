"""Machine-learning pipelines in Python, and a local mlwright server to run them.

``@step`` and ``@pipeline`` make pipelines that run in this process and on a server alike. ``start()`` starts a server
and points MLflow at it; the wheel carries the ``mlwright`` program, ``MLWRIGHT_BIN`` names another build of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlwright.artifacts import HTML, Artifact, ClassificationMetrics, Dataset, Markdown, Metrics, Model
from mlwright.blocks import approve, each, external, first_of, on_exit, otherwise, when
from mlwright.errors import DefinitionError, PipelineError, RunFailed, ServerError, ValueRefused
from mlwright.kinds import Input, Output, Status
from mlwright.pipelines import Pipeline, pipeline
from mlwright.steps import Step, step

if TYPE_CHECKING:
    from mlwright._server import Server, StartError, find_binary, start
    from mlwright.remote import Run

__all__ = [
    "Artifact",
    "ClassificationMetrics",
    "Dataset",
    "DefinitionError",
    "HTML",
    "Input",
    "Markdown",
    "Metrics",
    "Model",
    "Output",
    "Pipeline",
    "PipelineError",
    "Run",
    "RunFailed",
    "Server",
    "ServerError",
    "StartError",
    "Status",
    "Step",
    "ValueRefused",
    "approve",
    "each",
    "external",
    "find_binary",
    "first_of",
    "on_exit",
    "otherwise",
    "pipeline",
    "start",
    "step",
    "when",
]

#: A step does not need these; they are read when they are asked for.
_LATER = {
    "Server": "mlwright._server",
    "StartError": "mlwright._server",
    "find_binary": "mlwright._server",
    "start": "mlwright._server",
    "Run": "mlwright.remote",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module `mlwright` has no attribute `{name}`")
    import importlib

    return getattr(importlib.import_module(_LATER[name]), name)

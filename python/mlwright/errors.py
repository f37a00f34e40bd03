"""What can go wrong; every message says what, where and what to do."""

from __future__ import annotations

from typing import Optional


class PipelineError(Exception):
    """Base of everything that pipelines raise. ``hint`` says what to do, if that is known."""

    def __init__(self, message: str, hint: Optional[str] = None):
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}")
        self.hint = hint


class DefinitionError(PipelineError, TypeError):
    """A step or pipeline that could never run, or is put together wrongly."""


class ValueRefused(PipelineError, ValueError):
    """A value that is not what its input or output is declared to be."""


class RunFailed(PipelineError, RuntimeError):
    """A run that did not succeed. ``run`` is its handle."""

    def __init__(self, message: str, hint: Optional[str] = None, run: object = None):
        super().__init__(message, hint)
        self.run = run


class ServerError(PipelineError, RuntimeError):
    """The server refused, or cannot be reached. ``status`` is the HTTP status, 0 if there was no answer."""

    def __init__(self, message: str, hint: Optional[str] = None, status: int = 0):
        super().__init__(message, hint)
        self.status = status

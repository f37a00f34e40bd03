"""Starts a local mlwright server and points MLflow at it.

The wheel carries the `mlwright` program. Set ``MLWRIGHT_BIN`` to use another build of it.
"""

from mlwright._server import Server, StartError, find_binary, start

__all__ = ["Server", "StartError", "find_binary", "start"]

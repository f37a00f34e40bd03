"""Submits a pipeline of a file: ``python3 -m mlwright._submit churn.py[:pipeline] '{"inputs": {…}}'``.

``mlwright pipelines run churn.py`` starts it. The last line that it prints is ``run <id>``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Dict

from mlwright.errors import DefinitionError, PipelineError
from mlwright.pipelines import Pipeline


def find(what: str) -> Pipeline:
    """The pipeline of ``file.py`` or ``file.py:name``. Raises ``DefinitionError`` naming those that there are."""
    file, _, name = what.partition(":")
    path = Path(file).resolve()
    if not path.is_file():
        raise DefinitionError(f"there is no file {file}")
    # As Python does for a file that it runs.
    sys.path.insert(0, str(path.parent))
    module = importlib.import_module(path.stem)
    found: Dict[str, Pipeline] = {k: v for k, v in vars(module).items() if isinstance(v, Pipeline)}
    own = {k: v for k, v in found.items() if v.function.__module__ == module.__name__}
    if name:
        if name not in found:
            raise DefinitionError(f"{file} has no pipeline `{name}`; it has {', '.join(found) or 'none'}")
        return found[name]
    if len(own) != 1:
        hint = f"name one: {file}:{next(iter(own))}" if own else "put `@pipeline` before a function that calls steps"
        raise DefinitionError(f"{file} has {len(own)} pipelines: {', '.join(own)}", hint)
    return next(iter(own.values()))


def main(what: str, options: Dict[str, Any]) -> int:
    try:
        made = find(what)
        given = {key: value for key, value in options.items() if value is not None and key != "inputs"}
        run = made.submit(options.get("inputs") or {}, **given)
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"run {run.id}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))

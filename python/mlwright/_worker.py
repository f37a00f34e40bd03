"""Runs one step as a process: ``python3 -m mlwright._worker call.json``.

The call file says which function, with which inputs, and where outputs go; what the function made is written to the
file that ``result`` names. A failure is told in the file that ``message`` names, and ends the process with 1.
"""

from __future__ import annotations

import importlib
import json
import linecache
import os
import sys
import traceback
import types
from pathlib import Path
from typing import Any, Dict, List

from mlwright.artifacts import Artifact, from_json
from mlwright.calls import call
from mlwright.errors import PipelineError
from mlwright.steps import Step


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        what = json.load(file)
    try:
        step = load(what["spec"], what.get("paths", []))
        inputs = {name: _given(datum) for name, datum in what["inputs"].items()}
        made = call(step, inputs, lambda port: Path(what["outputs"]) / port)
        result = {name: _taken(value) for name, value in made.items()}
        _write(what["result"], json.dumps(result, allow_nan=False))
    except BaseException as error:  # Also what ends a process: the step has not done what it should.
        _tell(error, what["message"])
        return 1
    finally:
        sys.stdout.flush()
    return 0


def load(spec: Dict[str, Any], paths: List[str]) -> Step:
    """The step that a work's ``spec`` names."""
    for path in reversed(paths):
        if path not in sys.path:
            sys.path.insert(0, path)
    name = spec["function"]
    if "source" in spec:
        module = types.ModuleType(f"mlwright_step_{name}")
        file = f"<step {name}>"
        sys.modules[module.__name__] = module
        linecache.cache[file] = (len(spec["source"]), None, spec["source"].splitlines(True), file)
        exec(compile(spec["source"], file, "exec"), vars(module))
        return Step(getattr(module, name))
    found: Any = importlib.import_module(spec["module"])
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Step):
        raise PipelineError(f"`{name}` of module `{spec['module']}` is no step", "keep the function under `@step`")
    return found


def _given(datum: Dict[str, Any]) -> Any:
    if "value" in datum:
        return datum["value"]
    if "artifact" in datum:
        return from_json(datum["artifact"])
    return [from_json(artifact) for artifact in datum["artifacts"]]


def _taken(value: Any) -> Dict[str, Any]:
    return {"artifact": value.to_json()} if isinstance(value, Artifact) else {"value": value}


def _write(path: str, text: str) -> None:
    partial = f"{path}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)


def _tell(error: BaseException, path: str) -> None:
    if isinstance(error, SystemExit):
        text = f"it called sys.exit({error.code!r})"
    elif isinstance(error, PipelineError):
        text = str(error)
    else:
        text = traceback.format_exception_only(type(error), error)[-1].strip()
    # Frames of the worker say nothing to whoever wrote the step.
    own = str(Path(__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(own)]
    sys.stdout.flush()
    if frames:
        print("Traceback (most recent call last):", file=sys.stderr)
        print("".join(traceback.format_list(frames)), end="", file=sys.stderr)
    print(text, file=sys.stderr, flush=True)
    _write(path, text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

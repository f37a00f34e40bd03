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
import time
import traceback
import types
from pathlib import Path
from typing import Any, Dict, List

from mlwright.artifacts import Artifact, Metrics, from_json
from mlwright.calls import call
from mlwright.errors import PipelineError
from mlwright.kinds import RESULT
from mlwright.steps import Step

#: What MLflow takes for a param.
_LONGEST_PARAM = 6_000


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        what = json.load(file)
    try:
        step = load(what["spec"], what.get("paths", []))
        inputs = {name: _given(datum) for name, datum in what["inputs"].items()}
        _track_params(inputs)
        made = call(step, inputs, lambda port: Path(what["outputs"]) / port)
        _track_metrics(step, made)
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


# Tracking: what goes in and comes out, in the run that the engine made for the step.


def _track_params(inputs: Dict[str, Any]) -> None:
    plain = {k: v for k, v in inputs.items() if isinstance(v, (bool, int, float, str))}
    _track(params=[{"key": key, "value": str(value)[:_LONGEST_PARAM]} for key, value in plain.items()])


def _track_metrics(step: Step, made: Dict[str, Any]) -> None:
    numbers: Dict[str, float] = {}
    for name, value in made.items():
        if isinstance(value, Metrics):
            numbers.update({key: n for key, n in value.metadata.items() if _is_number(n)})
        elif _is_number(value):
            numbers[step.name if name == RESULT else name] = value
    now = int(time.time() * 1_000)
    _track(metrics=[{"key": k, "value": float(v), "timestamp": now, "step": 0} for k, v in numbers.items()])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _track(**logged: List[Dict[str, Any]]) -> None:
    run, url = os.environ.get("MLFLOW_RUN_ID"), os.environ.get("MLWRIGHT_URL")
    if not run or not url or not any(logged.values()):
        return
    import urllib.request

    headers = {"content-type": "application/json"}
    if os.environ.get("MLWRIGHT_TOKEN"):
        headers["authorization"] = f"Bearer {os.environ['MLWRIGHT_TOKEN']}"
    body = json.dumps({"run_id": run, **logged}).encode()
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/runs/log-batch", body, headers, method="POST")
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except OSError as error:
        # What the step does matters more than what is noted of it.
        print(f"mlwright: its params and metrics could not be logged: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

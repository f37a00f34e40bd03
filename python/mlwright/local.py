"""Runs plans in this process, one task after the other, by the rules of the server."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from mlwright.artifacts import Artifact, from_json
from mlwright.calls import call
from mlwright.errors import PipelineError, RunFailed, ValueRefused
from mlwright.kinds import Port, checked, port_from_json
from mlwright.plan import Plan

log = logging.getLogger("mlwright")


@dataclass
class LocalStep:
    """One task of a local run. ``name`` is unique in it: ``each-1/0/train``."""

    name: str
    #: ``succeeded``, ``failed`` or ``skipped``.
    state: str
    message: Optional[str] = None
    inputs: Dict[str, Any] = field(default_factory=dict)
    outputs: Dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    seconds: float = 0.0


class LocalRun:
    """A run in this process. Its files lie in ``folder``."""

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder
        self.id = folder.name
        self.state = "running"
        self.message: Optional[str] = None
        #: By name: values and artifacts.
        self.outputs: Dict[str, Any] = {}
        self.steps: List[LocalStep] = []
        #: What the first failed step raised.
        self.failure: Optional[BaseException] = None

    def step(self, name: str) -> LocalStep:
        """By its name in the run."""
        found = next((step for step in self.steps if step.name == name), None)
        if found is None:
            known = ", ".join(step.name for step in self.steps)
            raise PipelineError(f"run {self.id} has no step `{name}`; it has {known}")
        return found

    def __repr__(self) -> str:
        return f"<local run {self.id} of {self.name}: {self.state}>"


@dataclass
class _End:
    state: str
    outputs: Dict[str, Any] = field(default_factory=dict)
    message: Optional[str] = None


def run(plan: Plan, inputs: Dict[str, Any], below: Path = Path(".mlwright")) -> LocalRun:
    """Runs ``plan``. Raises ``RunFailed`` if it does not succeed; the run is its ``run``."""
    runs = below / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    ignore = below / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    folder = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder.mkdir()
    plan.save(folder / "plan.json")
    made = LocalRun(plan.name, folder)
    try:
        end = _Runner(plan, made).graph(plan.document["root"], inputs, "")
        made.state, made.outputs, made.message = end.state, end.outputs, end.message
    finally:
        _record(made, inputs)
    if made.state != "succeeded":
        failed = RunFailed(f"run {made.id} of `{plan.name}` failed: {made.message}", run=made)
        raise failed from made.failure
    return made


class _Runner:
    def __init__(self, plan: Plan, run: LocalRun):
        self.plan, self.run = plan, run

    def graph(self, graph: Dict[str, Any], given: Dict[str, Any], path: str) -> _End:
        inputs = _with_defaults(graph["inputs"], given)
        ends: Dict[str, _End] = {}
        waiting = list(graph["tasks"])
        while waiting:
            task = next(t for t in waiting if all(need in ends for need in t["needs"]))
            waiting = [t for t in waiting if t is not task]
            name = f"{path}{task['name']}"
            ends[task["name"]] = self.task(task, inputs, ends, name)
        failed = next((name for name, end in ends.items() if end.state == "failed"), None)
        if failed is not None:
            return _End("failed", {}, f"`{failed}`: {ends[failed].message}")
        outputs: Dict[str, Any] = {}
        for name, source in graph["outputs"].items():
            pairs = source.get("first_of") or [(source["output"]["task"], source["output"]["port"])]
            for task_name, port in pairs:
                if port in ends[task_name].outputs:
                    outputs[name] = ends[task_name].outputs[port]
                    break
        return _End("succeeded", outputs)

    def task(self, task: Dict[str, Any], inputs: Dict[str, Any], ends: Dict[str, _End], name: str) -> _End:
        step = LocalStep(name, "running")
        self.run.steps.append(step)
        begun = time.monotonic()
        end = self._task(task, inputs, ends, step)
        step.seconds = time.monotonic() - begun
        step.state, step.message, step.outputs = end.state, end.message, end.outputs
        log.info("%s %s%s", name, end.state, f": {end.message}" if end.message else "")
        return end

    def _task(self, task: Dict[str, Any], inputs: Dict[str, Any], ends: Dict[str, _End], step: LocalStep) -> _End:
        if task.get("rule") != "all_done":
            for need in task["needs"]:
                if ends[need].state != "succeeded":
                    how = "was skipped" if ends[need].state == "skipped" else "did not succeed"
                    return _End("skipped", {}, f"`{need}` {how}")
        try:
            step.inputs = self._bound(task["inputs"], inputs, ends)
            if "when" in task:
                condition, names = self.plan.conditions[task["when"]]
                if not condition.holds(step.inputs, names):
                    return _End("skipped", {}, f"its condition does not hold: {task['when']}")
            if "each" in task:
                return self._loop(task, inputs, ends, step)
            return self._component(task, step.inputs, step)
        except Exception as error:  # Whatever a step raises ends that step.
            if self.run.failure is None:
                self.run.failure = error
            return _End("failed", {}, f"{type(error).__name__}: {error}")

    def _loop(self, task: Dict[str, Any], inputs: Dict[str, Any], ends: Dict[str, _End], step: LocalStep) -> _End:
        each = task["each"]
        items = self._bound({"items": each["items"]}, inputs, ends).get("items")
        if not isinstance(items, list):
            raise ValueRefused(f"`{task['name']}` loops over {items!r}, which is no list")
        component = self.plan.components[task["component"]]
        collected: Dict[str, List[Any]] = {name: [] for name in component["graph"]["outputs"]}
        message: Optional[str] = None
        for i, item in enumerate(items):
            given = {**step.inputs, each["item"]: item}
            end = self.graph(component["graph"], given, f"{step.name}/{i}/")
            if end.state == "failed" and message is None:
                message = f"item {i}: {end.message}"
            for name, value in end.outputs.items():
                collected[name].append(value)
        return _End("succeeded", dict(collected)) if message is None else _End("failed", {}, message)

    def _component(self, task: Dict[str, Any], inputs: Dict[str, Any], step: LocalStep) -> _End:
        name = task["component"]
        component = self.plan.components[name]
        if "graph" in component:
            return self.graph(component["graph"], inputs, f"{step.name}/")
        if "approval" in component:
            return _ask(component["approval"]["question"])
        if "import" in component:
            return _End("succeeded", {"artifact": _external(component["import"], inputs["uri"])})
        retry = task.get("retry") or {"max": 0, "backoff_ms": 0, "factor": 0}
        pause = retry["backoff_ms"] / 1_000
        while True:
            step.attempts += 1
            try:
                place = self.run.folder / step.name / (str(step.attempts) if step.attempts > 1 else "")
                return _End("succeeded", call(self.plan.steps[name], inputs, lambda port: (place / port).resolve()))
            except Exception as error:  # As above.
                if step.attempts > retry["max"]:
                    raise
                log.warning("%s failed, trying again: %s", step.name, error)
                time.sleep(pause)
                pause *= max(retry["factor"], 1)
                pause = min(pause, retry.get("max_backoff_ms", pause * 1_000) / 1_000)

    def _bound(self, bindings: Dict[str, Any], inputs: Dict[str, Any], ends: Dict[str, _End]) -> Dict[str, Any]:
        bound: Dict[str, Any] = {}
        for name, binding in bindings.items():
            found, value = self._read(binding["from"], inputs, ends)
            if found and "select" in binding:
                for key in _path(binding["select"]):
                    try:
                        value = value[key]
                    except (LookupError, TypeError) as error:
                        raise ValueRefused(f"input `{name}`: {_short(value)} has no {key!r}") from error
            if found:
                bound[name] = value
        return bound

    def _read(self, source: Dict[str, Any], inputs: Dict[str, Any], ends: Dict[str, _End]) -> Tuple[bool, Any]:
        if "constant" in source:
            return True, source["constant"]
        if "input" in source:
            return source["input"] in inputs, inputs.get(source["input"])
        if "output" in source:
            outputs = ends[source["output"]["task"]].outputs
            return source["output"]["port"] in outputs, outputs.get(source["output"]["port"])
        task = source["status"]["task"]
        status = {
            "state": ends[task].state.upper(),
            "pipelineTaskName": task,
            "pipelineJobResourceName": self.run.id,
        }
        if ends[task].message:
            status["error"] = {"message": ends[task].message}
        return True, status


def _with_defaults(ports: Dict[str, Any], given: Dict[str, Any]) -> Dict[str, Any]:
    inputs: Dict[str, Any] = {}
    for name, data in ports.items():
        port: Port = port_from_json(name, data)
        value = given.get(name, port.default)
        if value is None:
            if not port.optional:
                raise ValueRefused(f"input `{name}` is missing; it takes {port.kind}")
        elif port.kind.is_artifact or port.kind.name == "status":
            inputs[name] = value
        else:
            inputs[name] = checked(port, value, f"input `{name}`")
    return inputs


def _path(select: str) -> List[Any]:
    """The keys of ``parseJson(string_value)["a"][0]``."""
    rest, keys = select[len("parseJson(string_value)") :], []
    decoder = json.JSONDecoder()
    while rest:
        key, end = decoder.raw_decode(rest, 1)
        keys.append(key)
        rest = rest[end + 1 :]
    return keys


def _ask(question: str) -> _End:
    if not sys.stdin.isatty():
        raise PipelineError(f"nobody can be asked: {question}", "run it at a terminal, or on a server")
    answer = input(f"{question} [y/N] ").strip().lower()
    return _End("succeeded") if answer in ("y", "yes") else _End("failed", {}, "the answer was no")


def _external(component: Dict[str, Any], uri: str) -> Artifact:
    data = {"name": component["output"], "schema": component["artifact_type"], "metadata": component["metadata"]}
    return from_json({**data, "uri": uri})


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _record(run: LocalRun, inputs: Dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, Artifact):
            return value.to_json()
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    data = {
        "name": run.name,
        "state": run.state,
        "message": run.message,
        "inputs": inputs,
        "outputs": plain(run.outputs),
    }
    data["steps"] = [plain(vars(step)) for step in run.steps]
    with open(run.folder / "run.json", "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, ensure_ascii=False)
        file.write("\n")

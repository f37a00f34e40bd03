"""One call of a step's function, the same in this process and in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict

from mlwright.artifacts import Artifact
from mlwright.errors import ValueRefused
from mlwright.graph import outside_of_pipelines
from mlwright.kinds import RESULT, Kind, Port, Status, checked

if TYPE_CHECKING:
    from mlwright.steps import Step

_MAP = Kind("map")


def call(step: "Step", inputs: Dict[str, Any], place: Callable[[str], Path]) -> Dict[str, Any]:
    """Calls the function.

    ``inputs`` holds JSON values, artifacts and lists of artifacts; what is absent has its default. ``place(port)``
    says where an output artifact goes. Returns the outputs by name: JSON values and artifacts.
    """
    arguments: Dict[str, Any] = {}
    for name, port in step.inputs.items():
        if name in inputs and inputs[name] is not None:
            arguments[name] = _argument(step, port, inputs[name])
        elif port.has_default:
            arguments[name] = port.default
        elif port.optional:
            arguments[name] = None
        else:
            raise ValueRefused(f"input `{name}` of `{step.name}` is missing; it takes {port.kind}")
    made: Dict[str, Any] = {}
    for name in step.files:
        kind = step.outputs[name].kind
        path = place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        made[name] = arguments[name] = (kind.cls or Artifact)(name, str(path))
    with outside_of_pipelines():
        returned = step.function(**arguments)
    made.update(_results(step, returned))
    for name in step.files:
        artifact = made[name]
        artifact.metadata = checked(
            Port(name, _MAP), artifact.metadata, f"the metadata of output `{name}` of `{step.name}`"
        )
    return made


def _argument(step: "Step", port: Port, value: Any) -> Any:
    kind = port.kind
    if kind.is_artifact:
        cls = kind.cls or Artifact
        made = [cls(given.name, given.uri, given.metadata) for given in (value if kind.many else [value])]
        return made if kind.many else made[0]
    if kind.name == "status":
        return Status(value)
    value = checked(port, value, f"input `{port.name}` of `{step.name}`")
    return float(value) if kind.name == "number" else value


def _results(step: "Step", returned: Any) -> Dict[str, Any]:
    if not step.returns:
        if returned is not None:
            raise ValueRefused(
                f"`{step.name}` returned {type(returned).__name__}, and declares no return type",
                f"annotate it: `def {step.name}(…) -> {type(returned).__name__}:`",
            )
        return {}
    if step.returns == [RESULT]:
        values = {RESULT: returned}
    else:
        if not isinstance(returned, tuple) or len(returned) != len(step.returns):
            raise ValueRefused(f"`{step.name}` returned {returned!r}, not {', '.join(step.returns)}")
        values = dict(zip(step.returns, returned))
    results = {}
    for name, value in values.items():
        where = f"what `{step.name}` returned" if name == RESULT else f"`{name}` that `{step.name}` returned"
        value = checked(step.outputs[name], value, where)
        if value is not None:
            results[name] = value
    return results

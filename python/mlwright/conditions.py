"""Conditions on values that are known only when a pipeline runs, as CEL and as Python."""

from __future__ import annotations

import json
import operator
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from mlwright.errors import DefinitionError
from mlwright.kinds import ANY, Kind, kind_of_values

if TYPE_CHECKING:
    from mlwright.values import Value

_COMPARE: Dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Condition:
    """``score > 0.9``, joined by ``&``, ``|`` and ``~``. Its truth is known when the pipeline runs."""

    def __and__(self, other: Any) -> "Condition":
        return _Joined("&&", self, as_condition(other))

    def __or__(self, other: Any) -> "Condition":
        return _Joined("||", self, as_condition(other))

    def __invert__(self) -> "Condition":
        return _Not(self)

    def __bool__(self) -> bool:
        raise DefinitionError(
            "a condition on a step's output is known only when the pipeline runs",
            "use `with when(…):` instead of `if`, and `&`, `|`, `~` instead of `and`, `or`, `not`",
        )

    def values(self) -> "List[Value]":
        """Every value that it reads."""
        raise NotImplementedError

    def wanted(self, value: "Value") -> Kind:
        """What it takes ``value`` for, if the value's kind is not known."""
        return ANY

    def cel(self, names: "Dict[int, str]") -> str:
        """As CEL; ``names`` gives the input that holds a value, by the value's ``id``."""
        raise NotImplementedError

    def holds(self, inputs: Dict[str, Any], names: "Dict[int, str]") -> bool:
        """Whether it holds for these inputs. May raise what comparing raises."""
        raise NotImplementedError


class Compared(Condition):
    def __init__(self, op: str, left: "Value", right: Any):
        self.op, self.left, self.right = op, left, right
        if not _is_value(right):
            if isinstance(right, bool) or right is None:
                kinds: Tuple[str, ...] = ("boolean",) if right is not None else ()
            elif isinstance(right, (int, float)):
                kinds = ("integer", "number")
            elif isinstance(right, str):
                kinds = ("text",)
            else:
                raise DefinitionError(
                    f"{left!r} is compared with a {type(right).__name__}", "compare with a plain value"
                )
            name = left.kind.name
            if kinds and name != "any" and name not in kinds:
                raise DefinitionError(f"{left!r} is {left.kind}, and is compared with {right!r}")

    def values(self) -> "List[Value]":
        return [side for side in (self.left, self.right) if _is_value(side)]

    def wanted(self, value: "Value") -> Kind:
        if value is not self.left:
            return ANY
        if _is_value(self.right):
            kind: Kind = self.right.kind
            return kind
        return kind_of_values([self.right], "a condition") if self.right is not None else ANY

    def cel(self, names: "Dict[int, str]") -> str:
        right = self.right
        if _is_value(right):
            text = _read(right, names)
        elif isinstance(right, int) and not isinstance(right, bool) and self.left.kind.name == "number":
            text = repr(float(right))
        else:
            text = json.dumps(right, ensure_ascii=False, allow_nan=False)
        return f"{_read(self.left, names)} {self.op} {text}"

    def holds(self, inputs: Dict[str, Any], names: "Dict[int, str]") -> bool:
        right = _get(self.right, inputs, names) if _is_value(self.right) else self.right
        return bool(_COMPARE[self.op](_get(self.left, inputs, names), right))


class Truth(Condition):
    """A value that is true or false by itself."""

    def __init__(self, value: "Value"):
        if value.kind.name not in ("boolean", "any"):
            raise DefinitionError(f"{value!r} is {value.kind}, so it is no condition", "compare it with something")
        self.value = value

    def values(self) -> "List[Value]":
        return [self.value]

    def wanted(self, value: "Value") -> Kind:
        return Kind("boolean") if value is self.value else ANY

    def cel(self, names: "Dict[int, str]") -> str:
        return f"{_read(self.value, names)} == true"

    def holds(self, inputs: Dict[str, Any], names: "Dict[int, str]") -> bool:
        return _get(self.value, inputs, names) is True


class _Joined(Condition):
    def __init__(self, op: str, left: Condition, right: Condition):
        self.op, self.left, self.right = op, left, right

    def values(self) -> "List[Value]":
        return self.left.values() + self.right.values()

    def wanted(self, value: "Value") -> Kind:
        first = self.left.wanted(value)
        return first if first.name != "any" else self.right.wanted(value)

    def cel(self, names: "Dict[int, str]") -> str:
        return f"({self.left.cel(names)}) {self.op} ({self.right.cel(names)})"

    def holds(self, inputs: Dict[str, Any], names: "Dict[int, str]") -> bool:
        first = self.left.holds(inputs, names)
        if self.op == "&&":
            return first and self.right.holds(inputs, names)
        return first or self.right.holds(inputs, names)


class _Not(Condition):
    def __init__(self, inner: Condition):
        self.inner = inner

    def values(self) -> "List[Value]":
        return self.inner.values()

    def wanted(self, value: "Value") -> Kind:
        return self.inner.wanted(value)

    def cel(self, names: "Dict[int, str]") -> str:
        return f"!({self.inner.cel(names)})"

    def holds(self, inputs: Dict[str, Any], names: "Dict[int, str]") -> bool:
        return not self.inner.holds(inputs, names)


def as_condition(given: Any) -> Condition:
    if isinstance(given, Condition):
        return given
    value = getattr(given, "output", given)
    if _is_value(value):
        return Truth(value)
    raise DefinitionError(
        f"`{given!r}` is known already, so it is no condition of the pipeline",
        "use a plain `if`, or compare an output or an input of the pipeline",
    )


def _is_value(thing: Any) -> bool:
    return hasattr(thing, "select") and hasattr(thing, "owner")


def _read(value: "Value", names: "Dict[int, str]") -> str:
    path = "".join(f"[{json.dumps(key, ensure_ascii=False)}]" for key in value.select)
    return f"inputs.parameter_values[{_quoted(names[id(value)])}]{path}"


def _quoted(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _get(value: "Value", inputs: Dict[str, Any], names: "Dict[int, str]") -> Any:
    found = inputs[names[id(value)]]
    for key in value.select:
        found = found[key]
    return found

"""What annotations mean: the kinds of values and artifacts that inputs and outputs may have."""

from __future__ import annotations

import inspect
import math
import typing
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Dict, List, Optional, Tuple, Type, TypeVar, Union

from mlwright.artifacts import Artifact
from mlwright.errors import DefinitionError, ValueRefused

T = TypeVar("T")

#: The name of what a function returns, if it returns one value.
RESULT = "output"


class _Mark:
    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return self.name


_INPUT, _OUTPUT = _Mark("Input"), _Mark("Output")

#: ``Input[Dataset]``: the step reads an artifact; ``Input[List[Dataset]]``: several.
Input = Annotated[T, _INPUT]
#: ``Output[Model]``: the step gets an artifact to write to ``.path``; its caller does not give it.
Output = Annotated[T, _OUTPUT]


class Status:
    """How other tasks ended: a parameter of this type is filled by ``on_exit``, or given as ``task.status``."""

    def __init__(self, data: Dict[str, Any]):
        #: ``succeeded``, ``failed``, ``cancelled`` or ``skipped``.
        self.state: str = str(data.get("state", "")).lower()
        self.task: str = data.get("pipelineTaskName", "")
        self.run: str = data.get("pipelineJobResourceName", "")
        #: Why it did not succeed.
        self.message: Optional[str] = (data.get("error") or {}).get("message")

    @property
    def succeeded(self) -> bool:
        return self.state == "succeeded"

    def __repr__(self) -> str:
        return f"Status({self.task!r} {self.state}{': ' + self.message if self.message else ''})"


@dataclass(frozen=True)
class Kind:
    """``name`` as in plans: integer, number, text, boolean, list, map, status or artifact; ``any`` is not known yet."""

    name: str
    schema: str = ""
    many: bool = False
    #: Of a list, if the annotation says it.
    item: Optional["Kind"] = field(default=None, compare=False)
    cls: Optional[Type[Artifact]] = field(default=None, compare=False)

    @property
    def is_artifact(self) -> bool:
        return self.name == "artifact"

    def to_json(self) -> Any:
        if self.is_artifact:
            return {"artifact": {"schema": self.schema, "list": self.many}}
        return "text" if self.name == "any" else self.name

    def __str__(self) -> str:
        if self.is_artifact:
            return f"artifacts ({self.schema})" if self.many else f"an artifact ({self.schema})"
        return {
            "integer": "an integer",
            "number": "a number",
            "text": "a text",
            "boolean": "true or false",
            "list": "a list",
            "map": "a dict",
            "status": "a status",
            "any": "a value",
        }[self.name]

    def accepts(self, other: "Kind") -> bool:
        """Whether what is declared as ``other`` may be given for this."""
        if "any" in (self.name, other.name):
            return not (self.is_artifact or other.is_artifact)
        if self.is_artifact and other.is_artifact:
            return self.many == other.many and self.schema in (other.schema, Artifact.schema)
        return self == other or (self.name, other.name) == ("number", "integer")

    def collected(self) -> Optional["Kind"]:
        """What a loop makes of it; ``None`` if it cannot be."""
        if self.is_artifact:
            return None if self.many else replace(self, many=True)
        return Kind("list", item=None if self.name == "any" else self)

    def of_item(self) -> Optional["Kind"]:
        """What a loop over it gives; ``None`` if there is no loop over it."""
        if self.is_artifact:
            return replace(self, many=False) if self.many else None
        if self.name == "list":
            return self.item or ANY
        return ANY if self.name == "any" else None


ANY = Kind("any")
_PLAIN = {int: "integer", float: "number", str: "text", bool: "boolean", list: "list", dict: "map"}


@dataclass(frozen=True)
class Port:
    """A declared input or output."""

    name: str
    kind: Kind
    optional: bool = False
    has_default: bool = False
    default: Any = None
    allowed: Tuple[Any, ...] = ()

    def to_json(self) -> Dict[str, Any]:
        data: Dict[str, Any] = {"of": self.kind.to_json(), "optional": self.optional}
        if self.has_default and self.default is not None:
            data["default"] = self.default
        if self.allowed:
            data["allowed"] = list(self.allowed)
        return data


def is_output(annotation: Any) -> bool:
    return _OUTPUT in getattr(annotation, "__metadata__", ())


def kind_of(annotation: Any, where: str) -> Kind:
    """The kind that an annotation declares. Raises ``DefinitionError`` naming ``where``."""
    return _read(annotation, where)[0]


def _read(annotation: Any, where: str) -> Tuple[Kind, bool, Tuple[Any, ...]]:
    """Kind, whether ``None`` is allowed, and the allowed values if they are listed."""
    if hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Union or str(type(annotation)) == "<class 'types.UnionType'>":
        rest = [a for a in arguments if a is not type(None)]
        if len(rest) == 1 and len(rest) < len(arguments):
            kind, _, allowed = _read(rest[0], where)
            return kind, True, allowed
        raise DefinitionError(
            f"{where}: {_show(annotation)} may be several things", "take one type, or Optional of one"
        )
    if origin is typing.Literal:
        kinds = {type(value) for value in arguments}
        if len(kinds) == 1 and next(iter(kinds)) in (int, str, bool, float):
            return Kind(_PLAIN[next(iter(kinds))]), False, tuple(arguments)
        raise DefinitionError(f"{where}: the values of {_show(annotation)} are not of one plain type")
    if origin in (list, tuple) or annotation in (list, List):
        inner = next((a for a in arguments if a is not Ellipsis), None)
        if inner is None or isinstance(inner, TypeVar):
            return Kind("list"), False, ()
        if isinstance(inner, type) and issubclass(inner, Artifact):
            return Kind("artifact", inner.schema, True, cls=inner), False, ()
        item = ANY if inner is Any else _read(inner, where)[0]
        return Kind("list", item=item), False, ()
    if origin is dict or annotation is Dict:
        return Kind("map"), False, ()
    if annotation is Status:
        return Kind("status"), False, ()
    if isinstance(annotation, type) and issubclass(annotation, Artifact):
        return Kind("artifact", annotation.schema, cls=annotation), False, ()
    plain = _PLAIN.get(annotation) if isinstance(annotation, type) else None
    if plain:
        return Kind(plain), False, ()
    raise DefinitionError(
        f"{where}: {_show(annotation)} cannot travel between steps",
        "use int, float, str, bool, list, dict, Literal, Optional of these, Input[…], Output[…], or Status",
    )


def _show(annotation: Any) -> str:
    return f"`{getattr(annotation, '__name__', None) or annotation}`"


def input_port(name: str, annotation: Any, default: Any, where: str) -> Port:
    """The port of a parameter; ``default`` is ``inspect.Parameter.empty`` if there is none."""
    if annotation is inspect.Parameter.empty:
        raise DefinitionError(f"{where} has no type", f"annotate it, such as `{name}: int` or `{name}: Input[Dataset]`")
    kind, optional, allowed = _read(annotation, where)
    if default is inspect.Parameter.empty:
        return Port(name, kind, optional, allowed=allowed)
    if default is None:
        return Port(name, kind, True, True, None, allowed)
    if kind.is_artifact or kind.name == "status":
        raise DefinitionError(f"{where}: {kind} has no default but None")
    port = Port(name, kind, optional, allowed=allowed)
    return replace(port, has_default=True, default=checked(port, default, f"the default of {where}"))


def checked(port: Port, value: Any, where: str) -> Any:
    """``value`` as it travels to ``port``: what JSON can hold, of the port's kind. Raises ``ValueRefused``."""
    value = plain(value, where)
    if value is None:
        if port.optional:
            return None
        raise ValueRefused(f"{where} is missing; it takes {port.kind}")
    value = coerced(port.kind, value, where)
    if port.allowed and value not in port.allowed:
        raise ValueRefused(f"{where} is {value!r}, not one of {', '.join(map(repr, port.allowed))}")
    return value


def coerced(kind: Kind, value: Any, where: str) -> Any:
    """A JSON value as the kind wants it: 5.0 becomes 5 for an integer."""
    name, number = kind.name, isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "any":
        return value
    if name == "integer" and number and float(value).is_integer():
        return int(value)
    if name == "number" and number:
        return value
    if (
        (name == "text" and isinstance(value, str))
        or (name == "boolean" and isinstance(value, bool))
        or (name == "list" and isinstance(value, list))
        or (name in ("map", "status") and isinstance(value, dict))
    ):
        return value
    raise ValueRefused(f"{where} takes {kind}, not {_short(value)} ({type(value).__name__})")


def plain(value: Any, where: str) -> Any:
    """``value`` with nothing in it that JSON cannot hold."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueRefused(f"{where} is {value}, which JSON cannot hold", "hand on None, or a text")
        return float(value)
    if isinstance(value, (list, tuple, range, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain(item, f"item {i} of {where}") for i, item in enumerate(items)]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueRefused(f"{where} is a dict with keys that are no texts")
        return {key: plain(item, f"`{key}` of {where}") for key, item in value.items()}
    raise ValueRefused(
        f"{where} is a {type(value).__name__}, which cannot travel between steps",
        "hand on plain values, or write it to an `Output[…]` artifact",
    )


def kind_of_values(values: List[Any], where: str) -> Kind:
    """What all items of a constant list are."""
    kinds = set()
    for value in values:
        name = next(name for of, name in _JSON if isinstance(value, of))
        kinds.add(name)
    if kinds == {"integer", "number"}:
        return Kind("number")
    if len(kinds) > 1:
        raise DefinitionError(f"{where}: its items are {' and '.join(sorted(kinds))}", "loop over items of one kind")
    return Kind(kinds.pop()) if kinds else ANY


_JSON: List[Tuple[Any, str]] = [
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "text"),
    (list, "list"),
    (dict, "map"),
    (object, "any"),
]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def port_from_json(name: str, data: Dict[str, Any]) -> Port:
    """A port as plans write it."""
    of = data["of"]
    if isinstance(of, dict):
        kind = Kind("artifact", of["artifact"]["schema"], bool(of["artifact"].get("list")))
    else:
        kind = Kind(of)
    default = data.get("default")
    return Port(name, kind, bool(data.get("optional")), default is not None, default, tuple(data.get("allowed") or ()))

"""Values that are known only when a pipeline runs: its inputs, items of loops, outputs of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional, Tuple, Union

from mlwright.conditions import Compared
from mlwright.errors import DefinitionError
from mlwright.kinds import ANY, Kind

if TYPE_CHECKING:
    from mlwright.graph import Graph, Task


class _Operators:
    """What a value and a task with one output can do in a pipeline function."""

    def _value(self) -> "Value":
        raise NotImplementedError

    def __lt__(self, other: Any) -> Compared:
        return Compared("<", self._value(), _of(other))

    def __le__(self, other: Any) -> Compared:
        return Compared("<=", self._value(), _of(other))

    def __gt__(self, other: Any) -> Compared:
        return Compared(">", self._value(), _of(other))

    def __ge__(self, other: Any) -> Compared:
        return Compared(">=", self._value(), _of(other))

    def __eq__(self, other: Any) -> Compared:  # type: ignore[override]
        return Compared("==", self._value(), _of(other))

    def __ne__(self, other: Any) -> Compared:  # type: ignore[override]
        return Compared("!=", self._value(), _of(other))

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise DefinitionError(
            f"{self!r} is known only when the pipeline runs", "use `with when(…):` instead of `if` or `while`"
        )

    def __iter__(self) -> Iterator[Any]:
        raise DefinitionError(
            f"{self!r} is known only when the pipeline runs", "use `with each(…) as item:` instead of `for`"
        )

    def __len__(self) -> int:
        raise DefinitionError(f"{self!r} is known only when the pipeline runs", "take its length in a step")

    def __str__(self) -> str:
        raise DefinitionError(
            f"{self!r} is known only when the pipeline runs, so it cannot be part of a text",
            "give it to the step as an input of its own, and make the text there",
        )

    def __format__(self, spec: str) -> str:
        return str(self)

    def __getitem__(self, key: Union[str, int]) -> "Value":
        return self._value()._part(key)


class Value(_Operators):
    """Something that another task may take: an input of the pipeline, an item of a loop, or an output."""

    def __init__(self, owner: "Graph", kind: Kind, select: Tuple[Union[str, int], ...] = ()):
        #: The graph in which it can be read directly.
        self.owner = owner
        self.kind = kind
        #: The way to a part of it: keys of dicts and indices of lists.
        self.select = select

    def _value(self) -> "Value":
        return self

    def _whole(self) -> "Value":
        raise NotImplementedError

    def _part(self, key: Union[str, int]) -> "Value":
        if self.kind.name not in ("map", "list", "any"):
            raise DefinitionError(f"{self!r} is {self.kind}, so `[{key!r}]` picks nothing of it")
        if not isinstance(key, (str, int)) or isinstance(key, bool):
            raise DefinitionError(f"{self!r} is picked from by {key!r}", "use a text or a whole number")
        kind = self.kind.item if self.kind.name == "list" and self.kind.item else ANY
        return self._copy(kind, (*self.select, key))

    def _copy(self, kind: Kind, select: Tuple[Union[str, int], ...]) -> "Value":
        raise NotImplementedError

    def _describe(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._describe() + "".join(f"[{key!r}]" for key in self.select)


class Parameter(Value):
    """An input of a graph: of the pipeline, or the item of a loop."""

    def __init__(self, owner: "Graph", name: str, kind: Kind, select: Tuple[Union[str, int], ...] = ()):
        super().__init__(owner, kind, select)
        self.name = name

    def _whole(self) -> "Parameter":
        return Parameter(self.owner, self.name, self.owner.inputs[self.name].kind) if self.select else self

    def _copy(self, kind: Kind, select: Tuple[Union[str, int], ...]) -> "Parameter":
        return Parameter(self.owner, self.name, kind, select)

    def _describe(self) -> str:
        return f"item of `{self.owner.name}`" if self.owner.is_loop else f"input `{self.name}` of `{self.owner.name}`"


class Reference(Value):
    """An output of a task."""

    def __init__(self, task: "Task", port: str, kind: Kind, select: Tuple[Union[str, int], ...] = ()):
        super().__init__(task.graph, kind, select)
        self.task, self.port = task, port

    def _whole(self) -> "Reference":
        return Reference(self.task, self.port, self.task.ports[self.port]) if self.select else self

    def _copy(self, kind: Kind, select: Tuple[Union[str, int], ...]) -> "Reference":
        return Reference(self.task, self.port, kind, select)

    def _describe(self) -> str:
        return f"output `{self.port}` of `{self.task.name}`"


class StatusOf(Value):
    """How a task ended."""

    def __init__(self, task: "Task"):
        super().__init__(task.graph, Kind("status"))
        self.task = task

    def _whole(self) -> "StatusOf":
        return self

    def _part(self, key: Union[str, int]) -> "Value":
        raise DefinitionError(f"{self!r} can only be given to a step", "annotate the step's parameter as Status")

    def _describe(self) -> str:
        return f"status of `{self.task.name}`"


class Outputs:
    """The outputs of a task, by name: ``task.outputs.model`` or ``task.outputs["model"]``."""

    def __init__(self, task: "Task"):
        self._task = task

    def __getitem__(self, name: str) -> Reference:
        task = self._task
        if name not in task.ports:
            known = ", ".join(f"`{port}`" for port in task.ports) or "no outputs"
            raise DefinitionError(f"`{task.name}` has no output `{name}`; it has {known}")
        return Reference(task, name, task.ports[name])

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._task.ports)

    def __dir__(self) -> Any:
        return list(self._task.ports)

    def as_dict(self) -> Dict[str, Reference]:
        return {name: self[name] for name in self._task.ports}


def _of(other: Any) -> Any:
    """A task stands for its one output."""
    return other._value() if isinstance(other, _Operators) else other


def value_of(given: Any) -> Optional[Value]:
    """The value that an argument stands for; ``None`` for a constant."""
    return given._value() if isinstance(given, _Operators) else None

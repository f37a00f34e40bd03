"""What a pipeline function puts together while it is traced: graphs of tasks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from mlwright.conditions import Condition
from mlwright.errors import DefinitionError
from mlwright.kinds import RESULT, Kind, Port
from mlwright.options import Options, options_of
from mlwright.values import Outputs, Parameter, Reference, StatusOf, Value, _Operators

if TYPE_CHECKING:
    from mlwright.steps import Step


class Graph:
    """Tasks that may read each other's outputs. ``task`` is the one of the graph above that runs it."""

    def __init__(self, name: str, task: "Optional[Task]" = None, is_loop: bool = False):
        self.name, self.task, self.is_loop = name, task, is_loop
        #: Made by `first_of`.
        self.is_branch = False
        self.inputs: Dict[str, Port] = {}
        self.tasks: List[Task] = []
        #: By name: the values that the graph gives away.
        self.results: Dict[str, Value] = {}
        #: By name: values of which the first that is there is given away.
        self.firsts: Dict[str, Tuple[Reference, ...]] = {}
        #: The conditions that an `otherwise` at this place would deny.
        self.chain: Optional[List[Condition]] = None
        #: How many blocks of each kind there are, in the outermost graph.
        self.counts: Dict[str, int] = {}
        self._names: Dict[str, int] = {}

    @property
    def root(self) -> "Graph":
        return self.path[-1]

    @property
    def path(self) -> "List[Graph]":
        """Itself and every graph around it, from the inside out."""
        path, graph = [self], self
        while graph.task is not None:
            graph = graph.task.graph
            path.append(graph)
        return path

    def parameter(self, name: str) -> Parameter:
        return Parameter(self, name, self.inputs[name].kind)

    def unique(self, base: str) -> str:
        """A task name that is free in this graph."""
        count = self._names.get(base, 0) + 1
        self._names[base] = count
        return base if count == 1 else self.unique(f"{base}-{count}")

    def add(self, task: "Task") -> "Task":
        task.graph = self
        self.tasks.append(task)
        self.chain = None
        return task

    def block(self, kind: str, is_loop: bool = False) -> "Task":
        """A new task that runs a new graph; numbered through the whole pipeline."""
        counts = self.root.counts
        counts[kind] = counts.get(kind, 0) + 1
        task = Task(self.unique(f"{kind}-{counts[kind]}"))
        task.body = Graph(task.name, task, is_loop)
        return self.add(task)


class Task(_Operators):
    """A step, sub-pipeline or block in a graph. Given to another step it stands for its ``output``."""

    graph: Graph

    def __init__(self, name: str, ports: Optional[Dict[str, Kind]] = None):
        self.name = name
        self.display_name: Optional[str] = None
        #: Kinds of the outputs.
        self.ports: Dict[str, Kind] = ports or {}
        #: By input: a value or a constant.
        self.arguments: Dict[str, Any] = {}
        #: One of these says what it runs.
        self.step: "Optional[Step]" = None
        self.body: Optional[Graph] = None
        self.question: Optional[str] = None
        self.source: Optional[Dict[str, Any]] = None
        self.condition: Optional[Condition] = None
        #: A list or a value, and how many items at the same time.
        self.items: Any = None
        self.limit: Optional[int] = None
        self.follows: List[Task] = []
        self.all_done = False
        self.options = Options()

    @property
    def outputs(self) -> Outputs:
        """Its outputs by name."""
        return Outputs(self)

    @property
    def output(self) -> Reference:
        """What its function returns, if that is one value; else its only output."""
        if RESULT in self.ports:
            return self.outputs[RESULT]
        if len(self.ports) != 1:
            known = ", ".join(f"`{port}`" for port in self.ports)
            raise DefinitionError(
                f"`{self.name}` has " + (f"several outputs: {known}" if known else "no outputs"),
                "name one, such as `.outputs.model`" if known else "give the step a return type, or an `Output[…]`",
            )
        return self.outputs[next(iter(self.ports))]

    @property
    def status(self) -> StatusOf:
        """How it ended, for a step's parameter of type ``Status``. That step runs however it ended."""
        return StatusOf(self)

    def after(self, *tasks: "Task") -> "Task":
        """Starts only when these have ended, though it takes nothing from them."""
        for task in tasks:
            if not isinstance(task, Task):
                raise DefinitionError(f"`{self.name}` cannot come after {task!r}", "name what a step's call returned")
            self.follows.append(task)
        return self

    def always(self) -> "Task":
        """Runs when everything before it has ended, however that ended."""
        self.all_done = True
        return self

    def named(self, name: str) -> "Task":
        """What people see instead of the function's name."""
        self.display_name = name
        return self

    def with_options(self, **options: Any) -> "Task":
        """Other options than the step has, for this task only: see ``step``."""
        self.options = options_of(options, f"`{self.name}`", self.options)
        return self

    def _value(self) -> Reference:
        return self.output

    def __repr__(self) -> str:
        return f"task `{self.name}`"


class _Traced(threading.local):
    def __init__(self) -> None:
        self.graphs: List[Graph] = []


_traced = _Traced()


def current() -> Optional[Graph]:
    """The graph that is being put together, if one is."""
    return _traced.graphs[-1] if _traced.graphs else None


def enclosing(what: str) -> Graph:
    graph = current()
    if graph is None:
        raise DefinitionError(f"`{what}` stands outside of a pipeline", "use it in a function with `@pipeline`")
    return graph


class Inside:
    """``with Inside(graph):`` what is called now goes there."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def __enter__(self) -> Graph:
        _traced.graphs.append(self.graph)
        return self.graph

    def __exit__(self, *_: object) -> None:
        _traced.graphs.pop()


class outside_of_pipelines:
    """Functions that run now are called as they are, even while a pipeline is traced."""

    def __enter__(self) -> None:
        self._kept, _traced.graphs = _traced.graphs, []

    def __exit__(self, *_: object) -> None:
        _traced.graphs = self._kept


def common(one: Graph, other: Graph) -> Graph:
    """The innermost graph around both. Raises if they belong to different pipelines."""
    around = {id(graph) for graph in one.path}
    for graph in other.path:
        if id(graph) in around:
            return graph
    raise DefinitionError(
        f"`{other.root.name}` and `{one.root.name}` are different pipelines, or different tracings of one",
        "use only what this call of the pipeline function made",
    )


def child_towards(above: Graph, below: Graph) -> Optional[Task]:
    """The task of ``above`` whose body holds ``below``; ``None`` if they are the same."""
    for graph in below.path:
        if graph.task is not None and graph.task.graph is above:
            return graph.task
    return None


def kind_at(value: Value, graph: Graph) -> Kind:
    """What ``value`` is where ``graph`` reads it: a loop's outputs are lists outside of it."""
    above = common(graph, value.owner)
    kind, inner = value.kind, value.owner
    while inner is not above:
        assert inner.task is not None
        if isinstance(value, Parameter):
            what = "the item exists only inside its loop" if value.owner.is_loop else "it exists only inside it"
            raise DefinitionError(f"{value!r} is used outside of `{value.owner.name}`: {what}")
        if inner.is_loop:
            collected = kind.collected()
            if collected is None:
                raise DefinitionError(f"{value!r} is a list of artifacts, of which `{inner.name}` cannot make a list")
            if value.select:
                raise DefinitionError(f"{value!r} is used outside of its loop", "pick parts of it inside")
            kind = collected
        inner = inner.task.graph
    return kind

"""What changes when tasks run: loops, conditions, exit handlers, approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from mlwright.conditions import Condition, as_condition
from mlwright.errors import DefinitionError
from mlwright.graph import Graph, Inside, Task, child_towards, common, enclosing, kind_at
from mlwright.kinds import Kind, Port, kind_of_values, plain
from mlwright.values import Parameter, Reference, Value, value_of

if TYPE_CHECKING:
    from mlwright.steps import Step

#: The input of a loop's graph that holds the item.
ITEM = "item"


class _Block:
    """A ``with`` block whose tasks form a graph of their own."""

    _inside: Optional[Inside] = None
    _task: Task

    def _open(self, task: Task) -> Graph:
        assert task.body is not None
        self._task = task
        self._inside = Inside(task.body)
        return self._inside.__enter__()

    def __exit__(self, failure: Any, *_: object) -> None:
        assert self._inside is not None and self._task.body is not None
        self._inside.__exit__()
        if failure is None and not self._task.body.tasks:
            raise DefinitionError(f"nothing runs in the block `{self._task.name}`", "call a step in it")


class each(_Block):
    """``with each(items, limit=4) as item:`` runs the block once for each item, at most ``limit`` at the same time.

    ``items`` is a list, or an output or input that is one. Outside of the block, an output of a step inside it is the
    list of its outputs in the order of the items.
    """

    def __init__(self, items: Any, limit: Optional[int] = None):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise DefinitionError(f"`each` has limit {limit!r}", "give a whole number from 1, or leave it out")
        self._items, self._limit = items, limit

    def __enter__(self) -> Parameter:
        graph = enclosing("each")
        value = value_of(self._items)
        if value is None:
            if isinstance(self._items, (str, bytes, dict)) or not hasattr(self._items, "__iter__"):
                raise DefinitionError(f"`each` loops over {self._items!r}, which is no list")
            items: Any = plain(list(self._items), "the list of `each`")
            kind: Optional[Kind] = kind_of_values(items, "the list of `each`")
        else:
            items = value
            kind = kind_at(value, graph).of_item()
            if kind is None:
                raise DefinitionError(f"{value!r} is {value.kind}, so `each` cannot loop over it")
        task = graph.block("each", is_loop=True)
        task.items, task.limit = items, self._limit
        body = self._open(task)
        assert kind is not None
        body.inputs[ITEM] = Port(ITEM, kind)
        return body.parameter(ITEM)


class when(_Block):
    """``with when(score > 0.9):`` runs the block only if the condition holds; else its tasks are skipped.

    So is everything that takes something from them; ``first_of`` takes what is there.
    """

    def __init__(self, condition: Any):
        self._condition = as_condition(condition)

    def __enter__(self) -> None:
        graph = enclosing("when")
        self._enter(graph, "when", self._condition, [self._condition])

    def _enter(self, graph: Graph, name: str, condition: Condition, chain: List[Condition]) -> None:
        for value in condition.values():
            if kind_at(value, graph).is_artifact:
                raise DefinitionError(f"{value!r} is an artifact, which no condition can read")
        task = graph.block(name)
        task.condition = condition
        self._open(task)
        self._chain = chain

    def __exit__(self, failure: Any, *more: object) -> None:
        super().__exit__(failure, *more)
        self._task.graph.chain = self._chain


class otherwise(when):
    """``with otherwise():`` right after a ``when`` block runs if its condition did not hold.

    ``otherwise(condition)`` asks another one; ``otherwise`` blocks may follow each other.
    """

    def __init__(self, condition: Any = None):
        self._also = None if condition is None else as_condition(condition)

    def __enter__(self) -> None:
        graph = enclosing("otherwise")
        chain = graph.chain
        if not chain:
            raise DefinitionError(
                "`otherwise` does not follow a `when`", "put it right after the `with when(…):` block"
            )
        holds = ~chain[0]
        for condition in chain[1:]:
            holds = holds & ~condition
        if self._also is None:
            self._enter(graph, "otherwise", holds, [])
        else:
            self._enter(graph, "otherwise", holds & self._also, [*chain, self._also])


class on_exit(_Block):
    """``with on_exit(notify, channel="ml"):`` runs the step once the block has ended, however it ended.

    A parameter of the step that is a ``Status`` is told how the block ended. A failure in the block fails the run
    still.
    """

    def __init__(self, step: "Step", **arguments: Any):
        self._step, self._arguments = step, arguments

    def __enter__(self) -> Task:
        graph = enclosing("on_exit")
        if not hasattr(self._step, "_add_to"):
            raise DefinitionError(f"`on_exit` takes a step, not {self._step!r}", "on_exit(notify, channel='ml')")
        self._open(graph.block("guarded"))
        return self._task

    def __exit__(self, failure: Any, *more: object) -> None:
        super().__exit__(failure, *more)
        if failure is None:
            arguments = dict(self._arguments)
            for port in self._step.inputs.values():
                if port.kind.name == "status":
                    arguments.setdefault(port.name, self._task.status)
            self._step._add_to(self._task.graph, (), arguments).after(self._task).always()


def first_of(*values: Any) -> Reference:
    """The first of these outputs whose step was not skipped; they are of one kind."""
    graph = enclosing("first_of")
    options = [value_of(value) for value in values]
    if len(options) < 2 or not all(isinstance(o, Reference) and not o.select for o in options):
        raise DefinitionError("`first_of` takes two or more outputs of steps")
    references: List[Reference] = [o for o in options if isinstance(o, Reference)]
    above = graph
    for reference in references:
        above = common(above, reference.owner)
    kinds = [kind_at(reference, above) for reference in references]
    odd = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
    if odd is not None:
        raise DefinitionError(f"{references[0]!r} is {kinds[0]} and {references[odd]!r} is {kinds[odd]}")
    inner = [child_towards(above, reference.owner) for reference in references]
    holders = [r.task if task is None else task for r, task in zip(references, inner)]
    task = _branch(above, holders)
    assert task.body is not None
    name = f"first-{len(task.body.firsts) + 1}"
    task.body.firsts[name] = tuple(references)
    task.ports[name] = kinds[0]
    return task.outputs[name]


def _branch(above: Graph, holders: List[Task]) -> Task:
    """A graph of its own for these tasks: only a graph can give the first of several outputs."""
    if above.task is not None and above.is_branch:
        return above.task
    chain = above.chain
    place = next(i for i, task in enumerate(above.tasks) if any(task is h for h in holders))
    task = above.block("branch")
    above.tasks.pop()
    above.tasks.insert(place, task)
    above.chain = chain
    assert task.body is not None
    task.body.is_branch = True
    for holder in holders:
        if not any(holder is moved for moved in task.body.tasks):
            above.tasks = [t for t in above.tasks if t is not holder]
            holder.graph = task.body
            task.body.tasks.append(holder)
    return task


def approve(question: str) -> Task:
    """Waits until a person says yes. A no fails it, and what comes ``after`` it is skipped."""
    graph = enclosing("approve")
    if not isinstance(question, str) or not question.strip():
        raise DefinitionError("`approve` asks nothing", "approve('Deploy this model?')")
    task = Task(graph.unique("approve"))
    task.question = question
    return graph.add(task)


def external(uri: Any, of: Any, *, metadata: Any = None) -> Reference:
    """An artifact that is somewhere already, such as ``external("s3://bucket/data.csv", Dataset)``."""
    from mlwright.kinds import kind_of

    graph = enclosing("external")
    kind = kind_of(of, "the type of `external`")
    value = value_of(uri)
    if not kind.is_artifact or kind.many:
        raise DefinitionError(f"`external` gives an artifact, not {kind}")
    if value is None and not isinstance(uri, str):
        raise DefinitionError(f"`external` takes an address, not {uri!r}")
    if value is not None and not Kind("text").accepts(kind_at(value, graph)):
        raise DefinitionError(f"{value!r} is {value.kind}, no address")
    task = Task(graph.unique("external"), {"artifact": kind})
    task.source = {"metadata": plain(metadata or {}, "the metadata of `external`")}
    task.arguments["uri"] = uri if value is None else value
    return graph.add(task).output


__all__ = ["Value", "approve", "each", "external", "first_of", "on_exit", "otherwise", "when"]

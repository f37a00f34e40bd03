"""Plans: what a traced pipeline is for the server, as JSON, and for this process."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from mlwright.blocks import ITEM
from mlwright.conditions import Condition
from mlwright.errors import DefinitionError
from mlwright.graph import Graph, Task, child_towards, common
from mlwright.kinds import ANY, Kind, Port
from mlwright.options import Options
from mlwright.steps import Step
from mlwright.values import Parameter, Reference, StatusOf, Value, value_of

#: The kind of work that runs a Python step.
WORK = "python"


class Plan:
    """A pipeline as the server takes it. ``to_json`` gives the document; the rest is what JSON cannot hold."""

    def __init__(self, name: str, root: Graph):
        self.name = name
        self.root = root
        self.components: Dict[str, Any] = {}
        #: By component: the step that it runs.
        self.steps: Dict[str, Step] = {}
        #: By the text of a condition: it, and the names of the inputs that it reads.
        self.conditions: Dict[str, Tuple[Condition, Dict[int, str]]] = {}
        lowered = _Lowering(self).graph(root)
        self.document: Dict[str, Any] = {"name": name, "root": lowered, "components": self.components}

    def to_json(self) -> Dict[str, Any]:
        return self.document

    def save(self, path: Any) -> None:
        """Writes it as a JSON file."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.document, file, indent=1, ensure_ascii=False)
            file.write("\n")

    def works(self) -> List[Tuple[Step, Dict[str, Any]]]:
        """Every step with its work's ``spec``."""
        return [(step, self.components[name]["work"]["spec"]) for name, step in self.steps.items()]


class _Lowering:
    """From values that tasks take of each other to ports and bindings."""

    def __init__(self, plan: Plan):
        self.plan = plan
        #: By task id: its input bindings and the tasks that it waits for.
        self.bindings: Dict[int, Dict[str, Any]] = {}
        self.needs: Dict[int, List[str]] = {}
        #: By graph id: what each value is called there, and where its outputs come from.
        self.entered: Dict[int, Dict[Any, str]] = {}
        self.sources: Dict[int, Dict[str, Any]] = {}
        self.items: Dict[int, Dict[str, Any]] = {}
        #: By step and experiment.
        self.works: Dict[Tuple[int, Optional[str]], str] = {}

    def graph(self, root: Graph) -> Dict[str, Any]:
        # Values of inner graphs add ports to outer ones, so everything is bound before anything is written.
        self._bind_graph(root)
        return self._write_graph(root)

    # Binding.

    def _bind_graph(self, graph: Graph) -> None:
        for task in graph.tasks:
            self._bind_task(task)
            if task.body is not None:
                self._bind_graph(task.body)
            if task.items is not None and task.body is not None:
                # Last, when it is known what the readers take an item for.
                item = task.body.inputs[ITEM].kind
                wanted = Kind("artifact", item.schema, True) if item.is_artifact else Kind("list")
                self.items[id(task)] = self._binding(task.items, task, wanted)
        for name, result in graph.results.items():
            self._export(result, graph, name)
        for name, options in graph.firsts.items():
            pairs = [list(self._lift(option, graph)) for option in options]
            self.sources.setdefault(id(graph), {})[name] = {"first_of": pairs}

    def _bind_task(self, task: Task) -> None:
        bindings = self.bindings.setdefault(id(task), {})
        self.needs.setdefault(id(task), [])
        for name, given in task.arguments.items():
            wanted = ANY
            if task.step is not None:
                wanted = task.step.inputs[name].kind
            elif task.body is not None:
                wanted = task.body.inputs[name].kind
            bindings[name] = self._binding(given, task, wanted)
        if task.condition is not None:
            assert task.body is not None
            for value in task.condition.values():
                wanted = _container(value) if value.select else task.condition.wanted(value)
                self._enter(value._whole(), task.body, wanted)
        for before in task.follows:
            self._follow(task, before)

    def _binding(self, given: Any, task: Task, wanted: Kind) -> Dict[str, Any]:
        value = value_of(given)
        if value is None:
            return {"from": {"constant": given}}
        if value.select:
            wanted = _container(value)
        source = self._bind(value._whole(), task.graph, task, wanted)
        if not value.select:
            return {"from": source}
        path = "".join(f"[{json.dumps(key, ensure_ascii=False)}]" for key in value.select)
        return {"from": source, "select": f"parseJson(string_value){path}"}

    def _bind(self, value: Value, graph: Graph, task: Task, wanted: Kind) -> Dict[str, Any]:
        """Where a task of ``graph`` reads ``value`` from; the task then waits for what gives it."""
        if common(graph, value.owner) is not graph or (isinstance(value, Parameter) and value.owner is not graph):
            return {"input": self._enter(value, graph, wanted)}
        if isinstance(value, Parameter):
            self._learn(value.owner, value.name, wanted)
            return {"input": value.name}
        if isinstance(value, StatusOf):
            if value.owner is not graph:
                raise DefinitionError(f"{value!r} is read outside of the block that holds the task")
            self._need(task, value.task.name)
            return {"status": {"task": value.task.name}}
        name, port = self._lift(value, graph)
        self._need(task, name)
        return {"output": {"task": name, "port": port}}

    def _lift(self, value: Value, graph: Graph) -> Tuple[str, str]:
        """The task of ``graph`` and its port that give an output of it or of a graph inside it."""
        assert isinstance(value, Reference)
        name, port, inner = value.task.name, value.port, value.owner
        while inner is not graph:
            assert inner.task is not None
            out = f"{name}.{port}"
            self.sources.setdefault(id(inner), {})[out] = {"output": {"task": name, "port": port}}
            name, port, inner = inner.task.name, out, inner.task.graph
        return name, port

    def _enter(self, value: Value, graph: Graph, wanted: Kind) -> str:
        """The input of ``graph`` that brings a value from around it."""
        entered = self.entered.setdefault(id(graph), {})
        key = _identity(value)
        if key not in entered:
            base = _name(value)
            name, count = base, 1
            while name in graph.inputs:
                count += 1
                name = f"{base}-{count}"
            entered[key] = name
            kind = value.kind
            if graph.task is None:
                raise DefinitionError(f"{value!r} belongs to another pipeline than `{graph.name}`")
            inner = value.owner
            above = common(graph, inner)
            while inner is not above:
                assert inner.task is not None
                kind = (kind.collected() or kind) if inner.is_loop else kind
                inner = inner.task.graph
            optional = isinstance(value, Parameter) and value.owner.inputs[value.name].optional
            graph.inputs[name] = Port(name, kind, optional)
            source = self._bind(value, graph.task.graph, graph.task, wanted)
            self.bindings.setdefault(id(graph.task), {})[name] = {"from": source}
        name = entered[key]
        self._learn(graph, name, wanted)
        if isinstance(value, Parameter):
            self._learn(value.owner, value.name, wanted)
        return name

    def _learn(self, graph: Graph, name: str, wanted: Kind) -> None:
        """A loop's item is what its readers take it for, if the list does not say."""
        port = graph.inputs[name]
        if port.kind.name == "any" and wanted.name != "any":
            graph.inputs[name] = replace(port, kind=wanted)

    def _need(self, task: Task, name: str) -> None:
        needs = self.needs.setdefault(id(task), [])
        if name not in needs:
            needs.append(name)

    def _follow(self, task: Task, before: Task) -> None:
        above = common(task.graph, before.graph)
        later, earlier = child_towards(above, task.graph), child_towards(above, before.graph)
        later, earlier = (task if later is None else later), (before if earlier is None else earlier)
        if later is earlier:
            raise DefinitionError(f"`{task.name}` comes after `{before.name}`, and one of them holds the other")
        self._need(later, earlier.name)

    def _export(self, value: Value, graph: Graph, name: str) -> None:
        if isinstance(value, Reference) and not value.select:
            task, port = self._lift(value, graph)
            self.sources.setdefault(id(graph), {})[name] = {"output": {"task": task, "port": port}}
            return
        raise DefinitionError(f"`{graph.name}` gives {value!r} as `{name}`", "return outputs of steps, whole")

    # Writing.

    def _write_graph(self, graph: Graph) -> Dict[str, Any]:
        _refuse_cycles(graph, {task.name: self.needs[id(task)] for task in graph.tasks})
        return {
            "inputs": {name: port.to_json() for name, port in graph.inputs.items()},
            "tasks": [self._write_task(task) for task in graph.tasks],
            "outputs": self.sources.get(id(graph), {}),
        }

    def _write_task(self, task: Task) -> Dict[str, Any]:
        data: Dict[str, Any] = {
            "name": task.name,
            "component": self._component(task),
            "inputs": self.bindings[id(task)],
            "needs": self.needs[id(task)],
        }
        if task.all_done:
            data["rule"] = "all_done"
        if task.display_name:
            data["display_name"] = task.display_name
        if task.condition is not None:
            assert task.body is not None
            entered = self.entered.get(id(task.body), {})
            names = {id(value): entered[_identity(value._whole())] for value in task.condition.values()}
            data["when"] = task.condition.cel(names)
            self.plan.conditions[data["when"]] = (task.condition, names)
        if task.items is not None:
            data["each"] = {"items": self.items[id(task)], "item": ITEM}
            if task.limit is not None:
                data["each"]["limit"] = task.limit
        _write_options(data, task.options)
        data["cache"] = task.step is not None and _may_cache(task.step, task.options)
        return data

    def _component(self, task: Task) -> str:
        components = self.plan.components
        if task.step is not None:
            key = (id(task.step), task.options.experiment)
            name = self.works.get(key)
            if name is None:
                name = self.works[key] = self._free(task.step.name)
                self.plan.steps[name] = task.step
                components[name] = {"work": _work(task.step, task.options)}
            return name
        name = self._free(task.body.name if task.body is not None else task.name)
        components[name] = {}  # Taken, while inner graphs take theirs.
        if task.body is not None:
            components[name] = {"graph": self._write_graph(task.body)}
        elif task.question is not None:
            components[name] = {"approval": {"question": task.question}}
        else:
            components[name] = {"import": self._import(task)}
        return name

    def _import(self, task: Task) -> Dict[str, Any]:
        kind = task.ports["artifact"]
        metadata = (task.source or {}).get("metadata", {})
        return {
            "output": "artifact",
            "artifact_type": kind.schema,
            "uri": {"from": {"input": "uri"}},
            "metadata": metadata,
            "inputs": {"uri": Port("uri", Kind("text")).to_json()},
        }

    def _free(self, base: str) -> str:
        name, count = base, 1
        while name in self.plan.components:
            count += 1
            name = f"{base}-{count}"
        return name


def _write_options(data: Dict[str, Any], options: Options) -> None:
    if options.retries:
        retry: Dict[str, Any] = {"max": options.retries, "backoff_ms": options.backoff or 0}
        retry["factor"] = float(options.backoff_factor or 0)
        if options.max_backoff is not None:
            retry["max_backoff_ms"] = options.max_backoff
        data["retry"] = retry
    if options.timeout is not None:
        data["timeout_ms"] = options.timeout
    if options.cache_key is not None:
        data["cache_key"] = options.cache_key
    if options.pool is not None:
        data["pool"] = options.pool
    if options.priority:
        data["priority"] = options.priority
    if options.secrets:
        data["secrets"] = options.secrets
    if options.executor is not None:
        data["executor"] = options.executor
    if options.resources:
        data["resources"] = options.resources


def _may_cache(step: Step, options: Options) -> bool:
    """A step that makes nothing is there for its effects, and one that hears how others ended tells somebody."""
    if options.cache is not None:
        return options.cache
    return bool(step.outputs) and all(port.kind.name != "status" for port in step.inputs.values())


def _work(step: Step, options: Options) -> Dict[str, Any]:
    spec: Dict[str, Any] = {"step": step.name, "function": step.name, "packages": list(step.packages)}
    if step.python:
        spec["python"] = step.python
    if options.experiment:
        spec["experiment"] = options.experiment
    return {
        "kind": WORK,
        "spec": spec,
        "inputs": {name: port.to_json() for name, port in step.inputs.items()},
        "outputs": {name: port.to_json() for name, port in step.outputs.items()},
    }


def _identity(value: Value) -> Tuple[Any, ...]:
    """Equal for values that are the same thing."""
    if isinstance(value, Parameter):
        return ("input", id(value.owner), value.name)
    if isinstance(value, Reference):
        return ("output", id(value.task), value.port)
    assert isinstance(value, StatusOf)
    return ("status", id(value.task))


def _name(value: Value) -> str:
    if isinstance(value, Parameter):
        return value.name
    if isinstance(value, Reference):
        return f"{value.task.name}.{value.port}"
    assert isinstance(value, StatusOf)
    return f"{value.task.name}.status"


def _container(value: Value) -> Kind:
    return Kind("map" if isinstance(value.select[0], str) else "list")


def _refuse_cycles(graph: Graph, needs: Dict[str, List[str]]) -> None:
    """Errs with the way round, if tasks wait for each other."""
    done: Dict[str, bool] = {}

    def visit(name: str, way: List[str]) -> Optional[List[str]]:
        if name in done:
            return None if done[name] else way[way.index(name) :] + [name]
        done[name] = False
        for need in needs[name]:
            found = visit(need, [*way, name])
            if found:
                return found
        done[name] = True
        return None

    for task in graph.tasks:
        cycle = visit(task.name, [])
        if cycle:
            raise DefinitionError(
                f"tasks of `{graph.name}` wait for each other: {' → '.join(cycle)} (each needs the next)",
                "take one `.after` away",
            )

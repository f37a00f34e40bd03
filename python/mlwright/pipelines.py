"""``@pipeline``: a function that calls steps; traced, it is a plan that runs here or on a server."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Union, overload

from mlwright.errors import DefinitionError
from mlwright.graph import Graph, Inside, Task, current, kind_at
from mlwright.kinds import RESULT, Port, checked, input_port, is_output
from mlwright.plan import Plan
from mlwright.steps import arguments_of, check_name, signature_of
from mlwright.values import Reference, value_of

if TYPE_CHECKING:
    from mlwright.local import LocalRun
    from mlwright.remote import Run, Schedule


class Pipeline:
    """A function that calls steps.

    ``local(…)`` runs it in this process, ``submit(…)`` and ``run(…)`` on a server; called in another pipeline it is a
    task.
    """

    def __init__(self, function: Callable[..., Any], name: Optional[str] = None, experiment: Optional[str] = None):
        functools.update_wrapper(self, function)
        self.function = function
        self.name: str = name or function.__name__
        #: Of its steps that name none.
        self.experiment = experiment
        where = f"pipeline `{self.name}`"
        check_name(self.name, where)
        signature, hints = signature_of(function, where)
        self.inputs: Dict[str, Port] = {}
        for parameter in signature.parameters.values():
            what = f"`{parameter.name}` of {where}"
            annotation = hints.get(parameter.name, parameter.annotation)
            if is_output(annotation):
                raise DefinitionError(f"{what} is an output", "return the outputs of steps")
            self.inputs[parameter.name] = input_port(parameter.name, annotation, parameter.default, what)

    def plan(self) -> Plan:
        """What it does, as the server takes it. Errors in it are raised here."""
        graph = Graph(self.name)
        self._trace(graph)
        return Plan(self.name, graph)

    def _trace(self, graph: Graph) -> None:
        graph.inputs.update(self.inputs)
        with Inside(graph):
            returned = self.function(**{name: graph.parameter(name) for name in self.inputs})
        if not graph.tasks:
            raise DefinitionError(f"pipeline `{self.name}` runs nothing", "call a step in it")
        for name, given in _returned(returned, self.name).items():
            value = value_of(given)
            if not isinstance(value, Reference):
                raise DefinitionError(
                    f"pipeline `{self.name}` returns {given!r} as `{name}`", "return outputs of steps"
                )
            kind_at(value, graph)
            graph.results[name] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        graph = current()
        if graph is None:
            given = dict(zip(self.inputs, args))
            if len(given) < len(args) or given.keys() & kwargs.keys():
                raise DefinitionError(f"pipeline `{self.name}` is given an input too many, or one of them twice")
            return self.local({**given, **kwargs})
        task = Task(graph.unique(self.name))
        task.arguments = arguments_of(graph, self.name, self.inputs, (), args, kwargs)
        graph.add(task)
        task.body = Graph(self.name, task)
        self._trace(task.body)
        task.ports = {name: kind_at(value, task.body) for name, value in task.body.results.items()}
        return task

    def checked_inputs(self, given: Dict[str, Any]) -> Dict[str, Any]:
        """What a run takes. Raises ``ValueRefused`` or ``DefinitionError`` naming the input."""
        for name in given:
            if name not in self.inputs:
                known = ", ".join(f"`{known}`" for known in self.inputs) or "none"
                raise DefinitionError(f"pipeline `{self.name}` has no input `{name}`; it has {known}")
        values: Dict[str, Any] = {}
        for name, port in self.inputs.items():
            where = f"input `{name}` of pipeline `{self.name}`"
            if port.kind.is_artifact and not port.optional:
                raise DefinitionError(
                    f"{where} is {port.kind}, which only another pipeline can give",
                    "take its address, and use `external`",
                )
            if name in given:
                values[name] = checked(port, given[name], where)
            elif not (port.optional or port.has_default):
                raise DefinitionError(f"{where} is missing; it takes {port.kind}")
        return values

    def local(self, inputs: Optional[Dict[str, Any]] = None, /, **more: Any) -> "LocalRun":
        """Runs it in this process; files lie below ``.mlwright/runs/``. Raises ``RunFailed`` if it does not succeed.

        Everything is as on the server, but for environments, timeouts and caches, of which there are none.
        """
        from mlwright.local import run

        return run(self.plan(), self.checked_inputs({**(inputs or {}), **more}))

    def submit(
        self,
        inputs: Optional[Dict[str, Any]] = None,
        /,
        *,
        name: Optional[str] = None,
        experiment: Optional[str] = None,
        use_cache: bool = True,
        executor: Optional[str] = None,
        server: Any = None,
        **more: Any,
    ) -> "Run":
        """Hands it to a server with its code, and returns at once.

        ``server``: an address, or what ``mlwright.start()`` gave; else ``MLWRIGHT_URL``, the server of this process,
        or ``http://127.0.0.1:5000``. ``experiment``: where tracking runs are made for steps that name none.
        ``executor``: where steps run that do not say it themselves. An input that is called like one of these is given
        in the dict ``inputs``.
        """
        from mlwright.remote import submit

        values = self.checked_inputs({**(inputs or {}), **more})
        return submit(
            self, values, name=name, experiment=experiment, use_cache=use_cache, executor=executor, server=server
        )

    def run(self, inputs: Optional[Dict[str, Any]] = None, /, **more: Any) -> "Run":
        """``submit``, waits for the end and tells what happens. Raises ``RunFailed`` if it does not succeed."""
        return self.submit(inputs, **more).wait(show=True)

    def schedule(
        self,
        inputs: Optional[Dict[str, Any]] = None,
        /,
        *,
        cron: Optional[str] = None,
        every: Union[str, float, None] = None,
        time_zone: str = "UTC",
        name: Optional[str] = None,
        catch_up: bool = False,
        max_concurrency: int = 1,
        server: Any = None,
        **more: Any,
    ) -> "Schedule":
        """Has a server run it by the clock: by ``cron`` (5 fields, or 6 with seconds first), or ``every`` so often."""
        from mlwright.remote import schedule

        values = self.checked_inputs({**(inputs or {}), **more})
        return schedule(
            self,
            values,
            cron=cron,
            every=every,
            time_zone=time_zone,
            name=name,
            catch_up=catch_up,
            max_concurrency=max_concurrency,
            server=server,
        )

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"


def _returned(given: Any, name: str) -> Dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, dict):
        return dict(given)
    if isinstance(given, tuple) and hasattr(given, "_asdict"):
        return dict(given._asdict())
    if isinstance(given, (tuple, list)):
        raise DefinitionError(f"pipeline `{name}` returns several things without names", "return a dict of outputs")
    if isinstance(given, Task):
        return {RESULT: given.output} if len(given.ports) == 1 else dict(given.outputs.as_dict())
    return {RESULT: given}


@overload
def pipeline(function: Callable[..., Any]) -> Pipeline: ...


@overload
def pipeline(
    *, name: Optional[str] = None, experiment: Optional[str] = None
) -> Callable[[Callable[..., Any]], Pipeline]: ...


def pipeline(function: Any = None, *, name: Optional[str] = None, experiment: Optional[str] = None) -> Any:
    """Makes a pipeline of a function that calls steps: its parameters are a run's inputs, what it returns its outputs.

    ``experiment``: where tracking runs are made for steps that name none themselves.
    """

    def make(function: Any) -> Pipeline:
        if not inspect.isfunction(function):
            raise DefinitionError(f"`@pipeline` stands before {function!r}, which is no function", "write `@pipeline`")
        return Pipeline(function, name, experiment)

    return make if function is None else make(function)

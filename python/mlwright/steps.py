"""``@step``: a function that runs as a process of its own, with typed inputs and outputs."""

from __future__ import annotations

import functools
import inspect
import typing
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union, overload

from mlwright.errors import DefinitionError
from mlwright.graph import Graph, Task, current, kind_at
from mlwright.kinds import RESULT, Kind, Port, checked, input_port, is_output, kind_of
from mlwright.options import Options, options_of
from mlwright.values import StatusOf, value_of


class Step:
    """A function with its inputs and outputs. In a pipeline, calling it adds a task; elsewhere it is the function."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: Optional[str] = None,
        packages: Sequence[str] = (),
        python: Optional[str] = None,
        options: Optional[Options] = None,
    ):
        functools.update_wrapper(self, function)
        self.function = function
        self.name: str = name or function.__name__
        self.packages = _packages(packages, self.name)
        self.python = python
        self.options = options or Options()
        where = f"step `{self.name}`"
        check_name(self.name, where)
        signature, hints = signature_of(function, where)
        #: What a caller gives, by name.
        self.inputs: Dict[str, Port] = {}
        #: What it makes, by name: files to write to, and what it returns.
        self.outputs: Dict[str, Port] = {}
        #: Outputs among the parameters.
        self.files: List[str] = []
        for parameter in signature.parameters.values():
            self._take(parameter, hints.get(parameter.name, parameter.annotation), where)
        #: Names of the returned values; ``RESULT`` alone if it is one value.
        self.returns: List[str] = self._read_returns(hints.get("return"), where)

    def _take(self, parameter: inspect.Parameter, annotation: Any, where: str) -> None:
        what = f"`{parameter.name}` of {where}"
        if is_output(annotation):
            kind = kind_of(annotation, what)
            if not kind.is_artifact or kind.many:
                raise DefinitionError(f"{what} is an output of {kind}", "return it, and annotate the return type")
            self.outputs[parameter.name] = Port(parameter.name, kind)
            self.files.append(parameter.name)
        else:
            self.inputs[parameter.name] = input_port(parameter.name, annotation, parameter.default, what)

    def _read_returns(self, annotation: Any, where: str) -> List[str]:
        if annotation in (None, type(None), inspect.Signature.empty):
            return []
        fields = getattr(annotation, "__annotations__", None) if _is_named_tuple(annotation) else None
        if fields is None:
            returned = {RESULT: annotation}
        else:
            returned = typing.get_type_hints(annotation)
        for name, of in returned.items():
            what = f"what {where} returns" if fields is None else f"`{name}` that {where} returns"
            # The port of an Optional parameter has all that is needed.
            port = input_port(name, of, inspect.Parameter.empty, what)
            if port.kind.is_artifact:
                raise DefinitionError(
                    f"{what} is an artifact", "take it as a parameter `model: Output[Model]` and write to `model.path`"
                )
            if port.kind.name == "status" or name in self.outputs:
                raise DefinitionError(f"{what} cannot be an output")
            self.outputs[name] = port
        return list(returned)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        graph = current()
        if graph is None:
            return self.function(*args, **kwargs)
        return self._add_to(graph, args, kwargs)

    def _add_to(self, graph: Graph, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Task:
        task = Task(graph.unique(self.name), {name: port.kind for name, port in self.outputs.items()})
        task.step = self
        task.arguments = arguments_of(graph, self.name, self.inputs, self.files, args, kwargs)
        task.all_done = any(isinstance(given, StatusOf) for given in task.arguments.values())
        task.options = self.options
        return graph.add(task)

    def __repr__(self) -> str:
        return f"<step {self.name}>"


@overload
def step(function: Callable[..., Any]) -> Step: ...


@overload
def step(
    *,
    name: Optional[str] = None,
    packages: Sequence[str] = (),
    python: Optional[str] = None,
    retries: int = 0,
    backoff: Union[str, float, None] = None,
    backoff_factor: Optional[float] = None,
    max_backoff: Union[str, float, None] = None,
    timeout: Union[str, float, None] = None,
    cache: Optional[bool] = None,
    cache_key: Optional[str] = None,
    experiment: Optional[str] = None,
    pool: Optional[str] = None,
    priority: int = 0,
    secrets: Optional[Dict[str, str]] = None,
    executor: Optional[str] = None,
    resources: Optional[Dict[str, Any]] = None,
) -> Callable[[Callable[..., Any]], Step]: ...


def step(function: Any = None, **options: Any) -> Any:
    """Makes a step of a function.

    Parameters are its inputs: ``int``, ``float``, ``str``, ``bool``, ``list``, ``dict``, ``Literal``, ``Optional`` of
    these, and ``Input[Dataset]`` for what another step wrote. ``Output[Model]`` parameters are files that it writes.
    What it returns is an output too; a ``NamedTuple`` is several.

    ``packages``: what pip would install, for an environment of its own on the server; without it the step runs in the
    server's Python. ``python``: the version of that environment, such as ``3.11``. ``retries``, ``backoff``,
    ``backoff_factor``, ``max_backoff``: tries after a failure, and the pause before them. ``timeout``: ends it. Times
    are seconds, or texts such as ``90s`` and ``1h30m``. ``cache``: whether an equal earlier task's outputs may be
    taken (not for steps without outputs, unless said); ``cache_key`` says yourself what equal is. ``experiment``:
    where a tracking run is made for it, with its plain inputs as params and its returned numbers as metrics.
    ``pool``, ``priority``: whom it shares a limit with, and who comes first. ``secrets``: variables of its
    environment that get secrets of the server's workspace, such as ``{"API_KEY": "vendor/key"}``; its log does not
    show their values, and here they are what this process's environment says. ``executor``: where it runs when a server
    has it: ``process``, ``zygote``, or a cluster that the workspace knows; ``resources``: what it wants there, such as
    ``{"cpus": 4, "gpus": 1, "memory_mib": 16384}``.
    """
    if function is None:
        return functools.partial(_make, options)
    if not callable(function):
        raise DefinitionError(
            f"`@step` stands before {function!r}, which is no function", "write `@step` or `@step(…)`"
        )
    return _make(options, function)


def _make(options: Dict[str, Any], function: Callable[..., Any]) -> Step:
    if isinstance(function, (staticmethod, classmethod)) or inspect.isclass(function):
        raise DefinitionError(f"`@step` stands before {function!r}, which is no function")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise DefinitionError(f"step `{function.__name__}` is asynchronous or a generator", "make it a plain function")
    options = {key: value for key, value in options.items() if value is not None}
    own = {key: options[key] for key in ("name", "packages", "python") if key in options}
    rest = {key: value for key, value in options.items() if key not in own}
    where = f"step `{own.get('name') or function.__name__}`"
    return Step(function, options=options_of(rest, where), **own)


def arguments_of(
    graph: Graph,
    name: str,
    inputs: Dict[str, Port],
    files: Sequence[str],
    args: Tuple[Any, ...],
    kwargs: Dict[str, Any],
) -> Dict[str, Any]:
    """By input: the value or constant that a call gives, checked against what is declared."""
    names = list(inputs)
    if len(args) > len(names):
        raise DefinitionError(f"`{name}` takes {len(names)} inputs, and {len(args)} were given")
    given = dict(zip(names, args))
    for key, argument in kwargs.items():
        if key in given:
            raise DefinitionError(f"`{name}` is given its input `{key}` twice")
        if key in files:
            raise DefinitionError(
                f"`{key}` is an output of `{name}`", "leave it out: the step gets the place to write to"
            )
        if key not in inputs:
            known = ", ".join(f"`{known}`" for known in names) or "none"
            raise DefinitionError(f"`{name}` has no input `{key}`; it has {known}")
        given[key] = argument
    for key, port in inputs.items():
        where = f"input `{key}` of `{name}`"
        if key not in given:
            if not (port.optional or port.has_default):
                raise DefinitionError(f"{where} is missing; it takes {port.kind}")
            continue
        value = value_of(given[key])
        if value is not None:
            kind = kind_at(value, graph)
            if not port.kind.accepts(kind):
                hint = None
                if kind.of_item() is not None and port.kind.accepts(kind.of_item() or Kind("any")):
                    hint = "loop over it with `each`"
                raise DefinitionError(f"{where} takes {port.kind}; {value!r} is {kind}", hint)
            given[key] = value
        elif port.kind.is_artifact and given[key] is not None:
            raise DefinitionError(
                f"{where} takes {port.kind}, not {given[key]!r}",
                "give it an output of another step, or `external(address, Dataset)`",
            )
        else:
            given[key] = checked(port, given[key], where)
    return given


def check_name(name: str, where: str) -> None:
    """Names become parts of paths."""
    allowed = name.replace("_", "").replace("-", "").replace(".", "")
    if not (allowed.isascii() and allowed.isalnum() and len(name) <= 100) or name.startswith("."):
        raise DefinitionError(
            f"{where}: `{name}` is no usable name",
            "up to 100 letters, digits, `-`, `_`, `.`; use `.named(…)` for people",
        )


def signature_of(function: Callable[..., Any], where: str) -> Tuple[inspect.Signature, Dict[str, Any]]:
    """Its parameters, and the types that its annotations name."""
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DefinitionError(f"{where} takes `*{parameter.name}`", "name every input")
    try:
        hints = typing.get_type_hints(function, localns=_closure(function), include_extras=True)
    except Exception as error:
        raise DefinitionError(
            f"{where}: its annotations cannot be read: {error}", "import the types at the top of the module"
        ) from error
    return signature, hints


def _closure(function: Callable[..., Any]) -> Dict[str, Any]:
    found = inspect.getclosurevars(function) if inspect.isfunction(function) else None
    return dict(found.nonlocals) if found else {}


def _is_named_tuple(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def _packages(packages: Any, name: str) -> Tuple[str, ...]:
    if isinstance(packages, str) or not all(isinstance(package, str) and package.strip() for package in packages):
        raise DefinitionError(
            f"`packages` of step `{name}` is {packages!r}", "a list of what pip takes, such as ['scikit-learn==1.7.2']"
        )
    return tuple(packages)

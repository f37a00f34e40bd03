"""The source of a function that stands in no module, such as a cell of a notebook, with everything that it names."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import textwrap
import types
import typing
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from mlwright.errors import DefinitionError

if TYPE_CHECKING:
    from mlwright.steps import Step


def source_of(step: "Step") -> str:
    """A module's text that defines the function without its decorators, and what it uses from around it."""
    found: Dict[str, str] = {}
    _define(step.function, step.name, found)
    return "\n\n".join(["from __future__ import annotations", *found.values()]) + "\n"


def _define(function: Any, of: str, found: Dict[str, str]) -> None:
    name = function.__name__
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise DefinitionError(
            f"the source of `{name}`, which step `{of}` needs, is not known", "put it into a file, and import it"
        ) from error
    tree = ast.parse(text)
    definition = tree.body[0]
    if not isinstance(definition, (ast.FunctionDef, ast.ClassDef)):
        raise DefinitionError(f"`{name}`, which step `{of}` needs, is not defined by `def` or `class`")
    definition.decorator_list = []
    found[name] = ""  # Named before its own names are looked at: it may call itself.
    scope = _scope(function)
    for used in sorted(_names(definition)):
        if used in found or hasattr(builtins, used) and used not in scope:
            continue
        if used in scope:
            _bring(used, scope[used], of, found)
    # After what it needs: classes are read when they are defined.
    del found[name]
    found[name] = ast.unparse(tree)


def _scope(function: Any) -> Dict[str, Any]:
    """Every name that it can see."""
    if inspect.isclass(function):
        module = inspect.getmodule(function)
        return dict(vars(module)) if module else {}
    scope = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            scope[name] = cell.cell_contents
        except ValueError:
            continue  # Not assigned yet.
    return scope


def _names(tree: ast.AST) -> "set[str]":
    """Every name in it, also in annotations that are texts."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            names |= _names(ast.parse(annotation.value, mode="eval"))
    return names


def _bring(name: str, value: Any, of: str, found: Dict[str, str]) -> None:
    if isinstance(value, types.ModuleType):
        if value.__name__ != "__main__":
            found[name] = f"import {value.__name__} as {name}" if value.__name__ != name else f"import {name}"
            return
    place = _importable(name, value)
    if place is not None:
        found[name] = f"from {place[0]} import {place[1]}" + ("" if place[1] == name else f" as {name}")
        return
    inner = getattr(value, "function", None)
    if inspect.isfunction(inner) and type(value).__module__.startswith("mlwright."):
        value = inner
    if inspect.isfunction(value) or inspect.isclass(value):
        _define(value, of, found)
        if value.__name__ != name:
            found[name] = f"{name} = {value.__name__}"
        return
    if _is_plain(value):
        found[name] = f"{name} = {value!r}"
        return
    raise DefinitionError(
        f"step `{of}` uses `{name}`, a {type(value).__name__} that cannot travel with its source",
        "make it in the step, give it as an input, or put both into a file",
    )


def _importable(name: str, value: Any) -> "Tuple[str, str] | None":
    """Module and name under which another process finds it."""
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    candidates: List[Tuple[str, str]] = [("mlwright", name), ("typing", name)]
    if isinstance(module, str) and isinstance(qualname, str) and module != "__main__" and "." not in qualname:
        candidates.insert(0, (module, qualname))
    for place, attribute in candidates:
        try:
            found = getattr(importlib.import_module(place), attribute, None)
        except ImportError:
            continue
        # Generic aliases of `typing` are equal, not the same.
        if found is value or (
            found is not None and place == "typing" and isinstance(found, type(typing.List)) and found == value
        ):
            return place, attribute
    return None


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(_is_plain(item) for item in value)
    return isinstance(value, dict) and all(_is_plain(k) and _is_plain(v) for k, v in value.items())

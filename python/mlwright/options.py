"""How a step is run: retries, timeout, cache, environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, Dict, Optional, Tuple

from mlwright.errors import DefinitionError

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


@dataclass(frozen=True)
class Options:
    """``None`` means: not said here."""

    retries: Optional[int] = None
    #: Milliseconds, like the other times.
    backoff: Optional[int] = None
    backoff_factor: Optional[float] = None
    max_backoff: Optional[int] = None
    timeout: Optional[int] = None
    cache: Optional[bool] = None
    cache_key: Optional[str] = None
    experiment: Optional[str] = None
    pool: Optional[str] = None
    priority: Optional[int] = None
    #: Names of secrets of the workspace, by the variable that gets the value.
    secrets: Optional[Dict[str, str]] = None
    executor: Optional[str] = None
    #: ``{"cpus", "gpus", "memory_mib"}``.
    resources: Optional[Dict[str, Any]] = None

    def over(self, base: "Options") -> "Options":
        """These, and those of ``base`` where these say nothing."""
        said = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        return replace(base, **said)


_TIMES = ("backoff", "max_backoff", "timeout")
_TYPES: Dict[str, Tuple[type, ...]] = {
    "retries": (int,),
    "backoff_factor": (int, float),
    "cache": (bool,),
    "cache_key": (str,),
    "experiment": (str,),
    "pool": (str,),
    "priority": (int,),
    "secrets": (dict,),
    "executor": (str,),
    "resources": (dict,),
}
_RESOURCES = ("cpus", "gpus", "memory_mib")


def options_of(given: Dict[str, Any], where: str, base: Optional[Options] = None) -> Options:
    """Checks names and values. Raises ``DefinitionError``."""
    read: Dict[str, Any] = {}
    for name, value in given.items():
        if name in _TIMES:
            read[name] = milliseconds(value, f"`{name}` of {where}")
            if name == "timeout" and read[name] == 0:
                raise DefinitionError(f"`timeout` of {where} is zero")
        elif name in _TYPES:
            wanted = _TYPES[name]
            if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
                raise DefinitionError(f"`{name}` of {where} is {value!r}, not {wanted[0].__name__}")
            if name in ("retries", "backoff_factor") and given[name] < 0:
                raise DefinitionError(f"`{name}` of {where} is {value}; it counts from 0")
            if name == "resources" and not set(value) <= set(_RESOURCES):
                raise DefinitionError(f"`resources` of {where} is {value!r}", f"it has {', '.join(_RESOURCES)}")
            read[name] = value
        else:
            known = ", ".join(f.name for f in fields(Options))
            raise DefinitionError(f"{where} has no option `{name}`", f"it has {known}")
    return Options(**read).over(base or Options())


def milliseconds(value: Any, where: str) -> int:
    """Seconds as a number, a ``timedelta``, or a text such as ``500ms``, ``30s``, ``10m``, ``1h30m``, ``2d``."""
    if isinstance(value, timedelta):
        millis: float = value.total_seconds() * 1_000
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        millis = value * 1_000
    elif isinstance(value, str) and re.fullmatch(r"(\d+(ms|[dhms]))+", value.strip()):
        millis = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[dhms])", value))
    else:
        raise DefinitionError(f"{where} is {value!r}, no length of time", "write it like 30s, 10m, 1h30m or 2d")
    if millis < 0:
        raise DefinitionError(f"{where} is {value!r}, less than nothing")
    return int(millis)

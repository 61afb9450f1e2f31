"""Compiled agents: one function with one narrow signature, handed to the loop as a first-class function.

    @hs.compiled_agent
    def decide(context, memory, history, row):
        context.targets[0] = 1.0 if history[row, 3] > history[row - 1, 3] else -1.0
        return hs.OK

``context``: record of ``engine.records.CONTEXT``. ``memory``: the agent's own float64 array. ``history``: read-only
float64 rows of open, high, low, close, volume and further columns. ``row``: the bar that has just closed; ``lookback``
earlier rows stand before it. A function that raises returns 0 instead of `OK`, which stops the run.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numba
from numba import types

from halfspread.compiled import PACKAGE, use_cache
from halfspread.engine.records import CONTEXT, OK
from halfspread.errors import StrategyError

__all__ = ["OK", "AgentFunction", "compiled_agent", "idle"]

SIGNATURE = types.int64(
    numba.from_dtype(CONTEXT), types.float64[::1], types.Array(types.float64, 2, "C", readonly=True), types.int64
)


class AgentFunction:
    """A decision function, compiled when it is first needed; calling it runs it as plain Python."""

    def __init__(self, function: Callable[..., int]) -> None:
        self.python = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__

    def __call__(self, context: Any, memory: Any, history: Any, row: int) -> int:
        return self.python(context, memory, history, row)

    @cached_property
    def native(self) -> Any:
        """The compiled function. Raises StrategyError with numba's reason where it cannot be compiled."""
        file = _source_file(self.python)
        try:
            if file is None:
                return numba.cfunc(SIGNATURE)(self.python)
            with use_cache(_neighbours_hash(file)):
                return numba.cfunc(SIGNATURE, cache=True)(self.python)
        except numba.core.errors.NumbaError as error:
            reason = "\n".join(str(error).strip().splitlines()[:12])
            raise StrategyError(
                f"compiled agent {self.__module__}.{self.__name__}: numba cannot compile it as "
                f"(context, memory, history, row) -> int status: {reason}"
            ) from error


def compiled_agent(function: Callable[..., int]) -> AgentFunction:
    """Make a compiled agent of ``function(context, memory, history, row)``; it returns `OK`. Compiles on first use."""
    return AgentFunction(function)


def _source_file(function: Callable[..., int]) -> Path | None:
    """The file of a function, or None for one typed into a notebook or ``python -c``, which cannot be cached."""
    try:
        path = Path(inspect.getfile(function))
    except TypeError:
        return None
    return path if path.is_file() and not path.name.startswith("<") else None


def _neighbours_hash(file: Path) -> str:
    """Hash of the Python files beside a user's agent, because numba does not notice an edit in a helper it calls."""
    if PACKAGE in file.resolve().parents or PACKAGE.parent in file.resolve().parents[:2]:
        return ""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(file.parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@compiled_agent
def idle(context: Any, memory: Any, history: Any, row: int) -> int:
    """Stands in where a Python agent decides."""
    return OK

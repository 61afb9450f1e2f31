"""Compiled agents: one function with one narrow signature, handed to the loop as a first-class function.

    @hs.compiled_agent
    def decide(context, memory, history, row):
        context.targets[0] = 1.0 if history[row, 3] > history[row - 1, 3] else -1.0
        return hs.OK

``context``: record of ``engine.records.CONTEXT``. ``memory``: the agent's own float64 array. ``history``: read-only
float64 rows of open, high, low, close, volume and further columns. ``row``: the bar that has just closed; ``lookback``
earlier rows stand before it. A function that raises, divides by zero or reaches out of an array stops the run with
StrategyError; a helper that it calls reaches out of an array unnoticed unless compiled with ``boundscheck=True``. An
index below zero counts from the end, as in NumPy: who reaches back further than ``lookback`` reads the future.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import numba
import numpy as np
from numba import types

from halfspread.compiled import PACKAGE, UNCOUNTED, use_cache
from halfspread.engine.bars import Floats
from halfspread.engine.codes import OK
from halfspread.engine.core_kernels import serve_core
from halfspread.engine.first_compile import await_core
from halfspread.engine.loop_kernels import loop
from halfspread.engine.records import CONTEXT, EVENT, STATE, Curve, Data, Records
from halfspread.errors import StrategyError

__all__ = ["OK", "AgentFunction", "compile_core", "compiled_agent", "idle", "start_loop"]

_compiling = threading.Lock()

SIGNATURE = types.int64(
    numba.from_dtype(CONTEXT), types.float64[::1], types.Array(types.float64, 2, "C", readonly=True), types.int64
)
ARRAYS = types.int64(types.Array(numba.from_dtype(CONTEXT), 1, "C"), *SIGNATURE.args[1:])


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
        with _compiling:
            try:
                return self._compile()
            except Exception as error:
                raise StrategyError(
                    f"compiled agent {self.__module__}.{self.__name__}{self._place}: numba cannot compile it as "
                    f"(context, memory, history, row) -> int status: {_reason(error)}"
                ) from error

    @cached_property
    def on_arrays(self) -> Any:
        """The compiled function for callers in Python, with an array of one context: ten times quicker to call than
        with a record. Raises as `native`."""
        native = self.native

        def call(contexts: Any, memory: Any, history: Any, row: int) -> Any:
            return native(contexts[0], memory, history, row)

        with _compiling:
            return numba.njit(ARRAYS, nogil=True)(call)

    def _compile(self) -> Any:
        """Without reference counts, which cost more than a short decision; with them for a function that allocates."""
        try:
            return self._compile_with(**UNCOUNTED)
        except numba.core.errors.NumbaError:
            return self._compile_with()

    def _compile_with(self, **more: bool) -> Any:
        # checking bounds costs 2 %; without, a wrong index is a crash or worse
        options: dict[str, Any] = {"nogil": True, "boundscheck": True, **more}
        file = _source_file(self.python)
        if file is not None:
            try:
                with use_cache(_neighbours_hash(file)):
                    return numba.njit(SIGNATURE, cache=True, **options)(self.python)
            except numba.core.errors.NumbaError:
                raise
            except Exception:  # a full disk, or a cache file that a crash cut off: do without
                pass
        return numba.njit(SIGNATURE, **options)(self.python)

    @property
    def _place(self) -> str:
        code = self.python.__code__
        return f" ({code.co_filename}, line {code.co_firstlineno})"


def compiled_agent(function: Callable[..., int]) -> AgentFunction:
    """Make a compiled agent of ``function(context, memory, history, row)``; it returns `OK`. Compiles on first use."""
    return AgentFunction(getattr(function, "py_func", function))  # of one that was decorated with njit already


def _source_file(function: Callable[..., int]) -> Path | None:
    """The file of a function, or None for one typed into a notebook or ``python -c``, which cannot be cached."""
    try:
        path = Path(inspect.getfile(function))
    except TypeError:
        return None
    return path if path.is_file() and not path.name.startswith("<") else None


def _neighbours_hash(file: Path) -> str:
    """Hash of the Python files beside a user's agent, because numba does not notice an edit in a helper it calls; none
    for our own kernels, which the name of the cache folder covers."""
    if not _own_folders().isdisjoint(file.resolve().parents):
        return ""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(file.parent.glob("*.py")):
        if path.is_file():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _own_folders() -> frozenset[Path]:
    return frozenset(folder.resolve() for folder in PACKAGE.iterdir() if folder.is_dir())


def _reason(error: Exception) -> str:
    """What numba found, without its search through every candidate."""
    if isinstance(error, KeyError):
        return f"context has no field {error}; there are {', '.join(CONTEXT.names or ())}"
    if not isinstance(error, numba.core.errors.NumbaError):
        return f"{type(error).__name__}: {error}"
    return "\n".join(str(error).strip().splitlines()[:12])


def start_loop(
    function: AgentFunction,
    core: Any,
    extra: Any,
    arguments: tuple[bool, Records, Floats, Floats, Data, Records, Curve],
) -> Iterator[int]:
    """The event loop over a chunk, for any agent function, core (``engine.core_kernels``) and extra
    (``engine.service_kernels``); ``arguments``: compiled, states, memory, history, data, events and curve of `loop`.

    It is compiled once, for functions of their signatures rather than for each of them, so no agent ever compiles it
    again. An exception of the function comes out of the iterator.
    """
    native = function.native
    if not (_is_compiled(core) and _is_compiled(extra) and _is_compiled(loop)):
        with _compiling:
            _compile_loop(core, extra, arguments)
    return loop(native, core, extra, *arguments)


def _is_compiled(dispatcher: Any) -> bool:
    return bool(dispatcher.signatures)


def _compile_loop(core: Any, extra: Any, arguments: tuple[Any, ...]) -> None:
    """Compile loop, core and extra for the types of ``arguments``, once and for all; the core last, since another
    process may be compiling it."""
    core_kind, extra_kind = _kinds(arguments[4])
    kinds = tuple(map(types.FunctionType, (SIGNATURE, core_kind, extra_kind)))
    _compile(extra, extra_kind.args)
    _compile(loop, (*kinds, *map(cast(Any, numba.typeof), arguments)))
    await_core()
    _compile(core, core_kind.args)


def compile_core() -> None:
    """Compile the core, or load it from the cache, for every tape there can be."""
    core_kind, _ = _kinds(_no_data())
    with _compiling:
        _compile(serve_core, core_kind.args)


def _no_data() -> Data:
    rows = np.zeros((0, 1))
    rows.flags.writeable = False
    return Data(rows, rows, rows, rows)


def _kinds(data: Data) -> tuple[Any, Any]:
    """Signatures of core and extra."""
    tail = (numba.from_dtype(STATE), numba.from_dtype(EVENT), cast(Any, numba.typeof)(data))
    extra_kind = types.int64(types.int64, *tail)
    return types.int64(types.int64, types.FunctionType(extra_kind), *tail), extra_kind


def _compile(dispatcher: Any, signature: Any) -> None:
    if not _is_compiled(dispatcher):
        dispatcher.compile(signature)
        dispatcher.disable_compile()


@compiled_agent
def idle(context: Any, memory: Any, history: Any, row: int) -> int:
    """Stands in where a Python agent decides."""
    return OK

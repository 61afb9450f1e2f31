"""Compile kernels with numba and keep them on disk, safely.

numba's disk cache notices an edit in the file of a function, but not in a function it calls from another file. So all
kernels of the package share one cache folder whose name holds a hash of every kernel source, and of the versions that
shape machine code. Nothing compiles on import: a kernel compiles, or is loaded, when it is first called.

The folder is ``$HALFSPREAD_CACHE_DIR``, else ``$XDG_CACHE_HOME/halfspread``, else ``~/.cache/halfspread``.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import types
from numba.core.options import DefaultOptions

__all__ = [
    "UNCOUNTED",
    "cache_folder",
    "cache_root",
    "inner_kernel",
    "kernel",
    "loop_kernel",
    "once_kernel",
    "prune_caches",
    "source_hash",
    "use_cache",
]

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = Path(__file__).resolve().parent
KERNEL_PATTERN = "*kernels.py"
_lock = threading.RLock()


def cache_root() -> Path:
    """The folder that holds one sub-folder for each version of the kernels."""
    named = os.environ.get("HALFSPREAD_CACHE_DIR")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()).absolute() / "halfspread"


@cache
def source_hash() -> str:
    """Hash of every kernel source of the package and of the Python, NumPy and numba versions; 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{platform.python_version()} {np.__version__} {numba.__version__}".encode())
    for path in _kernel_sources():
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _kernel_sources() -> list[Path]:
    folders = [folder for folder in PACKAGE.iterdir() if folder.is_dir()]
    sources = [path for folder in folders for path in folder.rglob(KERNEL_PATTERN)]
    records = [path for folder in folders for path in folder.rglob("*records.py")]
    own = [Path(__file__).resolve(), *(PACKAGE / "engine" / name for name in ("agent_functions.py", "codes.py"))]
    return sorted([*sources, *records, *own], key=lambda path: (path.parent.name, path.name))


@cache
def cache_folder(extra: str = "") -> Path:
    """The cache folder of this version of the kernels, created; a temporary one, deleted at exit, where the usual place
    cannot be written.

    ``extra`` is a further hash, used for compiled agents that live in files of the user.
    """
    name = f"kernels-{source_hash()}" + (f"-{extra}" if extra else "")
    try:
        folder = cache_root() / name
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):  # a home folder that cannot be told is a RuntimeError
        folder = Path(tempfile.mkdtemp(prefix="halfspread-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


def prune_caches() -> int:
    """Delete the caches of other versions of the kernels and return how many there were."""
    mine = f"kernels-{source_hash()}"
    if not cache_root().is_dir():
        return 0
    stale = [path for path in cache_root().glob("kernels-*") if not path.name.startswith(mine)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


@contextmanager
def use_cache(extra: str = "") -> Iterator[None]:
    """Decorate functions inside this block to have numba keep them in our cache folder; other code is not affected."""
    with _lock:
        settings: Any = numba.config
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(cache_folder(extra))
        try:
            yield
        finally:
            settings.CACHE_DIR = before


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba on first call: cached on disk, free of the interpreter lock, strict IEEE
    arithmetic."""
    return _compile(function)


def inner_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel that runs once per event: inlined into its caller, and without reference counts.

    numba counts references to every array argument with atomic instructions, which took two thirds of the time of the
    event loop. Without them a kernel cannot allocate: it works on the arrays of its caller.
    """
    return _compile(function, forceinline=True, **UNCOUNTED)


def once_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel that is called in one place: merged into its caller before that is compiled, which saves compiling it by
    itself."""
    return _compile(function, inline="always", **UNCOUNTED)


def loop_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Like `inner_kernel` for a body too large to be inlined."""
    return _compile(function, **UNCOUNTED)


#: numba's private switch for reference counts; without it kernels are slower but no less right.
UNCOUNTED: dict[str, bool] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


def _compile(function: Callable[P, R], **options: bool | str) -> Callable[P, R]:
    settings: dict[str, Any] = {"cache": True, "nogil": True, **options}
    with use_cache():
        compiled: Callable[P, R] = numba.njit(**settings)(function)
    _forgive(getattr(compiled, "_cache", None))
    _compile_once_for_constants(compiled)
    return compiled


def _plain(kind: Any) -> Any:
    return cast(Any, types).unliteral(kind)


def _compile_once_for_constants(dispatcher: Any) -> None:
    """Have one machine code serve every constant that is handed in; numba compiles one for each of them."""
    get_call_template = getattr(dispatcher, "get_call_template", None)
    if get_call_template is None:
        return

    def without_literals(arguments: Any, keywords: Any) -> Any:
        plain = {name: _plain(given) for name, given in dict(keywords).items()}
        return get_call_template(tuple(map(_plain, arguments)), plain)

    dispatcher.get_call_template = without_literals


def _forgive(disk_cache: Any) -> None:
    """Go on without the disk where a cache file cannot be written (full disk) or read (cut off by a crash)."""
    load, save = getattr(disk_cache, "load_overload", None), getattr(disk_cache, "save_overload", None)
    if load is None or save is None:
        return

    def load_overload(signature: Any, context: Any) -> Any:
        try:
            return load(signature, context)
        except Exception:
            return None

    def save_overload(signature: Any, compiled: Any) -> None:
        with suppress(OSError):
            save(signature, compiled)

    disk_cache.load_overload, disk_cache.save_overload = load_overload, save_overload

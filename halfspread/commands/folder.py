"""Run folders: ``runs/<name>/<id>/``, built beside their place and moved there when complete, never overwritten.

A folder that is being built is called ``.partial-<id>``. An error or an interruption removes it; what a killed process
leaves behind is removed by a later run of that name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from halfspread.errors import ConfigError, UserError

__all__ = ["Claim", "RunFolder", "inside", "resumable", "writing"]

PARTIAL = ".partial-"
_LOCKS = find_spec("fcntl") is not None
_NOTHING_KEPT = "nothing was kept of this run"
#: A folder this young (seconds) may belong to a process that has not locked it yet.
YOUNG = 60.0


class RunFolder:
    """A folder of results in the making; a context manager.

    ``building``: where to write. ``path``: where it will be, once the block has ended without an error.
    """

    def __init__(self, out: Path, name: str, digest: str) -> None:
        self._home = inside(out, name)
        self.name = name
        self._stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"
        self._lock: int | None = None
        self.path = self._home / self._stem
        self.building = self._home / f"{PARTIAL}{self._stem}"

    def __enter__(self) -> RunFolder:
        with writing(self._home):
            self._home.mkdir(parents=True, exist_ok=True)
            _sweep(self._home)
            for name in (self._stem, *(f"{self._stem}-{i}" for i in range(2, 1000))):
                self.path, self.building = self._home / name, self._home / f"{PARTIAL}{name}"
                if not self.path.exists() and not self.building.exists():
                    self.building.mkdir()
                    break
        self._lock = _locked(self.building)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                with writing(self.path):
                    os.rename(self.building, self.path)
        finally:
            if self._lock is not None:
                os.close(self._lock)
            if self.building.exists():
                shutil.rmtree(self.building, ignore_errors=True)
                with contextlib.suppress(OSError):
                    self._home.rmdir()  # only where this was to be the first run of its name


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A write that fails is told as an error of the user's machine: full disk, no permission, quota."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(
            f"cannot write {path}: {reason}; {_NOTHING_KEPT}, earlier runs are untouched. "
            "Make room, or choose another folder with --out"
        ) from error


@contextmanager
def resumable(what: str) -> Iterator[None]:
    """Around a command that keeps what is finished: a write that fails is told with that (``what``: cells, agents)."""
    try:
        yield
    except UserError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        kept = f"{what} that were written before are kept, and the same command goes on from there"
        raise UserError(str(error).replace(_NOTHING_KEPT, kept)) from error.__cause__


class Claim:
    """A hidden folder of half-done work for this process alone: ``path``, or ``path-2`` and so on where another process
    works in it. Raises UserError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        with writing(path):
            for name in (path, *(Path(f"{path}-{i}") for i in range(2, 1000))):
                name.mkdir(parents=True, exist_ok=True)
                self.path, self._lock = name, _locked(name)
                if self._lock is not None or not _LOCKS:
                    break

    def release(self, *, delete: bool = False) -> None:
        """Let go of the folder; it stays where it holds something, unless ``delete``."""
        if delete:
            shutil.rmtree(self.path, ignore_errors=True)
        for empty in (self.path, self.path.parent):
            with contextlib.suppress(OSError):
                empty.rmdir()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def inside(out: Path, name: str) -> Path:
    """The folder of the runs called ``name``. Raises ConfigError for a name that leads out of ``out``."""
    home = out / name
    if home.resolve().parent != out.resolve() or name in ("", ".", ".."):
        raise ConfigError(f"name: {name!r} would lead out of the folder of runs {out}")
    return home


def _locked(folder: Path) -> int | None:
    """A lock on a folder that ends with the process, or None where another process holds it or locks are unknown."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sweep(home: Path) -> None:
    """Remove what killed processes have left: partial folders that nobody holds a lock on."""
    for folder in home.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)

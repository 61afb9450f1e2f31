"""What the event loop replays, checked once and then mapped into memory: bars, books, quotes and trades as ``.npy``.

A part of a series is read from Parquet and checked by the engine the first time, and its arrays are kept beside the
store. Later they are mapped, read-only: nothing is read before it is used, processes share the memory, and the bits are
the same. An entry belongs to the hashes of the files that it was made of, to the terms on which these were read and to
the code that read them; those that no longer fit are deleted, and the longest unused beyond a limit of size.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from halfspread.datafeeds.store.atomic import TEMPORARY
from halfspread.datafeeds.store.locks import locked
from halfspread.engine import bars, clocks, depth, quote_carry, row_checks, row_columns, row_reading, trades
from halfspread.engine.bars import Bars
from halfspread.engine.depth import Depth
from halfspread.engine.trades import Trades
from halfspread.errors import DataError

__all__ = ["LIMIT", "ReplayCache"]

#: Bytes that all entries together may take, unless said otherwise.
LIMIT = 32 * 2**30
FORMAT = 1
_ABOUT = "about.json"
_ARRAYS = ("times", "local_times", "rows", "carried", "left_out")
_CLASSES: dict[str, type] = {"Bars": Bars, "Depth": Depth, "Trades": Trades}
_READERS = (bars, clocks, depth, quote_carry, row_checks, row_columns, row_reading, trades)

Rows = TypeVar("Rows", Bars, Depth, Trades)


class ReplayCache:
    """A folder of entries. ``limit``: bytes that they may take together; 0 keeps none."""

    def __init__(self, folder: str | Path, limit: int = LIMIT) -> None:
        self.folder, self._limit = Path(folder), limit

    def get(self, name: str, files: Mapping[str, str], terms: Mapping[str, Any], read: Callable[[], Rows]) -> Rows:
        """What ``read`` gives: mapped where it was kept, else read and kept.

        ``name``: of the series, a folder; ``files``: SHA-256 of the rows of each file that is read; ``terms``: all else
        that the result depends on, as values of JSON. Where nothing can be kept, for want of room or of the right to
        write, what was read is given all the same.
        """
        if not self._limit:
            return read()
        home = self.folder / name
        key = {"format": FORMAT, "code": _code(), "files": dict(sorted(files.items())), "terms": dict(terms)}
        entry = home / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        found: Rows | None = _load(entry, key)
        if found is not None:
            return found
        with ExitStack() as turn:
            try:
                turn.enter_context(locked(home))
            except DataError:  # nothing can be written here
                return read()
            found = _load(entry, key)  # another process was faster
            return self._kept(entry, key, read()) if found is None else found

    def _kept(self, entry: Path, key: dict[str, Any], rows: Rows) -> Rows:
        """Rows that were read, mapped from where they are kept now, or as they are where they cannot be kept."""
        _remove_stale(entry.parent, key)
        size = sum(getattr(rows, name).nbytes for name in _ARRAYS if getattr(rows, name, None) is not None)
        if not self._make_room(size):
            return rows
        beside = entry.with_name(f"{TEMPORARY}{entry.name}")
        try:
            _save(beside, key, rows)
            _remove(entry)  # one that is not whole
            os.rename(beside, entry)
        except OSError:
            return rows
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        found: Rows | None = _load(entry, key)
        return rows if found is None else found

    def size(self) -> int:
        """Bytes that the entries take."""
        return sum(size for _, _, size in self._entries())

    def clear(self) -> None:
        """Remove all entries."""
        for _, entry, _ in self._entries():
            _remove(entry)

    def _make_room(self, size: int) -> bool:
        """Remove the longest unused entries until ``size`` bytes fit; whether they do."""
        if size > self._limit:
            return False
        entries = sorted(self._entries())
        total = sum(each for _, _, each in entries)
        for _, entry, taken in entries:
            if total + size <= self._limit:
                break
            _remove(entry)
            total -= taken
        return True

    def _entries(self) -> list[tuple[float, Path, int]]:
        """When each was used last, where it is, and its bytes."""
        found = []
        for about in self.folder.glob(f"**/{_ABOUT}"):
            with contextlib.suppress(OSError):
                size = sum(file.stat().st_size for file in about.parent.iterdir())
                found.append((about.stat().st_mtime, about.parent, size))
        return found


@lru_cache
def _code() -> str:
    """A hash of the code that reads and checks rows: a change of it makes them anew."""
    whole = hashlib.sha256()
    for module in _READERS:
        whole.update(Path(str(module.__file__)).read_bytes())
    return whole.hexdigest()


def _save(folder: Path, key: dict[str, Any], rows: Bars | Depth | Trades) -> None:
    """Write an entry. Raises OSError."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    arrays, rest = {}, {}
    for field in fields(rows):
        value = getattr(rows, field.name)
        if field.name not in _ARRAYS:
            rest[field.name] = value
        elif value is not None:
            arrays[field.name] = [str(value.dtype), list(value.shape)]
            with (folder / f"{field.name}.npy").open("wb") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(value), allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
    about = {"key": key, "class": type(rows).__name__, "arrays": arrays, "fields": rest}
    (folder / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


def _load(folder: Path, key: dict[str, Any]) -> Any:
    """An entry, its arrays mapped; None where there is none, or one that is not whole."""
    try:
        about = json.loads((folder / _ABOUT).read_bytes())
        if about["key"] != json.loads(json.dumps(key)):
            return None
        arrays = {name: _mapped(folder / f"{name}.npy", *shape) for name, shape in about["arrays"].items()}
        rest = about["fields"]
        rest = rest | {name: tuple(map(tuple, rest[name])) for name in ("gaps",) if name in rest}
        rest = rest | {name: tuple(rest[name]) for name in ("columns",) if name in rest}
        empty = {field.name: None for field in fields(_CLASSES[about["class"]]) if field.name in _ARRAYS}
        found = _CLASSES[about["class"]](**empty | arrays | rest)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    with contextlib.suppress(OSError):
        os.utime(folder / _ABOUT)
    return found


def _mapped(path: Path, dtype: str, shape: list[int]) -> Any:
    """An array of this type and shape, mapped. Raises OSError or ValueError for what is another one."""
    empty = 0 in shape  # of which nothing can be mapped
    found = np.zeros(shape, dtype) if empty else np.lib.format.open_memmap(path, mode="r")
    if str(found.dtype) != dtype or list(found.shape) != shape:
        raise ValueError(f"{path}: expected {dtype} of {shape}")
    plain = np.asarray(found)
    plain.flags.writeable = False
    return plain


def _remove_stale(home: Path, key: dict[str, Any]) -> None:
    """Remove entries of a series whose files have changed since, and what killed processes left."""
    for folder in home.iterdir() if home.is_dir() else ():
        if folder.name.startswith(TEMPORARY):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.is_dir() and _stale(folder, key):
            _remove(folder)


def _stale(folder: Path, key: dict[str, Any]) -> bool:
    try:
        old = json.loads((folder / _ABOUT).read_bytes())["key"]
        same = all(key["files"].get(name, digest) == digest for name, digest in old["files"].items())
        return not same or any(old[name] != key[name] for name in ("format", "code"))
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _remove(entry: Path) -> None:
    """Remove an entry; the file without which it is none goes first."""
    with contextlib.suppress(OSError):
        (entry / _ABOUT).unlink(missing_ok=True)
        shutil.rmtree(entry, ignore_errors=True)

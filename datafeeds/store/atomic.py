"""Files that are written whole or not at all: beside their place, to the disk, then moved there.

What is being written is locked by its writer, where the system has such locks, so that what a killed one left is told
from what another one is at.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from halfspread.errors import DataError

__all__ = ["TEMPORARY", "Replacement", "hold", "remove_leftovers", "replacing", "write_text", "writing"]

#: What the name of a file that is being written begins with.
TEMPORARY = ".writing-"
_NUMBERS = itertools.count()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A write that fails is told as an error of the machine: full disk, quota, no permission."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(
            f"cannot write {path}: {reason}; what was there is untouched. Make room, or choose another folder with "
            "--store, and run the same command again: it goes on where it stopped"
        ) from error


class Replacement:
    """A file that is to take the place of ``path``: written to ``beside``, through ``file``, and moved by `commit`, or
    removed by `drop`. Raises DataError where that fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.beside = path.with_name(f"{TEMPORARY}{os.getpid()}-{next(_NUMBERS)}-{path.name}")
        with writing(path):
            self.file: IO[bytes] = self.beside.open("wb")
        hold(self.file.fileno(), wait=False)

    def sync(self) -> None:
        """Have all that was written on the disk."""
        with writing(self.path):
            self.file.flush()
            os.fsync(self.file.fileno())

    def commit(self, *, last: bool = True) -> None:
        """Put the file in its place; ``last``: of those in its folder, whose names go to the disk with its own."""
        self.sync()
        with writing(self.path):
            os.replace(self.beside, self.path)
            self.file.close()
        if last:
            _sync_folder(self.path.parent)

    def drop(self) -> None:
        """Leave nothing of it; does nothing after `commit`."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.beside.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of ``path`` when the block ends without an error; else nothing is left
    of it. Raises DataError where it cannot be written."""
    replacement = Replacement(path)
    try:
        with writing(path):
            yield replacement.file
        replacement.commit()
    finally:
        replacement.drop()


def write_text(path: Path, text: str) -> None:
    """Write a small file whole. Raises DataError."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in ``folder``: files that are being written, and that nobody holds."""
    for file in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            handle = os.open(file, os.O_RDWR)
            try:
                if hold(handle, wait=False):
                    file.unlink()
            finally:
                os.close(handle)


def hold(handle: int, *, wait: bool) -> bool:
    """Lock an open file until it is closed, or the process ends; whether that worked. Where the system has no such
    locks nothing is locked."""
    try:
        import fcntl
    except ImportError:  # Windows, which does not remove open files
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""Files that are written whole or not at all: beside their place, to the disk, then moved there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from halfspread.errors import DataError

__all__ = ["TEMPORARY", "remove_leftovers", "replacing", "write_text", "writing"]

#: What the name of a file that is being written begins with.
TEMPORARY = ".writing-"


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


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of ``path`` when the block ends without an error; else nothing is left
    of it. Raises DataError where it cannot be written."""
    beside = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with writing(path):
            with beside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
            _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small file whole. Raises DataError."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in ``folder``; only for who holds its lock."""
    for file in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            file.unlink()


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

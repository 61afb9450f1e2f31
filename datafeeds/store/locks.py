"""One writer at a time for a folder; readers need no lock, since files are replaced whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from halfspread.datafeeds.store.atomic import hold, remove_leftovers, writing

__all__ = ["LOCK", "locked"]

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``, which is made where it is missing; waits for another process that has it. The lock
    ends with the process. What killed writers left is removed. Where the system has no such locks nothing is locked.
    Raises DataError where the folder cannot be written."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        hold(handle, wait=True)
        remove_leftovers(folder)
        yield
    finally:
        os.close(handle)

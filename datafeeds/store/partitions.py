"""How a series is cut into files: one for each month or each day (UTC), named by it: 2024-01 or 2024-01-31."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from halfspread.datafeeds.store.kinds import Kind
from halfspread.engine.times import Integers

__all__ = ["ENDING", "bounds", "is_partition", "partition_of", "partitions_between", "split"]

ENDING = ".parquet"
_UNITS = {"month": "datetime64[M]", "day": "datetime64[D]"}
_FILES = {"month": re.compile(r"\d{4}-\d\d\.parquet"), "day": re.compile(r"\d{4}-\d\d-\d\d\.parquet")}


def partition_of(kind: Kind, time: int) -> str:
    """The name of the partition that holds ``time``."""
    return str(np.datetime64(int(time), "ns").astype(_UNITS[kind.partition]))


def bounds(name: str) -> tuple[int, int]:
    """First nanosecond of a partition, and of the one after it."""
    first = np.datetime64(name)
    return int(first.astype("datetime64[ns]").astype(np.int64)), int(
        (first + 1).astype("datetime64[ns]").astype(np.int64)
    )


def is_partition(kind: Kind, file: str) -> bool:
    """Whether a file of this name holds a partition of such a series."""
    if not _FILES[kind.partition].fullmatch(file):
        return False
    try:
        np.datetime64(file.removesuffix(ENDING))
    except ValueError:
        return False
    return True


def partitions_between(kind: Kind, start: int, end: int) -> Iterator[str]:
    """Names of the partitions of [start, end), in order."""
    unit = _UNITS[kind.partition]
    if start < end:
        first, last = (np.datetime64(int(time), "ns").astype(unit) for time in (start, end - 1))
        yield from (str(each) for each in np.arange(first, last + 1))


def split(kind: Kind, times: Integers) -> Iterator[tuple[str, slice]]:
    """Each partition that sorted times fall into, with where they stand."""
    if not len(times):
        return
    done = 0
    while done < len(times):
        name = partition_of(kind, int(times[done]))
        stop = int(np.searchsorted(times, bounds(name)[1]))
        yield name, slice(done, stop)
        done = stop

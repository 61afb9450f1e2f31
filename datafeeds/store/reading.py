"""Read rows of a series: of each file the groups of rows that a span falls into, and of them the rows in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from halfspread.datafeeds.store.columns import aligned, times_of
from halfspread.datafeeds.store.kinds import Kind
from halfspread.datafeeds.store.parquet_files import opened
from halfspread.datafeeds.store.series import Series
from halfspread.errors import DataError

__all__ = ["columns_of", "read_batches"]


def columns_of(paths: Sequence[Path], series: Series, wanted: Sequence[str] | None) -> list[str]:
    """The columns to read of these files, in the order of the kind: those ``wanted``, else all that any of them has.
    Raises DataError for one that the kind does not have."""
    kind = series.of_kind
    if wanted is not None:
        unknown = [name for name in wanted if name not in kind.names]
        if unknown:
            raise DataError(
                f"{series}: columns: expected some of {', '.join(kind.names[:24])}, got {', '.join(unknown)}"
            )
        return [name for name in kind.names if name in wanted]
    found = set(kind.required)
    for path in paths:
        with opened(path, series) as file:
            found.update(file.schema_arrow.names)
    return [name for name in kind.names if name in found]


def read_batches(path: Path, series: Series, start: int, end: int, names: list[str]) -> Iterator[pa.Table]:
    """The rows of a file from ``start`` to before ``end``, a group of rows at a time; columns that the file lacks are
    null. Raises DataError for a file that cannot be read."""
    kind = series.of_kind
    with opened(path, series) as file:
        there = [name for name in names if name in file.schema_arrow.names]
        for group in _groups(file, start, end):
            table = file.read_row_group(group, columns=list(dict.fromkeys(["ts", *there])), use_threads=False)
            times = times_of(table)
            first, limit = (int(np.searchsorted(times, time)) for time in (start, end))
            if first < limit:
                yield _with_columns(kind, table.slice(first, limit - first), names)


def _with_columns(kind: Kind, table: pa.Table, names: list[str]) -> pa.Table:
    return aligned(kind, table.replace_schema_metadata(None), set(names))


def _groups(file: Any, start: int, end: int) -> Iterator[int]:
    """Groups of rows that may hold a time from ``start`` to before ``end``."""
    at = file.schema_arrow.names.index("ts")
    for group in range(file.metadata.num_row_groups):
        known = file.metadata.row_group(group).column(at).statistics
        if known is None or not known.has_min_max or (known.min_raw < end and known.max_raw >= start):
            yield group

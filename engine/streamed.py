"""Bars of a Parquet file, read and checked block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.engine.bars import (
    BarChecker,
    Floats,
    Integers,
    fill_rows,
    infer_interval,
    parquet_blocks,
    shift_to_open,
    table_columns,
)
from halfspread.engine.records import BAR_COLUMNS, CLOSE, QUOTE_COLUMNS
from halfspread.engine.side_data import refuse_bars_in_gaps
from halfspread.engine.times import parse_interval, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["StreamedBars"]


@dataclass(frozen=True)
class StreamedBars:
    """Where the bars are and how to read them; ``first`` and ``last`` are open times of the bars that are replayed."""

    path: Path
    interval: int
    columns: tuple[str, ...]
    time_column: str
    time_unit: str
    stamp: str
    first: int
    last: int
    rows_in_file: int
    gaps: tuple[tuple[int, int], ...] = ()
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Name for messages."""
        return str(self.path)

    @property
    def first_close(self) -> float:
        """Close of the first bar."""
        for _, rows, _ in self.blocks(0):
            return float(rows[0, CLOSE])
        raise DataError(f"{self.path}: no bars")

    def __len__(self) -> int:
        return min(self.rows_in_file, (self.last - self.first) // self.interval + 1)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        interval: str | int | float | None,
        time_column: str,
        time_unit: str,
        stamp: str,
        extra: tuple[str, ...],
        start: int | None,
        end: int | None,
        gaps: tuple[tuple[int, int], ...],
    ) -> StreamedBars:
        """Look at the times of the file alone, and find the first and the last bar from ``start`` to ``end``."""
        import pyarrow.parquet

        if not path.is_file():
            raise DataError(f"{path}: no such file")
        names = next(parquet_blocks(path, [time_column, *BAR_COLUMNS, *QUOTE_COLUMNS, *extra]), None)
        if names is None:
            raise DataError(f"{path}: no bars")
        columns = table_columns(names, str(path), time_column, extra)
        what = f"{path}: column {time_column}"
        step = (
            parse_interval(interval)
            if interval is not None
            else infer_interval(to_nanoseconds(names[time_column], what, time_unit), str(path))
        )
        first = last = None
        for block in parquet_blocks(path, [time_column]):
            times = shift_to_open(to_nanoseconds(block[time_column], what, time_unit), step, stamp)
            times = times[_inside(times, step, start, end)]
            if len(times):
                first = int(times[0]) if first is None else first
                last = int(times[-1])
        if first is None or last is None:
            raise DataError(f"{path}: no bars from {_text(start)} to {_text(end)}")
        rows = pyarrow.parquet.read_metadata(path).num_rows
        return cls(path, step, columns, time_column, time_unit, stamp, first, last, rows, gaps)

    def blocks(self, lookback: int) -> Iterator[tuple[Integers, Floats, int]]:
        """(open times, rows, first new row) of block after block, ``lookback`` earlier rows before the new ones.

        Adds to ``counts`` as it goes. Raises DataError at the first bar that breaks a rule.
        """
        checker = BarChecker(self.interval, self.columns, str(self.path))
        kept_times, kept_rows = np.empty(0, np.int64), np.empty((0, len(self.columns)))
        for table in parquet_blocks(self.path, [self.time_column, *self.columns]):
            what = f"{self.path}: column {self.time_column}"
            times = shift_to_open(
                to_nanoseconds(table[self.time_column], what, self.time_unit), self.interval, self.stamp
            )
            rows = fill_rows(table, self.columns, str(self.path))
            inside = (times >= self.first) & (times <= self.last)
            if not inside.all():
                times, rows = times[inside], rows[inside]
            if not len(times):
                continue
            checker.check(times, rows)
            refuse_bars_in_gaps(times, self.interval, self.gaps, str(self.path))
            self.counts.update(checker.counts())
            times, rows = np.concatenate([kept_times, times]), np.concatenate([kept_rows, rows])
            times.flags.writeable = rows.flags.writeable = False
            yield times, rows, len(kept_times)
            keep = min(lookback, len(times))
            kept_times, kept_rows = times[len(times) - keep :], rows[len(rows) - keep :]


def _inside(times: Integers, step: int, start: int | None, end: int | None) -> np.ndarray[Any, np.dtype[np.bool_]]:
    inside = np.ones(len(times), bool)
    if start is not None:
        inside &= times >= start
    if end is not None:
        inside &= times + step <= end
    return inside


def _text(time: int | None) -> str:
    return "the edge" if time is None else time_text(time)

"""Bars of a Parquet file, read and checked block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halfspread.engine.bars import INTERVAL_ROWS, BarChecker, BarFormat, Floats, Integers, fill_rows, find_interval
from halfspread.engine.codes import CLOSE
from halfspread.engine.parquet import ParquetFiles, parquet_blocks, parquet_source
from halfspread.engine.side_data import refuse_bars_in_gaps
from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["StreamedBars"]


@dataclass(frozen=True)
class StreamedBars:
    """Where the bars are and how to read them.

    ``first`` and ``last``: open times, int64 ns UTC, of the bars that are replayed; ``first_row`` and ``end_row`` bound
    their rows in the file.
    """

    path: Path | ParquetFiles
    form: BarFormat
    interval: int
    columns: tuple[str, ...]
    first: int
    last: int
    first_row: int
    end_row: int
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
        raise DataError(f"{self.path}: no bars; was the file changed since it was opened?")

    def __len__(self) -> int:
        return self.end_row - self.first_row

    @classmethod
    def open(
        cls,
        path: str | Path | ParquetFiles,
        form: BarFormat,
        *,
        interval: str | int | float | None,
        start: int | None,
        end: int | None,
        gaps: tuple[tuple[int, int], ...],
    ) -> StreamedBars:
        """Look at the times of the file alone, and find the first and the last bar from ``start`` to ``end``.

        Raises DataError for a file that cannot be read, that lacks columns, or that has no such bar.
        """
        path, what = parquet_source(path), str(path)
        names = next(parquet_blocks(path, form.wanted), None)
        if names is None:
            raise DataError(f"{what}: expected bars, got no rows; give a file that has some")
        columns = form.columns(names, what)
        stamps = _first_stamps(path, form)
        step = find_interval(stamps, interval, what)
        form.carry(columns, step, what)
        first = last = first_row = end_row = row = latest = 0
        for block in parquet_blocks(path, [form.time_column]):
            times = form.opens(form.stamps(block, what, row), step)
            inside = np.flatnonzero(_inside(times, step, start, end))
            if len(inside):
                if not end_row:
                    first, first_row = int(times[inside[0]]), row + int(inside[0])
                last, end_row = int(times[inside[-1]]), row + int(inside[-1]) + 1
            row += len(times)
            latest = int(times[-1]) + step
        if not end_row:
            raise DataError(
                f"{what}: no bars from {_text(start, 'the beginning')} to {_text(end, 'the end')}; there are bars from "
                f"{time_text(int(form.opens(stamps, step)[0]))} to {time_text(latest)}"
            )
        return cls(path, form, step, columns, first, last, first_row, end_row, gaps)

    def blocks(self, lookback: int) -> Iterator[tuple[Integers, Floats, int]]:
        """(open times, rows, first new row) of block after block, ``lookback`` earlier rows before the new ones.

        Fills ``counts`` once all blocks were read. Raises DataError at the first bar that breaks a rule.
        """
        checker = BarChecker(self.interval, self.columns, self.source, self.first_row)
        carried = 0
        kept_times, kept_rows = np.empty(0, np.int64), np.empty((0, len(self.columns)))
        for new_times, new_rows, row, given in self._read():
            checker.check(new_times, new_rows)
            refuse_bars_in_gaps(new_times, self.interval, self.gaps, self.source, row)
            carried += given
            times, rows = np.concatenate([kept_times, new_times]), np.concatenate([kept_rows, new_rows])
            times.flags.writeable = rows.flags.writeable = False
            yield times, rows, len(kept_times)
            keep = len(times) - min(lookback, len(times))
            kept_times, kept_rows = times[keep:], rows[keep:]
        self.counts.update(checker.counts() | ({"quotes_carried": carried} if self.carry_limit else {}))

    @property
    def carry_limit(self) -> int:
        """The oldest quote that is carried forward, in nanoseconds; 0 where none is."""
        return self.form.carry_ns

    def _read(self) -> Iterator[tuple[Integers, Floats, int, int]]:
        """Open times and rows of the bars that are replayed, the number of the first of them in the file, and how many
        were given the last quote."""
        row = 0
        carry = self.form.carry(self.columns, self.interval, self.source)
        for table in parquet_blocks(self.path, [self.form.time_column, *self.columns]):
            count = len(table[self.form.time_column])
            here = slice(max(self.first_row - row, 0), min(self.end_row - row, count))
            # A quote from before the first bar is carried into it, as it is where all bars are in memory.
            start = 0 if carry is not None else here.start
            if start < here.stop and (carry is not None or here.start < here.stop):
                part = {name: values[start : here.stop] for name, values in table.items() if values is not None}
                times = self.form.opens(self.form.stamps(part, self.source, row + start), self.interval)
                rows = np.empty((len(times), len(self.columns)))
                fill_rows(part, self.columns, self.source, times, rows, row + start)
                given = None if carry is None else carry.fill(times, rows)
                skip = here.start - start
                if skip < len(times):
                    yield times[skip:], rows[skip:], row + here.start, 0 if given is None else int(given[skip:].sum())
            row += count
            if row >= self.end_row:
                return


def _first_stamps(path: Path | ParquetFiles, form: BarFormat) -> Integers:
    """Enough times to find the interval."""
    found, count = [], 0
    for block in parquet_blocks(path, [form.time_column]):
        found.append(form.stamps(block, str(path), count))
        count += len(found[-1])
        if count >= INTERVAL_ROWS:
            break
    return np.concatenate(found)


def _inside(
    times: Integers, step: int, start: int | None, end: int | None
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    inside = np.ones(len(times), bool)
    if start is not None:
        inside &= times >= start
    if end is not None:
        inside &= times + step <= end
    return inside


def _text(time: int | None, otherwise: str) -> str:
    return otherwise if time is None else time_text(time)

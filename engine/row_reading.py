"""Read the rows of a market from a table into memory: the wanted ones alone are checked and kept.

Times in integer nanoseconds UTC, prices in quote currency, sizes in contracts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from halfspread.engine.clocks import Clock, ClockChecker, shift_local, sort_order
from halfspread.engine.row_checks import Gaps, RowChecker, RowKind
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tables import OpenTable, Table
from halfspread.engine.times import Floats, Integers, time_text
from halfspread.errors import DataError

__all__ = ["ALL_ROWS", "CheckedRows", "Wanted", "empty_times", "gather"]


@dataclass(frozen=True)
class Wanted:
    """Which rows of a table are wanted: those from ``start`` to ``end`` by exchange time, both included (int64 ns, None
    for no bound). ``closed``: declared gaps (start, end), in which there may be none."""

    start: int | None = None
    end: int | None = None
    closed: Gaps = ()

    def inside(self, times: Integers) -> slice:
        """The wanted ones of sorted times."""
        first = 0 if self.start is None else int(np.searchsorted(times, self.start))
        return slice(first, len(times) if self.end is None else int(np.searchsorted(times, self.end, side="right")))

    def none(self, name: str, source: str, clock: Clock) -> DataError:
        """What to raise where no row is wanted; ``name``: of the rows; ``clock``: of the whole table."""
        start = "the beginning" if self.start is None else time_text(self.start)
        end = "the end" if self.end is None else time_text(self.end)
        return DataError(
            f"{source}: no {name} from {start} to {end}; there are {name} from {time_text(clock.first)} to "
            f"{time_text(clock.last)}"
        )


#: Without bounds and declared gaps.
ALL_ROWS = Wanted()


@dataclass(frozen=True)
class CheckedRows:
    """Rows of a table: exchange and local times, rows, gaps, counts; exchange times of the rows that were left out;
    number of the first row in the source."""

    times: Integers
    local_times: Integers | None
    rows: Floats
    gaps: Gaps
    counts: dict[str, int]
    left_out: Integers
    first_row: int = 0

    def freeze(self) -> CheckedRows:
        """The same, read-only."""
        for array in (self.times, self.local_times, self.rows, self.left_out):
            if array is not None:
                array.flags.writeable = False
        return self


def gather(
    opened: OpenTable, find_kind: Callable[[Table], RowKind], fmt: TableFormat, wanted: Wanted = ALL_ROWS
) -> CheckedRows:
    """Read the wanted rows of all blocks of a table into arrays that are written once, and check them.

    The times of all rows are checked, and the clock that is found is that of all of them. Raises DataError.
    """
    kind, rows, parts = None, np.empty((0, 0)), _Parts()
    clocks, sorting = ClockChecker(fmt, opened.name), fmt.order == "sort"
    for table in opened.blocks:
        if kind is None:
            fmt.check_columns(table, opened.name)
            kind = find_kind(table)
        times, local = fmt.stamps(table, opened.name, parts.read)
        here = slice(0, len(times))
        if not sorting:
            clocks.check(times, local)
            here = wanted.inside(times)
        if not parts.read:
            rows = np.empty((opened.rows or here.stop - here.start, len(kind.columns)))
        if here.start < here.stop:
            out = rows[parts.kept : parts.kept + here.stop - here.start]
            _write(kind, table, opened.name, times, here, out, parts.read)
        parts.add(times, local, here)
    if kind is None or not parts.read:
        raise DataError(f"{opened.name}: expected rows, got none; give a source that has some")
    times, local, rows = parts.times, parts.local, rows[: parts.kept]
    numbering, late, first_row = None, 0, parts.first_row
    if sorting:
        order = sort_order(times, local)
        if order is not None:
            numbering, late = order
            times, rows = times[numbering], rows[numbering]
            local = None if local is None else np.maximum.accumulate(local[numbering])
        clocks.check(times, local)
        here = wanted.inside(times)
        times, rows, local = times[here], rows[here], None if local is None else local[here]
        numbering, first_row = None if numbering is None else numbering[here], here.start
    clock = clocks.finish()
    if not len(times):
        raise wanted.none(kind.name, opened.name, clock)
    checker = RowChecker(kind, opened.name, fmt, first_row, wanted.closed)
    good, gaps = checker.check(times, rows, True, numbering)
    local, left_out = shift_local(local, clock.shift), empty_times()
    if good is not None:
        left_out = times[~good]
        times, rows, local = times[good], rows[good], None if local is None else local[good]
    counts = {**checker.counts(), **clock.counts(), "rows_sorted": late}
    return CheckedRows(times, local, rows, gaps, counts, left_out, first_row).freeze()


def _write(kind: RowKind, table: Table, what: str, times: Integers, here: slice, out: Floats, first_row: int) -> None:
    """Write the rows ``here`` of a block, whose first row has a number. Raises DataError."""
    if here == slice(0, len(times)):
        kind.write(table, what, times, out, first_row)
        return
    columns = {name: table[name] for name in kind.wanted}
    if any(len(values) != len(times) for values in columns.values()):
        kind.write(table, what, times, np.empty((len(times), len(kind.columns))), first_row)
    part = {
        name: values.iloc[here] if isinstance(values, pd.Series) else values[here] for name, values in columns.items()
    }
    kind.write(part, what, times[here], out, first_row + here.start)


class _Parts:
    """Times of the blocks of a table, as far as they are wanted. ``read``: rows so far; ``kept``: wanted ones."""

    def __init__(self) -> None:
        self.read = self.kept = self.first_row = 0
        self._times: list[Integers] = []
        self._local: list[Integers] = []

    def add(self, times: Integers, local: Integers | None, here: slice) -> None:
        """One more block, of which ``here`` is wanted."""
        if not self.kept:
            self.first_row = self.read + here.start
        self._times.append(times[here])
        if local is not None:
            self._local.append(local[here])
        self.read += len(times)
        self.kept += max(here.stop - here.start, 0)

    @property
    def times(self) -> Integers:
        """Exchange times."""
        return np.concatenate(self._times)

    @property
    def local(self) -> Integers | None:
        """Local times."""
        return np.concatenate(self._local) if self._local else None


def empty_times() -> Integers:
    """No times, read-only."""
    times = np.zeros(0, np.int64)
    times.flags.writeable = False
    return times

"""Rows of a market read from a table and checked: what quotes, books and trades have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.clocks import ClockChecker, shift_local, sort_order
from halfspread.engine.depth_kernels import CODES
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tables import OpenTable, Table, numbers
from halfspread.engine.times import Floats, Integers, time_text
from halfspread.errors import DataError

__all__ = ["CheckedRows", "Fault", "RowChecker", "RowKind", "fill_columns", "gather"]

#: Rows that are written across columns at once: their cells fit into a processor's second cache.
_TILE = 256
#: Rows of a table that are turned into numbers at once.
_BLOCK = 8_192

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Gaps = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Fault:
    """A fault: its name in the counts, what was expected, and what to do."""

    count: str
    expected: str
    remedy: str


@dataclass(frozen=True)
class RowKind:
    """What the rows of a table are.

    ``columns``: names in the source, "" for one that it lacks, whose cells are ``absent``. ``check``: writes a code for
    each row and returns (bad rows, first, its column, rows with a quirk); ``quirk``: its name in the counts. ``shown``:
    columns that a message shows beside one.
    """

    name: str
    columns: tuple[str, ...]
    absent: float
    faults: Mapping[int, Fault]
    check: Callable[[Floats, Any], Any]
    quirk: str
    shown: Callable[[int], list[int]]
    fill: Callable[[Table, str, Integers, Floats, int], None] | None = None

    @property
    def wanted(self) -> list[str]:
        """Columns to read."""
        return [name for name in self.columns if name]

    def write(self, table: Table, what: str, times: Integers, out: Floats, first_row: int = 0) -> None:
        """Write a block of the table into ``out`` (n, columns). Raises DataError for what is no number."""
        if self.fill is None:
            fill_columns(table, self.columns, self.absent, what, times, out, first_row)
        else:
            self.fill(table, what, times, out, first_row)


class RowChecker:
    """Check consecutive blocks of rows as one series: count quirks, and refuse faults or leave their rows out."""

    def __init__(self, kind: RowKind, source: str, fmt: TableFormat, first_row: int = 0) -> None:
        self._kind = kind
        self._source = source
        self._keep_out = fmt.invalid == "gap"
        self._row = first_row
        self._quirks = self._gaps = 0
        self._faults = np.zeros(CODES, np.int64)
        self._open: int | None = None  # start of a gap that has not ended
        self._seen = False  # a good row

    def check(
        self, times: Integers, rows: Floats, last: bool, numbering: Integers | None = None
    ) -> tuple[Mask | None, Gaps]:
        """(rows to keep, or None for all of them; gaps that end in this block). Raises DataError at the first fault
        unless faults make gaps. ``last``: no block follows. ``numbering``: of rows that were sorted, in the source."""
        codes = np.empty(len(times), np.int8)
        bad, row, column, quirks = self._kind.check(rows, codes)
        if bad and not self._keep_out:
            raise DataError(self._message(int(codes[row]), times, rows, row, column, numbering))
        self._quirks += quirks
        self._row += len(times)
        if not bad and self._open is None:
            self._seen = self._seen or len(times) > 0
            return None, ()
        self._faults += np.bincount(codes, minlength=CODES)
        good = codes == 0
        return good, self._find_gaps(times, good, last)

    def _find_gaps(self, times: Integers, good: Mask, last: bool) -> Gaps:
        """Spans from the first row of each run of bad rows to the next good one, those before all good rows aside."""
        turns = np.flatnonzero(np.diff(good, prepend=self._open is None)).tolist()
        gaps = []
        for row in turns:
            if not good[row]:
                self._open = int(times[row])
            elif self._open is not None:
                gaps.append((self._open, int(times[row])))
                self._open = None
        if not self._seen and good.any():
            first = int(times[int(good.argmax())])
            gaps = [gap for gap in gaps if gap[0] >= first]
        self._seen = self._seen or bool(good.any())
        if last and self._open is not None and self._seen:
            gaps.append((self._open, int(times[-1]) + 1))
        spans = tuple(gap for gap in gaps if gap[1] > gap[0])
        self._gaps += len(spans)
        return spans

    def _message(
        self, code: int, times: Integers, rows: Floats, row: int, column: int, numbering: Integers | None
    ) -> str:
        fault, names = self._kind.faults[code], self._kind.columns
        number = self._row + row if numbering is None else int(numbering[row])
        cells = ", ".join(f"{names[i]} {rows[row, i]:.12g}" for i in self._kind.shown(column) if names[i])
        return (
            f"{self._source}: row {number} ({time_text(times[row])}): column {names[column]}: expected "
            f"{fault.expected}, got {rows[row, column]:.12g} (in the row {cells}); {fault.remedy}, or pass "
            "invalid='gap' to leave such rows out and have no market until the next good one"
        )

    def counts(self) -> dict[str, int]:
        """How many rows have the quirk, how many were left out for each fault, and how many gaps that made."""
        found = {self._kind.quirk: self._quirks, "invalid_rows": 0}
        for code, fault in self._kind.faults.items():
            found[fault.count] = found.get(fault.count, 0) + int(self._faults[code])
            found["invalid_rows"] += int(self._faults[code])
        return {**found, "invalid_gaps": self._gaps}


@dataclass(frozen=True)
class CheckedRows:
    """All rows of a table: exchange and local times, rows, gaps, counts."""

    times: Integers
    local_times: Integers | None
    rows: Floats
    gaps: Gaps
    counts: dict[str, int]

    def freeze(self) -> CheckedRows:
        """The same, read-only."""
        for array in (self.times, self.local_times, self.rows):
            if array is not None:
                array.flags.writeable = False
        return self


def gather(opened: OpenTable, find_kind: Callable[[Table], RowKind], fmt: TableFormat) -> CheckedRows:
    """Read all blocks of a table into arrays that are written once, and check them. Raises DataError."""
    kind, parts, locals_, rows, done = None, [], [], np.empty((0, 0)), 0
    for table in opened.blocks:
        if kind is None:
            fmt.check_columns(table, opened.name)
            kind = find_kind(table)
        times, local = fmt.stamps(table, opened.name, done)
        if not done:
            rows = np.empty((opened.rows or len(times), len(kind.columns)))
        kind.write(table, opened.name, times, rows[done : done + len(times)], done)
        parts.append(times)
        locals_.append(local)
        done += len(times)
    if kind is None or not done:
        raise DataError(f"{opened.name}: expected rows, got none; give a source that has some")
    times = np.concatenate(parts)
    given = [local for local in locals_ if local is not None]
    return _check(kind, opened.name, fmt, times, np.concatenate(given) if given else None, rows)


def _check(
    kind: RowKind, source: str, fmt: TableFormat, times: Integers, local: Integers | None, rows: Floats
) -> CheckedRows:
    counts = {"rows_sorted": 0}
    numbering = None
    if fmt.order == "sort":
        order = sort_order(times, local)
        if order is not None:
            numbering, counts["rows_sorted"] = order
            times, rows = times[numbering], rows[numbering]
            local = None if local is None else np.maximum.accumulate(local[numbering])
    clocks = ClockChecker(fmt, source)
    clocks.check(times, local)
    clock = clocks.finish()
    local = shift_local(local, clock.shift)
    checker = RowChecker(kind, source, fmt)
    good, gaps = checker.check(times, rows, True, numbering)
    if good is not None:
        times, rows, local = times[good], rows[good], None if local is None else local[good]
        if not len(times):
            raise DataError(
                f"{source}: expected {kind.name}, got none that is possible: {checker.counts()}; read it with "
                "invalid='error' to be told what is wrong"
            )
    return CheckedRows(times, local, rows, gaps, {**checker.counts(), **clock.counts(), **counts}).freeze()


def fill_columns(
    table: Table, columns: tuple[str, ...], absent: float, what: str, times: Integers, out: Floats, first_row: int = 0
) -> None:
    """Write the columns side by side into ``out`` (n, columns), ``absent`` for those named "". Raises DataError for
    text that is no number, and for a column of another length."""
    values = {name: _sliceable(table[name], what, name, times) for name in columns if name}
    for begin in range(0, len(times), _BLOCK):
        here = slice(begin, min(begin + _BLOCK, len(times)))
        stage = np.full((len(columns), here.stop - begin), absent)
        for i, name in enumerate(columns):
            if name:
                stage[i] = numbers(values[name][here], what, name, times[here], first_row + begin)
        block = out[here]
        for row in range(0, len(block), _TILE):
            block[row : row + _TILE] = stage[:, row : row + _TILE].T


def _sliceable(values: Any, what: str, name: str, times: Integers) -> Any:
    """A column that can be cut by positions. Raises DataError for one of another length."""
    if isinstance(values, pd.Series):
        found: Any = values.array
    else:
        found = values if isinstance(values, np.ndarray) else np.asarray(values)
    return found if np.shape(found) == times.shape else numbers(values, what, name, times)

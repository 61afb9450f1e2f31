"""Checks of rows of a market: what quotes, books and trades have in common.

Times in integer nanoseconds UTC, prices in quote currency, sizes in contracts; what NaN means is up to the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.engine.depth_kernels import CODES
from halfspread.engine.row_columns import fill_columns
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tables import Table
from halfspread.engine.times import Floats, Integers, time_text
from halfspread.errors import DataError

__all__ = ["Fault", "Gaps", "Mask", "RowChecker", "RowKind"]

#: The code of a row that stands in a declared gap; the others are those of the kernels.
IN_GAP = CODES

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
    """Check consecutive blocks of rows as one series: count quirks, and refuse faults or leave their rows out.

    ``first_row``: number of the first row in the source; ``closed``: spans (start, end) between which no row may stand.
    """

    def __init__(self, kind: RowKind, source: str, fmt: TableFormat, first_row: int = 0, closed: Gaps = ()) -> None:
        self._kind = kind
        self._source = source
        self._keep_out = fmt.invalid == "gap"
        self._row = first_row
        self._quirks = self._gaps = 0
        self._closed = closed
        self._faults = np.zeros(CODES + 1, np.int64)
        self._open: int | None = None  # start of a gap that has not ended
        self._seen = False  # a good row

    def check(
        self, times: Integers, rows: Floats, last: bool, numbering: Integers | None = None
    ) -> tuple[Mask | None, Gaps]:
        """(rows to keep, or None for all of them; gaps that end in this block). Raises DataError at the first fault
        unless faults make gaps, and at the end where there was no good row. ``last``: no block follows. ``numbering``:
        of rows that were sorted, in the source."""
        codes = np.empty(len(times), np.int8)
        bad, row, column, quirks = self._kind.check(rows, codes)
        if bad and not self._keep_out:
            number = self._number(row, numbering)
            raise DataError(self._message(int(codes[row]), times, rows, row, column, number))
        bad += self._find_closed(times, codes, numbering)
        self._quirks += quirks
        self._row += len(times)
        if not bad and self._open is None:
            self._seen = self._seen or len(times) > 0
            return None, ()
        self._faults += np.bincount(codes, minlength=CODES + 1)
        good = codes == 0
        gaps = self._find_gaps(times, good, last)
        if last and not self._seen:
            raise DataError(self._none_left())
        return good, gaps

    def _find_closed(self, times: Integers, codes: Any, numbering: Integers | None) -> int:
        """How many good rows stand in a declared gap; their codes say so. Raises DataError unless they are left out."""
        found = 0
        for start, end in self._closed:
            first, limit = np.searchsorted(times, start, side="right"), np.searchsorted(times, end)
            for row in first + np.flatnonzero(codes[first:limit] == 0):
                if not self._keep_out:
                    number = self._number(int(row), numbering)
                    raise DataError(
                        f"{self._source}: row {number} ({time_text(times[row])}): expected no {self._kind.name} in the "
                        f"declared gap from {time_text(start)} to {time_text(end)}; correct the gap or leave the row "
                        "out, or pass invalid='gap' to have such rows left out"
                    )
                codes[row] = IN_GAP
                found += 1
        return found

    def _number(self, row: int, numbering: Integers | None) -> int:
        """Number of a row of the block in the source."""
        return self._row + row if numbering is None else int(numbering[row])

    def _none_left(self) -> str:
        left = ", ".join(f"{name} {count}" for name, count in self.counts().items() if count and name != "invalid_rows")
        return (
            f"{self._source}: expected {self._kind.name}, got none that is possible: {int(self._faults[1:].sum())} "
            f"rows were left out ({left}); read it with invalid='error' to be told what is wrong"
        )

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

    def _message(self, code: int, times: Integers, rows: Floats, row: int, column: int, number: int) -> str:
        fault, names = self._kind.faults[code], self._kind.columns
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
        if self._closed:
            found["in_declared_gap"] = int(self._faults[IN_GAP])
        found["invalid_rows"] = int(self._faults[1:].sum())
        return {**found, "invalid_gaps": self._gaps}

"""Bars of one instrument, read from any table and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.engine import bar_kernels
from halfspread.engine.codes import BAR_COLUMNS, CLOSE, QUOTE_COLUMNS
from halfspread.engine.quote_carry import QuoteCarry
from halfspread.engine.tables import OpenTable, Table, numbers, open_table
from halfspread.engine.times import DAY, Floats, Integers, interval_text, parse_interval, time_text, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["BarChecker", "BarFormat", "Bars", "Floats", "Integers", "carried_count", "find_interval", "read_bars"]

_LEAVE_OUT = "leave the row out (a gap is counted and reported, and nothing is invented in it)"
_SORT = "sort by time and remove duplicates"
_GRID = "correct the time, or pass the right interval="
# What is expected, and what to do.
_FAULTS = {
    bar_kernels.NOT_FINITE: ("a finite price", _LEAVE_OUT),
    bar_kernels.NOT_POSITIVE: ("a price above zero", _LEAVE_OUT),
    bar_kernels.HIGH_BELOW_LOW: ("a high at or above the low", "are two columns swapped? Correct or leave out the row"),
    bar_kernels.CLOSE_OUTSIDE: ("a close from low to high", "are two columns swapped? Correct or leave out the row"),
    bar_kernels.BAD_VOLUME: ("a volume of zero or more", "give 0 where nothing was traded"),
    bar_kernels.BAD_QUOTE: ("a price above zero, or NaN where there is no quote", "correct the quote"),
    bar_kernels.CROSSED_QUOTE: ("a bid at or below the ask", "correct the quote, or NaN where there is none"),
    bar_kernels.DUPLICATE: ("a later time than the row before it", f"two rows have one time: {_SORT}"),
    bar_kernels.UNSORTED: ("a later time than the row before it", f"the row is older: {_SORT}"),
    bar_kernels.OVERLAP: ("a bar that opens when the one before it has closed, or later", _GRID),
    bar_kernels.OFF_GRID: ("a bar that opens a whole number of intervals after the one before it", _GRID),
}
_OF_TIME = (bar_kernels.DUPLICATE, bar_kernels.UNSORTED, bar_kernels.OVERLAP, bar_kernels.OFF_GRID)
_COUNT_NAMES = ("no_trade_bars", "open_outside_range", "gaps", "missing_bars", "bars_without_quote")

#: The interval of bars is looked for in so many of the first ones.
INTERVAL_ROWS = 100_001


@dataclass(frozen=True)
class Bars:
    """Bars of one instrument. ``times``: open times, int64 ns UTC (n,). ``rows``: float64 (n, columns), read-only.

    ``carried``: which bars (n,) lacked a quote and were given the last one, no older than ``carry_limit`` (ns); None
    where quotes are as given.
    """

    times: Integers
    rows: Floats
    interval: int
    columns: tuple[str, ...]
    source: str
    counts: dict[str, int] = field(default_factory=dict)
    carried: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
    carry_limit: int = 0

    def __len__(self) -> int:
        return len(self.times)

    @property
    def first_close(self) -> float:
        """Close of the first bar."""
        return float(self.rows[0, CLOSE])


@dataclass(frozen=True)
class BarFormat:
    """Where a table has its bars, and what its times mean. Raises DataError for terms that are not possible.

    ``stamp`` says whether the times are ``"open"`` or ``"close"`` times. ``extra`` columns stay in the history after
    the prices, unchecked; they may hold NaN. ``quotes="carry"``: a bar without a quote is given the last bid and ask,
    as prices, for ``carry_limit`` at most; "as_given" leaves it without one.
    """

    time_column: str = "ts"
    time_unit: str = "ns"
    stamp: str = "open"
    extra: tuple[str, ...] = ()
    quotes: str = "as_given"
    carry_limit: str | int | float = "20m"

    def __post_init__(self) -> None:
        if self.quotes not in ("as_given", "carry"):
            raise DataError(f"quotes: expected 'as_given' or 'carry', got {self.quotes!r}")
        parse_interval(self.carry_limit)
        if self.stamp not in ("open", "close"):
            raise DataError(f"stamp: expected 'open' or 'close', got {self.stamp!r}")
        if not isinstance(self.extra, (tuple, list)):
            raise DataError(f"extra: expected names of columns such as ({self.extra!r},), got {self.extra!r}")

    @property
    def wanted(self) -> list[str]:
        """Columns to read, the one of times first."""
        return list(dict.fromkeys([self.time_column, *BAR_COLUMNS, *QUOTE_COLUMNS, *self.extra]))

    def columns(self, table: Table, what: str) -> tuple[str, ...]:
        """Names of the columns of a history row for this table. Raises DataError naming what is missing."""
        missing = [name for name in (self.time_column, *BAR_COLUMNS, *self.extra) if name not in table]
        if missing:
            raise DataError(
                f"{what}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}. "
                "Name the column of times with time_column=, and rename the others to open, high, low, close, volume"
            )
        quotes = [name for name in QUOTE_COLUMNS if name in table]
        if quotes and len(quotes) != len(QUOTE_COLUMNS):
            lacking = [name for name in QUOTE_COLUMNS if name not in table]
            raise DataError(
                f"{what}: missing column(s) {', '.join(lacking)}: quotes need all of {', '.join(QUOTE_COLUMNS)}, found "
                f"only {', '.join(quotes)}; add the others, or rename these to go without quotes"
            )
        return tuple(dict.fromkeys((*BAR_COLUMNS, *quotes, *self.extra)))

    def stamps(self, table: Table, what: str, first_row: int = 0) -> Integers:
        """The times of a block of the table as they stand there."""
        return to_nanoseconds(table[self.time_column], f"{what}: column {self.time_column}", self.time_unit, first_row)

    def opens(self, stamps: Integers, interval: int) -> Integers:
        """Open times of bars with these stamps."""
        return stamps - interval if self.stamp == "close" else stamps

    @property
    def carry_ns(self) -> int:
        """The oldest quote that is carried forward, in nanoseconds; 0 where none is."""
        return parse_interval(self.carry_limit) if self.quotes == "carry" else 0

    def carry(self, columns: tuple[str, ...], interval: int, what: str) -> QuoteCarry | None:
        """What carries quotes forward, or None. Raises DataError where that is asked for and there are none."""
        if self.quotes == "as_given":
            return None
        if QUOTE_COLUMNS[0] not in columns:
            raise DataError(
                f"{what}: quotes='carry' needs columns {', '.join(QUOTE_COLUMNS)}; found {', '.join(columns)}"
            )
        return QuoteCarry(interval, self.carry_ns, columns.index(QUOTE_COLUMNS[0]))


class BarChecker:
    """Check consecutive blocks of bars as one series, and count what is odd but real.

    ``first_row``: number of the first row in the source, for messages.
    """

    def __init__(self, interval: int, columns: tuple[str, ...], source: str, first_row: int = 0) -> None:
        self._interval = interval
        self._columns = columns
        self._source = source
        self._previous = -1
        self._row = first_row
        self._counts = np.zeros(bar_kernels.COUNTS, np.int64)
        self._quote_column = columns.index(QUOTE_COLUMNS[0]) if QUOTE_COLUMNS[0] in columns else -1

    def check(self, times: Integers, rows: Floats) -> None:
        """Raise DataError at the first fault, with row, time, column and value."""
        code, row, column = bar_kernels.check_bars(
            times, rows, self._interval, self._previous, self._quote_column, self._counts
        )
        if code != bar_kernels.GOOD:
            raise DataError(self._message(code, times, rows, row, column))
        if len(times):
            self._previous = int(times[-1])
        self._row += len(times)

    def _message(self, code: int, times: Integers, rows: Floats, row: int, column: int) -> str:
        where = f"{self._source}: row {self._row + row} ({time_text(times[row])})"
        expected, remedy = _FAULTS[code]
        if code in _OF_TIME:
            before = time_text(int(times[row - 1]) if row else self._previous)
            return (
                f"{where}: time: expected {expected}, got {time_text(times[row])} after {before} at an interval of "
                f"{interval_text(self._interval)}; {remedy}"
            )
        shown = range(9) if column > 4 else range(5)
        bar = ", ".join(f"{self._columns[i]} {rows[row, i]:.12g}" for i in shown)
        return (
            f"{where}: column {self._columns[column]}: expected {expected}, got {rows[row, column]:.12g} (in the bar "
            f"{bar}); {remedy}"
        )

    def counts(self) -> dict[str, int]:
        """How many bars have each quirk so far."""
        return {name: int(count) for name, count in zip(_COUNT_NAMES, self._counts, strict=True)}


def find_interval(times: Integers, given: str | int | float | None, what: str) -> int:
    """Nanoseconds from open to close of a bar: the one ``given``, else the most common distance between ``times``.

    Raises DataError where they do not show one, or where no two bars are as close as the one given: bars taken for
    shorter than they are would show an agent their close before it happened.
    """
    steps = np.diff(times[:INTERVAL_ROWS])
    if given is not None:
        interval = parse_interval(given)
        if len(steps) >= 9 and steps.min() > interval:
            raise DataError(
                f"{what}: interval: expected the distance between bars, got {interval_text(interval)}, but no two bars "
                f"are closer than {interval_text(int(steps.min()))}; leave interval out to have it inferred"
            )
        return interval
    if not len(steps):
        raise DataError(f"{what}: {len(times)} bar(s) do not show their interval; pass it, such as interval='5m'")
    values, counts = np.unique(steps, return_counts=True)
    interval = int(values[counts.argmax()])
    if interval <= 0:
        row = int((steps <= 0).argmax()) + 1
        kind = "the same time as" if steps[row - 1] == 0 else "an earlier time than"
        raise DataError(f"{what}: row {row} ({time_text(times[row])}): {kind} the row before it; {_SORT}")
    if interval > 31 * DAY:
        raise DataError(
            f"{what}: expected bars of at most 31d, got times {interval_text(interval)} apart; check the unit of time"
        )
    return interval


def read_bars(source: Any, form: BarFormat | None = None, interval: str | int | float | None = None) -> Bars:
    """Read and check the bars of one instrument; ``interval`` is inferred where it is not given. Raises DataError."""
    form = form or BarFormat()
    opened = open_table(source, form.wanted)
    stamps, rows, columns = _gather(opened, form)
    step = find_interval(stamps, interval, opened.name)
    times = form.opens(stamps, step)
    carry = form.carry(columns, step, opened.name)
    carried = None if carry is None else carry.fill(times, rows)
    checker = BarChecker(step, columns, opened.name)
    checker.check(times, rows)
    rows.flags.writeable = times.flags.writeable = False
    counts = checker.counts() | carried_count(carried)
    return Bars(times, rows, step, columns, opened.name, counts, carried, form.carry_ns)


def carried_count(carried: np.ndarray[tuple[int], np.dtype[np.bool_]] | None) -> dict[str, int]:
    """For the counts of bars: how many were given the last quote; nothing where none is carried."""
    return {} if carried is None else {"quotes_carried": int(carried.sum())}


def _gather(opened: OpenTable, form: BarFormat) -> tuple[Integers, Floats, tuple[str, ...]]:
    """Times and rows of all blocks, each written once to where it stays."""
    stamps, rows = np.empty(opened.rows or 0, np.int64), np.empty((0, 0))
    columns: tuple[str, ...] = ()
    done = 0
    for table in opened.blocks:
        columns = columns or form.columns(table, opened.name)
        block = form.stamps(table, opened.name, done)
        if done == 0:
            stamps = np.empty(opened.rows or len(block), np.int64)
            rows = np.empty((len(stamps), len(columns)))
        here = slice(done, done + len(block))
        stamps[here] = block
        fill_rows(table, columns, opened.name, block, rows[here], done)
        done += len(block)
    if not done:
        raise DataError(f"{opened.name}: expected bars, got no rows; give a source that has some")
    return stamps, rows, columns


def fill_rows(
    table: Table, columns: tuple[str, ...], what: str, times: Integers, out: Floats, first_row: int = 0
) -> None:
    """Write the columns side by side into ``out`` (n, columns). Raises DataError for text that is not a number."""
    for i, name in enumerate(columns):
        out[:, i] = numbers(table[name], what, name, times, first_row)

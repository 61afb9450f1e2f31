"""Quotes and order-book snapshots of one instrument, read from any table and checked.

Quotes are books of one level, whose sizes may be unknown (NaN). Prices in quote currency, sizes in contracts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from halfspread.engine import depth_kernels
from halfspread.engine.clocks import shift_local
from halfspread.engine.parquet import is_parquet, parquet_blocks, parquet_source
from halfspread.engine.row_checks import Fault, RowKind
from halfspread.engine.row_reading import ALL_ROWS, CheckedRows, Wanted, empty_times, gather
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tables import OpenTable, Table, open_table
from halfspread.engine.times import Floats, Integers
from halfspread.errors import DataError

__all__ = [
    "Depth",
    "TableFormat",
    "book_kind",
    "check_levels",
    "open_books",
    "quote_kind",
    "read_books",
    "read_quotes",
    "standstills",
]

#: Levels that are looked for in a source whose names of columns are not known before it is read.
MOST_LEVELS = 1_000

_CORRECT = "correct the row or leave it out"
_FAULTS = {
    depth_kernels.EMPTY: Fault("empty", "a bid and an ask", _CORRECT),
    depth_kernels.ONE_SIDED: Fault("one_sided", "a price on both sides", _CORRECT),
    depth_kernels.CROSSED: Fault("crossed", "a bid below the ask", f"are two columns swapped? Else {_CORRECT}"),
    depth_kernels.UNSORTED: Fault("unsorted", "levels with the best price first", "sort the levels of the row"),
    depth_kernels.BAD_PRICE: Fault("bad_price", "a price above zero, or NaN where no level is shown", _CORRECT),
    depth_kernels.BAD_SIZE: Fault("bad_size", "a size above zero", "leave out levels that are gone"),
    depth_kernels.MISSING_LEVEL: Fault("missing_level", "a price, since a deeper level has one", "close the hole"),
    depth_kernels.SIZE_WITHOUT_PRICE: Fault("missing_level", "a price, since the level has a size", _CORRECT),
}
_QUOTES = (("bid", "bid_price"), ("bid_size", "bid_amount"), ("ask", "ask_price"), ("ask_size", "ask_amount"))
# Names of bid, bid size, ask, ask size of a level, and the number of the first one.
_OWN = (("bid_{}", "bid_size_{}", "ask_{}", "ask_size_{}"), 1)
_TARDIS = (("bids[{}].price", "bids[{}].amount", "asks[{}].price", "asks[{}].amount"), 0)


@dataclass(frozen=True)
class Depth:
    """Quotes or book snapshots. ``times``: exchange times, int64 ns UTC (n,), sorted; ``local_times``: when each was
    received, or None where that is not known. ``rows``: float64 (n, 4 * levels), read-only: bid price, bid size, ask
    price, ask size of each level, best first; a level that is not shown has a NaN price and size 0.

    ``gaps``: spans (start, end) in which the source has no usable market. ``left_out``: exchange times of rows that
    were left out for a fault.
    """

    times: Integers
    local_times: Integers | None
    rows: Floats
    levels: int
    source: str
    counts: dict[str, int] = field(default_factory=dict)
    gaps: tuple[tuple[int, int], ...] = ()
    left_out: Integers = field(default_factory=empty_times)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def first(self) -> int:
        """Exchange time of the first row, of those left out too."""
        return int(min([self.times[0], *self.left_out[:1]]))

    @property
    def last(self) -> int:
        """Exchange time of the last row, of those left out too."""
        return int(max([self.times[-1], *self.left_out[-1:]]))

    @property
    def clock_shift(self) -> int:
        """Nanoseconds that were added to local times."""
        return self.counts.get("clock_shift_ns", 0)

    def shifted_to(self, shift: int) -> Depth:
        """The same with local times shifted by so many nanoseconds in all; without local times, the same."""
        if self.local_times is None or shift == self.clock_shift:
            return self
        local = shift_local(self.local_times, shift - self.clock_shift)
        return replace(self, local_times=local, counts={**self.counts, "clock_shift_ns": shift})

    @property
    def first_mid(self) -> float:
        """Middle of the best prices of the first row."""
        return float(self.rows[0, 0] + self.rows[0, 2]) / 2


def read_quotes(source: Any, fmt: TableFormat | None = None, *, rows: Wanted = ALL_ROWS) -> Depth:
    """Read and check quotes: ts, exch_ts (optional), bid, ask, and optionally bid_size and ask_size; bid_price,
    ask_price, bid_amount and ask_amount are taken as well.

    Prices in quote currency, sizes in contracts (NaN where one is not known). ``fmt``: names and unit of the times, and
    what is done about faults; ``rows``: which of them are read. Raises DataError naming row, time, column, value and
    remedy.
    """
    fmt = fmt or TableFormat()
    wanted = [*fmt.time_columns, *(name for names in _QUOTES for name in names)]
    opened = open_table(source, wanted)
    return _depth(gather(opened, partial(quote_kind, what=opened.name), fmt, rows), 1, opened.name)


def read_books(
    source: Any, fmt: TableFormat | None = None, levels: int | None = None, *, rows: Wanted = ALL_ROWS
) -> Depth:
    """Read and check book snapshots: ts, exch_ts (optional), bid_1, bid_size_1, ask_1, ask_size_1, bid_2, ...; tardis's
    names, such as asks[0].price and asks[0].amount, are taken as well.

    Prices in quote currency, sizes in contracts. ``levels``: how many of the levels to read, the best ones; all of them
    unless given. A row may show fewer, counted as short_snapshots. ``rows``: which of them are read. Raises DataError
    naming row, time, column, value and remedy.
    """
    fmt = fmt or TableFormat()
    opened = open_books(source, fmt, levels)
    checked = gather(opened, partial(book_kind, what=opened.name, levels=levels), fmt, rows)
    return _depth(checked, checked.rows.shape[1] // 4, opened.name)


def _depth(checked: CheckedRows, levels: int, source: str) -> Depth:
    return Depth(
        checked.times,
        checked.local_times,
        checked.rows,
        levels,
        source,
        checked.counts,
        checked.gaps,
        checked.left_out,
    )


def open_books(source: Any, fmt: TableFormat, levels: int | None = None) -> OpenTable:
    """A table with the columns of its levels. Raises DataError."""
    check_levels(levels)
    if is_parquet(source):
        table = next(parquet_blocks(parquet_source(source), fmt.time_columns), None)
        names = [] if table is None else book_kind(table, str(source), levels).wanted
        return open_table(source, [*fmt.time_columns, *names])
    most = range(levels or MOST_LEVELS)
    names = [name.format(i + first) for names, first in (_OWN, _TARDIS) for i in most for name in names]
    return open_table(source, [*fmt.time_columns, *names])


def check_levels(levels: int | None) -> None:
    """Raise DataError for what is no number of levels; None stands for all of them."""
    if levels is not None and (type(levels) is not int or levels < 1):
        raise DataError(f"levels: expected a whole number above zero, or None for all of them, got {levels!r}")


def quote_kind(table: Table, what: str) -> RowKind:
    """What quotes in this table are. Raises DataError naming what is missing."""
    found = [next((name for name in names if name in table), "") for names in _QUOTES]
    missing = [_QUOTES[i][0] for i in (0, 2) if not found[i]]
    if not missing and bool(found[1]) != bool(found[3]):
        missing = [_QUOTES[i][0] for i in (1, 3) if not found[i]]
    if missing:
        raise DataError(
            f"{what}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}. Rename the columns "
            "of quotes to bid, ask and, both or neither, bid_size, ask_size"
        )
    return _kind("quotes", tuple(found), True)


def book_kind(table: Table, what: str, levels: int | None = None) -> RowKind:
    """What book snapshots in this table are. Raises DataError naming what is missing."""
    for names, first in (_OWN, _TARDIS):
        found = _count_levels(table, names, first)
        if not found:
            continue
        if levels is not None and levels > found:
            raise DataError(f"{what}: expected {levels} levels, found {found}; ask for fewer")
        count = levels or found
        columns = tuple(name.format(i + first) for i in range(count) for name in names)
        missing = [name for name in columns if name not in table]
        if missing:
            raise DataError(
                f"{what}: missing column(s) {', '.join(missing[:8])}: each of the {count} levels needs "
                f"{', '.join(name.format(first) for name in names)} and so on; add them, or read fewer levels with "
                "levels="
            )
        return _kind("books", columns, False)
    shown = list(table)
    raise DataError(
        f"{what}: missing columns of levels: expected bid_1, bid_size_1, ask_1, ask_size_1, bid_2, ... (or "
        f"bids[0].price, bids[0].amount, asks[0].price, asks[0].amount, ...), found {', '.join(shown[:20]) or 'none'}"
        f"{' and more' if len(shown) > 20 else ''}; rename the columns, or read them as quotes"
    )


def _count_levels(table: Table, names: Iterable[str], first: int) -> int:
    """The highest level that any column of the table names, counted from 1."""
    patterns = [re.escape(name).replace(r"\{\}", r"(\d+)") for name in names]
    either = re.compile("|".join(patterns))
    found = [match for match in map(either.fullmatch, table) if match]
    return max((int(next(filter(None, match.groups()))) - first + 1 for match in found), default=0)


def _kind(name: str, columns: tuple[str, ...], unknown: bool) -> RowKind:
    return RowKind(
        name=name,
        columns=columns,
        absent=np.nan,
        faults=_FAULTS,
        check=lambda rows, codes: depth_kernels.check_depth(rows, unknown, codes),
        quirk="short_snapshots",
        shown=_shown,
    )


def _shown(column: int) -> list[int]:
    """Columns of the best level, of the one of ``column`` and of the one before it."""
    level = column // 4
    return [4 * i + k for i in sorted({0, max(level - 1, 0), level}) for k in range(4)]


def standstills(depth: Depth, longest: int, before: int | None = None) -> list[tuple[int, int]]:
    """Spans (start, end) without a row: from ``longest`` nanoseconds after a row to the next one, where that comes
    later. A row that repeats the one before it is a sign of life.

    ``before``: time of the last row before these, where they are one block of many. The market is known to stand still
    only when ``longest`` has passed, so the span starts then. Raises DataError where ``longest`` is not above zero.
    """
    if longest <= 0:
        raise DataError(f"longest: expected nanoseconds above zero, got {longest}")
    times = depth.times if before is None else np.concatenate([np.array([before], np.int64), depth.times])
    rows = np.flatnonzero(np.diff(times) > longest)
    return [(int(times[i]) + longest, int(times[i + 1])) for i in rows]

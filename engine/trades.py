"""Trades of one instrument, read from any table and checked.

Prices in quote currency, sizes in contracts, times in integer nanoseconds UTC; no cell is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine import depth_kernels
from halfspread.engine.clocks import shift_local
from halfspread.engine.row_checks import Fault, RowKind
from halfspread.engine.row_columns import fill_columns
from halfspread.engine.row_reading import ALL_ROWS, Wanted, empty_times, gather
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tables import Table, open_table
from halfspread.engine.times import Floats, Integers, time_text
from halfspread.errors import DataError

__all__ = ["Trades", "read_trades", "trade_kind"]

_FAULTS = {
    depth_kernels.BAD_PRICE: Fault("bad_price", "a price above zero", "correct the row or leave it out"),
    depth_kernels.BAD_SIZE: Fault("bad_size", "a size above zero", "correct the row or leave it out"),
}
_SIDES = {"buy": 1.0, "b": 1.0, "1": 1.0, "+1": 1.0, "sell": -1.0, "s": -1.0, "-1": -1.0, "0": 0.0, "": 0.0}
_SIDES["unknown"] = 0.0
_SIZES = ("size", "amount")


@dataclass(frozen=True)
class Trades:
    """Trades. ``times``: exchange times, int64 ns UTC (n,), sorted; ``local_times``: when each was received, or None.
    ``rows``: float64 (n, 3), read-only: price, size in contracts, side of the taker (+1 buy, -1 sell, 0 unknown).

    ``gaps``: spans (start, end) from a row that was left out to the next good one; they are gaps of the market only
    where the trades are the market. ``left_out``: exchange times of rows that were left out for a fault.
    ``first_row``: number of the first row in the source.
    """

    times: Integers
    local_times: Integers | None
    rows: Floats
    source: str
    counts: dict[str, int] = field(default_factory=dict)
    gaps: tuple[tuple[int, int], ...] = ()
    left_out: Integers = field(default_factory=empty_times)
    first_row: int = 0

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

    def shifted_to(self, shift: int) -> Trades:
        """The same with local times shifted by so many nanoseconds in all; without local times, the same."""
        if self.local_times is None or shift == self.clock_shift:
            return self
        local = shift_local(self.local_times, shift - self.clock_shift)
        return replace(self, local_times=local, counts={**self.counts, "clock_shift_ns": shift})


def read_trades(source: Any, fmt: TableFormat | None = None, *, rows: Wanted = ALL_ROWS) -> Trades:
    """Read and check trades: ts, exch_ts (optional), price, size (or amount), side (optional).

    Prices in quote currency, sizes in contracts. ``rows``: which of them are read.
    ``side``, of the taker: buy or sell in any case, +1 or -1; 0, unknown or nothing where it is not known. Several
    trades with one time and price are fine. Raises DataError naming row, time, column, value and remedy.
    """
    fmt = fmt or TableFormat()
    opened = open_table(source, [*fmt.time_columns, "price", *_SIZES, "side"])
    found = gather(opened, partial(trade_kind, what=opened.name), fmt, rows)
    return Trades(
        found.times,
        found.local_times,
        found.rows,
        opened.name,
        found.counts,
        found.gaps,
        found.left_out,
        found.first_row,
    )


def trade_kind(table: Table, what: str) -> RowKind:
    """What trades in this table are. Raises DataError naming what is missing."""
    size = next((name for name in _SIZES if name in table), "")
    missing = [name for name, there in (("price", "price" in table), ("size", bool(size))) if not there]
    if missing:
        raise DataError(
            f"{what}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}. Rename the columns "
            "of trades to price, size and, where it is known, side"
        )
    columns = ("price", size, "side" if "side" in table else "")
    return RowKind(
        name="trades",
        columns=columns,
        absent=0.0,
        faults=_FAULTS,
        check=depth_kernels.check_trades,
        quirk="trades_without_side",
        shown=lambda column: [0, 1, 2],
        fill=partial(_fill, columns),
    )


def _fill(columns: tuple[str, ...], table: Table, what: str, times: Integers, out: Floats, first_row: int) -> None:
    fill_columns(table, (*columns[:2], ""), 0.0, what, times, out, first_row)
    if columns[2]:
        out[:, 2] = _sides(table["side"], what, times, first_row)


def _sides(values: Any, what: str, times: Integers, first_row: int) -> Floats:
    """+1, -1 and 0. Raises DataError for a side that is neither."""
    if np.shape(values) != times.shape:
        raise DataError(f"{what}: column side: expected one value for each of {len(times)} times, got another number")
    try:
        codes, names = pd.factorize(values if isinstance(values, pd.Series) else np.asarray(values))
    except TypeError:  # cells that are lists or tables
        codes, names = np.arange(len(times)), np.asarray(values, object)
    sides = np.array([_side(name) for name in names] + [0.0])  # a missing one has code -1
    found: Floats = sides[codes]
    if np.isnan(found).any():
        row = int(np.isnan(found).argmax())
        got = names[codes[row]]
        got = got.item() if isinstance(got, np.generic) else got
        raise DataError(
            f"{what}: row {first_row + row} ({time_text(times[row])}): column side: expected Buy or Sell, 1 or -1 (the "
            f"side of the taker), or 0 or nothing where it is not known, got {got!r}; rename the sides"
        )
    return found


def _side(name: Any) -> float:
    if isinstance(name, (bool, np.bool_)):
        return float("nan")
    if isinstance(name, (int, float, np.integer, np.floating)):
        return float(name) if name in (1, -1, 0) else float("nan")
    return _SIDES.get(str(name).strip().lower(), float("nan"))

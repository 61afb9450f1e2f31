"""What rows of each kind must be, beyond their columns and types: checked before anything is written.

Faults of single rows are refused with row, time, column and value. What is odd but real is let through: an open outside
of [low, high] (BitMEX opens a bar at the close before it), crossed quotes and books, one price for minutes on end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from halfspread.datafeeds.store.columns import times_of
from halfspread.datafeeds.store.kinds import Kind
from halfspread.engine.times import DAY, Integers, interval_text, time_text
from halfspread.errors import DataError

__all__ = ["check_rows"]

_POSITIVE = {"price", "bid", "ask", "vwap", "mark", "index", "last", "interval_h"}
_POSITIVE |= {"bid_open", "ask_open", "bid_close", "ask_close"}
_NOT_NEGATIVE = {"volume", "turnover", "trades", "last_size", "open_interest", "one_sided"}
_NOT_NEGATIVE |= {"bid_size", "ask_size", "message"}


def check_rows(kind: Kind, table: pa.Table, what: str, first_row: int = 0) -> None:
    """Raise DataError at the first fault of a table of this kind; ``what`` begins the message, ``first_row`` is the
    number of the first row in it."""
    times = times_of(table)
    check = _Check(table, times, what, first_row)
    _check_order(kind, check)
    _check_values(kind, check)
    if "high" in kind.names:
        _check_bars(check)
    if kind.levels:
        _check_levels(kind, check)
    if kind.name == "book_updates":
        _check_messages(check)
    if "known_ts" in table.column_names:
        known = check.integers("known_ts", np.iinfo(np.int64).min)
        check.refuse(known > times, "known_ts", "a time at or before the settlement", "correct the value")


class _Check:
    """A table under check."""

    def __init__(self, table: pa.Table, times: Integers, what: str, first_row: int) -> None:
        self.table, self.times, self._what, self._first_row = table, times, what, first_row

    def floats(self, name: str) -> Any:
        """A column, NaN where it is null."""
        return self.table.column(name).to_numpy()

    def integers(self, name: str, null: int) -> Any:
        """A column of whole numbers or times, ``null`` where it is null."""
        return self.table.column(name).cast(pa.int64()).fill_null(null).to_numpy()

    def refuse(self, bad: Any, column: str, expected: str, remedy: str) -> None:
        """Raise DataError at the first row that is ``bad``."""
        if bad.any():
            row = int(bad.argmax())
            value = self.table.column(column)[row].cast(pa.int64()).as_py() if column.endswith("ts") else None
            got = time_text(value) if value is not None else self.table.column(column)[row].as_py()
            where = f"row {self._first_row + row} ({time_text(self.times[row])}): column {column}"
            raise DataError(f"{self._what}: {where}: expected {expected}, got {got}; {remedy}")


def _check_order(kind: Kind, check: _Check) -> None:
    times = check.times
    steps = np.diff(times, prepend=times[:1])
    before = "sort the rows by time; of two files in one, read the older first"
    check.refuse(steps < 0, "ts", f"a time at or after the row before it ({_before(times, steps < 0)})", before)
    if kind.interval:
        grid = kind.interval if DAY % kind.interval == 0 else DAY
        length = interval_text(kind.interval)
        check.refuse(
            times % grid != 0,
            "ts",
            f"the open of a bar of {length}, a whole number of {interval_text(grid)} after midnight UTC",
            "is this another interval, or are bars stamped at their close?",
        )


def _before(times: Integers, bad: Any) -> str:
    return time_text(times[int(bad.argmax()) - 1]) if bad.any() else ""


def _check_values(kind: Kind, check: _Check) -> None:
    """Nothing missing where a value is needed, and no number below what it can be."""
    for column in kind.columns:
        name = column.name
        if name not in check.table.column_names:
            continue
        values = check.table.column(name)
        if column.required and not kind.levels and values.null_count:
            remedy = "leave the row out; what is not there is a gap, and nothing is invented in it"
            check.refuse(values.is_null().to_numpy(), name, "a value", remedy)
        prices = name in ("open", "high", "low", "close") and not kind.name.startswith("premium")
        if prices or name in _POSITIVE or (name == "size" and kind.name in ("trades", "liquidations")):
            check.refuse(_numbers(check, name) <= 0, name, "a value above zero", "correct the row or leave it out")
        elif name in _NOT_NEGATIVE or name == "size":
            check.refuse(_numbers(check, name) < 0, name, "zero or more", "correct the row or leave it out")


def _numbers(check: _Check, name: str) -> Any:
    if pa.types.is_floating(check.table.schema.field(name).type):
        return check.floats(name)
    return check.integers(name, 1)


def _check_bars(check: _Check) -> None:
    high, low, close = (check.floats(name) for name in ("high", "low", "close"))
    swapped = "are two columns swapped? Correct the row or leave it out"
    check.refuse(high < low, "high", "a high at or above the low", swapped)
    check.refuse((close > high) | (close < low), "close", "a close from low to high", swapped)
    if "bid_open" in check.table.column_names:
        for end in ("open", "close"):
            bid, ask = check.floats(f"bid_{end}"), check.floats(f"ask_{end}")
            check.refuse(bid > ask, f"bid_{end}", f"a bid at or below the ask ({end})", "correct the quote, or null")


def _check_levels(kind: Kind, check: _Check) -> None:
    """Levels of a book: none above a hole, the best first, no size without a price."""
    for side, sign in (("bid", -1), ("ask", 1)):
        above = None
        for level in range(1, kind.levels + 1):
            price, size = f"{side}_{level}", f"{side}_size_{level}"
            prices, sizes = check.floats(price), check.floats(size)
            none = np.isnan(prices)
            check.refuse(prices <= 0, price, "a price above zero, or null where no level is shown", "correct the row")
            check.refuse(np.isnan(sizes), size, "a size, 0 where no level is shown", "give 0 where there is no level")
            check.refuse(none & (sizes != 0), size, "0, since no price is shown", "correct the row or leave it out")
            check.refuse(~none & ~(sizes > 0), size, "a size above zero", "leave out levels that are gone")
            if above is not None:
                check.refuse(
                    ~none & np.isnan(above), price, "null, since the level above is not shown", "close the hole"
                )
                check.refuse(sign * (prices - above) <= 0, price, "the best price first", "sort the levels of the row")
            above = prices


def _check_messages(check: _Check) -> None:
    """Rows of one message stand together and have one time."""
    messages = check.integers("message", 0)
    steps = np.diff(messages, prepend=messages[:1])
    if (steps < 0).any():
        starts = np.flatnonzero(np.diff(messages, prepend=messages[:1] - 1))
        _, first = np.unique(messages[starts], return_index=True)
        again = np.ones(len(starts), bool)
        again[first] = False
        bad = np.zeros(len(messages), bool)
        bad[starts[again]] = True
        check.refuse(bad, "message", "rows of one message to stand together", "number messages as they came")
    moved = (steps == 0) & (np.diff(check.times, prepend=check.times[:1]) != 0)
    check.refuse(moved, "ts", "one time for all rows of a message", "give each message a number of its own")

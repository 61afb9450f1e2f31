"""Bars made from trades, with the quotes in force at their opens and closes.

Times are those of the exchange, UTC; bars are stamped with their open time, on whole multiples of the interval since
1970-01-01 00:00. Prices in quote currency, volume in contracts. A bar's quotes are NaN where none was in force.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from halfspread.datafeeds.aggregate_kernels import aggregate
from halfspread.engine.tables import Table, numbers, read_table
from halfspread.engine.times import (
    Floats,
    Integers,
    interval_text,
    parse_interval,
    parse_time,
    time_text,
    to_nanoseconds,
)
from halfspread.errors import DataError

__all__ = ["bars_from_trades"]


def bars_from_trades(
    trades: Any, quotes: Any = None, interval: str | int | float = "1m", end: Any = None
) -> pd.DataFrame:
    """Aggregate trades to bars: open first, high highest, low lowest, close last, volume the sum of sizes.

    The bars begin with that of the first trade and lie side by side: one without trades has the close before it as its
    prices and volume 0. A quote at the very time of an open or close is in force there.

    Args:
        trades: a table with ts, price, size and, where ts is the local time, exch_ts; in order of time.
        quotes: a table with ts (exch_ts) and bid, ask; in order of time. None: bars without quotes.
        interval: of the bars ("1m", seconds).
        end: only bars that close by then (any time that the engine reads), with or without trades. None: up to that of
            the last trade, which may have been cut short.

    Returns a table with ts (int64 ns UTC), open, high, low, close, volume and, with quotes, bid_open, ask_open,
    bid_close, ask_close. Raises DataError for missing columns, times that are not ascending, prices not above zero,
    negative sizes, crossed quotes, no trades, or no bar that closes by ``end``.
    """
    length = parse_interval(interval)
    times, prices, sizes = _read(trades, "trades", ("price", "size"))
    _refuse(~(prices > 0.0) | ~np.isfinite(prices), "price", "a price above zero", prices, times)
    _refuse(~(sizes >= 0.0) | ~np.isfinite(sizes), "size", "a size of at least 0", sizes, times)
    if not len(times):
        raise DataError("trades: expected at least one trade to make bars of, got none")
    first = int(times[0] - times[0] % length)
    last = int(times[-1] - times[-1] % length) + length if end is None else parse_time(end, "end")
    count = (last - first) // length
    if count < 1:
        raise DataError(
            f"trades: no bar of {interval_text(length)} closes by the end {time_text(last)}: the first trade is of "
            f"{time_text(int(times[0]))}; give a later end or a shorter interval"
        )
    bars = np.empty((count, 5))
    aggregate(times, prices, sizes, first, length, bars)
    opens = first + np.arange(count) * length
    columns = dict(zip(("open", "high", "low", "close", "volume"), bars.T, strict=True))
    if quotes is not None:
        columns |= _quotes_at(quotes, opens, length)
    return pd.DataFrame({"ts": opens, **columns})


def _quotes_at(quotes: Any, opens: Integers, length: int) -> dict[str, Floats]:
    """Best bid and ask in force at the opens and closes of bars; NaN before the first quote."""
    times, bids, asks = _read(quotes, "quotes", ("bid", "ask"))
    _refuse(bids > asks, "bid", "a bid at or below the ask", bids, times, "quotes")
    columns = {}
    for name, at in (("open", opens), ("close", opens + length)):
        rows = np.searchsorted(times, at, side="right") - 1
        for side, prices in (("bid", bids), ("ask", asks)):
            columns[f"{side}_{name}"] = np.append(prices, np.nan)[rows]  # row -1 is the NaN
    return columns


def _read(source: Any, what: str, names: tuple[str, str]) -> tuple[Integers, Floats, Floats]:
    """Exchange times and two columns. Raises DataError."""
    table, name = read_table(source, ["ts", "exch_ts", *names])
    missing = [column for column in ("ts", *names) if column not in table]
    if missing:
        raise DataError(
            f"{name}: {what}: missing column(s) {', '.join(missing)}; found {', '.join(table) or 'none'}. Rename the "
            f"columns to ts, {', '.join(names)}"
        )
    times = _times(table, f"{name}: {what}")
    first, second = (numbers(table[column], f"{name}: {what}", column, times) for column in names)
    return times, first, second


def _times(table: Table, what: str) -> Integers:
    column = "exch_ts" if "exch_ts" in table else "ts"
    times = to_nanoseconds(table[column], f"{what}: column {column}")
    late = np.diff(times) < 0
    if late.any():
        row = int(late.argmax()) + 1
        raise DataError(
            f"{what}: row {row}: column {column}: expected a time at or after {time_text(int(times[row - 1]))}, that "
            f"of the row before it, got {time_text(int(times[row]))}; sort by time"
        )
    return times


def _refuse(
    wrong: np.ndarray[Any, np.dtype[np.bool_]],
    column: str,
    expected: str,
    values: Floats,
    times: Integers,
    what: str = "trades",
) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{what}: row {row} ({time_text(int(times[row]))}): column {column}: expected {expected}, got "
            f"{values[row]:g}; correct the row or leave it out"
        )

"""Bars made from BitMEX trades the way most people mean them: open is the first trade, not the close before it.

The venue's own bars (`fetch`) open at the previous close, which may lie outside high and low. These do not; only a bar
without trades repeats the last close in all its prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, Floats, Integers, interval_text, parse_interval, parse_time, time_text
from halfspread.errors import ConfigError, DataError

__all__ = ["rebuilt_bars"]

Columns = dict[str, Any]


def rebuilt_bars(store: Store, symbol: str, interval: str, start: Any, end: Any) -> Iterator[Columns]:
    """Bars of the stored trades that open in [start, end), one day at a time, in columns of the store's kind of bars:
    ts, open, high, low, close, volume, trades, last_size. The first bar is that of the first trade.

    ``interval``: a divisor of a day. Raises ConfigError for another, and DataError where trades of the span were never
    fetched, since bars without any would be made up.
    """
    length, first, last = parse_interval(interval), parse_time(start, "start"), parse_time(end, "end")
    if DAY % length or first % length or last % length:
        raise ConfigError(
            f"interval: expected one that divides a day, and a start and an end on whole {interval_text(length)}, got "
            f"{interval}, {time_text(first)} and {time_text(last)}"
        )
    series = Series("bitmex", symbol, "trades")
    for since, until in store.missing(series, first, last):
        raise DataError(
            f"{series}: expected all trades from {time_text(first)} to {time_text(last)}, got none from "
            f"{time_text(since)} to {time_text(until)}; fetch them first"
        )
    close: float | None = None
    for day in range(first - first % DAY, last, DAY):
        begin, until = max(day, first), min(day + DAY, last)
        table = store.read(series, begin, until, ["ts", "price", "size"])
        times = table["ts"].cast("int64").to_numpy()
        if close is None and not len(times):
            continue
        if close is None:
            begin = int(times[0] - times[0] % length)
        bars = _bars(times, table["price"].to_numpy(), table["size"].to_numpy(), (begin, until, length), close)
        close = float(bars["close"][-1])
        yield bars


def _bars(times: Integers, prices: Floats, sizes: Floats, grid: tuple[int, int, int], before: float | None) -> Columns:
    """Bars from ``grid``: first open, end, length. ``before``: the price before; None where the first has trades."""
    begin, until, length = grid
    opens = np.arange(begin, until, length)
    counts = np.bincount((times - begin) // length, minlength=len(opens))
    traded = counts > 0
    firsts = (np.cumsum(counts) - counts)[traded]
    lasts = firsts + counts[traded] - 1
    at = np.cumsum(traded) - 1  # the bar with trades that each bar is, or comes after
    close = np.where(at < 0, np.nan if before is None else before, np.append(prices[lasts], np.nan)[at])
    columns: Columns = {"ts": opens}
    volume, last_size = np.zeros(len(opens)), np.full(len(opens), np.nan)
    values = {name: close.copy() for name in ("open", "high", "low")}
    if len(firsts):
        values["open"][traded] = prices[firsts]
        values["high"][traded] = np.maximum.reduceat(prices, firsts)
        values["low"][traded] = np.minimum.reduceat(prices, firsts)
        volume[traded] = np.add.reduceat(sizes, firsts)
        last_size[traded] = sizes[lasts]
    return {**columns, **values, "close": close, "volume": volume, "trades": counts, "last_size": last_size}

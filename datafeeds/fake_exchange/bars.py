"""Bars of a generated market, of trades and of index, mark and premium, at any interval of whole minutes up to a day.

As on both venues a bar opens at the close before it. Bybit counts that price into high and low; BitMEX does not, so
that its open may lie outside them. A bar without trades repeats the last close. Prices in ticks, sizes in lots.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from halfspread.datafeeds.fake_exchange.contracts import FakeContract
from halfspread.datafeeds.fake_exchange.days import DayBars
from halfspread.engine.times import MINUTE, Integers

__all__ = ["Bars", "present", "price_bars", "price_day", "trade_bars"]

#: Columns of whole numbers by name; ``ts`` is the open.
Bars = dict[str, Integers]

FAR = np.int64(2**62)


def trade_bars(contract: FakeContract, days: Sequence[DayBars], first: int, interval: int) -> Bars:
    """Bars of consecutive days, the first of which begins at ``first``: ts, open, high, low, close, lots, turnover,
    trades, last_lots."""
    minutes = interval // MINUTE

    def joined(name: str) -> Integers:
        columns: Integers = np.concatenate([getattr(day, name) for day in days]).reshape(-1, minutes)
        return columns

    trades, close = joined("trades"), joined("close")[:, -1]
    opened = np.concatenate([[days[0].before], close[:-1]])
    traded = trades.sum(axis=1) > 0
    high = np.where(trades > 0, joined("high"), -FAR).max(axis=1)
    low = np.where(trades > 0, joined("low"), FAR).min(axis=1)
    if contract.venue == "bybit":
        high, low = np.maximum(high, opened), np.minimum(low, opened)
    last = minutes - 1 - np.argmax(trades[:, ::-1] > 0, axis=1)
    return {
        "ts": first + np.arange(len(close)) * interval,
        "open": opened,
        "high": np.where(traded, high, opened),
        "low": np.where(traded, low, opened),
        "close": close,
        "lots": joined("lots").sum(axis=1),
        "turnover": joined("turnover").sum(axis=1),
        "trades": trades.sum(axis=1),
        "last_lots": joined("last_lots")[np.arange(len(close)), last],
    }


def price_day(values: Integers) -> Integers:
    """High, low and close of each minute of a day, (3, 1440), from a value a second, (86400,)."""
    seconds = values.reshape(-1, 60)
    return np.array([seconds.max(axis=1), seconds.min(axis=1), seconds[:, -1]])


def price_bars(days: Sequence[Integers], before: int, first: int, interval: int) -> Bars:
    """Bars of consecutive days as `price_day` gives them: ts, open, high, low, close."""
    high, low, close = np.concatenate(days, axis=1).reshape(3, -1, interval // MINUTE)
    opened = np.concatenate([[before], close[:-1, -1]])
    return {
        "ts": first + np.arange(len(close)) * interval,
        "open": opened,
        "high": np.maximum(high.max(axis=1), opened),
        "low": np.minimum(low.min(axis=1), opened),
        "close": close[:, -1],
    }


def present(contract: FakeContract, bars: Bars, interval: int, start: int, end: int) -> Bars:
    """The bars that open in [start, end) and that the venue has: not those before the launch, or in a hole."""
    opens = bars["ts"]
    kept = (opens >= start) & (opens < end)
    if contract.launch is not None:
        kept &= opens + interval > contract.launch
    for first, last in contract.holes:
        kept &= (opens < first) | (opens + interval > last)
    return {name: column[kept] for name, column in bars.items()}

"""A synthetic world: market data of one instrument as tables, and the best policy in it.

Tables have the columns that the engine reads. Times are int64 nanoseconds UTC: ``ts`` is when a row was received (for
bars when they opened), ``exch_ts`` when it happened at the exchange; without a feed latency there is ``ts`` alone.
Prices in quote currency, sizes and volume in contracts, rates as fractions. Nothing is NaN but the quotes of a bar
before the first quote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from halfspread.engine.instruments import Instrument
from halfspread.engine.times import Floats, Integers
from halfspread.errors import DataError

__all__ = ["BestPolicy", "World", "bar_frame", "book_frame", "price_frame", "quote_frame", "trade_frame"]


@dataclass(frozen=True, eq=False)
class World:
    """Market data of one instrument from ``start`` to ``end`` (ns UTC). A table that the world lacks is None.

    ``bars``: ts, open, high, low, close, volume and, where there are quotes, bid_open, ask_open, bid_close, ask_close;
    ``interval`` is their length in nanoseconds. ``books``: bid_1, bid_size_1, ask_1, ask_size_1, bid_2 ...;
    ``quotes``: bid, bid_size, ask, ask_size; ``trades``: price, size, side (+1: a buyer took). ``funding``: ts, rate,
    interval_h. ``mark`` and ``index``: ts, price.

    ``hidden``: what drives the market and no agent is shown, by name. ``feed_latency``: local minus exchange time (ns).
    """

    instrument: Instrument
    start: int
    end: int
    text: str
    interval: int = 0
    feed_latency: int = 0
    bars: pd.DataFrame | None = None
    quotes: pd.DataFrame | None = None
    books: pd.DataFrame | None = None
    trades: pd.DataFrame | None = None
    funding: pd.DataFrame | None = None
    mark: pd.DataFrame | None = None
    index: pd.DataFrame | None = None
    hidden: Mapping[str, Floats] = field(default_factory=dict)

    def describe(self) -> str:
        """One sentence for reports."""
        return self.text

    def table(self, name: str) -> pd.DataFrame:
        """The table of this name. Raises DataError where the world has none."""
        found = getattr(self, name, None)
        if not isinstance(found, pd.DataFrame):
            raise DataError(f"{self.text}: expected a table of {name}, but this world has none; take a world that has")
        return found

    @property
    def closes(self) -> Floats:
        """Closes of the bars, float64 (n,). Raises DataError where the world has no bars."""
        return np.asarray(self.table("bars")["close"], np.float64)


@dataclass(frozen=True, eq=False)
class BestPolicy:
    """What to do in a world of bars, and what it earns.

    ``value``: expected profit for each bar held, after costs, in quote currency for a full position of one contract.
    ``exact``: whether the rule earns ``value``; if not, ``value`` is an upper bound.
    ``rule``: targets in [-1, 1] (n,), each decided at the close of its bar and held during the next one.
    """

    description: str
    value: float
    exact: bool
    rule: Callable[[World], Floats]

    def targets(self, world: World) -> Floats:
        """The best targets, one for each bar of ``world``."""
        return self.rule(world)


def bar_frame(times: Integers, columns: Mapping[str, Floats | Integers]) -> pd.DataFrame:
    """Bars: ts (open times, int64 ns) and the columns in their order."""
    return pd.DataFrame({"ts": times, **columns})


def price_frame(times: Integers, prices: Floats) -> pd.DataFrame:
    """Mark or index prices: ts, price."""
    return pd.DataFrame({"ts": times, "price": prices})


def book_frame(times: Integers, rows: Floats, latency: int = 0) -> pd.DataFrame:
    """Book snapshots (n, 4 x levels) as a table that shares the memory of ``rows``."""
    sides = ("bid", "bid_size", "ask", "ask_size")
    names = [f"{side}_{level}" for level in range(1, rows.shape[1] // 4 + 1) for side in sides]
    return _stamped(pd.DataFrame(rows, columns=names, copy=False), times, latency)


def quote_frame(times: Integers, rows: Floats, latency: int = 0) -> pd.DataFrame:
    """The first level of ``rows`` (n, 4 or more) as quotes."""
    first = pd.DataFrame(rows[:, :4], columns=["bid", "bid_size", "ask", "ask_size"], copy=True)
    return _stamped(first, times, latency)


def trade_frame(times: Integers, rows: Floats, latency: int = 0) -> pd.DataFrame:
    """Trades (n, 3): price, size, side."""
    return _stamped(pd.DataFrame(rows, columns=["price", "size", "side"], copy=False), times, latency)


def _stamped(frame: pd.DataFrame, times: Integers, latency: int) -> pd.DataFrame:
    if latency:
        frame.insert(0, "exch_ts", times)
    frame.insert(0, "ts", times + latency)
    return frame

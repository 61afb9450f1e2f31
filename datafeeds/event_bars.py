"""Bars made of what a tape holds of one market, so that agents that decide on bars run on books, quotes and trades too.

A bar holds what was received by its close: where rows have local times they count, and a bar tells no agent anything
before it could know it. Prices are those of trades; where there are no trades, mids, and the volume is 0. With books or
quotes each bar has the quotes in force at its open and close. Only bars that lie within the data are made, so that none
was cut short, and none within a known gap. Times int64 ns UTC, prices in quote currency, volume in contracts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.engine.bars import read_bars
from halfspread.engine.feed import Feed
from halfspread.engine.tape import Tape
from halfspread.engine.times import Integers, interval_text, parse_interval, time_text
from halfspread.errors import DataError

__all__ = ["event_bars", "with_bars"]


def with_bars(tape: Tape, interval: str | int | float = "1m", start: int | None = None, end: int | None = None) -> Tape:
    """The tape with bars of ``interval`` in each of its feeds, made of its trades, or of mids where there are none.

    ``start`` and ``end`` (ns UTC): when the data begin and end, where that is known; left out: the first and the last
    row. Raises DataError for a feed that has bars already, that is streamed, or that no whole bar fits into.
    """
    feeds, origin = [], dict(tape.origin)
    for feed in tape.feeds:
        frame, what = event_bars(feed, interval, start, end)
        text = f"{interval_text(parse_interval(interval))} bars made of {what}"
        bars = replace(read_bars(frame, interval=interval), source=f"{feed.source}: {text}")
        feeds.append(replace(feed, bars=bars))
        origin["bars" if len(tape.feeds) == 1 else f"{feed.instrument.symbol} bars"] = text
    return replace(tape, feeds=tuple(feeds), origin=origin)


def event_bars(
    feed: Feed, interval: str | int | float = "1m", start: int | None = None, end: int | None = None
) -> tuple[pd.DataFrame, str]:
    """Bars of a feed as a table (see `bars_from_trades`), and what they were made of in a few words; arguments and
    faults as for `with_bars`."""
    if feed.bars is not None:
        raise DataError(f"{feed.source}: has bars already; leave out one of them, or the bars to be made")
    if feed.streamed:
        raise DataError(
            f"{feed.source}: bars are made of tables in memory, and this one is streamed; make them once with "
            "halfspread.datafeeds.aggregate.bars_from_trades and give the file"
        )
    depth = feed.books if feed.books is not None else feed.quotes
    trades: Any = feed.trades
    quotes = None if depth is None else _top(depth)
    if trades is None and quotes is None:
        raise DataError("there is nothing to make bars of: expected trades, quotes or books")
    if trades is not None:
        events = pd.DataFrame({"ts": _received(trades), "price": trades.rows[:, 0], "size": trades.rows[:, 1]})
        what = f"{len(events):,} trades"
    elif quotes is not None:
        events = pd.DataFrame({"ts": quotes["ts"], "price": 0.5 * (quotes["bid"] + quotes["ask"]), "size": 0.0})
        what = f"{len(events):,} mids"
    length = parse_interval(interval)
    tables = [table for table in (depth, trades) if table is not None]
    first = min(int(_received(table)[0]) for table in tables) if start is None else start
    last = max(int(_received(table)[-1]) for table in tables) if end is None else end
    frame = bars_from_trades(events, quotes, interval, last)
    frame = frame[_whole(frame["ts"].to_numpy(), length, first, feed.gaps)].reset_index(drop=True)
    if not len(frame):
        raise DataError(
            f"{feed.source}: no whole bar of {interval_text(length)} lies in the data, {time_text(first)} to "
            f"{time_text(last)}; make shorter bars"
        )
    return frame, what


def _whole(
    opens: Integers, length: int, first: int, gaps: tuple[tuple[int, int], ...]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which bars begin within the data and do not touch a gap."""
    whole = opens >= first
    for start, end in gaps:
        whole &= (opens >= end) | (opens + length <= start)
    return np.asarray(whole, bool)


def _top(depth: Any) -> pd.DataFrame:
    """Best bids and asks with the time at which they were received."""
    frame = pd.DataFrame({"ts": _received(depth), "bid": depth.rows[:, 0], "ask": depth.rows[:, 2]})
    return frame.dropna().reset_index(drop=True)


def _received(table: Any) -> Integers:
    times: Integers = table.times if table.local_times is None else table.local_times
    return times

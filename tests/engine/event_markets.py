"""Small random markets of books, quotes, trades and bars, in memory and in files, and the order of their events found
by sorting."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine import instruments
from halfspread.engine.codes import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BAR_OPEN,
    BOOK,
    FUNDING,
    FUNDING_KNOWN,
    GAP,
    INDEX,
    MARK,
    QUOTE,
    RATE,
    TIMER,
    TRADE,
)
from halfspread.engine.feed import Feed
from halfspread.engine.instruments import Instrument
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import MINUTE, SECOND, Integers
from tests.engine.worlds import START, bars, funding

PRICES = (MARK, INDEX, RATE)
ROWS = (TRADE, QUOTE, BOOK)
CODES = {"trades": TRADE, "quotes": QUOTE, "books": BOOK}
ORDER = (GAP, BAR_CLOSE, FUNDING, FUNDING_KNOWN, TIMER, BAR_OPEN)
BOTH = AT_EXCHANGE | AT_AGENT

#: time, kind, instrument, place, what the row or the event holds
Event = tuple[int, int, int, int, bytes]


def phase(kind: int, place: int = BOTH) -> int:
    """Which of the events at one time comes first: prices, rows at the exchange, rows at the agent, all else."""
    if kind in PRICES:
        return 0
    if kind in ROWS:
        return 1 + ROWS.index(kind) + (len(ROWS) if place == AT_AGENT else 0)
    return 1 + 2 * len(ROWS) + ORDER.index(kind)


@dataclass(frozen=True)
class EventMarket:
    """Tables of one instrument by kind, and what stands beside them."""

    instrument: Instrument
    tables: dict[str, Any]
    beside: dict[str, Any] = field(default_factory=dict)
    fmt: TableFormat = field(default_factory=TableFormat)

    @property
    def terms(self) -> dict[str, Any]:
        interval = {"interval": "1m"} if "bars" in self.tables else {}
        return {**self.beside, **interval, "time_format": self.fmt}

    def in_memory(self, **more: Any) -> Tape:
        tables = dict(self.tables)
        main = next(kind for kind in ("books", "quotes", "trades") if kind in tables)
        read: Any = {"books": Tape.from_books, "quotes": Tape.from_quotes, "trades": Tape.from_trades}[main]
        made: Tape = read(tables.pop(main), self.instrument, **tables, **self.terms, **more)
        return made

    def streamed(self, folder: Path, **more: Any) -> Tape:
        paths: dict[str, Any] = {}
        for kind, table in self.tables.items():
            paths[kind] = folder / f"{self.instrument.symbol}_{kind}.parquet"
            pd.DataFrame(table).to_parquet(paths[kind], row_group_size=50)
        return Tape.scan(self.instrument, **paths, **self.terms, **more)


def joined(markets: list[EventMarket], folder: Path | None = None) -> Tape:
    """One tape of these markets, in memory or streamed from files in ``folder``."""
    return Tape.join(*(m.in_memory() if folder is None else m.streamed(folder) for m in markets))


def stamps(rng: np.random.Generator, count: int, late: bool) -> dict[str, Any]:
    """Times in clumps and with standstills; with ``late``, rows are received up to three seconds after they happen."""
    times = START + SECOND * np.cumsum(rng.choice([0, 0, 0, 1, 1, 2, 3, 40], count))
    if not late:
        return {"ts": times}
    return {"ts": np.maximum.accumulate(times + rng.integers(0, 3 * SECOND, count)), "exch_ts": times}


def depth_rows(rng: np.random.Generator, count: int, levels: int) -> list[np.ndarray[Any, Any]]:
    """Bid, bid size, ask, ask size of each level, on a tick of 0.5; some deeper levels are not shown."""
    bid = 100 + 0.5 * rng.integers(-3, 4, count)
    ask = bid + 0.5 * rng.integers(1, 3, count)
    columns, hidden = [], np.zeros(count, bool)
    for level in range(levels):
        hidden = hidden | (rng.random(count) < (0.2 if level else 0.0))
        for price, side in ((bid, -1), (ask, 1)):
            shown = np.where(hidden, np.nan, price + side * 0.5 * level)
            columns += [shown, np.where(hidden, 0.0, rng.integers(1, 6, count).astype(float))]
    return columns


def event_market(
    seed: int, kinds: tuple[str, ...], symbol: str = "UNIT", *, count: int = 120, levels: int = 2, late: bool = True
) -> EventMarket:
    """A random market with tables of these kinds, mark prices and settlements; times of one table often meet those of
    another."""
    rng = np.random.default_rng(seed)
    tables: dict[str, Any] = {}
    for kind in kinds:
        if kind == "bars":
            tables[kind] = bars(100 + rng.normal(size=12), interval=MINUTE, skip=[5])
            continue
        times = stamps(rng, count, late)
        if kind == "trades":
            sizes, sides = rng.integers(1, 6, count), rng.integers(-1, 2, count)
            prices = 100 + 0.5 * rng.integers(-3, 4, count)
            tables[kind] = {**times, "price": prices, "size": sizes, "side": sides}
            continue
        names = ["bid_{}", "bid_size_{}", "ask_{}", "ask_size_{}"]
        shown = levels if kind == "books" else 1
        labels = [name.format(i + 1) for i in range(shown) for name in names]
        if kind == "quotes":
            labels = ["bid", "bid_size", "ask", "ask_size"]
        tables[kind] = {**times, **dict(zip(labels, depth_rows(rng, count, shown), strict=True))}
    beside = {
        "funding": funding({0.05 * i: 1e-4 * (i % 3 - 1) for i in range(11)}, interval_hours=0.05),
        "mark": {"ts": START + 30 * SECOND * np.arange(20), "price": 100 + rng.normal(size=20)},
    }
    frames = {kind: pd.DataFrame(table) for kind, table in tables.items()}
    return EventMarket(instruments.linear(symbol, lot=1.0, tick=0.5), frames, beside)


def slow_events(
    feeds: tuple[Feed, ...], side: Any, *, timer: int = 0, stale_after: int = 0, delay: int | None = None
) -> list[Event]:
    """Every event of a tape in memory, one by one, in order. ``delay``: of rows without a local time."""
    found: list[tuple[tuple[int, ...], Event]] = []
    end = max(feed.end_ns for feed in feeds)

    def add(time: int, stream: int, i: int, kind: int, k: int, place: int, held: bytes) -> None:
        found.append(((time, phase(kind, place), stream, i), (time, kind, k, place, held)))

    for i, line in enumerate(side):
        held = np.array([line["value"], line["row"]]).tobytes()
        add(int(line["time"]), 0, i, int(line["kind"]), int(line["instrument"]), 0, held)
    stream, last = 0, end
    for k, feed in enumerate(feeds):
        for kind in ("bars", "trades", "quotes", "books"):
            table = feed.table(kind)
            if table is None:
                continue
            stream += 2
            local = None if kind == "bars" else arrivals(table.times, table.local_times, delay)
            for i, time in enumerate(table.times.tolist()):
                held = table.rows[i].tobytes()
                if kind == "bars":
                    add(time, stream, i, BAR_OPEN, k, BOTH, held)
                    add(time + table.interval, stream, i, BAR_CLOSE, k, BOTH, held)
                elif local is None:
                    add(time, stream, i, CODES[kind], k, BOTH, held)
                else:
                    add(time, stream, i, CODES[kind], k, AT_EXCHANGE, held)
                    add(int(local[i]), stream + 1, i, CODES[kind], k, AT_AGENT, held)
                    last = max(last, int(local[i]))
            if kind == feed.market:
                for i, time in enumerate(gaps_of(feed, end, stale_after)):
                    add(time, 0, 1_000_000 * (k + 1) + i, GAP, k, 0, np.zeros(2).tobytes())
    if timer:
        first = (min(feed.start_ns for feed in feeds) // timer + 1) * timer
        for time in range(first, last + 1, timer):
            add(time, stream + 2, 0, TIMER, 0, AT_AGENT, b"")
    return [event for _, event in sorted(found, key=lambda line: line[0])]


def gaps_of(feed: Feed, end: int, stale_after: int) -> list[int]:
    """When gaps of the market begin: where rows were left out, and ``stale_after`` a book that stands still."""
    table = feed.table(feed.market)
    if feed.market == "bars":
        return []
    gaps = [start for start, _ in table.gaps]
    if stale_after and feed.market != "trades":
        times = [*table.times.tolist(), end]
        gaps += [time + stale_after for time, after in pairwise(times) if after - time > stale_after]
    return sorted(gaps)


def arrivals(times: Integers, local: Integers | None, delay: int | None) -> Integers | None:
    """When rows reach the agent; None where they do at once."""
    if local is not None or delay is None:
        return local
    return times + delay

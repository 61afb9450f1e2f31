"""Reads a replay as the loop does, and checks every row that it could be asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.engine.codes import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR,
    BAR_CLOSE,
    BAR_OPEN,
    DEPTH,
    QUOTE,
    TIMER,
    TRADE,
)
from halfspread.engine.replay import Replay
from halfspread.engine.side_data import Beside, side_events
from halfspread.engine.tape import Tape
from tests.engine.event_markets import CODES, Event, EventMarket, event_market

ALL = ("books", "quotes", "trades", "bars")
MARKETS = {
    "books": [event_market(1, ("books",))],
    "all at once": [event_market(2, ALL)],
    "without local times": [event_market(3, ("quotes", "trades"), late=False)],
    "joined": [event_market(4, ("books", "trades"), "ONE"), event_market(5, ("books", "trades"), "TWO", levels=1)],
    "joined, of different kinds": [
        event_market(6, ALL, "ONE", levels=3),
        event_market(7, ("quotes",), "TWO", late=False),
    ],
    "joined trades": [event_market(seed, ("trades",), f"T{seed}", count=80) for seed in (8, 9, 10)],
}
BLOCKS = [3, 17, 70]


def side_of(tape: Tape) -> Any:
    beside = [Beside(feed.funding, feed.mark, feed.index, None, feed.gaps) for feed in tape.feeds]
    return side_events(beside, tape.start_ns, tape.end_ns)


class Reader:
    """Reads the chunks of a replay as the loop does, and checks every row that it could be asked for."""

    def __init__(self, tape: Tape, history: str, lookback: int) -> None:
        self.tape, self.history, self.lookback = tape, history, lookback
        self.events: list[Event] = []
        self.ends: list[int] = []
        count = len(tape.feeds)
        self.row, self.book = np.zeros(count, np.int64), np.full(count, -1)
        self.seen: list[list[bytes]] = [[] for _ in range(count)]
        self.in_force: list[bytes] = [b""] * count

    def read(self, chunks: Any) -> None:
        for chunk in chunks:
            if chunk.moves is not None:
                self.row += chunk.moves[0]
                self.book[self.book >= 0] += chunk.moves[1][self.book >= 0]
            self.check(chunk)
            for line in chunk.events:
                self.take(chunk, line)
            self.check(chunk)

    def take(self, chunk: Any, line: Any) -> None:
        time, kind, k, place, row = (int(line[name]) for name in ("time", "kind", "instrument", "place", "row"))
        if line["end_of_time"]:
            self.ends.append(time)
        width = self.width(kind, k)
        name = "bars" if kind & BAR else next((name for name, code in CODES.items() if code == kind), "")
        if not name:
            held = b"" if kind == TIMER else np.array([line["value"], float(row)]).tobytes()
            self.events.append((time, kind, k, place, held))
            return
        held = getattr(chunk.data, name)[row, :width].tobytes()
        if name == "books":  # levels that another instrument shows and this one does not
            rest = getattr(chunk.data, name)[row, width:]
            assert np.isnan(rest[0::2]).all()
            assert not rest[1::2].any()
        if kind == BAR:
            self.events.append((time - self.tape.feeds[k].interval, BAR_OPEN, k, place, held))
        self.events.append((time, BAR_CLOSE if kind == BAR else kind, k, place, held))
        if name == self.history and kind != BAR_OPEN and place & AT_AGENT:
            self.row[k] = row
            self.seen[k].append(held)
            if len(self.tape.feeds) == 1:
                assert chunk.first_row <= max(row - self.lookback, 0)
                assert row < chunk.end_row <= len(chunk.history)
        if kind & DEPTH and name == self.tape.feeds[k].market and place & AT_EXCHANGE:
            self.book[k] = row
            self.in_force[k] = held

    def width(self, kind: int, k: int) -> int:
        feed = self.tape.feeds[k]
        if kind & BAR:
            return len(feed.bars.columns) if feed.bars is not None else 0
        return {TRADE: 3, QUOTE: 4}.get(kind, 4 * feed.books.levels if feed.books is not None else 0)

    def check(self, chunk: Any) -> None:
        """The rows that are remembered from earlier chunks are still there, with the lookback before them."""
        for k, seen in enumerate(self.seen):
            width = len(seen[-1]) // 8 if seen else 0
            for i in range(min(self.lookback + 1, len(seen))):
                assert chunk.history[self.row[k] - i, :width].tobytes() == seen[-1 - i]
            if self.book[k] >= 0:
                held = getattr(chunk.data, self.tape.feeds[k].market)[self.book[k]]
                assert held[: len(self.in_force[k]) // 8].tobytes() == self.in_force[k]


def replayed(tape: Tape, history: str, lookback: int = 0, events: int = 10_000, **more: Any) -> Reader:
    reader = Reader(tape, history, lookback)
    reader.read(Replay(tape.feeds, side_of(tape), history, lookback, events=events, **more))
    return reader


def history_of(markets: list[EventMarket]) -> str:
    """A kind of table that all of these have."""
    return next((kind for kind in ALL if all(kind in market.tables for market in markets)), "quotes")

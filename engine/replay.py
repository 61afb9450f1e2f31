"""Replay a tape in chunks: merge the tables of all feeds into events, and load the next blocks of those that stream.

In memory a table is one block. A streamed table holds the rows that are still needed and the block after them. Both
give the loop the same events, so the same bits come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.costs.latency import DelayTable
from halfspread.engine.codes import AT_AGENT, AT_EXCHANGE, BAR, BOOK, GAP, QUOTE, TIMER, TRADE
from halfspread.engine.feed import Block, Feed
from halfspread.engine.records import EVENT, Data
from halfspread.engine.replay_tables import TableInReplay, rows_side_by_side
from halfspread.engine.side_data import in_order
from halfspread.engine.stream_records import STREAM
from halfspread.engine.streamed_depth import StreamedTrades
from halfspread.engine.tape_kernels import MARGIN, merge_events
from halfspread.engine.times import Floats, Integers
from halfspread.engine.trades_beside_book import BesideBook

__all__ = ["EVENTS_IN_CHUNK", "Chunk", "Moves", "Replay"]

EVENTS_IN_CHUNK = 32_768

CODES = {"bars": BAR, "quotes": QUOTE, "books": BOOK, "trades": TRADE}
NEVER = np.iinfo(np.int64).max

#: For each instrument, by how much the rows of the history, and of the market's book, have moved.
Moves = tuple[Integers, Integers]


@dataclass(frozen=True)
class Chunk:
    """What the loop gets at once: ``count`` events in a buffer that the next chunk uses again, and rows they point to.

    ``first_row`` and ``end_row`` bound the rows that an agent may be shown while these events run, lookback included
    (of a lone instrument). ``moves``: where rows have other numbers than in the chunk before.
    """

    history: Floats
    data: Data
    buffer: np.ndarray[Any, Any]
    count: int
    first_row: int
    end_row: int
    moves: Moves | None = None

    @property
    def events(self) -> np.ndarray[Any, Any]:
        """The events of this chunk."""
        return self.buffer[: self.count]


class Replay:
    """Chunks of a tape for one run.

    ``side``: events that are not rows of tables. ``history``: the kind of table that the agent sees; ``lookback`` rows
    of it stand before the row of every event. ``timer``: nanoseconds between two timer events, 0 for none. ``shared``:
    where tables of a tape in memory are kept for its next run. ``events``: how many a chunk may hold, and a few more;
    it may be changed between two chunks.
    """

    def __init__(
        self,
        feeds: tuple[Feed, ...],
        side: np.ndarray[Any, Any],
        history: str,
        lookback: int = 0,
        *,
        timer: int = 0,
        feed_delay: DelayTable | None = None,
        stale_after: int = 0,
        events: int = EVENTS_IN_CHUNK,
        shared: dict[str, Any] | None = None,
    ) -> None:
        self._feeds = feeds
        self._shared = {} if shared is None or any(feed.streamed for feed in feeds) else shared
        self._side = side
        self._history = history
        self._keep = lookback + 1
        self._timer = timer
        self._next_timer = 0
        self._side_cursor = 0
        self._feed_delay = feed_delay
        self._stale_after = stale_after
        self._end = max(feed.end_ns for feed in feeds)
        self._tables = [
            TableInReplay(kind, k, feed.blocks(kind), feed.table(kind).source, feed.interval if kind == "bars" else 0)
            for k, feed in enumerate(feeds)
            for kind in reversed(feed.kinds)
        ]
        self.events = events
        self._started = False
        self._beside = {k: _beside_book(feed) for k, feed in enumerate(feeds) if _has_both(feed)}

    def __iter__(self) -> Iterator[Chunk]:
        for table in self._tables:
            self._load(table)
        if self._timer:
            start = min(feed.start_ns for feed in self._feeds)
            self._next_timer = (start // self._timer + 1) * self._timer
        while True:
            yield from self._run()
            waiting = [table for table in self._tables if not table.final]
            if not waiting:
                return
            bound = min(table.bound for table in waiting)
            for table in waiting:
                if table.bound == bound:
                    self._load(table)

    def _load(self, table: TableInReplay) -> None:
        before = table.times[-1:]
        keep = self._keep if table.kind == self._history else 1
        block = table.load(keep, self._feed_delay)
        self._compare(table, block)
        if table.kind != self._feeds[table.instrument].market:
            return
        gaps = [start for start, _ in block.gaps]
        if self._stale_after and table.kind in ("quotes", "books"):
            after = np.array([self._end], np.int64) if table.final else before[:0]
            times = np.concatenate([before, block.times, after])
            gaps += (times[:-1][np.diff(times) > self._stale_after] + self._stale_after).tolist()
        if gaps:
            added = np.zeros(len(gaps), EVENT)
            added["time"], added["kind"], added["instrument"] = gaps, GAP, table.instrument
            self._side = in_order(np.concatenate([self._side[self._side_cursor :], added]))
            self._side_cursor = 0

    def _compare(self, table: TableInReplay, block: Block) -> None:
        """Compare trades that are streamed with their book, as is done at once where both are in memory."""
        beside, feed = self._beside.get(table.instrument), self._feeds[table.instrument]
        if beside is None:
            return
        if table.kind == "trades":
            beside.add_trades(block.times, block.rows, last=table.final)
        elif feed.table(table.kind) is feed.depth:
            beside.add_book(block.times, block.rows, block.gaps, last=table.final)
        if beside.done:
            feed.counts.update(beside.finish().counts())
            del self._beside[table.instrument]

    def _run(self) -> Iterator[Chunk]:
        """Chunks up to the time that all loaded tables reach."""
        data = self._data()
        streams, times = self._streams()
        out = np.zeros(0, EVENT)
        received = [int(table.local[-1]) for table in self._tables if table.local is not None and len(table.local)]
        limit = min(max([self._end, *received]), *(table.bound for table in self._tables))
        history = getattr(data, self._history)
        lone = next((table for table in self._tables if table.kind == self._history), None)
        while True:
            size = max(self.events, 1) + MARGIN * (len(streams) + 1)
            if size != len(out):
                out = np.zeros(size, EVENT)
            before = 0 if lone is None else int(streams[lone.streams[-1]]["cursor"])
            count = merge_events(streams, times, self._side, limit, out)
            if count == 0:
                break
            end = 0
            if lone is not None:
                stream = streams[lone.streams[-1]]
                shift = int(stream["shift"])
                end = min(int(stream["cursor"]) + int(stream["opened"]) + shift, len(history))
                before += shift
            yield Chunk(history, data, out, count, max(before - self._keep + 1, 0), end, self._take_moves())
        self._remember(streams)

    def _data(self) -> Data:
        """The tables of all instruments, one after the other."""
        found = {}
        for kind in CODES:
            tables = [table for table in self._tables if table.kind == kind]
            found[kind] = self._shared[kind] if kind in self._shared else rows_side_by_side(kind, tables)
            offset = 0
            for table in tables:
                table.moved += offset - table.offset
                table.offset = offset
                offset += len(table.rows)
        if not any(feed.streamed for feed in self._feeds):
            self._shared.update(found)
        return Data(found["bars"], found["quotes"], found["books"], found["trades"])

    def _take_moves(self) -> Moves | None:
        """How far rows have moved since the chunk before."""
        moved = {(table.kind, table.instrument): table.moved for table in self._tables}
        started, self._started = self._started, True
        for table in self._tables:
            table.moved = 0
        if not started or not any(moved.values()):
            return None
        history = [moved.get((self._history, k), 0) for k in range(len(self._feeds))]
        books = [moved[feed.market, k] for k, feed in enumerate(self._feeds)]
        return np.array(history, np.int64), np.array(books, np.int64)

    def _streams(self) -> tuple[np.ndarray[Any, Any], Integers]:
        """Streams of all tables, the side events and the timer, and the times they point to."""
        lines: list[tuple[int, ...]] = [(0, 0, 0, self._side_cursor, len(self._side), 0, 0, 0, 0, 0)]
        times: list[Integers] = []
        at = 0
        for table in self._tables:
            places = ((AT_EXCHANGE | AT_AGENT, table.times, table.cursor),)
            if table.local is not None:
                places = (
                    (AT_EXCHANGE, table.times, table.cursor),
                    (AT_AGENT, table.local, table.seen),
                )  # type: ignore[assignment]
            table.streams = []
            for place, stamps, cursor in places:
                table.streams.append(len(lines))
                shift = table.offset - at
                lines.append(
                    (
                        *(CODES[table.kind], table.instrument, place, at + cursor, at + len(stamps)),
                        *(shift, table.interval, table.opened, 0, 0),
                    )
                )
                times.append(stamps)
                at += len(stamps)
        if self._timer:
            lines.append((TIMER, 0, AT_AGENT, self._next_timer, 0, 0, self._timer, 0, 0, 0))
        flat = times[0] if len(times) == 1 else np.concatenate(times)
        flat = np.ascontiguousarray(flat, np.int64)
        flat.flags.writeable = False
        return np.array(lines, STREAM), flat

    def _remember(self, streams: np.ndarray[Any, Any]) -> None:
        """Where the merge stopped, for the next blocks."""
        self._side_cursor = int(streams[0]["cursor"])
        for table in self._tables:
            first = streams[table.streams[0]]
            start = table.offset - int(first["shift"])
            table.cursor, table.opened = int(first["cursor"]) - start, int(first["opened"])
            last = streams[table.streams[-1]]
            table.seen = int(last["cursor"]) - (table.offset - int(last["shift"]))
        if self._timer:
            self._next_timer = int(streams[-1]["cursor"])


def _has_both(feed: Feed) -> bool:
    """Whether trades are read beside a book while both are replayed."""
    return isinstance(feed.trades, StreamedTrades) and feed.depth is not None


def _beside_book(feed: Feed) -> BesideBook:
    trades: Any = feed.trades
    depth: Any = feed.depth
    first_row = trades.first_row if trades.fmt.invalid == "error" else None
    return BesideBook(trades.source, depth.source, feed.instrument.tick, first_row)

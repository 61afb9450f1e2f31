"""Replay a tape in chunks: merge the tables of all feeds into events, and load the next blocks of those that stream.

In memory a table is one block. A streamed table holds the rows that are still needed and the block after them. Both
give the loop the same events, so the same bits come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.costs.kernels import delay_at
from halfspread.costs.latency import DelayTable
from halfspread.engine.feed import Block, Feed, empty_rows
from halfspread.engine.records import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR,
    BOOK,
    EVENT,
    GAP,
    LEVEL,
    QUOTE,
    TIMER,
    TRADE,
    Data,
)
from halfspread.engine.stream_records import STREAM
from halfspread.engine.tape_kernels import MARGIN, merge_events
from halfspread.engine.times import Floats, Integers

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


@dataclass
class _Source:
    """One table of one feed, as far as it is loaded. ``seen``: rows before it were seen by the agent."""

    kind: str
    instrument: int
    blocks: Iterator[Block]
    interval: int
    times: Integers
    local: Integers | None
    rows: Floats
    cursor: int = 0
    seen: int = 0
    opened: int = 0
    final: bool = False
    offset: int = 0
    delayed: int = 0
    moved: int = 0
    pending: Block | None = None
    streams: list[int] = field(default_factory=list)

    @property
    def bound(self) -> int:
        """Up to when all events of this table are known."""
        if self.final:
            return NEVER
        return int(self.times[-1]) + self.interval if self.kind == "bars" else int(self.times[-1]) - 1

    def load(self, keep: int, feed_delay: DelayTable | None) -> tuple[tuple[int, int], ...]:
        """Drop rows that are done, ``keep`` before the cursors apart, and add the next block; the gaps that it tells."""
        block = self.pending if self.pending is not None else next(self.blocks)
        self.pending = next(self.blocks, None)
        self.final = self.pending is None
        first = max(min(self.cursor, self.seen if self.local is not None else self.cursor) - keep, 0)
        local = block.local_times
        if local is None and feed_delay is not None and self.kind != "bars":
            local = self._delay(block.times, feed_delay)
        if not len(self.times):
            self.times, self.rows, self.local = block.times, block.rows, local
        else:
            self.times = np.concatenate([self.times[first:], block.times])
            self.rows = np.concatenate([self.rows[first:], block.rows])
            if local is not None and self.local is not None:
                self.local = np.concatenate([self.local[first:], local])
        self.cursor -= first
        self.seen -= first
        self.moved -= first
        return block.gaps

    def _delay(self, times: Integers, table: DelayTable) -> Integers:
        """When rows reach the agent; none overtakes the one before it."""
        mode, starts, delays = table
        numbers = range(self.delayed, self.delayed + len(times))
        taken = [
            delay_at(mode, starts, delays, number, time) for number, time in zip(numbers, times.tolist(), strict=True)
        ]
        self.delayed += len(times)
        local = times + np.array(taken, np.int64)
        if self.local is not None and len(self.local):
            local[0] = max(int(local[0]), int(self.local[-1]))
        return np.maximum.accumulate(local)


class Replay:
    """Chunks of a tape for one run.

    ``side``: events that are not rows of tables. ``history``: the kind of table that the agent sees; ``lookback`` rows
    of it stand before the row of every event. ``timer``: nanoseconds between two timer events, 0 for none.
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
    ) -> None:
        self._feeds = feeds
        self._side = side
        self._history = history
        self._keep = lookback + 1
        self._timer = timer
        self._next_timer = 0
        self._side_cursor = 0
        self._feed_delay = feed_delay
        self._stale_after = stale_after
        self._end = max(feed.end_ns for feed in feeds)
        self._sources = [
            _Source(kind, k, feed.blocks(kind), feed.interval, *_nothing(feed, kind))
            for k, feed in enumerate(feeds)
            for kind in reversed(feed.kinds)
        ]
        self._events = events

    def __iter__(self) -> Iterator[Chunk]:
        for source in self._sources:
            self._load(source)
        if self._timer:
            start = min(feed.start_ns for feed in self._feeds)
            self._next_timer = (start // self._timer + 1) * self._timer
        first = True
        while True:
            yield from self._run(first)
            first = False
            waiting = [source for source in self._sources if not source.final]
            if not waiting:
                return
            bound = min(source.bound for source in waiting)
            for source in waiting:
                if source.bound == bound:
                    self._load(source)

    def _load(self, source: _Source) -> None:
        last = int(source.times[-1]) if len(source.times) else None
        before = len(source.times)
        keep = self._keep if source.kind == self._history else 1
        gaps = list(source.load(keep, self._feed_delay))
        feed = self._feeds[source.instrument]
        if source.kind != feed.market:
            return
        if self._stale_after and source.kind in ("quotes", "books"):
            fresh = source.times[max(before + source.moved, 0) :] if last is not None else source.times
            steps = fresh if last is None else np.concatenate([np.array([last], np.int64), fresh])
            at = np.flatnonzero(np.diff(steps) > self._stale_after)
            gaps += [(int(steps[i]) + self._stale_after, int(steps[i + 1])) for i in at]
        if gaps:
            added = np.zeros(len(gaps), EVENT)
            added["time"] = [start for start, _ in gaps]
            added["kind"], added["instrument"] = GAP, source.instrument
            side = np.concatenate([self._side[self._side_cursor :], added])
            self._side = side[np.argsort(side["time"], kind="stable")]
            self._side_cursor = 0

    def _run(self, first: bool) -> Iterator[Chunk]:
        """Chunks up to the time that all loaded tables reach."""
        data, moves = self._tables(first)
        streams, times = self._streams()
        out = np.zeros(max(self._events, 1) + MARGIN * (len(streams) + 1), EVENT)
        received = [int(source.local[-1]) for source in self._sources if source.local is not None and len(source.local)]
        limit = min(max([self._end, *received]), *(source.bound for source in self._sources))
        history = getattr(data, self._history)
        lone = next((s for s in self._sources if s.kind == self._history), None)
        while True:
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
            yield Chunk(history, data, out, count, max(before - self._keep + 1, 0), end, moves)
            moves = None
        self._remember(streams)

    def _tables(self, first: bool) -> tuple[Data, Moves | None]:
        """The tables of all instruments, one after the other, and how far rows have moved."""
        found, moved = {}, {}
        for kind in CODES:
            sources = [source for source in self._sources if source.kind == kind]
            found[kind] = _joined(kind, sources)
            offset = 0
            for source in sources:
                moved[kind, source.instrument] = source.moved + offset - source.offset
                source.offset, source.moved = offset, 0
                offset += len(source.rows)
        data = Data(found["bars"], found["quotes"], found["books"], found["trades"])
        if first:
            return data, None
        history = [moved.get((self._history, k), 0) for k in range(len(self._feeds))]
        books = [moved.get((feed.market, k), 0) for k, feed in enumerate(self._feeds)]
        return data, (np.array(history, np.int64), np.array(books, np.int64))

    def _streams(self) -> tuple[np.ndarray[Any, Any], Integers]:
        """Streams of all sources, the side events and the timer, and the times they point to."""
        lines: list[tuple[int, ...]] = [(0, 0, 0, self._side_cursor, len(self._side), 0, 0, 0, 0, 0)]
        times: list[Integers] = []
        at = 0
        for source in self._sources:
            places = ((AT_EXCHANGE | AT_AGENT, source.times, source.cursor),)
            if source.local is not None:
                places = (
                    (AT_EXCHANGE, source.times, source.cursor),
                    (AT_AGENT, source.local, source.seen),
                )  # type: ignore[assignment]
            source.streams = []
            for place, stamps, cursor in places:
                source.streams.append(len(lines))
                shift = source.offset - at
                interval = source.interval if source.kind == "bars" else 0
                opened = source.opened
                code = CODES[source.kind]
                lines.append(
                    (code, source.instrument, place, at + cursor, at + len(stamps), shift, interval, opened, 0, 0)
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
        for source in self._sources:
            first = streams[source.streams[0]]
            start = source.offset - int(first["shift"])
            source.cursor, source.opened = int(first["cursor"]) - start, int(first["opened"])
            last = streams[source.streams[-1]]
            source.seen = int(last["cursor"]) - (source.offset - int(last["shift"]))
        if self._timer:
            self._next_timer = int(streams[-1]["cursor"])


def _nothing(feed: Feed, kind: str) -> tuple[Integers, None, Floats]:
    return np.zeros(0, np.int64), None, empty_rows(1)


def _joined(kind: str, sources: list[_Source]) -> Floats:
    """The rows of one kind, instruments one after the other, missing columns NaN (sizes of levels: 0)."""
    if not sources:
        return empty_rows(LEVEL)
    if len(sources) == 1:
        rows = np.ascontiguousarray(sources[0].rows)
    else:
        width = max(source.rows.shape[1] for source in sources)
        parts = []
        for source in sources:
            missing = np.full((len(source.rows), width - source.rows.shape[1]), np.nan)
            if kind == "books":
                missing[:, 1::2] = 0.0
            parts.append(np.concatenate([source.rows, missing], axis=1))
        rows = np.concatenate(parts)
    rows.flags.writeable = False
    return rows

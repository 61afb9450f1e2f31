"""Streams to be merged, and what a merge wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.engine.codes import (
    AT_AGENT,
    AT_EXCHANGE,
    BAR,
    BAR_CLOSE,
    BAR_OPEN,
    TIMER,
)
from halfspread.engine.records import EVENT
from halfspread.engine.stream_records import STREAM
from halfspread.engine.tape_kernels import NEVER, merge_events
from tests.engine.event_markets import BOTH, phase

#: time, kind, instrument
Line = tuple[int, int, int]

CANARY = -77


@dataclass
class Rows:
    """A table of quotes, books or trades: its times, and when its rows are seen where that is later."""

    kind: int
    instrument: int
    times: list[int]
    seen: list[int] | None = None


@dataclass
class Merge:
    """Bars of several instruments (open times), side events, tables of rows, a timer (its first time, its interval),
    and where the merge stands."""

    times: list[list[int]]
    intervals: list[int]
    side: Sequence[Line] = ()
    tables: Sequence[Rows] = ()
    timer: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.begins = np.cumsum([0, *map(len, self.times)]).astype(np.int64)
        self.events = np.zeros(len(self.side), EVENT)
        for i, (time, kind, instrument) in enumerate(sorted(self.side, key=lambda line: (line[0], phase(line[1])))):
            self.events[i] = (time, 0, 0.5, kind, instrument, 0, 0)
        streams: list[tuple[int, ...]] = [(0, 0, 0, 0, len(self.side), 0, 0, 0, 0, 0)]
        stamps: list[int] = []

        def add(kind: int, instrument: int, place: int, times: list[int], shift: int, interval: int = 0) -> None:
            first = len(stamps)
            stamps.extend(times)
            streams.append((kind, instrument, place, first, len(stamps), shift - first, interval, 0, 0, 0))

        for k, opens in enumerate(self.times):
            add(BAR, k, BOTH, opens, int(self.begins[k]), self.intervals[k])
        for table in self.tables:
            add(table.kind, table.instrument, BOTH if table.seen is None else AT_EXCHANGE, table.times, 0)
            if table.seen is not None:
                add(table.kind, table.instrument, AT_AGENT, table.seen, 0)
        if self.timer is not None:
            streams.append((TIMER, 0, AT_AGENT, self.timer[0], 0, 0, self.timer[1], 0, 0, 0))
        self.streams = np.array(streams, STREAM)
        self.flat = np.array(stamps, np.int64)

    def chunk(self, room: int, limit: int = NEVER) -> Any:
        """The next events in a buffer of ``room`` lines; whatever stands behind it must stay untouched."""
        buffer = np.zeros(room + 20, EVENT)
        buffer["time"] = CANARY
        written = merge_events(self.streams, self.flat, self.events, limit, buffer[:room])
        assert 0 <= written <= room
        assert (buffer["time"][room:] == CANARY).all(), "the merge wrote past the end of its buffer"
        return buffer[:written].copy()

    def all(self, room: int = 10_000, limits: Sequence[int] = (NEVER,)) -> Any:
        """Every event, chunk after chunk."""
        chunks = [np.zeros(0, EVENT)]
        for limit in limits:
            while len(part := self.chunk(room, limit)):
                chunks.append(part)
        return np.concatenate(chunks)


def lines(events: Any) -> list[Line]:
    return [(int(line["time"]), int(line["kind"]), int(line["instrument"])) for line in events]


def unfused(events: Any, intervals: list[int]) -> list[tuple[int, int, int, int]]:
    """Every event on its own, as (time, kind, instrument, row): a fused bar is its open and its close."""
    found = []
    for line in events:
        time, kind, k, row = (int(line[name]) for name in ("time", "kind", "instrument", "row"))
        if kind == BAR:
            found.append((time - intervals[k], BAR_OPEN, k, row))
            kind = BAR_CLOSE
        found.append((time, kind, k, row))
    return found


def ends(events: Any) -> list[int]:
    return [int(flag) for flag in events["end_of_time"]]

"""What the parts of one fetch share, and how rows that come in windows are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from halfspread.datafeeds.bybit.client import BybitClient
from halfspread.datafeeds.bybit.listing import Listing
from halfspread.datafeeds.bybit.rows import Columns
from halfspread.datafeeds.net.requests import OPEN, FetchRequest, Hole, Part, Progress
from halfspread.datafeeds.store.kinds import Kind
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import shared
from halfspread.datafeeds.store.store import Store, Written
from halfspread.engine.times import SECOND, Integers

__all__ = ["SETTLED", "Job", "Tally", "Window", "cut", "empty_rows", "runs", "united_holes"]

#: A row that closed this short a while ago may not be there yet.
SETTLED = 2 * SECOND


@dataclass(frozen=True)
class Window:
    """Rows from ``first`` to before ``last`` are asked for, which covers [start, end) of the series."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True)
class Job:
    """``now``: the venue's time when it began, ns UTC. ``parts``: what came, also of a part that ended in an error."""

    client: BybitClient
    contract: Listing
    request: FetchRequest
    store: Store
    now: int
    progress: Progress
    parts: list[Part] = field(default_factory=list)

    def series(self, kind: str) -> Series:
        """The series of the contract of this kind."""
        return Series("bybit", self.contract.symbol, kind)

    def provenance(self, path: str, *notes: str, **params: str) -> Provenance:
        """Where the rows come from: the address without the span."""
        query = {"category": self.contract.category, "symbol": self.contract.symbol, **params}
        return Provenance(self.client.http.url(f"/v5/market/{path}", query), self.client.http.clock.now(), notes=notes)

    def spans(self, series: Series, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """What is to be fetched of [start, end)."""
        if start >= end:
            return ()
        return ((start, end),) if self.request.replace else self.store.missing(series, start, end)

    def finish(self, series: Series, tally: Tally, written: Written) -> Part:
        """Note holes in the store, as far as it covers them (those that touch and have one reason are one, and those
        that stay open are no gaps), and what came of a part."""
        covered = self.store.covered(series)
        holes = united_holes(tally.holes)
        for hole in holes:
            for start, end in shared([(hole.start, hole.end)], covered) if hole.reason != OPEN else ():
                self.store.declare_gap(series, start, end, hole.reason)
        spans = shared(tally.spans, covered)
        part = Part(tally.kind, spans, written.added, written.same, holes, tuple(tally.told))
        self.parts.append(part)
        return part


@dataclass
class Tally:
    """What came of one kind so far."""

    kind: str
    spans: tuple[tuple[int, int], ...]
    holes: list[Hole] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def progress(self, show: Progress) -> Callable[[int], None]:
        """A function to be called with the time up to which rows are there."""
        whole = sum(end - start for start, end in self.spans)

        def until(time: int) -> None:
            done = sum(min(end, time) - start for start, end in self.spans if time > start)
            show(self.kind, done, whole)

        return until


def cut(spans: Iterable[tuple[int, int]], width: int, grid: int) -> Iterator[Window]:
    """Windows of at most ``width`` ns that begin and end on the grid; only the first of a span may cover less before
    its first row, and the last more behind its last one."""
    for start, end in spans:
        first, last = -(-start // grid) * grid, -(-end // grid) * grid
        begins = start
        while first < last:
            until = min(first + width, last)
            ends = end if until == last else until
            yield Window(begins, ends, first, until)
            first, begins = until, ends
        if begins < end:
            yield Window(begins, end, last, last)


def empty_rows(kind: Kind) -> Columns:
    """No rows, in the columns that the kind requires."""
    return {name: np.array([], np.int64 if name == "ts" else np.float64) for name in kind.required}


def united_holes(holes: Iterable[Hole]) -> tuple[Hole, ...]:
    """Holes in order, those that touch and have one reason as one."""
    found: list[Hole] = []
    for hole in sorted(holes, key=lambda hole: hole.start):
        if found and found[-1].end >= hole.start and found[-1].reason == hole.reason:
            found[-1] = Hole(found[-1].start, max(found[-1].end, hole.end), hole.reason)
        elif hole.start < hole.end:
            found.append(hole)
    return tuple(found)


def runs(times: Integers, first: int, last: int, interval: int) -> list[tuple[int, int]]:
    """Spans of [first, last) on the grid of ``interval`` without a row."""
    edges = np.concatenate(([first - interval], times, [last]))
    gaps = np.flatnonzero(np.diff(edges) > interval)
    return [(int(edges[gap]) + interval, int(edges[gap + 1])) for gap in gaps]

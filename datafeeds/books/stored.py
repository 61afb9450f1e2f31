"""Book updates in the store into book snapshots in the store, with the gaps of both declared."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any

import numpy as np

from halfspread.datafeeds.books.builder import BookBuilder, BookGap, Built
from halfspread.datafeeds.store.columns import times_of
from halfspread.datafeeds.store.kinds import SNAPSHOT
from halfspread.datafeeds.store.partitions import ENDING, bounds
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import Spans, clipped, shared, without
from halfspread.datafeeds.store.store import Gap, Store, Written
from halfspread.engine.times import DAY, MINUTE, time_text
from halfspread.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["StoredBooks", "build_stored"]

_ALWAYS = (0, 2**62)
#: How long a snapshot that was asked for may have been on its way: changes that came meanwhile belong on top of it.
_ON_ITS_WAY = MINUTE


@dataclass
class StoredBooks:
    """What was built. ``series``: where it stands; ``spans``: that the updates cover; ``gaps``: without a book, inside
    of those; ``counts``: of messages and updates, by what became of them; ``withdrawn``: gaps of an earlier build that
    do not hold for this one."""

    series: Series
    spans: tuple[tuple[int, int], ...]
    gaps: list[BookGap] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    written: Written = field(default_factory=Written)
    withdrawn: int = 0

    def count(self, counts: dict[str, int]) -> None:
        """Add to the counts."""
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number


def build_stored(
    store: Store,
    venue: str,
    symbol: str,
    levels: int,
    every: str | int | None = None,
    *,
    start: int | None = None,
    end: int | None = None,
    replace: bool = False,
) -> StoredBooks:
    """Build books_N of a contract from its book_updates from ``start`` to before ``end`` (int64 ns): a snapshot at each
    change of the shown levels, or the last of every interval. Gaps are declared in the store, by the exchange's clock
    where the updates have it; memory does not grow.
    Raises DataError where there are no updates, and where other books stand there already, unless ``replace``."""
    source, target = Series(venue, symbol, "book_updates"), Series(venue, symbol, f"books_{levels}")
    summary = store.summary(source)
    declared = [(gap.start, gap.end) for gap in summary.gaps]
    first, last = _ALWAYS[0] if start is None else start, _ALWAYS[1] if end is None else end
    known = without(summary.covered, declared)
    spans = clipped(known, first, last)
    if not spans:
        there = ", ".join(f"{time_text(a)} to {time_text(b)}" for a, b in summary.covered[:3]) or "none"
        raise DataError(f"{source}: expected updates in the time that was asked for; the store has them from {there}")
    found = StoredBooks(target, spans)
    pace = "at each change of the shown levels" if every is None else f"the last of every {every}"
    notes = (f"built from {source}, {summary.rows} updates, SHA-256 {summary.digest}", f"snapshots {pace}")
    provenance = Provenance(str(source), time.time_ns(), clock=summary.clock or "exchange", notes=notes)
    gaps = _Gaps(store, source, target, spans)
    known_gaps = [
        Gap(*part, each.reason) for each in summary.gaps for part in clipped([(each.start, each.end)], first, last)
    ]
    writer = store.writer(target, provenance, replace=replace)
    done = False
    try:
        with writer:
            gaps.declare(known_gaps)
            for a, b in spans:
                behind = max((s for s, e in known if s <= a < e), default=a)
                since = _last_snapshot(store, source, behind, a)
                builder = BookBuilder(levels, every, changes=every is None)
                for rows, *covered in _whole_times(_blocks(store, source, (since, b), a, builder, gaps, found), a, b):
                    writer.add(rows, *covered)
        done = True
    finally:
        found.written = writer.written
        gaps.settle(
            found, replace, None if done else [bounds(name.removesuffix(ENDING)) for name in writer.written.files]
        )
    return found


def _last_snapshot(store: Store, source: Series, behind: int, start: int) -> int:
    """Where to begin for the last snapshot of the book before ``start``, which is looked for day by day; ``start``
    itself where there is none."""
    end = start
    while end > behind:
        day = max((end - 1) // DAY * DAY, behind)
        table = store.read(source, day, end, ["ts", "action"])
        places = np.flatnonzero(table["action"].to_numpy() == SNAPSHOT)
        if len(places):
            return max(int(times_of(table)[places[-1]]) - _ON_ITS_WAY, behind)
        end = day
    return start


def _blocks(
    store: Store,
    source: Series,
    span: tuple[int, int],
    start: int,
    builder: BookBuilder,
    gaps: _Gaps,
    found: StoredBooks,
) -> Iterator[Built]:
    """Snapshots of the updates in a span, the gaps from ``start`` on declared before them; what is lost at its end is
    lost up to its end."""
    for batch in store.batches(source, *span):
        yield _declared(builder.feed(batch), (start, span[1]), gaps, found)
    built = builder.finish()
    if builder.lost:
        last = replace_fields(built.gaps[-1], end=span[1])
        built = replace_fields(built, gaps=(*built.gaps[:-1], last))
    yield _declared(built, (start, span[1]), gaps, found)


def _declared(built: Built, span: tuple[int, int], gaps: _Gaps, found: StoredBooks) -> Built:
    here = _inside(built.gaps, span)
    gaps.declare(Gap(gap.start, gap.end, gap.reason) for gap in here)
    found.gaps += here
    found.count(built.counts)
    return built


class _Gaps:
    """The gaps of a build: declared before the rows around them, so that there is never a book without its gap; and in
    the end by the exchange's clock, by which a market is replayed, where the rows have it."""

    def __init__(self, store: Store, source: Series, target: Series, spans: Spans) -> None:
        self._store, self._source, self._target, self._spans = store, source, target, spans
        self._before = store.gaps(target)
        self._received = store.summary(source).clock == "received"
        self._mine: list[Gap] = []

    def declare(self, gaps: Iterable[Gap]) -> None:
        """Declare gaps, by the clock of the rows."""
        more = list(gaps)
        self._mine += more
        self._store.replace_gaps(self._target, (), more)

    def settle(self, found: StoredBooks, replacing: bool, kept: Iterable[tuple[int, int]] | None) -> None:
        """Put the gaps on the exchange's clock; where ``replacing``, take back those of an earlier build, which do not
        hold for these books. ``kept``: what was written of a build that failed; None for all."""
        final = {gap: Gap(*span, gap.reason) for gap in self._mine if (span := self._by_exchange(gap))}
        if kept is not None:
            final = {gap: each for gap, each in final.items() if shared([(gap.start, gap.end)], kept)}
        new = {*final.values()}
        old, left = [], []
        if replacing and kept is None:
            old = [gap for gap in self._before if gap not in new and shared([(gap.start, gap.end)], self._spans)]
            parts = [(part, gap) for gap in old for part in without([(gap.start, gap.end)], self._spans)]
            left = [Gap(*part, gap.reason) for part, gap in parts if part[1] - part[0] > _ON_ITS_WAY]
        self._store.replace_gaps(self._target, {*self._mine, *old}, {*new, *left})
        found.withdrawn = len(old)
        found.gaps = [
            replace_fields(gap, start=each.start, end=each.end)
            for gap in found.gaps
            if (each := final.get(Gap(gap.start, gap.end, gap.reason)))
        ]

    def _by_exchange(self, gap: Gap) -> tuple[int, int] | None:
        """A gap by the exchange's clock: no book of the series has an exchange time in it. None where nothing is left
        of it."""
        if not self._received:
            return gap.start, gap.end
        broke = self._exchange(self._source, gap.start, gap.start + 1)
        before = self._exchange(self._target, gap.start - _ON_ITS_WAY, gap.start)
        after = self._exchange(self._target, gap.end, gap.end + _ON_ITS_WAY)
        start = max(min(broke, default=gap.start), max(before, default=-1) + 1)
        end = min(gap.end, min(after, default=gap.end))
        return (start, end) if start < end else None

    def _exchange(self, series: Series, start: int, end: int) -> list[int]:
        """Exchange times of the rows that were received from ``start`` to before ``end``."""
        times = self._store.read(series, start, end, ["exch_ts"])["exch_ts"].cast("int64").drop_null()
        found: list[int] = times.to_pylist()
        return found


def _whole_times(blocks: Iterator[Built], start: int, end: int) -> Iterator[tuple[pa.Table, int, int]]:
    """Tables from ``start`` to ``end`` and what each covers; rows of one time stay together."""
    import pyarrow as pa

    kept: list[Any] = []
    here = start
    for built in blocks:
        table = built.table
        ts = table["ts"].to_numpy()
        table = table.slice(int(np.searchsorted(ts, start)))
        if not table.num_rows:
            kept = kept or [table]
            continue
        table = pa.concat_tables([*kept, table], promote_options="default")
        ts = table["ts"].to_numpy()
        cut = int(np.searchsorted(ts, ts[-1]))
        kept = [table.slice(cut)]
        if cut:
            yield table.slice(0, cut), here, int(ts[-1])
            here = int(ts[-1])
    if kept:
        yield kept[0], here, end


def _inside(gaps: Iterable[BookGap], span: tuple[int, int]) -> list[BookGap]:
    """The parts of gaps that are in the span."""
    return [
        BookGap(start, end, gap.reason, gap.message)
        for gap in gaps
        for start, end in clipped([(gap.start, gap.end)], *span)
    ]

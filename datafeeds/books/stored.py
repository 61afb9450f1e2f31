"""Book updates in the store into book snapshots in the store, with the gaps of both declared."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from halfspread.datafeeds.books.builder import BookBuilder, BookGap, Built
from halfspread.datafeeds.store.columns import times_of
from halfspread.datafeeds.store.kinds import SNAPSHOT
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.spans import clipped, without
from halfspread.datafeeds.store.store import Store, Written
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
    of those; ``counts``: of messages and updates, by what became of them."""

    series: Series
    spans: tuple[tuple[int, int], ...]
    gaps: list[BookGap] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    written: Written = field(default_factory=Written)

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
    change of the shown levels, or the last of every interval. Gaps are declared in the store; memory does not grow.
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
    with store.writer(target, provenance, replace=replace) as writer:
        for a, b in spans:
            behind = max((s for s, e in known if s <= a < e), default=a)
            since = _last_snapshot(store, source, behind, a)
            builder = BookBuilder(levels, every, changes=every is None)
            for rows, *covered in _whole_times(_blocks(store, source, (since, b), builder, found), a, b):
                writer.add(rows, *covered)
    found.written = writer.written
    found.gaps = _inside(found.gaps, spans)
    for gap in found.gaps:
        store.declare_gap(target, gap.start, gap.end, gap.reason)
    for gap_start, gap_end in clipped(declared, first, last):
        reason = next(gap.reason for gap in summary.gaps if gap.start <= gap_start < gap.end)
        store.declare_gap(target, gap_start, gap_end, reason)
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
    store: Store, source: Series, span: tuple[int, int], builder: BookBuilder, found: StoredBooks
) -> Iterator[Built]:
    """Snapshots of the updates in a span; what is lost at its end is lost up to its end."""
    gaps: list[BookGap] = []
    for batch in store.batches(source, *span):
        yield _counted(builder.feed(batch), gaps, found)
    had_book = builder.has_book
    built = _counted(builder.finish(), gaps, found)
    if gaps and built.gaps and not had_book:
        gaps[-1] = BookGap(gaps[-1].start, span[1], gaps[-1].reason, gaps[-1].message)
    found.gaps += gaps
    yield built


def _counted(built: Built, gaps: list[BookGap], found: StoredBooks) -> Built:
    gaps += built.gaps
    found.count(built.counts)
    return built


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


def _inside(gaps: list[BookGap], spans: tuple[tuple[int, int], ...]) -> list[BookGap]:
    """The parts of gaps that are in the spans."""
    return [
        BookGap(start, end, gap.reason, gap.message)
        for gap in gaps
        for span in spans
        for start, end in clipped([(gap.start, gap.end)], *span)
    ]

"""The days of a market, and the segments of time that another order of them is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from halfspread.engine.bars import Bars
from halfspread.engine.feed import Feed
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, Integers, interval_text, time_text
from halfspread.errors import DataError

__all__ = ["Calendar", "Segments"]

_BEFORE, _AFTER = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True)
class Segments:
    """Spans of the original in the order of a path, from before its beginning to after its end, without a hole; each
    (segments,). ``start`` to ``end`` (ns) in the original; ``shift`` to the time in the path; ``day``: number of the
    day, -1 for a span without bars, which stays where it is; ``after``: of such a span, the day before it.

    The first segment is all that was before the first day, the last all that came after the last one.
    """

    start: Integers
    end: Integers
    shift: Integers
    day: Integers
    after: Integers

    def __len__(self) -> int:
        return len(self.start)

    def splices(self) -> Iterator[int]:
        """Segments that do not go on in the original where the one before them ends."""
        return iter(np.flatnonzero(self.start[1:] != self.end[:-1]) + 1)

    def rows_of(self, times: Integers, closed: Literal["left", "right"]) -> tuple[Integers, Integers]:
        """Rows of a table with these ``times`` in the order of the path, and the segment of each. A segment has the
        rows from its start up to its end, that itself belongs to it with ``closed="right"``, its start with "left"."""
        side: Literal["left", "right"] = "left" if closed == "left" else "right"
        first, end = (np.searchsorted(times, bound, side) for bound in (self.start, self.end))
        first[0], end[-1] = 0, len(times)
        counts = np.maximum(end - first, 0)
        of_segment = np.repeat(np.arange(len(self)), counts)
        begun = np.cumsum(counts) - counts
        return np.arange(int(counts.sum())) + np.repeat(first - begun, counts), of_segment

    def moved(self, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        """Spans of time (start, end) of the original where they are in the path, those that touch as one."""
        found: list[tuple[int, int]] = []
        for start, end, shift in zip(self.start.tolist(), self.end.tolist(), self.shift.tolist(), strict=True):
            for span in spans:
                first, last = max(span[0], start) + shift, min(span[1], end) + shift
                if first >= last:
                    continue
                if found and found[-1][1] == first:
                    first = found.pop()[0]
                found.append((first, last))
        return tuple(found)


@dataclass(frozen=True)
class Calendar:
    """The UTC days, by their midnights (ns), on which every instrument of a tape has a bar. ``head`` and ``tail``:
    whether the first and the last of them are only a part of a day, because the market begins or ends within them;
    these stay where they are."""

    days: Integers
    head: bool
    tail: bool

    @property
    def count(self) -> int:
        """How many days can be put in another order."""
        return len(self.days) - self.head - self.tail

    @classmethod
    def of(cls, tape: Tape) -> Calendar:
        """Raises DataError for a tape without bars in memory, or whose bars do not fit into days, and where there are
        fewer than two whole days."""
        found = tape.shared.get("calendar")
        if isinstance(found, cls):
            return found
        days: Integers | None = None
        for feed in tape.feeds:
            own = _days_of(feed)
            days = own if days is None else np.intersect1d(days, own)
        if days is None or not len(days):
            raise DataError("another order of days needs days on which every instrument has bars, got none")
        head = any(_first_after(feed, int(days[0])) > days[0] for feed in tape.feeds)
        tail = any(_last_before(feed, int(days[-1]) + DAY) < days[-1] + DAY for feed in tape.feeds)
        made = cls(days, head, tail)
        if made.count < 2:
            raise DataError(f"another order of days needs two whole days or more with bars, got {max(made.count, 0)}")
        tape.shared["calendar"] = made
        return made

    def segments(self, drawn: Integers) -> Segments:
        """The path in which day number i of those that can be moved is the day ``drawn[i]`` of them."""
        days, last = self.days, len(self.days) - 1
        drawn = np.concatenate([[0] * self.head, drawn + self.head, [last] * self.tail]).astype(np.int64)
        hole = np.concatenate([days[1:] > days[:-1] + DAY, [False]])
        rows: list[tuple[int, int, int, int, int]] = [(_BEFORE, int(days[0]), 0, -1, -1)]
        for i, day in enumerate(drawn.tolist()):
            start = int(days[day])
            rows.append((start, start + DAY, int(days[i]) - start, day, -1))
            if hole[i]:
                rows.append((int(days[i]) + DAY, int(days[i + 1]), 0, -1, i))
        rows.append((int(days[-1]) + DAY, _AFTER, 0, -1, len(days) - 1))
        return Segments(*np.array(rows, np.int64).T)


def _first_after(feed: Feed, time: int) -> int:
    """When the first bar opens that does so at a time or later."""
    bars: Any = feed.bars
    return int(bars.times[np.searchsorted(bars.times, time)])


def _last_before(feed: Feed, time: int) -> int:
    """When the last bar closes that does so by a time."""
    bars: Any = feed.bars
    return int(bars.times[np.searchsorted(bars.times, time) - 1]) + feed.interval


def _days_of(feed: Feed) -> Integers:
    bars = feed.bars
    if feed.kinds != ("bars",) or not isinstance(bars, Bars):
        held = "a streamed market" if feed.streamed else ", ".join(feed.kinds)
        raise DataError(
            f"{feed.source}: days are put in another order on a market of bars in memory alone, got {held}; leave out "
            "stream, or take bars of the same market"
        )
    if DAY % bars.interval or (bars.times % bars.interval).any():
        raise DataError(
            f"{feed.source}: expected bars that fit into UTC days, got bars of {interval_text(bars.interval)} from "
            f"{time_text(int(bars.times[0]))} on; resample them to 1d or to a part of a day"
        )
    return np.unique(bars.times - bars.times % DAY)

"""Collect the places that a check flags, in bounded memory: how many, the first, the last, by month, and the worst."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np

from halfspread.datafeeds.quality.finding import Example, Finding, Severity
from halfspread.engine.times import Floats, Integers, time_text

__all__ = ["MOST_EXAMPLES", "Places", "many", "month_names", "month_numbers"]

#: Examples that a finding keeps. Enough that nearly every finding lists all its places, so that a backtest is told of
#: those in its span only; few enough for a page.
MOST_EXAMPLES = 50

Flags = np.ndarray[Any, np.dtype[np.bool_]]


def many(count: int, noun: str) -> str:
    """``1 bar``, ``2,000 bars``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class Places:
    """Flagged places. ``most``: how many are kept as examples, those of the largest weight, first come first kept."""

    def __init__(self, most: int = MOST_EXAMPLES) -> None:
        self.most = most
        self.count = 0
        self.start = 0
        self.end = 0
        self.months: dict[str, int] = {}
        self._kept: list[tuple[float, int, Example]] = []

    def __bool__(self) -> bool:
        return self.count > 0

    def add(
        self,
        starts: Integers,
        text: Callable[[int], str],
        ends: Integers | int = 1,
        weights: Floats | None = None,
    ) -> None:
        """Take places that begin at ``starts``; ``ends``: when each ends, or how many ns after its start. ``text(i)``
        says what is at the i-th; it is asked for those that are kept only."""
        if not len(starts):
            return
        lasts = starts + ends if isinstance(ends, int) else ends
        first, last = int(starts.min()), int(lasts.max())
        self.start, self.end = (min(first, self.start), max(last, self.end)) if self.count else (first, last)
        for month, many in zip(*np.unique(month_numbers(starts), return_counts=True), strict=True):
            name = str(np.datetime64(int(month), "M"))
            self.months[name] = self.months.get(name, 0) + int(many)
        heaviness = np.zeros(len(starts)) if weights is None else np.nan_to_num(weights, nan=0.0)
        order = np.argsort(-heaviness, kind="stable")[: self.most]
        for i in order.tolist():
            weight, turn = float(heaviness[i]), -(self.count + i)
            if len(self._kept) == self.most and (weight, turn) <= self._kept[0][:2]:
                break
            entry = (weight, turn, Example(int(starts[i]), int(lasts[i]), text(i)))
            if len(self._kept) < self.most:
                heapq.heappush(self._kept, entry)
            else:
                heapq.heapreplace(self._kept, entry)
        self.count += len(starts)

    def one(self, start: int, end: int, text: str, weight: float = 0.0) -> None:
        """Take one place."""
        self.add(np.array([start], np.int64), lambda _: text, np.array([end], np.int64), np.array([weight]))

    @property
    def examples(self) -> tuple[Example, ...]:
        """Those that are kept, in order of time."""
        return tuple(sorted((entry[2] for entry in self._kept), key=lambda one: (one.start, one.end)))

    @property
    def worst(self) -> str:
        """Time and text of the heaviest place; nothing where there is none."""
        if not self._kept:
            return ""
        place = max(self._kept, key=lambda entry: entry[:2])[2]
        return f"{time_text(place.start)}: {place.text}"

    def finding(self, check: str, severity: Severity, message: str) -> list[Finding]:
        """The finding, alone in a list; nothing where no place was flagged."""
        if not self.count:
            return []
        months = tuple(sorted(self.months.items()))
        return [Finding(check, severity, self.start, self.end, self.count, message, self.examples, months)]


def month_numbers(times: Integers) -> Integers:
    """Months since 1970-01 of times in ns UTC."""
    return times.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)


def month_names(start: int, end: int) -> list[str]:
    """Months (``2020-05``) that [start, end) touches."""
    first, last = month_numbers(np.array([start, max(end - 1, start)], np.int64)).tolist()
    return [str(np.datetime64(month, "M")) for month in range(first, last + 1)]

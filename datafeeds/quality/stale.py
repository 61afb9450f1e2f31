"""Prices that stand still while the market does not, rows that repeat, and a series that ends early.

Looks for: mark, index and premium bars whose four prices repeat for `FROZEN` intervals and `FROZEN_TIME` (these are
computed every second, so standing still means that their source did); trade bars equal to the one before in every
column while volume is above zero, twice in a row (rows filled forward; once happens by chance in thin markets, twice
once in 2.8 million bars of XBTUSD); and bars that close after they were retrieved, which were not finished then
(errors). On generated markets there is no alarm.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.gaps import length_text
from halfspread.datafeeds.quality.outages import runs
from halfspread.datafeeds.quality.places import Flags, Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import MINUTE, time_text

__all__ = ["StaleCheck"]

FROZEN, FROZEN_TIME = 5, 10 * MINUTE
_PRICES = ("open", "high", "low", "close")


class StaleCheck:
    """Frozen and repeated bars, and bars that were not finished."""

    name = "stale"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._frozen, self._repeated, self._unfinished = Places(), Places(), Places()
        self._tail: Block | None = None
        self._run: tuple[int, int] | None = None
        self._again = False

    def add(self, block: Block) -> None:
        """Take the next rows."""
        length = self.subject.interval
        names = [name for name in (*_PRICES, "volume", "turnover", "trades", "last_size", "open_interest")
                 if block.columns.get(name) is not None]  # fmt: skip
        same = np.ones(len(block), bool)
        for name in names:
            values = block.columns[name]
            before = np.r_[self._tail.columns[name] if self._tail else [np.nan], values[:-1]]
            same &= (values == before) | (np.isnan(values) & np.isnan(before))
        follows = np.diff(np.r_[self._tail.ts if self._tail else np.array([0]), block.ts]) == length
        same &= follows
        if self.subject.family == "bars":
            again = same & (block.number("volume") > 0.0)
            moved = block.number("high") > block.number("low")  # a bar of one trade may well come twice
            again &= moved
            before = np.r_[self._again, again]
            twice = before[1:] & before[:-1]
            self._repeated.add(block.ts[twice], lambda i: "equal to the two bars before in every column", length)
            self._again = bool(again[-1])
        elif self.subject.family in ("mark", "index", "premium"):
            self._freeze(block, same)
        if self.subject.retrieved:
            late = block.ts + length > self.subject.retrieved
            told = time_text(self.subject.retrieved)
            self._unfinished.add(block.ts[late], lambda i: f"retrieved {told}, before it closed", length)
        self._tail = Block(block.ts[-1:], {name: block.columns[name][-1:] for name in names})

    def _freeze(self, block: Block, same: Flags) -> None:
        length = self.subject.interval
        first, last = runs(same)
        found = [(int(block.ts[a]) - length, b - a + 1, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        if self._run is not None:
            if found and first[0] == 0:
                found[0] = (self._run[0], self._run[1] + found[0][1] - 1, found[0][2])
            else:
                self._put(self._run)
        self._run = None
        if found and found[-1][2] == len(block):
            self._run = found.pop()[:2]
        for start, bars, _ in found:
            self._put((start, bars))

    def _put(self, run: tuple[int, int]) -> None:
        start, bars = run
        length = bars * self.subject.interval
        if bars >= FROZEN and length >= FROZEN_TIME:
            text = f"the same prices until {time_text(start + length)} ({length_text(length)})"
            self._frozen.one(start, start + length, text, float(length))

    def findings(self) -> list[Finding]:
        """What was found."""
        if self._run is not None:
            self._put(self._run)
            self._run = None
        worst = f"; the longest {self._frozen.worst}" if self._frozen else ""
        return [
            *self._unfinished.finding(
                "unfinished",
                "error",
                f"{many(self._unfinished.count, 'bar')} retrieved before the close; fetch them again",
            ),
            *self._frozen.finding(
                "stale", "warning", f"{many(self._frozen.count, 'time')} the price stands still{worst}"
            ),
            *self._repeated.finding(
                "repeated",
                "warning",
                f"{many(self._repeated.count, 'bar')} with volume equal to the two before in every column",
            ),
        ]

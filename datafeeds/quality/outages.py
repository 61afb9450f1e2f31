"""Runs of bars without volume: the venue was down, or nobody traded.

Looks for runs of at least `SHORTEST` and `FEWEST` bars that are not to be expected of a market as quiet as the month:
where a share p of the month's bars is empty outside the run, a run of n has probability p^n, and one is expected by
luck where rows x p^n is above `EXPECTED`. A warning: fills in such bars are made up, since there was no market. Bars
without volume in general (a thin market) are a note from `THIN` of the bars on. False alarms: below 1e-3 a month if
empty bars come independently; they cluster in thin markets, so runs of a month with more than `QUIET` empty bars are
notes.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.gaps import length_text
from halfspread.datafeeds.quality.places import Flags, Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import MINUTE, Integers, time_text

__all__ = ["OutageCheck", "runs"]

SHORTEST = 10 * MINUTE
FEWEST = 3
EXPECTED = 1e-3
THIN = 0.01
QUIET = 0.05


def runs(flags: Flags) -> tuple[Integers, Integers]:
    """First row and the row after the last of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    return edges[0::2], edges[1::2]


class OutageCheck:
    """Runs of empty bars, month by month; a run over the end of a month is judged with the month it ends in."""

    name = "outages"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._outages, self._quiet, self._empty = Places(), Places(), Places(most=0)
        self._rows = 0
        self._open: tuple[int, int] | None = None  # start and bars of a run that reaches the end of the block
        self._next = 0

    def add(self, block: Block) -> None:
        """Take the next rows."""
        empty = block.number("volume") == 0.0
        length = self.subject.interval
        self._empty.add(block.ts[empty], lambda i: "", length)
        self._rows += len(block)
        together = np.r_[False, np.diff(block.ts) == length]
        first, last = runs(empty)
        starts: list[tuple[int, int, int]] = []
        for a, b in zip(first.tolist(), last.tolist(), strict=True):
            cuts = [a, *(a + 1 + np.flatnonzero(~together[a + 1 : b])).tolist(), b]
            starts += [(int(block.ts[i]), j - i, j) for i, j in pairwise(cuts)]
        if self._open is not None:
            if starts and starts[0][0] == self._next:
                starts[0] = (self._open[0], starts[0][1] + self._open[1], starts[0][2])
            else:
                starts.insert(0, (*self._open, 0))
        self._open = None
        if starts and starts[-1][2] == len(block):
            self._open = starts.pop()[:2]
        self._next = int(block.ts[-1]) + length
        self._judge([(start, bars) for start, bars, _ in starts], int(empty.sum()), len(block))

    def _judge(self, found: list[tuple[int, int]], empty: int, rows: int) -> None:
        for start, bars in found:
            length = bars * self.subject.interval
            if bars < FEWEST or length < SHORTEST:
                continue
            share = max(empty - bars, 1) / max(rows - bars, 1)
            if share < 1.0 and math.log(rows) + bars * math.log(share) >= math.log(EXPECTED):
                continue
            text = f"{bars:,} bars without volume until {time_text(start + length)} ({length_text(length)})"
            places = self._quiet if share > QUIET else self._outages
            places.one(start, start + length, text, float(length))

    def findings(self) -> list[Finding]:
        """What was found."""
        if self._open is not None:
            self._judge([self._open], self._open[1], self._open[1] + 1)
            self._open = None
        found = []
        for places, severity, market in (
            (self._outages, "warning", "a busy market"),
            (self._quiet, "note", "a thin market"),
        ):
            words = f"{many(places.count, 'run')} of bars without volume in {market}; the longest {places.worst}"
            found += places.finding("outages", severity, words)  # type: ignore[arg-type]
        share = self._empty.count / max(self._rows, 1)
        if share >= THIN:
            words = f"{many(self._empty.count, 'bar')} ({share:.1%}) without volume, whose prices are the close before"
            found += self._empty.finding("empty", "note", words)
        return found

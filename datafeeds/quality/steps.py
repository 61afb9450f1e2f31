"""Prices and sizes against the tick and the lot in force, and the tick that the data themselves keep to.

Looks for rows off the step that the contract has at the time: a warning, for rows one by one up to `ELSEWHERE` of
those of a step, and beyond it for the step itself (then the contract's history is wrong, or the prices are of another
kind). The data's own tick is the coarsest step 1, 2 or 5 x 10^k that at least ``1 - LOOSE`` of a day's moves keep to
(of a month's, for bars of ten minutes and more); a day with fewer than `MOVES` moves has that of the day before.
Where it changes is a note, with the date. A price keeps to a step ten times as coarse by chance once in 10^MOVES
days.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Flags, Places, many, month_numbers
from halfspread.datafeeds.quality.subject import Block, Steps, Subject
from halfspread.engine.times import DAY, HOUR, MINUTE, Floats, Integers, time_text

__all__ = ["Era", "StepCheck", "decimals_of", "off_step"]

ELSEWHERE = 0.01
LOOSE = 0.002
MOVES = 25
#: After a change of the step, rows of the old one are let pass: orders that rested were still filled.
GRACE = HOUR
#: What float64 leaves of a price divided by its tick, times the quotient.
TOLERANCE = 1e-6
CANDIDATES = tuple(sorted(m * 10.0**e for e in range(-8, 4) for m in (1.0, 2.0, 5.0)))


@dataclass(frozen=True)
class Era:
    """From ``start`` to ``end`` (ns UTC) prices keep to ``tick``; ``moves``: how many prices that differ from the one
    before, ``off``: how many of these do not."""

    start: int
    end: int
    tick: float
    moves: int
    off: int


def off_step(values: Floats, steps: Floats | float) -> Flags:
    """Which values are no multiple of their step. NaN is on every step."""
    quotient = values / steps
    with np.errstate(invalid="ignore"):
        far = np.abs(quotient - np.rint(quotient)) > np.maximum(TOLERANCE, 4e-16 * np.abs(quotient))
    return np.asarray(far)


def decimals_of(values: Floats) -> int:
    """Decimals that at least ``1 - LOOSE`` of the values have at most, up to 8."""
    for digits in range(9):
        if np.count_nonzero(off_step(values, 10.0**-digits)) <= LOOSE * len(values):
            return digits
    return 8


class _Own:
    """Violations of each candidate by day, of prices that differ from the one before."""

    def __init__(self, by_month: bool, interval: int) -> None:
        self.by_month = by_month
        self.interval = max(interval, 1)
        self.moves: dict[int, int] = {}
        self.spans: dict[int, tuple[int, int]] = {}
        self.off: dict[int, Integers] = {}
        self.first: dict[int, Integers] = {}
        self.last: dict[int, Integers] = {}
        self._price = math.nan

    def add(self, ts: Integers, prices: Floats) -> None:
        moved = (prices != np.r_[self._price, prices[:-1]]) & np.isfinite(prices)
        self._price = float(prices[-1])
        ts, prices = ts[moved], prices[moved]
        if not len(ts):
            return
        digits = decimals_of(prices)
        units = np.rint(prices * 10.0**digits).astype(np.int64)
        odd = off_step(prices, 10.0**-digits)
        days = month_numbers(ts) if self.by_month else ts // DAY
        names, firsts, counts = np.unique(days, return_index=True, return_counts=True)
        for name, first, count in zip(names.tolist(), firsts.tolist(), counts.tolist(), strict=True):
            span = self.spans.setdefault(name, (int(ts[first]), 0))
            self.spans[name] = (span[0], int(ts[first + count - 1]))
            self.moves[name] = self.moves.get(name, 0) + count
            for table, empty in ((self.off, 0), (self.first, 0), (self.last, 0)):
                table.setdefault(name, np.full(len(CANDIDATES), empty, np.int64))
        for k, tick in enumerate(CANDIDATES):
            ratio = round(tick * 10.0**digits)
            if ratio <= 1:
                wrong = np.flatnonzero(odd)  # finer than all but a few rows: these are off it, as far as we can tell
            elif tick > 0.05 * abs(float(prices[0])):
                break
            else:
                wrong = np.flatnonzero(odd | (units % ratio != 0))
            if len(wrong):
                self._note(k, days[wrong], ts[wrong])

    def _note(self, k: int, days: Integers, ts: Integers) -> None:
        names, firsts, counts = np.unique(days, return_index=True, return_counts=True)
        for name, first, count in zip(names.tolist(), firsts.tolist(), counts.tolist(), strict=True):
            if not self.off[name][k]:
                self.first[name][k] = ts[first]
            self.last[name][k] = ts[first + count - 1]
            self.off[name][k] += count

    def eras(self) -> list[Era]:
        """The steps that the data keep to, one after the other."""
        found: list[tuple[int, int]] = []  # day, candidate
        for day in sorted(self.moves):
            if self.moves[day] < MOVES:
                continue
            few = np.flatnonzero(self.off[day] <= LOOSE * self.moves[day]).tolist()
            keeps = [k for k in few if self._counted(day, k)]
            if keeps:
                found.append((day, max(keeps)))
        return self._joined(found)

    def _counted(self, day: int, k: int) -> bool:
        """Whether a coarser candidate was tried that day, so that zero violations mean something."""
        return bool((self.off[day][k + 1 :] > 0).any())

    def _joined(self, found: list[tuple[int, int]]) -> list[Era]:
        eras: list[Era] = []
        i = 0
        while i < len(found):
            k = found[i][1]
            j = i
            while j < len(found) and found[j][1] == k:
                j += 1
            start = self.spans[min(self.moves)][0] if i == 0 else eras[-1].end
            end = self.spans[max(self.moves)][1] + self.interval
            if j < len(found):
                after, coarser = found[j][0], found[j][1] > k
                last = found[j - 1][0]
                end = int(self.last[last][found[j][1]]) + self.interval if coarser else int(self.first[after][k])
            days = [name for name, _ in found[i:j]]
            moves = sum(self.moves[name] for name in days)
            off = sum(int(self.off[name][k]) for name in days)
            eras.append(Era(start, end, CANDIDATES[k], moves, off))
            i = j
        return eras


class StepCheck:
    """Ticks of prices and lots of sizes."""

    name = "steps"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.prices, self.sizes = _columns(subject)
        by_month = subject.interval >= 10 * MINUTE
        self._own = _Own(by_month, subject.interval) if subject.family not in ("mark", "index", "premium") else None
        self._counts: dict[tuple[str, float], list[int]] = {}
        self._spans: dict[tuple[str, float], list[int]] = {}
        self._off = {"tick": Places(), "lot": Places()}
        self._close = math.nan

    def add(self, block: Block) -> None:
        """Take the next rows."""
        if self._own is None:
            return
        for what, names, steps in (("tick", self.prices, self.subject.ticks), ("lot", self.sizes, self.subject.lots)):
            if steps is not None:
                self._conform(what, names, steps, block)
        if self.subject.family == "bars":
            self._close = float(block.number("close")[-1])
        own = block.get("close" if self.subject.family == "bars" else self.prices[0])
        if own is not None:
            self._own.add(block.ts, own)

    def _conform(self, what: str, names: list[str], steps: Steps, block: Block) -> None:
        sizes = steps.at(block.ts)
        wrong = np.zeros(len(block), bool)
        for name in names:
            values = block.get(name)
            if values is not None:
                wrong |= off_step(values, sizes) & (self._traded(block) if name != "open" else self._opened(block))
        wrong &= sizes == steps.at(block.ts - GRACE)
        for step in np.unique(sizes).tolist():
            rows = sizes == step
            count = self._counts.setdefault((what, step), [0, 0])
            count[0] += int(np.count_nonzero(rows))
            count[1] += int(np.count_nonzero(rows & wrong))
            ts = block.ts[rows]
            span = self._spans.setdefault((what, step), [int(ts[0]), 0])
            span[1] = int(ts[-1])
        at = np.flatnonzero(wrong)

        def text(i: int) -> str:
            row = int(at[i])
            values = [f"{name} {block.columns[name][row]:.10g}" for name in names if block.get(name) is not None]
            bad = [each for each in values if off_step(np.array([float(each.split()[1])]), float(sizes[row]))[0]]
            return f"{', '.join(bad[:4])} off the {what} {sizes[row]:g}"

        self._off[what].add(block.ts[at], text)

    def _traded(self, block: Block) -> Flags:
        """Rows whose prices were traded: not bars without volume, which carry the close before."""
        if self.subject.family != "bars":
            return np.ones(len(block), bool)
        return np.asarray(block.number("volume") > 0.0)

    def _opened(self, block: Block) -> Flags:
        """Bars with an open of their own: not the close before, which an earlier tick may have made."""
        before = np.r_[self._close, block.number("close")[:-1]]
        return np.asarray(self._traded(block) & (block.number("open") != before))

    @property
    def eras(self) -> list[Era]:
        """What the data's own tick is, by date."""
        return self._own.eras() if self._own is not None else []

    @property
    def conforming(self) -> list[dict[str, object]]:
        """How many rows keep to each step of the contract."""
        return [
            {"what": what, "step": step, "rows": count[0], "off": count[1], "start": span[0], "end": span[1]}
            for (what, step), count in self._counts.items()
            for span in [self._spans[what, step]]
        ]

    def findings(self) -> list[Finding]:
        """What was found."""
        found: list[Finding] = []
        eras = self.eras
        for what, steps in (("tick", self.subject.ticks), ("lot", self.subject.lots)):
            wrong = [(step, *count) for (name, step), count in self._counts.items() if name == what and count[1]]
            if not wrong or steps is None:
                continue
            words = ", ".join(f"{off:,} of {rows:,} off {step:g}" for step, rows, off in wrong)
            message = f"{many(self._off[what].count, 'row')} off the {what} of {steps.source}: {words}"
            if any(off > ELSEWHERE * rows for _, rows, off in wrong):
                own = ", ".join(f"{era.tick:g}" for era in eras)
                same = what == "tick" and {f"{era.tick:g}" for era in eras} <= {f"{step:g}" for step, _, _ in wrong}
                message += f"; the data keep to {own}" if what == "tick" and own and not same else ""
                message += "" if same else f": is the {what} another one at the time?"
            found += self._off[what].finding(what, "warning", message)
        return found + self._changes(eras)

    def _changes(self, eras: list[Era]) -> list[Finding]:
        if len(eras) < 2:
            return []
        words = ", ".join(f"{era.tick:g} until {time_text(era.end)}" for era in eras[:-1])
        places = Places()
        for before, era in pairwise(eras):
            text = f"from {before.tick:g} to {era.tick:g}"
            places.one(era.start, era.start + 1, text)
        note = f"the step of prices changes: {words}, then {eras[-1].tick:g}"
        return places.finding("tick", "note", note)


def _columns(subject: Subject) -> tuple[list[str], list[str]]:
    """Columns of prices and of sizes."""
    names = subject.kind.names
    if subject.family == "bars":
        return ["open", "high", "low", "close"], ["volume", "last_size"]
    prices = [name for name in names if name in ("bid", "ask", "price") or _level(name, "")]
    sizes = [name for name in names if name in ("bid_size", "ask_size", "size") or _level(name, "size_")]
    return prices, sizes


def _level(name: str, between: str) -> bool:
    side, _, rest = name.partition("_")
    return side in ("bid", "ask") and rest.startswith(between) and rest.removeprefix(between).isdigit()

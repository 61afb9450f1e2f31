"""Prices that jump against their neighbours, and what the mark price or trades say to it.

The size of a usual move is the median of |log returns| that are not zero, times 1.4826 (a standard deviation, were
they normal), of the same hour of day in the same month where there are `ENOUGH` of them, else of the month.

- A spike goes `SPIKES` usual moves, and `SPIKE` at least, away and in the next bar returns to within `RETURN` of it.
  Where the mark price (or else trades) of the time are in the store and did not go at least `CONFIRM` of the way it
  is a warning. Where they went, or where the bar's volume is at least `BUSY` times the median of the bars around it
  or of the month, it is a note.
- A large move goes `MOVES` usual moves and `MOVE` at least, and stays: a note, with volume and what the mark did.
- A wick (high or low beside open and close) of `WICK` is a note, of `BROKEN_WICK` without the mark's consent a
  warning.
- A change to beyond a factor of `FACTOR` is an error: another unit, or another contract.

False alarms, measured: no error and no warning in 100 generated markets of 60 days (1.7 million bars of 5 minutes,
Student-t and clustered), and a note of large moves, which are true, in 27 of them. In the five years of XBTUSD, one-
minute bars, no warning.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Flags, Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import HOUR, Floats, Integers

__all__ = ["Confirm", "JumpCheck", "usual_moves"]

#: Low and high of another price of the same contract in a span of time; None where there is none.
Confirm = Callable[[int, int], "tuple[float, float] | None"]

ENOUGH = 200
SPIKES, SPIKE, RETURN = 25.0, 0.01, 0.2
MOVES, MOVE = 30.0, 0.03
WICK, BROKEN_WICK = 0.10, 0.5
FACTOR = 2.0
CONFIRM = 0.3
BUSY = 3.0
#: Bars on each side that a bar's volume is compared with, beside those of its month.
AROUND = 30
NORMAL = 1.4826


def usual_moves(ts: Integers, moves: Floats) -> Floats:
    """The usual size of a move at each row (see the module); NaN where every move is zero."""
    sizes = np.abs(moves)
    moved = np.isfinite(sizes) & (sizes > 0.0)
    whole = NORMAL * float(np.median(sizes[moved])) if moved.any() else np.nan
    usual = np.full(len(ts), whole)
    hours = ts // HOUR % 24
    for hour in range(24):
        rows = hours == hour
        known = rows & moved
        if np.count_nonzero(known) >= ENOUGH:
            usual[rows] = NORMAL * float(np.median(sizes[known]))
    return usual


class JumpCheck:
    """Moves from close to close, and wicks, of bars. ``confirm`` asks another price of the contract, which ``witness``
    names; None where there is none."""

    name = "jumps"

    def __init__(self, subject: Subject, confirm: Confirm | None = None, witness: str = "the mark price") -> None:
        self.subject = subject
        self.confirm = confirm
        self.witness = witness
        self._spikes, self._seen = Places(), Places()
        self._moves, self._wicks, self._broken, self._levels = Places(), Places(), Places(), Places()
        self._held: Block | None = None
        self._before = np.nan
        self._before_ts = 0

    def add(self, block: Block) -> None:
        """Take the next rows. The last row of a block waits for the one after it."""
        if self._held is not None:
            names = set(block.columns) & set(self._held.columns)
            columns = {
                name: np.r_[self._held.columns[name], block.columns[name]]
                for name in names
                if not isinstance(block.columns[name], list)
            }
            block = Block(np.r_[self._held.ts, block.ts], columns)
        self._look(block, len(block) - 1)
        self._held = Block(block.ts[-1:], {n: v[-1:] for n, v in block.columns.items() if not isinstance(v, list)})

    def _look(self, block: Block, rows: int) -> None:
        if rows < 1:
            return
        length = self.subject.interval
        ts, closes = block.ts, block.number("close")
        before = np.r_[self._before, closes[:-1]]
        gap = np.diff(np.r_[np.int64(self._before_ts), ts]) != length
        with np.errstate(divide="ignore", invalid="ignore"):
            moves = np.log(closes / before)
        after = np.r_[moves[1:], np.nan]
        after[np.r_[gap[1:], True]] = np.nan
        across = moves.copy()
        moves[gap] = np.nan
        usual = usual_moves(ts, moves)
        self._before, self._before_ts = float(closes[rows - 1]), int(ts[rows - 1])
        here = np.arange(len(ts)) < rows
        with np.errstate(invalid="ignore"):
            size = np.abs(moves)
            spikes = here & (size > np.maximum(SPIKES * usual, SPIKE)) & (np.abs(moves + after) < RETURN * size)
            back = np.r_[False, spikes[:-1]]
            large = here & (size > np.maximum(MOVES * usual, MOVE)) & ~spikes & ~back
            levels = here & (np.abs(across) > np.log(FACTOR)) & ~spikes & ~back
        self._levels.add(ts[levels], lambda i: _move(across[levels][i], before[levels][i], closes[levels][i]), length)
        for row in np.flatnonzero(spikes).tolist():
            self._spike(block, row, float(before[row]), float(moves[row]))
        for row in np.flatnonzero(large & ~levels).tolist():
            text = _move(float(moves[row]), float(before[row]), float(closes[row]))
            text += f", {size[row] / usual[row]:.0f} usual moves{self._volume(block, row)[1]}"
            told = self._told(int(ts[row]), float(before[row]), float(moves[row]))
            text += self._words(told)
            self._moves.one(int(ts[row]), int(ts[row]) + length, text, float(size[row]))
        self._wick(block, here)

    def _spike(self, block: Block, row: int, before: float, move: float) -> None:
        told = self._told(int(block.ts[row]), before, move)
        times, words = self._volume(block, row)
        text = f"{_move(move, before, float(block.number('close')[row]))}, and back{words}"
        text += self._words(told)
        seen = told if told is not None else times >= BUSY
        places = self._seen if seen else self._spikes
        start = int(block.ts[row])
        places.one(start, start + self.subject.interval, text, abs(move))

    def _told(self, time: int, before: float, move: float) -> bool | None:
        """Whether the other price went the same way; None where it is not known."""
        if self.confirm is None:
            return None
        ends = self.confirm(time, time + self.subject.interval)
        if ends is None:
            return None
        return bool(np.log((ends[1] if move > 0 else ends[0]) / before) * np.sign(move) >= CONFIRM * abs(move))

    def _words(self, told: bool | None) -> str:
        return "" if told is None else f", {self.witness} {'went along' if told else 'did not'}"

    def _volume(self, block: Block, row: int) -> tuple[float, str]:
        """A bar's volume as a multiple of the median of those around it, and in words."""
        volume = block.get("volume")
        if volume is None:
            return 0.0, ""
        around = volume[max(row - AROUND, 0) : row + AROUND + 1]
        median = min(float(np.median(around)), float(np.median(volume)))
        times = float(volume[row]) / median if median > 0.0 else (np.inf if volume[row] > 0.0 else 0.0)
        return times, f", volume {times:,.{0 if times >= 10 else 1}f} times the usual" if np.isfinite(times) else ""

    def _wick(self, block: Block, here: Flags) -> None:
        highs, lows = block.number("high"), block.number("low")
        ends = np.stack([block.number("open"), block.number("close")])
        with np.errstate(divide="ignore", invalid="ignore"):
            up, down = np.log(highs / ends.max(axis=0)), np.log(ends.min(axis=0) / lows)
        wick = np.maximum(up, down)
        for row in np.flatnonzero(here & (wick > WICK) & np.isfinite(wick)).tolist():
            rises = bool(up[row] >= down[row])
            base, far = (ends.max(axis=0)[row], highs[row]) if rises else (ends.min(axis=0)[row], lows[row])
            told = self._told(int(block.ts[row]), float(base), float(np.log(far / base)))
            broken = wick[row] > BROKEN_WICK and not told
            text = f"{'high' if rises else 'low'} {far:.10g} beside {base:.10g} ({np.expm1(np.log(far / base)):+.1%})"
            text += self._volume(block, row)[1]
            places = self._broken if broken else self._wicks
            start = int(block.ts[row])
            places.one(start, start + self.subject.interval, text, float(wick[row]))

    def findings(self) -> list[Finding]:
        """What was found."""
        if self._held is not None:
            self._look(self._held, 1)
            self._held = None
        confirmed = f"{self.witness} or the volume confirm" if self.witness else "the volume confirms"
        return [
            *self._levels.finding(
                "jumps",
                "error",
                f"{many(self._levels.count, 'change')} of the price by more than a factor of {FACTOR:g}: another unit, "
                f"or another contract? {self._levels.worst}",
            ),
            *self._spikes.finding(
                "spikes",
                "warning",
                f"{many(self._spikes.count, 'spike')} that nothing confirms: the price leaves and is back a bar later; "
                f"{self._spikes.worst}",
            ),
            *self._seen.finding(
                "spikes",
                "note",
                f"{many(self._seen.count, 'spike')} that {confirmed}; {self._seen.worst}",
            ),
            *self._broken.finding(
                "wicks",
                "warning",
                f"{many(self._broken.count, 'bar')} with a high or low far from anything; {self._broken.worst}",
            ),
            *self._wicks.finding(
                "wicks", "note", f"{many(self._wicks.count, 'long wick')}; the longest {self._wicks.worst}"
            ),
            *self._moves.finding(
                "moves", "note", f"{many(self._moves.count, 'large move')}; the largest {self._moves.worst}"
            ),
        ]


def _move(move: float, before: float, after: float) -> str:
    return f"{np.expm1(move):+.1%} ({before:.10g} to {after:.10g})"

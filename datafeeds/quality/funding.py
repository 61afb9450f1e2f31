"""Funding settlements: their times, what is missing between them, and rates out of bounds.

Looks for: stamps off the hour (a warning: venues settle on the hour); an interval that changes for good (a note,
since venues do that), and settlements missing where the interval before and after is the same (a warning);
``interval_h`` that is not the time since the settlement before (a warning); rates beyond the cap: the venue's where
it is known (`CAPS`, per settlement; a note, since caps are changed by hand), and an error beyond `HARD_CAP`; and a
median of |rates| above `IN_PERCENT` (an error), as of rates given in percent. No false alarms: each but the last is a
fact, and no contract has paid a median of 0.3 % per settlement for long.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.datafeeds.store.spans import shared, united, without
from halfspread.engine.times import HOUR, Floats, Integers, interval_text, time_text

__all__ = ["FundingCheck"]

#: BitMEX caps at 0.75 x (initial - maintenance margin) of XBTUSD at its 1 % and 0.5 %; Bybit publishes upper and lower
#: rates by contract (in the instrument document), none of those of BTC and ETH above 0.5 %.
CAPS = {"bitmex": 0.00375, "bybit": 0.005}
HARD_CAP = 0.04
IN_PERCENT = 0.003
#: Fewer rates than this have no median to speak of.
ENOUGH = 30


class FundingCheck:
    """Times and rates of settlements. All rows are kept: there are a few thousand in five years."""

    name = "funding"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._ts: list[Integers] = []
        self._rates: list[Floats] = []
        self._hours: list[Floats] = []

    def add(self, block: Block) -> None:
        """Take the next rows."""
        self._ts.append(block.ts)
        self._rates.append(block.number("rate"))
        hours = block.get("interval_h")
        self._hours.append(np.full(len(block), np.nan) if hours is None else hours)

    def findings(self) -> list[Finding]:
        """What was found."""
        if not self._ts:
            return []
        ts = np.concatenate(self._ts)
        rates, hours = (np.concatenate(each) for each in (self._rates, self._hours))
        return [*self._times(ts), *self._intervals(ts, hours), *self._bounds(ts, rates)]

    def _times(self, ts: Integers) -> list[Finding]:
        places = Places()
        off = ts[ts % HOUR != 0]
        places.add(off, lambda i: f"stamped {time_text(int(off[i]))}")
        return places.finding("funding", "warning", f"{many(places.count, 'settlement')} off the hour")

    def _intervals(self, ts: Integers, hours: Floats) -> list[Finding]:
        steps = np.diff(ts)
        missing, changes, told, known = Places(), Places(), Places(), 0
        regular = self._regular(steps)
        declared = united((start, end) for start, end, _ in self.subject.declared)
        for start, end in self._edges(ts, regular):
            if without([(start, end)], declared):
                count = -((start - end) // int(regular[0] if end <= ts[0] else regular[-1]))
                missing.one(start, end, f"{count:,} missing between {time_text(start)} and {time_text(end)}")
        for row in np.flatnonzero(steps != regular).tolist():
            usual, step = int(regular[row]), int(steps[row])
            gone = without([(int(ts[row]) + usual, int(ts[row + 1]))], declared) if step > usual else []
            if step > usual and not gone:
                known += 1
                continue
            count = step // usual - 1
            times = f"{time_text(int(ts[row]))} and {time_text(int(ts[row + 1]))}"
            text = f"{count:,} missing between {times}" if count else f"early: {times}"
            start = int(ts[row]) + min(usual, step)
            missing.one(start, start + max(step - usual, 1), text)
        rows = np.flatnonzero(np.diff(regular) != 0) + 1
        changes.add(ts[rows], lambda i: f"{_hours(regular[rows[i] - 1])} before, {_hours(regular[rows[i]])} after")
        wrong = np.flatnonzero(np.isfinite(hours[1:]) & (np.rint(hours[1:] * HOUR) != regular)) + 1
        told.add(ts[wrong], lambda i: f"interval_h {hours[wrong[i]]:g}, settled every {_hours(regular[wrong[i] - 1])}")
        listed = "; ".join(one.text for one in missing.examples[:3])
        lost = f"{many(missing.count, 'place')} where settlements are missing or early: {listed}"
        told_words = f"{many(told.count, 'rate')} with an interval_h that is not the time between settlements"
        first = changes.examples[0] if changes else None
        changed = f"the interval changes: {first.text}, {time_text(first.start)}" if first else ""
        return [
            *missing.finding(
                "funding",
                "warning",
                lost,
            ),
            *changes.finding("interval", "note", changed),
            *told.finding("interval", "warning", told_words),
        ]

    def _edges(self, ts: Integers, regular: Integers) -> list[tuple[int, int]]:
        """Where settlements are missing before the first and after the last, in what was asked for: a new contract may
        take two intervals to its first, and the last may be published an hour late."""
        if not len(regular):
            return []
        covered, usual = united(self.subject.covered), int(regular[-1])
        early = shared(covered, [(self.subject.start, int(ts[0]))])
        late = shared(covered, [(int(ts[-1]) + usual, self.subject.end)])
        return [span for span in early if span[1] - span[0] > 2 * int(regular[0])] + [
            span for span in late if span[1] - span[0] > HOUR
        ]

    def _regular(self, steps: Integers) -> Integers:
        """The interval in force at each step: that of the most of the nine steps around it."""
        if not len(steps):
            return steps
        reach = np.lib.stride_tricks.sliding_window_view(np.pad(steps, 4, mode="edge"), 9)
        median: Integers = np.median(reach, axis=1).astype(np.int64)
        return np.maximum(median, 1)

    def _bounds(self, ts: Integers, rates: Floats) -> list[Finding]:
        broken, high = Places(), Places()
        none = ~np.isfinite(rates) | (np.abs(rates) > HARD_CAP)
        broken.add(ts[none], lambda i: f"rate {rates[none][i]:g}", 1, np.abs(rates[none]))
        cap = CAPS.get(self.subject.series.venue)
        if cap is not None:
            over = ~none & (np.abs(rates) > cap * (1.0 + 1e-9))
            high.add(ts[over], lambda i: f"rate {rates[over][i]:+.4%}", 1, np.abs(rates[over]))
        found = [
            *broken.finding("rates", "error", f"{many(broken.count, 'rate')} beyond {HARD_CAP:.0%}, or no number"),
            *high.finding(
                "rates",
                "note",
                f"{many(high.count, 'rate')} beyond the usual cap of {cap or 0:.3%}; the largest: {high.worst}",
            ),
        ]
        median = float(np.median(np.abs(rates[~none]))) if (~none).any() else 0.0
        if len(rates) >= ENOUGH and median > IN_PERCENT:
            words = f"half of the rates are beyond {median:.3%}: are they in percent? a rate of 0.01 % is 0.0001"
            found.append(Finding("rates", "error", int(ts[0]), int(ts[-1]) + 1, len(ts), words))
        return found


def _hours(step: int) -> str:
    return interval_text(int(step))

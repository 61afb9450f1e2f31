"""Trades that cannot be: prices and sizes not above zero, sides that are none, prices far from the trades around them.

Looks for: a price or size that is not a number above zero, a side other than -1, 0 and 1 (errors); a trade `FAR` away
from both the one before and the one after, which agree with each other (a warning); trades without a side (a note
from `SIDELESS` of them on). Crashes do not look so: a market that falls through a price does not come back at the
very next trade. On generated flow there is no alarm in 200 seeds.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import Floats, Integers

__all__ = ["PrintCheck"]

FAR = 0.02
SIDELESS = 0.01


class PrintCheck:
    """Prices, sizes and sides of trades and liquidations."""

    name = "prints"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._bad, self._far, self._side, self._sideless = Places(), Places(), Places(), Places(most=0)
        self._tail: tuple[Integers, Floats] = (np.array([], np.int64), np.array([]))
        self._rows = 0

    def add(self, block: Block) -> None:
        """Take the next rows. The last two of a block are looked at with the next."""
        prices, sizes, sides = block.number("price"), block.number("size"), block.number("side")
        self._rows += len(block)
        bad = ~((prices > 0.0) & (sizes > 0.0) & np.isfinite(prices) & np.isfinite(sizes))
        self._bad.add(block.ts[bad], lambda i: f"price {prices[bad][i]:.10g}, size {sizes[bad][i]:.10g}")
        wrong = ~np.isin(sides, (-1.0, 0.0, 1.0))
        self._side.add(block.ts[wrong], lambda i: f"side {sides[wrong][i]:g}")
        self._sideless.add(block.ts[sides == 0.0], lambda i: "")
        if self.subject.family != "trades":
            return
        ts, all_prices = np.r_[self._tail[0], block.ts], np.r_[self._tail[1], prices]
        with np.errstate(divide="ignore", invalid="ignore"):
            moves = np.diff(np.log(all_prices))
        far = np.abs(moves[:-1]) > FAR
        far &= (np.abs(moves[1:]) > FAR) & (np.abs(moves[1:] + moves[:-1]) < 0.2 * np.abs(moves[:-1]))
        at = np.flatnonzero(far) + 1
        self._far.add(
            ts[at], lambda i: f"{all_prices[at[i]]:.10g} between {all_prices[at[i] - 1]:.10g} and "
            f"{all_prices[at[i] + 1]:.10g}", 1, np.abs(moves[at - 1])
        )  # fmt: skip
        self._tail = (ts[-2:], all_prices[-2:])

    def findings(self) -> list[Finding]:
        """What was found."""
        found = [
            *self._bad.finding(
                "prints", "error", f"{many(self._bad.count, 'row')} with a price or a size not above zero"
            ),
            *self._side.finding(
                "prints", "error", f"{many(self._side.count, 'row')} with a side that is not +1, -1 or 0"
            ),
            *self._far.finding(
                "prints", "warning", f"{many(self._far.count, 'trade')} far from both the one before and the one after"
            ),
        ]
        share = self._sideless.count / max(self._rows, 1)
        if share >= SIDELESS:
            words = f"{many(self._sideless.count, 'row')} ({share:.1%}) without the side that took"
            found += self._sideless.finding("sides", "note", words)
        return found

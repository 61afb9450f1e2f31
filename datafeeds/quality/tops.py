"""Quotes and books: crossed, locked, out of order, not numbers, or too wide to be true.

Looks for: a bid above the ask (an error), or at it (a warning; a venue that matches continuously shows neither, a book
that lost a message shows both); levels of a side that do not fall away from the other side, a shown level without a
size above zero, or one shown below one that is not (errors); no quote on a side (a note); and a spread `WIDE` times the
median of the spreads of the block and above `WIDE_SHARE` of the price (a note). No false alarms but for the last, and
none of that on generated books.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Flags, Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import Floats

__all__ = ["TopCheck"]

WIDE, WIDE_SHARE = 100.0, 0.001


class TopCheck:
    """Best bids and asks, and the levels below them."""

    name = "tops"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._crossed, self._locked, self._wide = Places(), Places(), Places()
        self._empty, self._levels, self._sizes = Places(), Places(), Places()
        self._rows = 0

    def add(self, block: Block) -> None:
        """Take the next rows."""
        books = self.subject.kind.levels
        bid, ask = (block.number(f"{side}_1" if books else side) for side in ("bid", "ask"))
        self._rows += len(block)

        def text(rows: Flags, i: int) -> str:
            row = int(np.flatnonzero(rows)[i])
            return f"bid {bid[row]:.10g}, ask {ask[row]:.10g}"

        known = np.isfinite(bid) & np.isfinite(ask)
        crossed, locked = known & (bid > ask), known & (bid == ask)
        self._crossed.add(block.ts[crossed], lambda i: text(crossed, i), 1, (bid - ask)[crossed])
        self._locked.add(block.ts[locked], lambda i: text(locked, i))
        self._empty.add(block.ts[~known], lambda i: text(~known, i))
        if (known & ~crossed).any():
            spread = ask - bid
            with np.errstate(invalid="ignore"):
                usual = float(np.median(spread[known & ~crossed]))
                wide = known & (spread > WIDE * usual) & (spread > WIDE_SHARE * ask)
            self._wide.add(block.ts[wide], lambda i: text(wide, i), 1, spread[wide])
        if books:
            self._depth(block, books)

    def _depth(self, block: Block, levels: int) -> None:
        for side, sign in (("bid", 1.0), ("ask", -1.0)):
            before: Floats | None = None
            for level in range(1, levels + 1):
                price, size = block.number(f"{side}_{level}"), block.number(f"{side}_size_{level}")
                shown = np.isfinite(price)
                bad = (shown & ~(size > 0.0)) | (~shown & (np.nan_to_num(size) != 0.0))
                self._sizes.add(block.ts[bad], self._level_text(side, level, price[bad], size[bad]))
                if before is not None:
                    wrong = (shown & ~np.isfinite(before)) | (shown & (sign * (before - price) <= 0.0))
                    self._levels.add(block.ts[wrong], self._level_text(side, level, price[wrong], size[wrong]))
                before = price

    @staticmethod
    def _level_text(side: str, level: int, prices: Floats, sizes: Floats):  # type: ignore[no-untyped-def]
        return lambda i: f"{side} {level}: price {prices[i]:.10g}, size {sizes[i]:.10g}"

    def findings(self) -> list[Finding]:
        """What was found."""
        rows = f"of {self._rows:,} rows"
        return [
            *self._crossed.finding("crossed", "error", f"{self._crossed.count:,} {rows} with a bid above the ask"),
            *self._locked.finding("locked", "warning", f"{self._locked.count:,} {rows} with a bid at the ask"),
            *self._levels.finding("levels", "error", f"{many(self._levels.count, 'level')} not behind the one before"),
            *self._sizes.finding(
                "levels",
                "error",
                f"{many(self._sizes.count, 'level')} with a price and no size, or a size and no price",
            ),
            *self._empty.finding("one_sided", "note", f"{self._empty.count:,} {rows} without a bid or an ask"),
            *self._wide.finding("spread", "note", f"{self._wide.count:,} {rows} with a spread far above the usual"),
        ]

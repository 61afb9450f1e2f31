"""Bars that cannot be: a high below the low, a close outside the two, prices not above zero, volume that does not fit.

Looks for: high < low, close outside [low, high], a price that is not a number above zero, negative volume (errors);
an open outside [low, high] (a note where it is the close before, as BitMEX has it, else an error); a high that is not
the low, or trades, without volume, and volume without trades (warnings). No false alarms: each is a fact. Mark, index
and premium bars are looked at likewise; a premium may be negative.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Flags, Places, many
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.engine.times import Floats

__all__ = ["ShapeCheck"]

_FAULTS = {
    "price": ("error", "with a price that is not above zero, or none"),
    "high": ("error", "with a high below the low"),
    "close": ("error", "with a close outside low and high"),
    "open": ("error", "with an open outside low and high that is not the close before either"),
    "volume": ("error", "with a volume below zero, or none"),
    "moved": ("warning", "that move without volume"),
    "trades": ("warning", "with volume and no trades, or trades and no volume"),
    "last_size": ("error", "with a last trade larger than the volume"),
}


class ShapeCheck:
    """Prices, volume and counts within each bar."""

    name = "shape"

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._places = {name: Places() for name in _FAULTS}
        self._carried = Places(most=3)
        self._rows = 0
        self._close, self._next = np.nan, 0

    def add(self, block: Block) -> None:
        """Take the next rows."""
        opens, highs, lows, closes = (block.number(name) for name in ("open", "high", "low", "close"))
        together = np.stack([opens, highs, lows, closes])
        good = np.isfinite(together).all(axis=0)
        if self.subject.family != "premium":
            good = good & (together > 0.0).all(axis=0)
        self._put("price", block, np.asarray(~good))
        self._put("high", block, good & (highs < lows))
        whole = good & (highs >= lows)
        self._put("close", block, whole & ((closes < lows) | (closes > highs)))
        outside = whole & ((opens < lows) | (opens > highs))
        after = np.diff(np.r_[self._next, block.ts]) == np.r_[0, np.full(len(block) - 1, self.subject.interval)]
        outside &= after  # the first bar, and one after a hole, may open at a close that is not here
        carried = outside & (opens == np.r_[self._close, closes[:-1]])
        self._carried.add(block.ts[carried], lambda i: self._text(block, carried, i), self.subject.interval)
        self._put("open", block, outside & ~carried)
        if self.subject.family == "bars":
            self._volume(block, whole, highs, lows)
        self._rows += len(block)
        self._close, self._next = float(closes[-1]), int(block.ts[-1]) + self.subject.interval

    def _volume(self, block: Block, whole: Flags, highs: Floats, lows: Floats) -> None:
        volume = block.number("volume")
        self._put("volume", block, ~(volume >= 0.0) | np.isinf(volume))
        self._put("moved", block, whole & (volume == 0.0) & (highs > lows))
        trades, last_size = block.get("trades"), block.get("last_size")
        if trades is not None:
            self._put("trades", block, np.isfinite(trades) & ((trades > 0) != (volume > 0.0)))
        if last_size is not None:
            self._put("last_size", block, last_size > volume)

    def _put(self, name: str, block: Block, wrong: Flags) -> None:
        self._places[name].add(block.ts[wrong], lambda i: self._text(block, wrong, i), self.subject.interval)

    def _text(self, block: Block, wrong: Flags, i: int) -> str:
        row = int(np.flatnonzero(wrong)[i])
        names = ("open", "high", "low", "close", "volume", "trades", "last_size")
        return " ".join(
            f"{name} {values[row]:.10g}" for name in names if (values := block.columns.get(name)) is not None
        )

    def findings(self) -> list[Finding]:
        """What was found."""
        found = [
            one
            for name, (severity, words) in _FAULTS.items()
            for one in self._places[name].finding("shape", severity, f"{many(self._places[name].count, 'bar')} {words}")  # type: ignore[arg-type]
        ]
        share = self._carried.count / max(self._rows, 1)
        words = (
            f"{many(self._carried.count, 'bar')} ({share:.1%}) with an open outside low and high, which is the close "
            "before: the venue sets it so, and no trade was made at it"
        )
        return found + self._carried.finding("open", "note", words)

"""The deepest fall of a curve from its highest point so far."""

from __future__ import annotations

import numpy as np

from halfspread.engine.bars import Floats

__all__ = ["DrawdownMeter", "deepest_fall"]


def deepest_fall(values: Floats, start: float, *, relative: bool) -> float:
    """Largest distance from the highest value so far, ``start`` included; as a fraction of it where ``relative``."""
    meter = DrawdownMeter(start, relative)
    meter.add(values)
    return meter.deepest


class DrawdownMeter:
    """Deepest fall of a curve that arrives in pieces."""

    def __init__(self, start: float, relative: bool) -> None:
        self._peak = start
        self._relative = relative
        self.deepest = 0.0

    def add(self, values: Floats) -> None:
        """Go on with the next piece of the curve."""
        if not len(values):
            return
        peaks = np.maximum(np.maximum.accumulate(values), self._peak)
        falls = peaks - values
        if self._relative:
            falls = falls / np.abs(peaks)
        self.deepest = max(self.deepest, float(falls.max()))
        self._peak = float(peaks[-1])

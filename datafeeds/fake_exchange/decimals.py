"""Whole numbers of ticks, lots and the like, as exact decimal text and as the float64 nearest to it.

A number is ``units`` / 10 ** ``decimals``. The float is the one that the text parses to, so that a market, the wire and
a store can be compared for equality.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.engine.times import Floats

__all__ = ["decimal_text", "to_floats"]


def decimal_text(units: int, decimals: int) -> str:
    """``units`` / 10 ** ``decimals`` with all its decimals: (-25, 3) is "-0.025"."""
    if decimals == 0:
        return str(units)
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{'-' if units < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def to_floats(units: Any, decimals: int) -> Floats:
    """The nearest float64 of each number; exact units up to 2 ** 53."""
    values: Floats = np.asarray(units, np.float64) / float(10**decimals)
    return values

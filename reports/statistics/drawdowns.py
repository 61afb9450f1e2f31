"""Drawdowns of the curve that daily PnL draws: how deep, how long, how often. Seen at the ends of days only.

Simple: the curve is the sum of PnL and begins at 0; a depth is in units of notional. Compounded: the curve is the
product of (1 + return) and begins at 1; a depth is a fraction of the peak. Depths are positive. NaN in the input is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from halfspread.reports.statistics.series import Floats, daily_series

__all__ = ["Drawdown", "days_under_water", "drawdown_curve", "drawdowns", "longest_drawdown", "max_drawdown"]


@dataclass(frozen=True)
class Drawdown:
    """One fall below a peak until the peak was reached again.

    ``first`` and ``last`` are the rows of the first and last day that ended below the peak, ``trough`` the row of the
    deepest. ``recovered`` says whether the peak was reached again; the next row is then the day that did.
    """

    first: int
    trough: int
    last: int
    depth: float
    recovered: bool

    @property
    def days(self) -> int:
        """Days that ended below the peak."""
        return self.last - self.first + 1

    @property
    def days_to_trough(self) -> int:
        """Days from the peak to the trough."""
        return self.trough - self.first + 1


def drawdown_curve(pnl: ArrayLike, compounded: bool = False) -> Floats:
    """Depth below the highest point so far at the end of each day, 0 at a peak; float64 (days,)."""
    values = daily_series(pnl)
    if compounded:
        curve = np.cumprod(1.0 + values)
        peak = np.maximum(np.maximum.accumulate(curve), 1.0)
        return np.asarray(1.0 - curve / peak)
    curve = np.cumsum(values)
    peak = np.maximum(np.maximum.accumulate(curve), 0.0)
    return np.asarray(peak - curve)


def drawdowns(pnl: ArrayLike, compounded: bool = False) -> tuple[Drawdown, ...]:
    """Every drawdown in the order of time; none without a day that ended below a peak."""
    depth = drawdown_curve(pnl, compounded)
    below = np.concatenate([[0], (depth > 0.0).astype(np.int8), [0]])
    edges = np.diff(below)
    firsts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    found = []
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        trough = first + int(depth[first:end].argmax())
        found.append(Drawdown(first, trough, end - 1, float(depth[trough]), recovered=end < len(depth)))
    return tuple(found)


def max_drawdown(pnl: ArrayLike, compounded: bool = False) -> float:
    """Depth of the deepest drawdown at the ends of days; 0.0 where there is none."""
    depth = drawdown_curve(pnl, compounded)
    return float(depth.max()) if len(depth) else 0.0


def longest_drawdown(pnl: ArrayLike, compounded: bool = False) -> int:
    """Most days in a row that ended below the peak; 0 where none did."""
    return max((each.days for each in drawdowns(pnl, compounded)), default=0)


def days_under_water(pnl: ArrayLike, compounded: bool = False) -> float:
    """Share of days that ended below the peak; NaN without days."""
    depth = drawdown_curve(pnl, compounded)
    return float((depth > 0.0).mean()) if len(depth) else float("nan")

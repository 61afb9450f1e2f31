"""The shape of the distribution of daily PnL: its lower tail, its skew, its kurtosis.

Moments are those of the population. NaN means "cannot be said"; NaN in the input is refused.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import DataError
from halfspread.reports.statistics.series import Floats, check_share, daily_series, deviation

__all__ = ["expected_shortfall", "kurtosis", "moment", "skewness", "tail_days", "value_at_risk"]


def tail_days(level: float) -> int:
    """Fewest days of which the tail of ``level`` holds a whole one: 20 at 5 %. Raises ConfigError outside (0, 1)."""
    return math.ceil(1.0 / check_share(level, "level of the tail") - 1e-9)


def expected_shortfall(pnl: ArrayLike, level: float = 0.05) -> float:
    """Mean loss of the worst ``level`` of days, historical, positive for a loss; the day on the edge counts in part.

    Raises DataError with fewer days than `tail_days`. Source: Acerbi and Tasche, "On the Coherence of Expected
    Shortfall", Journal of Banking and Finance 26(7), 2002.
    """
    values, whole, part = _tail(pnl, level, "the expected shortfall")
    worst = float(values[:whole].sum())
    if part > 0.0:
        worst += part * float(values[whole])
    return -worst / (whole + part)


def value_at_risk(pnl: ArrayLike, level: float = 0.05) -> float:
    """The loss at the edge of the worst ``level`` of days, positive for a loss. Raises DataError as
    `expected_shortfall`, which is never smaller."""
    values, whole, part = _tail(pnl, level, "the value at risk")
    return -float(values[whole if part > 0.0 else whole - 1])


def _tail(pnl: ArrayLike, level: float, purpose: str) -> tuple[Floats, int, float]:
    """Sorted values, whole days in the tail, and the part of one more."""
    values = np.sort(daily_series(pnl, least=tail_days(level), purpose=f"{purpose} at a level of {level:g}"))
    days = level * len(values)
    whole = math.floor(days + 1e-9)
    return values, whole, max(days - whole, 0.0) if days - whole > 1e-9 else 0.0


def skewness(pnl: ArrayLike) -> float:
    """Third central moment over the cube of the deviation; 0 for a symmetric series. NaN where nothing varies."""
    return moment(daily_series(pnl), 3)


def kurtosis(pnl: ArrayLike) -> float:
    """Fourth central moment over the fourth power of the deviation; 3 for a normal one. NaN where nothing varies."""
    return moment(daily_series(pnl), 4)


def moment(values: Floats, order: int) -> float:
    """Central moment of ``order`` in units of the deviation; NaN with fewer than two values and where nothing varies.

    Raises DataError where the values are too small for a float64 to hold their square.
    """
    spread = deviation(values)
    if len(values) < 2 or spread == 0.0:
        return math.nan
    found = float(np.mean(((values - values.mean()) / spread) ** order))
    if not math.isfinite(found):
        raise DataError("daily PnL is too small or too large for its moments; give it in units of the notional")
    return found

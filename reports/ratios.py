"""Statistics of a series of daily PnL in units of notional. NaN means "cannot be said": too few days, or no variation.

A year has 365 days: a perpetual swap trades on all of them. Standard deviations are those of the population (ddof=0).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["DAYS_PER_YEAR", "annual_return", "annual_volatility", "information_ratio", "information_ratio_error"]

DAYS_PER_YEAR = 365

#: A deviation below this part of the largest value is rounding of a constant series, not variation.
_ROUNDING = 1e-12


def annual_return(pnl: ArrayLike) -> float:
    """Mean daily PnL x 365: simple, not compounded. NaN without days."""
    values = np.asarray(pnl, dtype=np.float64)
    return float(values.mean()) * DAYS_PER_YEAR if len(values) else math.nan


def annual_volatility(pnl: ArrayLike) -> float:
    """Standard deviation of daily PnL (ddof=0) x sqrt(365). NaN with fewer than two days, zero if constant."""
    values = np.asarray(pnl, dtype=np.float64)
    return _deviation(values) * math.sqrt(DAYS_PER_YEAR) if len(values) > 1 else math.nan


def information_ratio(pnl: ArrayLike) -> float:
    """Mean / standard deviation (ddof=0) of daily PnL x sqrt(365), without a benchmark or a riskless rate.

    NaN with fewer than two days and where nothing varies (an agent that never traded): never infinite, never a silent
    zero.
    """
    values = np.asarray(pnl, dtype=np.float64)
    deviation = _deviation(values) if len(values) > 1 else 0.0
    return float(values.mean()) / deviation * math.sqrt(DAYS_PER_YEAR) if deviation > 0.0 else math.nan


def information_ratio_error(pnl: ArrayLike) -> float:
    """Standard error of the annualised ratio for independent days: sqrt((1 + r^2 / 2) / days) x sqrt(365), r per day.

    Source: Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002, eq. 9. NaN where the ratio
    is.
    """
    daily_ratio = information_ratio(pnl) / math.sqrt(DAYS_PER_YEAR)
    days = len(np.asarray(pnl))
    return math.sqrt((1.0 + daily_ratio**2 / 2.0) / days * DAYS_PER_YEAR) if days else math.nan


def _deviation(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    deviation = float(values.std())
    return deviation if deviation > _ROUNDING * float(np.abs(values).max()) else 0.0

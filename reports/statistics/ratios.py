"""Return, risk and their ratios, from daily PnL in units of notional. NaN means "cannot be said": too few days, or
nothing varies.

A year has 365 days. Standard deviations are those of the population (ddof=0). NaN in the input is refused.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from halfspread.reports.statistics.drawdowns import max_drawdown
from halfspread.reports.statistics.series import DAYS_PER_YEAR, active_series, daily_series, deviation

__all__ = [
    "DAYS_PER_YEAR",
    "annual_return",
    "annual_volatility",
    "calmar_ratio",
    "information_ratio",
    "information_ratio_error",
    "sortino_ratio",
]


def annual_return(pnl: ArrayLike, compounded: bool = False) -> float:
    """Mean daily PnL x 365: simple. ``compounded``: product of (1 + return) to the power 365 / days, less 1.

    NaN without days, and compounded where a day lost everything.
    """
    values = daily_series(pnl)
    if not len(values):
        return math.nan
    if not compounded:
        return float(values.mean()) * DAYS_PER_YEAR
    if values.min() <= -1.0:
        return math.nan
    return math.expm1(float(np.log1p(values).mean()) * DAYS_PER_YEAR)


def annual_volatility(pnl: ArrayLike) -> float:
    """Standard deviation of daily PnL (ddof=0) x sqrt(365). NaN with fewer than two days, zero if constant."""
    values = daily_series(pnl)
    return deviation(values) * math.sqrt(DAYS_PER_YEAR) if len(values) > 1 else math.nan


def information_ratio(pnl: ArrayLike, benchmark: ArrayLike | None = None) -> float:
    """Mean / standard deviation (ddof=0) of daily PnL less the benchmark's x sqrt(365).

    Without a benchmark this is the Sharpe ratio without a riskless rate. NaN with fewer than two days and where nothing
    varies (an agent that never traded): never infinite, never a silent zero. Raises DataError where the benchmark
    covers other days.
    """
    values = active_series(pnl, benchmark, purpose="the information ratio")
    spread = deviation(values) if len(values) > 1 else 0.0
    return float(values.mean()) / spread * math.sqrt(DAYS_PER_YEAR) if spread > 0.0 else math.nan


def information_ratio_error(pnl: ArrayLike, benchmark: ArrayLike | None = None) -> float:
    """Standard error of the annualised ratio for independent days: sqrt((1 + r^2 / 2) / days) x sqrt(365), r per day.

    Source: Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002, eq. 9. NaN where the ratio
    is. `robust.robust_ratio_error` is the one for days that hang together.
    """
    daily_ratio = information_ratio(pnl, benchmark) / math.sqrt(DAYS_PER_YEAR)
    days = len(np.asarray(pnl))
    return math.sqrt((1.0 + daily_ratio**2 / 2.0) / days * DAYS_PER_YEAR) if days else math.nan


def sortino_ratio(pnl: ArrayLike, benchmark: ArrayLike | None = None) -> float:
    """Mean of daily PnL less the benchmark's / root of the mean square of its negative part x sqrt(365).

    The mean square is over all days, also those that gained. NaN with fewer than two days and without a losing day.
    Source: Sortino and Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3(3), 1994.
    """
    values = active_series(pnl, benchmark, purpose="the Sortino ratio")
    if len(values) < 2:
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(values, 0.0) ** 2)))
    return float(values.mean()) / downside * math.sqrt(DAYS_PER_YEAR) if downside > 0.0 else math.nan


def calmar_ratio(pnl: ArrayLike, compounded: bool = False) -> float:
    """Annual return over the deepest drawdown at the ends of days; both simple, or both compounded.

    NaN with fewer than two days and without a drawdown. Source: Young, "Calmar Ratio: A Smoother Tool", Futures 20(1),
    1991; over the whole run rather than three years.
    """
    values = daily_series(pnl)
    deepest = max_drawdown(values, compounded) if len(values) > 1 else 0.0
    return annual_return(values, compounded) / deepest if deepest > 0.0 else math.nan

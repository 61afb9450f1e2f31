"""How the daily PnL of an agent goes with that of a benchmark: what it earned beside it, and with it.

Both in units of the constant notional, for the same days. A year has 365 days, deviations are those of the population.
NaN means "cannot be said": too few days, or nothing varies. NaN in the input is refused with DataError, and so is a
benchmark of other days.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats, active_series, daily_series, deviation

__all__ = [
    "active_return",
    "alpha",
    "beta",
    "correlation",
    "down_capture",
    "relative_figures",
    "tracking_error",
    "up_capture",
]


def active_return(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """Sum of daily PnL less the benchmark's, over all days."""
    return math.fsum(active_series(pnl, benchmark, purpose="the active return"))


def tracking_error(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """Standard deviation of daily PnL less the benchmark's x sqrt(365): the lower half of the information ratio. NaN
    with fewer than two days, zero where the two differ by a constant."""
    values = active_series(pnl, benchmark, purpose="the tracking error")
    return deviation(values) * math.sqrt(DAYS_PER_YEAR) if len(values) > 1 else math.nan


def beta(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """Slope of the PnL on the benchmark's by least squares: their covariance over the benchmark's variance. NaN with
    fewer than two days, and for a benchmark that does not vary."""
    values, other = _pair(pnl, benchmark, "beta")
    if len(values) < 2 or deviation(other) == 0.0:
        return math.nan
    centred = other - other.mean()
    return float((values - values.mean()) @ centred) / float(centred @ centred)


def alpha(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """What is left of the mean day without its beta of the benchmark's mean day, x 365: the intercept of that line.
    There is no riskless rate. NaN where `beta` is. Source: Jensen, Journal of Finance 23(2), 1968."""
    values, other = _pair(pnl, benchmark, "alpha")
    slope = beta(values, other)
    return (float(values.mean()) - slope * float(other.mean())) * DAYS_PER_YEAR if math.isfinite(slope) else math.nan


def correlation(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """Pearson's, in [-1, 1]. NaN with fewer than two days, and where either does not vary."""
    values, other = _pair(pnl, benchmark, "the correlation")
    slope = beta(values, other)
    spread = deviation(values)
    if not math.isfinite(slope) or spread == 0.0:
        return math.nan
    return min(max(slope * deviation(other) / spread, -1.0), 1.0)


def up_capture(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """PnL over the days on which the benchmark gained / its gains on them, as sums of simple returns; 1 is all of it.
    NaN without such a day."""
    return _capture(*_pair(pnl, benchmark, "the up capture"))


def down_capture(pnl: ArrayLike, benchmark: ArrayLike) -> float:
    """PnL over the days on which the benchmark lost / its losses on them: 1 lost as much, below 0 gained. NaN without
    such a day."""
    values, other = _pair(pnl, benchmark, "the down capture")
    return _capture(-values, -other)


def relative_figures(pnl: Floats, benchmark: Floats) -> dict[str, float]:
    """All of them by name, and ``benchmark_return``, the sum of the benchmark's days."""
    return {
        "benchmark_return": math.fsum(benchmark),
        "active_return": active_return(pnl, benchmark),
        "tracking_error": tracking_error(pnl, benchmark),
        "alpha": alpha(pnl, benchmark),
        "beta": beta(pnl, benchmark),
        "correlation": correlation(pnl, benchmark),
        "up_capture": up_capture(pnl, benchmark),
        "down_capture": down_capture(pnl, benchmark),
    }


def _capture(values: Floats, other: Floats) -> float:
    up = other > 0.0
    gained = float(other[up].sum())
    return float(values[up].sum()) / gained if gained > 0.0 else math.nan


def _pair(pnl: ArrayLike, benchmark: ArrayLike, purpose: str) -> tuple[Floats, Floats]:
    values = daily_series(pnl, purpose=purpose)
    active_series(values, benchmark, purpose=purpose)
    return values, np.asarray(benchmark, dtype=np.float64)

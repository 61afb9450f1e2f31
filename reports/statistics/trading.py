"""How much was traded and held, what it cost, and what it could have cost.

One value a day, in units of the notional: ``turnover`` (value traded, never negative), ``exposure`` (mean absolute
position), ``cost`` (half-spread, fees and impact paid; positive when paid), ``pnl`` (net of that cost and of funding).
NaN means "cannot be said"; NaN in the input is refused.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import DataError
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats, daily_series

__all__ = ["annual_turnover", "break_even_cost", "cost_per_turnover", "hit_ratio", "mean_exposure"]


def annual_turnover(turnover: ArrayLike) -> float:
    """Value traded in a year of 365 days, in units of the notional; NaN without days. Raises DataError where
    negative."""
    values = _traded(turnover)
    return float(values.mean()) * DAYS_PER_YEAR if len(values) else math.nan


def mean_exposure(exposure: ArrayLike) -> float:
    """Mean of the absolute position, in units of the notional; NaN without days."""
    values = np.abs(daily_series(exposure, "exposure"))
    return float(values.mean()) if len(values) else math.nan


def hit_ratio(pnl: ArrayLike) -> float:
    """Share of the values that are not zero which are above zero (of days, or of the PnL of round trips); NaN where all
    are zero."""
    values = daily_series(pnl)
    moved = int(np.count_nonzero(values))
    return int(np.count_nonzero(values > 0.0)) / moved if moved else math.nan


def cost_per_turnover(cost: ArrayLike, turnover: ArrayLike) -> float:
    """What was paid per unit of value traded, as a fraction (1e-4 is a basis point); negative where it was earned. NaN
    without turnover. Raises DataError where the two do not cover the same days."""
    paid, traded = daily_series(cost, "cost"), _traded(turnover)
    _same_days(paid, traded)
    total = float(traded.sum())
    return float(paid.sum()) / total if total > 0.0 else math.nan


def break_even_cost(pnl: ArrayLike, cost: ArrayLike, turnover: ArrayLike) -> float:
    """The cost per unit of value traded at which the PnL would be zero, had the agent traded the same.

    (PnL + cost) / turnover. Negative where the agent loses even without costs. NaN without turnover. Raises DataError
    where the three do not cover the same days.
    """
    net, paid, traded = daily_series(pnl), daily_series(cost, "cost"), _traded(turnover)
    _same_days(net, paid)
    _same_days(net, traded)
    total = float(traded.sum())
    return (float(net.sum()) + float(paid.sum())) / total if total > 0.0 else math.nan


def _traded(turnover: ArrayLike) -> Floats:
    values = daily_series(turnover, "turnover")
    if len(values) and values.min() < 0.0:
        raise DataError(f"turnover must not be negative, got {values.min():g} at row {int(values.argmin())}")
    return values


def _same_days(one: Floats, other: Floats) -> None:
    if len(one) != len(other):
        raise DataError(f"expected as many days of each series, got {len(one)} and {len(other)}")

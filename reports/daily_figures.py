"""What the days of a run say beyond its headline: ratios with errors, the tail, and what could have been paid.

Daily PnL in units of the notional, 365 days a year. NaN where a figure cannot be said, also where it infers and the
days are too few (docs/statistics.md has the numbers needed), and where a number of days would be infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from halfspread.errors import DataError
from halfspread.reports.statistics.drawdowns import days_under_water, max_drawdown
from halfspread.reports.statistics.probabilistic import minimum_track_record, probabilistic_sharpe
from halfspread.reports.statistics.ratios import calmar_ratio, information_ratio, sortino_ratio
from halfspread.reports.statistics.robust import robust_ratio_error
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats
from halfspread.reports.statistics.tail import expected_shortfall, kurtosis, skewness

__all__ = ["daily_figures"]


def daily_figures(
    pnl: Floats, benchmark: Floats | None = None, *, total: float, price: float, execution: float, turnover: float
) -> dict[str, float]:
    """Figures by name of days of ``pnl`` (days,), errors and probabilities of the ratio against ``benchmark`` (None:
    zero).

    ``total``, ``price`` and ``execution`` (half-spread, fee and impact; a cost is negative): returns of the whole run;
    ``turnover``: value traded; all in units of the notional. ``sharpe_ratio`` is without a riskless rate;
    ``information_ratio_robust_error`` holds for skewed days that hang together; ``probabilistic_sharpe`` is the
    probability that the true ratio is above zero, ``minimum_track_record`` the days after which a ratio as high is
    above zero with 95 %. ``expected_shortfall`` is the mean loss of the worst 5 % of days. ``break_even_cost``: the
    cost per unit of value traded at which the PnL would be zero, had the agent traded the same.
    """
    days = len(pnl)
    active = pnl if benchmark is None else pnl - benchmark
    return {
        "sharpe_ratio": information_ratio(pnl),
        "information_ratio_robust_error": _or_nan(robust_ratio_error, active),
        "probabilistic_sharpe": _or_nan(probabilistic_sharpe, active),
        "minimum_track_record": _or_nan(minimum_track_record, active),
        "sortino_ratio": sortino_ratio(active),
        "calmar_ratio": calmar_ratio(pnl),
        "expected_shortfall": _or_nan(expected_shortfall, pnl),
        "skewness": skewness(pnl),
        "kurtosis": kurtosis(pnl),
        "max_daily_drawdown": max_drawdown(pnl) if days else math.nan,
        "days_under_water": days_under_water(pnl),
        "annual_turnover": turnover / days * DAYS_PER_YEAR if days else math.nan,
        "break_even_cost": (total - execution) / turnover if turnover > 0.0 else math.nan,
        "cost_and_funding_return": total - price,
    }


def _or_nan(measure: Callable[[Floats], float], pnl: Floats) -> float:
    """NaN where the days are too few or do not vary, and for what is infinite."""
    try:
        found = measure(pnl)
    except DataError:
        return math.nan
    return found if math.isfinite(found) else math.nan

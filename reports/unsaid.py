"""Why a figure cannot be said: too few days, with the number needed, or nothing to compute it from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from halfspread.reports.names import ZERO
from halfspread.reports.statistics.probabilistic import RATIO_DAYS
from halfspread.reports.statistics.tail import tail_days

__all__ = ["NEEDED", "needs", "unsaid"]

_TAIL = tail_days(0.05)

#: Days that a metric needs at least.
NEEDED: dict[str, int] = {
    **dict.fromkeys(
        ("annual_return", "best_day", "worst_day", "positive_days", "max_daily_drawdown", "days_under_water"), 1
    ),
    "annual_turnover": 1,
    **dict.fromkeys(("annual_volatility", "information_ratio", "information_ratio_error", "sharpe_ratio"), 2),
    **dict.fromkeys(("sortino_ratio", "calmar_ratio", "skewness", "kurtosis"), 2),
    **dict.fromkeys(("tracking_error", "alpha", "beta", "correlation"), 2),
    "expected_shortfall": _TAIL,
    **dict.fromkeys(("information_ratio_robust_error", "probabilistic_sharpe", "minimum_track_record"), RATIO_DAYS),
}

Metrics = Mapping[str, Any]


def unsaid(metrics: Metrics) -> dict[str, str]:
    """A reason for each of ``metrics`` that is NaN, by name."""
    days = int(metrics["days"])
    found = {}
    for name, value in metrics.items():
        if not isinstance(value, float) or math.isfinite(value):
            continue
        least = NEEDED.get(name, 0)
        if days < least:
            found[name] = needs(least, days)
        else:
            found[name] = _REASONS.get(name, _nothing)(metrics)
    return found


def needs(least: int, days: int) -> str:
    """What is missing of the days that a figure needs."""
    return f"needs at least {least} {'day' if least == 1 else 'days'}, this run has {days}"


def _nothing(metrics: Metrics) -> str:
    return "there is nothing to compute it from"


def _ratio(metrics: Metrics) -> str:
    if metrics.get("benchmark", ZERO) != ZERO and metrics.get("tracking_error") == 0.0:
        return "the agent is the benchmark, or differs from it by as much each day"
    return "no day differs from another (did the agent trade?)"


def _record(metrics: Metrics) -> str:
    if math.isfinite(metrics["information_ratio"]):
        return "no number of days tells a ratio like this from zero"
    return _ratio(metrics)


def _sentence(words: str) -> Callable[[Metrics], str]:
    return lambda metrics: words


def _orders(metrics: Metrics) -> str:
    return "no order was filled" if metrics["orders"] else "no order was sent"


def _profit(metrics: Metrics) -> str:
    return "no round trip lost" if metrics["round_trips"] else "no round trip was closed"


_REASONS: dict[str, Callable[[Metrics], str]] = {
    **dict.fromkeys(("information_ratio", "information_ratio_error", "information_ratio_robust_error"), _ratio),
    "probabilistic_sharpe": _ratio,
    "minimum_track_record": _record,
    **dict.fromkeys(("sharpe_ratio", "skewness", "kurtosis"), _sentence("no day differs from another")),
    "sortino_ratio": _sentence("no day lost"),
    "calmar_ratio": _sentence("there was no drawdown at the end of a day"),
    **dict.fromkeys(("cost_per_turnover", "break_even_cost", "maker_share"), _sentence("nothing was traded")),
    "fill_ratio": _sentence("no order was sent"),
    "mean_seconds_to_fill": _orders,
    **dict.fromkeys(("hit_ratio", "mean_trade_hours"), _sentence("no round trip was closed")),
    "profit_factor": _profit,
    **dict.fromkeys(("exposure", "gross_exposure"), _sentence("no period was recorded")),
    **dict.fromkeys(("alpha", "beta"), _sentence("the benchmark does not vary")),
    "correlation": _sentence("the benchmark or the agent does not vary"),
    "up_capture": _sentence("the benchmark gained on no day"),
    "down_capture": _sentence("the benchmark lost on no day"),
}

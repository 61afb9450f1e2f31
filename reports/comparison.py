"""Put several results on one market in order and say what they share."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from halfspread.errors import ConfigError
from halfspread.reports.measured import looks_ahead, measured
from halfspread.reports.protocol import ResultLike

__all__ = ["LOWER_IS_BETTER", "rank", "rank_results", "shared_assumptions"]

#: Metrics of which less is more.
LOWER_IS_BETTER = frozenset(
    {
        "annual_turnover",
        "annual_volatility",
        "cost_per_turnover",
        "days_under_water",
        "down_capture",
        "equity_max_drawdown",
        "expected_shortfall",
        "information_ratio_error",
        "information_ratio_robust_error",
        "kurtosis",
        "liquidations",
        "longest_drawdown_days",
        "max_daily_drawdown",
        "max_drawdown",
        "mean_seconds_to_fill",
        "minimum_track_record",
        "rejected_orders",
        "tracking_error",
        "turnover",
    }
)

Item = TypeVar("Item")
Kind = TypeVar("Kind", bound=ResultLike)


def rank(items: Sequence[tuple[Item, Mapping[str, float | int | str]]], by: str) -> list[Item]:
    """``items``, each with its metrics, best first by the metric ``by``; equal ones keep their order, NaN comes last.

    Raises `ConfigError` where ``by`` is not the name of a number among the metrics.
    """
    for _, metrics in items:
        if not isinstance(metrics.get(by), (int, float)):
            numbers = [name for name, value in metrics.items() if isinstance(value, (int, float))]
            close = difflib.get_close_matches(by, numbers, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(numbers))}"
            raise ConfigError(f"ranking: expected the name of a metric, got {by!r}{hint}")
    sign = 1.0 if by in LOWER_IS_BETTER else -1.0

    def place(entry: tuple[Item, Mapping[str, float | int | str]]) -> tuple[bool, float]:
        value = float(entry[1][by])
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value

    return [item for item, _ in sorted(items, key=place)]


def rank_results(results: Sequence[Kind], by: str) -> list[Kind]:
    """Results best first by the metric ``by``; those whose agents are told the future come last. Raises as `rank`."""
    ranked = rank([(result, measured(result).metrics) for result in results], by)
    return sorted(ranked, key=looks_ahead)


def shared_assumptions(
    named: Sequence[tuple[str, Mapping[str, str]]],
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Assumptions that hold for all, and for the other topics what holds for whom (by name)."""
    topics = list(dict.fromkeys(topic for _, assumptions in named for topic in assumptions))
    shared: dict[str, str] = {}
    different: dict[str, dict[str, str]] = {}
    for topic in topics:
        sentences = {name: assumptions.get(topic, "not stated") for name, assumptions in named}
        if len({assumptions.get(topic) for _, assumptions in named}) == 1:
            shared[topic] = next(iter(sentences.values()))
        else:
            different[topic] = sentences
    return shared, different

"""Every headline figure measured on the whole run and on each resample, with standard errors where there are any.

Units as in `days` and `figures`. NaN where a figure cannot be said on a resample (no trade in it, no variation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from halfspread.reports.statistics.bootstrap_kernels import block_moments, compounded_drawdowns, path_figures
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.drawdowns import days_under_water, longest_drawdown, max_drawdown
from halfspread.reports.statistics.figures import SMOOTH, TAIL, Means, Smooth, daily_terms
from halfspread.reports.statistics.ratios import calmar_ratio
from halfspread.reports.statistics.resamples import Resamples, check_days, mean_variances
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats, deviation
from halfspread.reports.statistics.tail import expected_shortfall

__all__ = ["Draws", "measure_draws"]


@dataclass(frozen=True, eq=False)
class Draws:
    """One figure: ``estimate`` on the whole run and ``values`` (resamples,), on the scale of its interval; ``error`` of
    the estimate and ``errors`` of the values, None for a figure without them."""

    estimate: float
    values: Floats
    error: float = math.nan
    errors: Floats | None = None


@dataclass(frozen=True, eq=False)
class _Sample:
    """Terms less their means (days, terms), the means of all, and of the resamples with their covariances."""

    centred: Floats
    place: dict[str, int]
    whole: Means
    drawn: Means
    squares: Floats


def measure_draws(days: Days, resamples: Resamples) -> dict[str, Draws]:
    """Every headline figure whose series are known. Raises DataError where the resamples are of other days."""
    check_days(len(days), resamples)
    path = _path_table(days, resamples)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _smooth_draws(days, resamples) | _path_draws(days, path)
    if "expected_shortfall" in found:
        slopes = found["expected_shortfall"]
        exact = expected_shortfall(days.pnl, TAIL)
        found["expected_shortfall"] = Draws(exact, path[:, 5], slopes.error, slopes.errors)
    if days.returns is not None:
        deepest = np.empty(resamples.count)
        compounded_drawdowns(np.ascontiguousarray(days.returns), resamples.index, deepest)
        found["equity_max_daily_drawdown"] = Draws(max_drawdown(days.returns, compounded=True), deepest)
    return found


def _sample(terms: dict[str, Floats], resamples: Resamples) -> _Sample:
    names = list(terms)
    table = np.column_stack([terms[name] for name in names])
    centre = table.mean(axis=0)
    centred = np.ascontiguousarray(table - centre)
    means = np.empty((resamples.count, len(names)))
    squares = np.empty((resamples.count, len(names), len(names)))
    block_moments(centred, resamples.index, means, squares)
    squared = [name for name in terms if f"{name}_squared" in terms]
    origins = {name: float(terms[name].mean()) for name in squared}
    whole = Means(dict(zip(names, centre[:, None], strict=True)), origins, len(table))
    drawn = Means(dict(zip(names, (means + centre).T, strict=True)), origins, len(table))
    return _Sample(centred, {name: i for i, name in enumerate(names)}, whole, drawn, squares)


def _smooth_draws(days: Days, resamples: Resamples) -> dict[str, Draws]:
    terms = daily_terms(days)
    sample = _sample(terms, resamples)
    found = {}
    for name, figure in SMOOTH.items():
        if not set(figure.needs) <= terms.keys():
            continue
        constant = figure.varies is not None and deviation(terms[figure.varies]) == 0.0
        empty = figure.some is not None and not terms[figure.some].any()
        if constant or empty:
            found[name] = Draws(math.nan, np.full(resamples.count, math.nan))
        else:
            found[name] = _smooth(figure, sample, resamples)
    return found


def _smooth(figure: Smooth, sample: _Sample, resamples: Resamples) -> Draws:
    """Values by the means, errors by the slopes (delta method): of each resample by its own blocks, of the whole run by
    the lag window that the resampling implies."""
    estimate, slopes = figure.measure(sample.whole)
    influence = np.zeros(len(sample.centred))
    for term, slope in slopes.items():
        influence += slope * sample.centred[:, sample.place[term]]
    error = math.sqrt(float(mean_variances(influence[:, None], resamples)[0]) / resamples.days)
    values, drawn_slopes = figure.measure(sample.drawn)
    variance = np.zeros(resamples.count)
    for one, first in drawn_slopes.items():
        for other, second in drawn_slopes.items():
            variance += first * second * sample.squares[:, sample.place[one], sample.place[other]]
    return Draws(float(estimate[0]), values, error, np.sqrt(np.maximum(variance, 0.0) / resamples.days))


def _path_table(days: Days, resamples: Resamples) -> Floats:
    table = np.empty((resamples.count, 7))
    ranks = np.argsort(days.pnl, kind="stable")
    path_figures(np.ascontiguousarray(days.pnl), ranks, TAIL * len(days), resamples.index, table)
    return table


def _path_draws(days: Days, table: Floats) -> dict[str, Draws]:
    pnl = days.pnl
    deepest, total = table[:, 0], table[:, 6]
    annual = total / len(pnl) * DAYS_PER_YEAR
    return {
        "calmar_ratio": Draws(calmar_ratio(pnl), np.where(deepest > 0.0, annual / deepest, math.nan)),
        "max_daily_drawdown": Draws(max_drawdown(pnl), deepest),
        "longest_drawdown_days": Draws(float(longest_drawdown(pnl)), table[:, 1]),
        "days_under_water": Draws(days_under_water(pnl), table[:, 2]),
        "worst_day": Draws(float(pnl.min()), table[:, 3]),
        "best_day": Draws(float(pnl.max()), table[:, 4]),
    }

"""Intervals of every headline figure by the stationary block bootstrap, all from one set of resamples.

Smooth figures get studentised intervals: each resample's distance from the estimate is measured in its own standard
error, so that the coverage comes closer to its level than a percentile interval's as the days grow, also for days that
hang together (Goetze and Kuensch, Annals of Statistics 24(5), 1996; Ledoit and Wolf, Journal of Empirical Finance
15(5), 2008, for the Sharpe ratio). BCa is not used: its acceleration is derived for independent days. Figures of the
path or of single days have no standard error; theirs are percentile limits, which tell what other orders of such days
would show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from halfspread.errors import ConfigError
from halfspread.reports.statistics.days import Days
from halfspread.reports.statistics.draws import Draws, measure_draws
from halfspread.reports.statistics.figures import PATH, SMOOTH
from halfspread.reports.statistics.resamples import (
    BOOTSTRAP_DAYS,
    RESAMPLES,
    Resamples,
    block_length,
    draw_resamples,
)
from halfspread.reports.statistics.robust import ratio_influence
from halfspread.reports.statistics.series import check_share, daily_series, deviation

__all__ = ["HEADLINE", "Interval", "Intervals", "block_length_of", "bootstrap_intervals", "headline_intervals"]

#: Every figure that gets an interval, in the order in which they are given.
HEADLINE = (*SMOOTH, *PATH)

#: Resamples in each tail of an interval, and the share of resamples on which a figure may be undefined.
_DRAWS_IN_TAIL = 5
_UNDEFINED = 0.01
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """Estimate and limits of one figure, ``low`` <= ``high``; NaN where it cannot be said.

    ``method`` says how ``low`` and ``high`` were made; ``percentile`` are the percentile limits in any case.
    """

    estimate: float
    low: float
    high: float
    percentile: tuple[float, float]
    method: Literal["studentised", "percentile", "none"]


@dataclass(frozen=True)
class Intervals:
    """Intervals by figure, and what they rest on: confidence ``level``, mean length of a ``block`` in days, number of
    ``resamples`` and ``days``."""

    figures: dict[str, Interval]
    level: float
    block: float
    resamples: int
    days: int

    def __getitem__(self, name: str) -> Interval:
        return self.figures[name]


def block_length_of(days: Days) -> float:
    """The longest of the automatic block lengths for the active PnL, for what each day adds to its ratio, and for the
    squared distance of the PnL from its mean, so that runs of losses and runs of large days both stay whole.

    Raises DataError with fewer than `BOOTSTRAP_DAYS` days.
    """
    active = days.active
    lengths = [block_length(active), block_length((days.pnl - days.pnl.mean()) ** 2)]
    if deviation(active) > 0.0:
        lengths.append(block_length(ratio_influence(active)))
    return max(lengths)


def headline_intervals(
    days: Days, rng: np.random.Generator, count: int = RESAMPLES, level: float = 0.95, block: float | None = None
) -> Intervals:
    """Draw ``count`` resamples in blocks of mean length ``block`` (None: `block_length_of`), and measure every headline
    figure on them. Raises as `bootstrap_intervals` and `draw_resamples`."""
    daily_series(days.pnl, least=BOOTSTRAP_DAYS, purpose="the bootstrap")
    _check_count(count, level)
    chosen = block_length_of(days) if block is None else block
    return bootstrap_intervals(days, draw_resamples(rng, len(days), chosen, count), level)


def bootstrap_intervals(days: Days, resamples: Resamples, level: float = 0.95) -> Intervals:
    """Every figure of `HEADLINE` whose series are known, with its interval at confidence ``level``.

    Raises DataError where the resamples are of other days, ConfigError for a level outside (0, 1) or with fewer than
    five resamples beyond each limit.
    """
    _check_count(resamples.count, level)
    draws = measure_draws(days, resamples)
    figures = {name: _interval(name, draws[name], level) for name in HEADLINE if name in draws}
    return Intervals(figures, level, resamples.block, resamples.count, resamples.days)


def _check_count(count: int, level: float) -> None:
    check_share(level, "confidence level")
    needed = math.ceil(2 * _DRAWS_IN_TAIL / (1.0 - level) - 1e-6)
    if count < needed:
        raise ConfigError(f"a confidence level of {level:g} needs at least {needed} resamples, got {count}")


def _interval(name: str, draws: Draws, level: float) -> Interval:
    figure = SMOOTH.get(name)
    back = figure.back if figure else np.asarray
    least, most = figure.limits if figure else (-math.inf, math.inf)
    nothing = (math.nan, math.nan)
    estimate = float(back(np.asarray(draws.estimate)))
    percentile = _percentile(draws, level)
    if percentile is None:
        return Interval(estimate, *nothing, nothing, "none")
    low, high = (float(back(np.asarray(limit))) for limit in percentile)
    studentised = _studentised(draws, level)
    if studentised is None:
        return Interval(estimate, low, high, (low, high), "percentile")
    lower, upper = (min(max(float(back(np.asarray(limit))), least), most) for limit in studentised)
    return Interval(estimate, lower, upper, (low, high), "studentised")


def _percentile(draws: Draws, level: float) -> tuple[float, float] | None:
    """None where the figure cannot be said, or not on too many resamples."""
    defined = np.isfinite(draws.values)
    if not math.isfinite(draws.estimate) or np.mean(~defined) > _UNDEFINED:
        return None
    low, high = np.quantile(draws.values[defined], [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _studentised(draws: Draws, level: float) -> tuple[float, float] | None:
    """None where there is no standard error, or not on too many resamples."""
    if draws.errors is None or not draws.error > 0.0:
        return None
    defined = np.isfinite(draws.values) & np.isfinite(draws.errors) & (draws.errors > _ROUNDING * draws.error)
    if np.mean(~defined) > _UNDEFINED:
        return None
    distance = (draws.values[defined] - draws.estimate) / draws.errors[defined]
    low, high = np.quantile(distance, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return draws.estimate - float(high) * draws.error, draws.estimate - float(low) * draws.error

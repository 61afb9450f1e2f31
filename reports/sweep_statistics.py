"""How much of the best setting of a sweep is luck: the number of settings tried enters every figure.

Daily PnL float64 (days, settings) in units of the notional. What cannot be said (too few days, settings on other days)
is NaN, and ``missing`` says why. See docs/statistics.md for each statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.errors import DataError
from halfspread.reports import formats
from halfspread.reports.statistics.overfitting import BLOCKS, DAYS_PER_BLOCK, backtest_overfitting
from halfspread.reports.statistics.probabilistic import (
    effective_trials,
    expected_best,
    probabilistic_sharpe,
    selection_p_value,
    trial_variance,
)
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.series import DAYS_PER_YEAR

__all__ = ["LEAST_BLOCKS", "SURE", "SweepStatistics", "luck_of", "luck_variance", "sweep_statistics"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

#: Fewer blocks than this leave too few ways to cut the days in halves.
LEAST_BLOCKS = 4
#: A deflated Sharpe ratio, or a confidence, below this is no evidence.
SURE = 0.95


@dataclass(frozen=True)
class SweepStatistics:
    """Figures of all settings together.

    ``tried``: settings that ran; ``before``: settings tried on the same data before, which count for all that follow;
    ``effective``: as how many independent ones they count; ``best_ratio``: annual ratio of the best by the ranking,
    ``luck_ratio``: the highest to expect of so many without any edge; ``deflated``: deflated Sharpe ratio of the best;
    ``p_value``: probability of so good a best without an edge, with the effective number; ``overfitting``: probability
    of backtest overfitting (CSCV) over ``blocks`` blocks of these settings alone, ``loss``: share of its splits in
    which the one picked lost money; ``median_return`` and ``positive``, the share of settings above zero.
    """

    tried: int
    effective: float
    best_return: float
    best_ratio: float
    luck_ratio: float
    deflated: float
    p_value: float
    overfitting: float
    blocks: int
    loss: float
    median_return: float
    median_ratio: float
    positive: float
    missing: tuple[str, ...]
    before: int = 0

    @property
    def verdict(self) -> str:
        """What the figures say of the best setting, in words."""
        count = formats.plural(self.tried, "setting")
        if self.before:
            count += f", and {self.before:,} tried on these data before,"
        if self.best_return <= 0.0:
            return f"Even the best of {formats.plural(self.tried, 'setting')} loses."
        if self.tried + self.before == 1:
            return "One setting was tried; a single setting is no selection, and its own error is all there is to fear."
        if math.isnan(self.deflated):
            return f"The best of {count} was picked; whether it is more than luck cannot be said: {self.missing[0]}."
        best, luck = formats.number(self.best_ratio), formats.number(self.luck_ratio)
        told = f"the best of {count} has a ratio of {best}, and luck alone would give about {luck}"
        if self.best_ratio <= self.luck_ratio:
            return f"The best is what luck alone would give: {told}."
        sure = f"deflated Sharpe ratio {formats.percent(self.deflated, 0)}"
        if self.deflated < SURE:
            return f"The best is not clearly more than luck: {told} ({sure}, below {SURE:.0%})."
        if self.overfitting >= 0.5:
            return (
                f"The best is above what luck alone would give: {told} ({sure}). Yet what was best in one half of the "
                f"days was below the median in the other half {formats.percent(self.overfitting, 0)} of the time."
            )
        return f"The best is above what luck alone would give: {told} ({sure})."


def sweep_statistics(trials: Floats | None, best: int, returns: Floats, before: int = 0) -> SweepStatistics:
    """The figures for daily PnL ``trials`` (days, settings), None where the settings ran on different days; ``best``:
    column of the best setting; ``returns`` (settings,): total return of each; ``before``: settings that were tried on
    the same data before, as independent of these as can be."""
    missing: list[str] = []
    positive = float((returns > 0.0).mean())
    known: dict[str, float] = dict.fromkeys(
        ("effective", "luck_ratio", "deflated", "p_value", "overfitting", "loss"), math.nan
    )
    ratios, blocks = np.full(len(returns), np.nan), 0
    if trials is None:
        missing.append("the settings ran over different days")
    else:
        ratios = np.array([information_ratio(column) for column in trials.T])
        _of_the_best(trials, best, known, missing, before)
        blocks = _overfitting(trials, known, missing)
    finite = ratios[np.isfinite(ratios)]
    return SweepStatistics(
        tried=len(returns),
        best_return=float(returns[best]),
        best_ratio=float(ratios[best]),
        blocks=blocks,
        median_return=float(np.median(returns)),
        median_ratio=float(np.median(finite)) if len(finite) else math.nan,
        positive=positive,
        missing=tuple(missing),
        before=before,
        **known,
    )


def luck_variance(trials: Floats) -> float:
    """Variance of the annual ratios of ``trials`` as far as it may be luck: theirs, but at most that of ratios of
    independent days without an edge, 365 / days.

    What goes beyond is no luck: settings that are truly bad, mostly for what they pay. It would raise the bar for the
    best without end. Raises DataError as `trial_variance`.
    """
    return min(trial_variance(trials), DAYS_PER_YEAR / len(trials))


def luck_of(trials: Floats, before: int = 0) -> float:
    """About the highest annual ratio to expect of ``trials`` (days, settings) and ``before`` other settings on the same
    days, none with an edge.

    Without earlier settings that of so many as far apart as these are (`luck_variance`). Earlier ones may be as far
    from these as luck goes, 365 / days, however alike these are among themselves: all of these count as one more of
    them, and the best of these is as far above that one as the best of so many alike. It is never more than that of so
    many independent settings, nor less than that of the earlier ones and one more, which is what
    `halfspread.reports.tried.luck_after` holds against a single run. Raises DataError as `trial_variance`.
    """
    count, chance = trials.shape[1], DAYS_PER_YEAR / len(trials)
    among_these = expected_best(count, luck_variance(trials))
    return min(expected_best(before + count, chance), expected_best(before + 1, chance) + among_these)


def _of_the_best(trials: Floats, best: int, known: dict[str, float], missing: list[str], before: int) -> None:
    try:
        effective, luck = effective_trials(trials) + before, luck_of(trials, before)
        known["effective"], known["luck_ratio"] = effective, luck
        known["deflated"] = probabilistic_sharpe(trials[:, best], luck)
        known["p_value"] = selection_p_value(trials[:, best], effective)
    except DataError as error:
        missing.append(str(error))


def _overfitting(trials: Floats, known: dict[str, float], missing: list[str]) -> int:
    """Over as many blocks as the days allow; gives their number."""
    blocks = min(BLOCKS, len(trials) // DAYS_PER_BLOCK // 2 * 2)
    if trials.shape[1] < 2:
        return 0
    if blocks < LEAST_BLOCKS:
        missing.append(
            f"the probability of backtest overfitting needs at least {LEAST_BLOCKS * DAYS_PER_BLOCK} days, "
            f"got {len(trials)}"
        )
        return 0
    found = backtest_overfitting(trials, blocks)
    known["overfitting"], known["loss"] = found.probability, found.loss
    return blocks

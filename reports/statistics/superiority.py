"""Is the best of several agents better than the benchmark, or only the luckiest? White's reality check and Hansen's
test.

``differences`` float64 (days, agents): daily PnL of each agent less the benchmark's (zero: not trading). The null
hypothesis is that none of them has a mean above zero. NaN is refused. One set of stationary bootstrap resamples keeps
the agents' days together, so what they have in common is taken into account.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from halfspread.reports.statistics.resamples import (
    BOOTSTRAP_DAYS,
    Resamples,
    check_days,
    mean_variances,
    means_of_resamples,
)
from halfspread.reports.statistics.series import Floats, daily_matrix, deviation

__all__ = ["Superiority", "reality_check", "superior_ability"]


@dataclass(frozen=True)
class Superiority:
    """p-values of the hypothesis that no agent beats the benchmark: ``lower`` <= ``p`` <= ``upper``.

    ``best``: column of the agent with the highest statistic; ``statistic``: its mean in standard errors (in units of
    the notional a day for the reality check).
    """

    p: float
    lower: float
    upper: float
    best: int
    statistic: float


def reality_check(differences: ArrayLike, resamples: Resamples) -> Superiority:
    """White's reality check: how often the best resampled mean, each about its own, is as high as the best mean.

    p = (1 + resamples as high) / (1 + resamples). Bad agents, and agents that vary much, weaken it; `superior_ability`
    mends both. Raises DataError with fewer than `BOOTSTRAP_DAYS` days or where the resamples are of other days. Source:
    White, "A Reality Check for Data Snooping", Econometrica 68(5), 2000.
    """
    values = _checked(differences, resamples, "the reality check")
    mean = values.mean(axis=0)
    drawn = means_of_resamples(values - mean, resamples).max(axis=1)
    best = int(mean.argmax())
    p = _share(drawn, float(mean[best]))
    return Superiority(p, p, p, best, float(mean[best]))


def superior_ability(differences: ArrayLike, resamples: Resamples) -> Superiority:
    """Hansen's test for superior predictive ability: the reality check in standard errors, in which agents that are
    clearly worse than the benchmark do not count.

    ``p`` is the consistent p-value, which leaves out agents whose mean is more than sqrt(2 log log days) standard
    errors below zero; ``lower`` leaves out all below zero, ``upper`` none. Standard errors are those of the stationary
    bootstrap. An agent that does not differ from the benchmark has a statistic of 0. 1.0 where no mean is above zero.
    Raises as `reality_check`. Source: Hansen, "A Test for Superior Predictive Ability", JBES 23(4), 2005.
    """
    values = _checked(differences, resamples, "the test for superior ability")
    days = len(values)
    mean = values.mean(axis=0)
    error = np.sqrt(mean_variances(values, resamples) / days)
    differs = np.array([deviation(column) > 0.0 for column in values.T]) & (error > 0.0)
    scale = np.where(differs, error, math.inf)
    t = mean / scale
    best = int(t.argmax())
    statistic = max(float(t[best]), 0.0)
    drawn = means_of_resamples(values - mean, resamples) / scale
    clearly_worse = t < -math.sqrt(2.0 * math.log(math.log(days)))
    # What is left out is centred on its own mean below zero, where it can hardly be the best.
    lower, consistent, upper = (
        _share(np.maximum((drawn + np.where(left_out, t, 0.0)).max(axis=1), 0.0), statistic)
        for left_out in (t < 0.0, clearly_worse, np.zeros(len(t), dtype=bool))
    )
    return Superiority(consistent, lower, upper, best, float(t[best]))


def _checked(differences: ArrayLike, resamples: Resamples, purpose: str) -> Floats:
    values = daily_matrix(differences, "differences", BOOTSTRAP_DAYS, purpose)
    check_days(len(values), resamples)
    return values


def _share(drawn: Floats, observed: float) -> float:
    return (1.0 + int(np.count_nonzero(drawn >= observed))) / (1.0 + len(drawn))

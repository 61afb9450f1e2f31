"""How good an imitation is: on trajectories of its own, against the expert at the states that it comes to.

Disagreement is a share of decisions. Profit is told beside it and never ranks: an imperfect clone may earn more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from halfspread.agents.imitation.rollout import Episode
from halfspread.costs.base import Floats
from halfspread.errors import DataError

__all__ = ["SAME", "Judgement", "differ", "disagreement", "paired_permutation", "standard_error"]

#: Targets further apart than this are another decision, where a policy tells numbers and no classes.
SAME = 0.05
#: So many pairs or fewer: every assignment of signs is looked at.
EXACT = 16
DRAWS = 100_000
#: Differences closer than this part of the largest are ties, which count against a difference.
ROUNDING = 1e-12


def disagreement(episodes: Sequence[Episode], targets: Floats | None = None) -> float:
    """Share of decisions at which what was executed is not what the expert wanted: another one of the classes of
    ``targets``; without classes, a target further away than `SAME`."""
    wrong = sum(int(differ(episode, targets).sum()) for episode in episodes)
    return wrong / sum(len(episode.times) for episode in episodes)


def differ(episode: Episode, targets: Floats | None = None) -> Any:
    """At which decisions that is so, as in `disagreement`."""
    if targets is None or len(targets) == 0:
        return np.abs(episode.expert - episode.executed) > SAME
    wanted, done = (np.abs(each[:, None] - targets).argmin(axis=1) for each in (episode.expert, episode.executed))
    return wanted != done


@dataclass(frozen=True)
class Judgement:
    """How a policy does by itself on fresh markets: ``disagreement`` with the expert, and ``pnl`` of a rollout (report
    currency), with their standard errors over rollouts (NaN where there is one alone)."""

    disagreement: float
    disagreement_error: float
    pnl: float
    pnl_error: float

    @classmethod
    def of(cls, episodes: Sequence[Episode], targets: Floats | None = None) -> Judgement:
        """From rollouts of equal length; ``targets`` as in `disagreement`. Raises DataError where there are none."""
        if not episodes:
            raise DataError("expected at least one rollout to judge by, got none")
        wrong = np.array([disagreement([episode], targets) for episode in episodes])
        pnl = np.array([episode.result.pnl for episode in episodes])
        return cls(float(wrong.mean()), standard_error(wrong), float(pnl.mean()), standard_error(pnl))


def standard_error(values: Floats) -> float:
    """Of a mean of independent values; NaN for one alone."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def paired_permutation(a: ArrayLike, b: ArrayLike, rng: np.random.Generator) -> float:
    """p-value (two-sided) of the hypothesis that two learners, paired by seed, are the same: (pairs,) each.

    Under it each pair's difference is as likely as its opposite; p is the share of assignments of signs, the true one
    among them, whose mean difference is as far from 0 (Fisher 1935). Rejecting where p <= 0.01 is a false alarm at
    most once in a hundred times. Every assignment up to 16 pairs, so that nothing is drawn; 100,000 drawn ones
    beyond. Raises DataError for fewer than two pairs, unequal numbers or what is not finite.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise DataError(f"paired test: expected two rows of 2 or more, got shapes {first.shape} and {second.shape}")
    differences = first - second
    if not np.isfinite(differences).all():
        raise DataError("paired test: a value is not finite")
    sums = _all_sums(differences) if len(differences) <= EXACT else _drawn_sums(differences, rng)
    least = abs(differences.sum()) - ROUNDING * np.abs(differences).sum()
    return float((np.abs(sums) >= least).mean())


def _all_sums(differences: Floats) -> Floats:
    sums = np.zeros(1)
    for each in differences:
        sums = np.concatenate([sums + each, sums - each])
    return sums


def _drawn_sums(differences: Floats, rng: np.random.Generator) -> Floats:
    sums = np.empty(DRAWS + 1)
    sums[0] = differences.sum()
    for i in range(1, DRAWS + 1, 1000):
        signs = rng.choice([-1.0, 1.0], (min(1000, DRAWS + 1 - i), len(differences)))
        sums[i : i + len(signs)] = signs @ differences
    return sums

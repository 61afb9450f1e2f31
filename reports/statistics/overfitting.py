"""The probability that picking the best trial of a backtest picks nothing: combinatorially symmetric cross-validation.

``trials`` float64 (days, trials), daily PnL of every setting that was tried over the same days. NaN is refused; too few
days are refused. A trial that does not vary within a half has a ratio of 0 there: it did not trade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.series import DAYS_PER_YEAR, Floats, daily_matrix

__all__ = ["BLOCKS", "DAYS_PER_BLOCK", "Overfitting", "backtest_overfitting", "splits"]

BLOCKS = 16
MOST_BLOCKS = 20

#: Fewest days in each block, or a half is too short for a ratio.
DAYS_PER_BLOCK = 8

#: Numbers held at once for a batch of splits, 32 MB.
_BATCH = 4_000_000


@dataclass(frozen=True)
class Overfitting:
    """What became of the best trial of each half of the days in the other half.

    ``probability``: share of splits in which it was no better than the median of the trials there; a split in which
    it is at the median because others are as good counts by half. ``logits``
    (splits,): log odds of its rank there; ``inside`` and ``outside`` (splits,): its annual ratio in its own half and in
    the other. ``slope``: of outside on inside over the splits; below 0, the better it looked the worse it became.
    ``loss``: share of splits in which it lost money in the other half.
    """

    probability: float
    slope: float
    loss: float
    logits: Floats = field(repr=False)
    inside: Floats = field(repr=False)
    outside: Floats = field(repr=False)


def splits(blocks: int) -> int:
    """Number of ways to choose half of ``blocks``. Raises ConfigError where it is odd, below 2 or above 20."""
    if blocks % 2 or not 2 <= blocks <= MOST_BLOCKS:
        raise ConfigError(f"expected an even number of blocks from 2 to {MOST_BLOCKS}, got {blocks}")
    return math.comb(blocks, blocks // 2)


def backtest_overfitting(trials: ArrayLike, blocks: int = BLOCKS) -> Overfitting:
    """Cut the days into ``blocks`` of equal length (the first days that are left over are dropped); for each choice of
    half of them, pick the trial with the best ratio there and rank it among all in the other half.

    The rank counts ties by half and is divided by trials + 1, as in the paper. About 1/2 where no trial has an edge,
    near 0 where the best one is the best everywhere. Raises DataError with fewer than two trials or fewer than 8 days
    for each block, ConfigError as `splits`. Source: Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of
    Backtest Overfitting", Journal of Computational Finance 20(4), 2017.
    """
    count = splits(blocks)
    purpose = f"the probability of backtest overfitting in {blocks} blocks"
    matrix = daily_matrix(trials, least=DAYS_PER_BLOCK * blocks, purpose=purpose)
    if matrix.shape[1] < 2:
        raise DataError(f"{purpose} needs at least two trials, got one")
    length = len(matrix) // blocks
    cut = matrix[len(matrix) - length * blocks :].reshape(blocks, length, -1)
    scale = np.abs(cut).max() or 1.0
    sums, squares = (cut / scale).sum(axis=1), ((cut / scale) ** 2).sum(axis=1)
    chosen = np.zeros((count, blocks))
    rows = np.array(list(combinations(range(blocks), blocks // 2)))
    np.put_along_axis(chosen, rows, 1.0, axis=1)
    inside, outside, logits, failed = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    step = max(_BATCH // matrix.shape[1], 1)
    for start in range(0, count, step):
        batch = slice(start, start + step)
        half = chosen[batch]
        own = _ratios(half @ sums, half @ squares, length * blocks // 2)
        other = _ratios((1.0 - half) @ sums, (1.0 - half) @ squares, length * blocks // 2)
        inside[batch], outside[batch], logits[batch], failed[batch] = _rank_best(own, other)
    return Overfitting(
        float(failed.mean()), _slope(inside, outside), float(np.mean(outside < 0.0)), logits, inside, outside
    )


def _rank_best(own: Floats, other: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Ratio of each split's best trial inside and outside, the log odds of its rank outside, and whether the pick
    failed: 1, 0, or one half."""
    best = own.argmax(axis=1)[:, None]
    inside, outside = np.take_along_axis(own, best, axis=1), np.take_along_axis(other, best, axis=1)
    below, equal = (other < outside).sum(axis=1), (other == outside).sum(axis=1)
    rank = below + (equal + 1.0) / 2.0
    share = rank / (other.shape[1] + 1.0)
    logits = np.log(share / (1.0 - share))
    failed = np.where((logits == 0.0) & (equal > 1), 0.5, logits <= 0.0)
    return inside[:, 0], outside[:, 0], logits, failed


def _ratios(total: Floats, squares: Floats, days: int) -> Floats:
    """Annual ratios from sums over ``days``; 0 where nothing varies."""
    mean = total / days
    variance = squares / days - mean**2
    varies = variance > 1e-12 * squares / days
    spread = np.sqrt(np.where(varies, variance, 1.0))
    return np.asarray(np.where(varies, mean / spread, 0.0) * math.sqrt(DAYS_PER_YEAR))


def _slope(inside: Floats, outside: Floats) -> float:
    """Least-squares slope; NaN where the ratios inside do not vary."""
    off = inside - inside.mean()
    spread = float(off @ off)
    return float(off @ outside) / spread if spread > 0.0 else math.nan

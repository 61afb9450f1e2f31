"""How far two samples of states are from each other. Rows are states, columns features; float64, finite.

Full-covariance Gaussian divergence (Kullback and Leibler 1951), population stability index, one-dimensional Wasserstein
distance, maximum mean discrepancy with a permutation p-value (Gretton et al. 2012), and the accuracy of a classifier
that tells the samples apart, as the area under its curve (Lopez-Paz and Oquab 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.costs.base import Floats
from halfspread.errors import DataError

__all__ = [
    "Discrepancy",
    "classifier_auc",
    "gaussian_divergence",
    "mean_discrepancy",
    "stability_index",
    "wasserstein",
]

#: Share of the average variance that is added to every covariance, so that it can be inverted.
RIDGE = 1e-6
#: Least share of a bin, so that an empty one does not make an index infinite.
LEAST = 1e-4


def gaussian_divergence(first: Floats, second: Floats) -> float:
    """KL(second || first) of the Gaussians with their means and full covariances, in nats; never below zero.

    ``1/2 [tr(S1^-1 S2) + (m1 - m2)' S1^-1 (m1 - m2) - k + ln(det S1 / det S2)]``. Raises DataError for fewer than two
    rows, or other columns.
    """
    _checked(first, second, least=2)
    means = first.mean(axis=0), second.mean(axis=0)
    spreads = [np.atleast_2d(np.cov(sample, rowvar=False, bias=True)) for sample in (first, second)]
    ridge = RIDGE * max(float(np.trace(spreads[0])) / first.shape[1], 1e-300) * np.eye(first.shape[1])
    one, two = spreads[0] + ridge, spreads[1] + ridge
    away = means[0] - means[1]
    within = float(np.trace(np.linalg.solve(one, two)))
    between = float(away @ np.linalg.solve(one, away))
    logs = np.linalg.slogdet(one)[1] - np.linalg.slogdet(two)[1]
    return max(0.5 * float(within + between - first.shape[1] + logs), 0.0)


def stability_index(first: Floats, second: Floats, bins: int = 10) -> float:
    """Population stability index of one feature: bins of equal share in ``first``, sum of (share difference) x (log
    ratio of shares). 0.1 is called a slight, 0.25 a large shift. Raises DataError."""
    _checked(first[:, None], second[:, None], least=bins)
    edges = np.unique(np.quantile(first, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    shares = []
    for sample in (first, second):
        counts = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)
        shares.append(np.maximum(counts / len(sample), LEAST))
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def wasserstein(first: Floats, second: Floats) -> float:
    """Mean distance by which values of one sample have to be moved to make the other: the area between the two
    distribution functions."""
    _checked(first[:, None], second[:, None], least=1)
    points = np.sort(np.concatenate([first, second]))
    below = [np.searchsorted(np.sort(sample), points[:-1], side="right") / len(sample) for sample in (first, second)]
    return float((np.abs(below[0] - below[1]) * np.diff(points)).sum())


@dataclass(frozen=True)
class Discrepancy:
    """Squared maximum mean discrepancy (unbiased, so it may fall below zero), and the share of permutations in which
    it is at least as large."""

    value: float
    p: float


def mean_discrepancy(
    first: Floats, second: Floats, rng: np.random.Generator, *, permutations: int = 500, most: int = 500, block: int = 1
) -> Discrepancy:
    """Maximum mean discrepancy with a Gaussian kernel of the median distance.

    Of larger samples ``most`` rows are drawn, in blocks of ``block`` consecutive ones, and whole blocks are permuted,
    since states that follow each other resemble each other. Raises DataError.
    """
    _checked(first, second, least=2 * block)
    parts = [_blocks(sample, most, block, rng) for sample in (first, second)]
    pooled = np.concatenate(parts)
    square = ((pooled[:, None, :] - pooled[None, :, :]) ** 2).sum(axis=2)
    scale = float(np.median(square[np.triu_indices(len(pooled), 1)]))
    kernel = np.exp(-square / (scale if scale > 0.0 else 1.0))
    np.fill_diagonal(kernel, 0.0)
    groups = np.arange(len(pooled)) // block
    sides = np.arange(len(pooled)) < len(parts[0])
    value = _discrepancy(kernel, sides)
    count = int(groups.max()) + 1
    of_first = len(parts[0]) // block
    beyond = 0
    for _ in range(permutations):
        chosen = np.zeros(count, bool)
        chosen[rng.permutation(count)[:of_first]] = True
        beyond += _discrepancy(kernel, chosen[groups]) >= value
    return Discrepancy(value, (1 + beyond) / (1 + permutations))


def _discrepancy(kernel: Floats, sides: Any) -> float:
    one, two = sides.astype(np.float64), (~sides).astype(np.float64)
    n, m = one.sum(), two.sum()
    within = one @ kernel @ one / (n * (n - 1.0)) + two @ kernel @ two / (m * (m - 1.0))
    return float(within - 2.0 * (one @ kernel @ two) / (n * m))


def _blocks(sample: Floats, most: int, block: int, rng: np.random.Generator) -> Floats:
    count = len(sample) // block
    wanted = min(count, max(most // block, 2))
    starts = np.sort(rng.permutation(count)[:wanted]) * block
    return np.concatenate([sample[start : start + block] for start in starts])


def classifier_auc(first: Floats, second: Floats, *, folds: int = 5) -> float:
    """Area under the curve of a classifier that is to tell the samples apart, by cross-validation over spans of rows:
    a logistic regression on the features, their squares and their products. 0.5: it cannot. Raises DataError."""
    _checked(first, second, least=2 * folds)
    rows = np.concatenate([first, second])
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    upper = np.triu_indices(rows.shape[1])
    inputs = np.column_stack([np.ones(len(rows)), rows, (rows[:, :, None] * rows[:, None, :])[:, upper[0], upper[1]]])
    labels = np.concatenate([np.zeros(len(first)), np.ones(len(second))])
    fold = np.concatenate([np.arange(len(part)) * folds // len(part) for part in (first, second)])
    scores = np.zeros(len(rows))
    for each in range(folds):
        there = fold == each
        weights = _logistic(inputs[~there], labels[~there])
        scores[there] = inputs[there] @ weights
    return float(np.mean([_area(scores[fold == each], labels[fold == each]) for each in range(folds)]))


def _logistic(inputs: Floats, labels: Floats, ridge: float = 1e-3, steps: int = 25) -> Floats:
    """Newton's method with a ridge; the two samples count alike."""
    share = labels.mean()
    sample = np.where(labels > 0.5, 0.5 / share, 0.5 / (1.0 - share))
    weights = np.zeros(inputs.shape[1])
    for _ in range(steps):
        chance = 1.0 / (1.0 + np.exp(-np.clip(inputs @ weights, -30.0, 30.0)))
        slope = inputs.T @ (sample * (chance - labels)) / len(labels) + ridge * weights
        curve = (inputs * (sample * chance * (1.0 - chance))[:, None]).T @ inputs / len(labels)
        step = np.linalg.solve(curve + ridge * np.eye(len(weights)), slope)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights


def _area(scores: Floats, labels: Floats) -> float:
    """Share of pairs in which the score of the second sample is the higher one; ties count half."""
    order = np.argsort(scores, kind="stable")
    _, places, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2.0)[places]
    positive = labels[order] > 0.5
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2.0) / (n * m))


def _checked(first: Floats, second: Floats, *, least: int) -> None:
    for sample in (first, second):
        if sample.ndim != 2 or len(sample) < least:
            found = f"{len(first):,} and {len(second):,}"
            raise DataError(f"shift: expected at least {least} states in each sample, got {found}")
        if not np.isfinite(sample).all():
            raise DataError("shift: a state is not finite")
    if first.shape[1] != second.shape[1]:
        raise DataError(f"shift: samples of {first.shape[1]} and {second.shape[1]} features")

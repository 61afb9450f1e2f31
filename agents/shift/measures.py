"""How far two samples are from each other: exact measures, without what chance alone does to them.

Rows are states, columns features; float64, finite. What dependence of successive states does to an estimate is the
matter of ``agents.shift.blocks``; here every row counts alike.
"""

from __future__ import annotations

import math

import numpy as np

from halfspread.costs.base import Floats
from halfspread.errors import DataError

__all__ = [
    "check_states",
    "coarse",
    "divergence_of_moments",
    "gaussian_divergence",
    "index_of_shares",
    "stability_edges",
    "stability_index",
    "standardised",
    "wasserstein",
]

#: Added to the variance of every standardised feature, so that features that depend on each other can be told apart
#: from a covariance without an inverse.
RIDGE = 1e-9


def gaussian_divergence(reference: Floats, visited: Floats) -> float:
    """Kullback-Leibler divergence of ``visited`` from ``reference``, both taken for Gaussians with their means and full
    covariances (maximum likelihood), in nats; never below zero. Inf where the visited states move in a feature that
    stands still in the reference.

    ``1/2 [tr(S1^-1 S2) + (m2 - m1)' S1^-1 (m2 - m1) - k + ln(det S1 / det S2)]`` (Kullback and Leibler 1951; the 1/2
    stands before the logarithm too). The same for any units of the features. Raises DataError for other columns, what
    is not finite, and a sample with no more rows than features, whose covariance has no inverse.
    """
    check_states(reference, visited)
    k = reference.shape[1]
    shortest = min(len(reference), len(visited))
    if shortest <= k:
        raise DataError(f"divergence: expected more states than the {k} features, got {shortest:,}: leave features out")
    scaled, others = standardised(reference, visited)
    moments = [(sample.mean(axis=0), _covariance(sample)) for sample in (scaled, others)]
    return float(divergence_of_moments(*moments[0], *moments[1]))


def divergence_of_moments(mean: Floats, spread: Floats, mean_other: Floats, spread_other: Floats) -> Floats:
    """`gaussian_divergence` of the Gaussian (``mean_other``, ``spread_other``) from the first, of features that are
    standardised by `standardised`. Means (..., k), covariances (..., k, k); gives (...,)."""
    variances = np.diagonal(spread, axis1=-2, axis2=-1)
    moved = (np.diagonal(spread_other, axis1=-2, axis2=-1) > RIDGE) | (np.abs(mean_other - mean) > RIDGE)
    impossible = ((variances <= RIDGE) & moved).any(axis=-1)
    ridge = RIDGE * np.eye(mean.shape[-1])
    one, two = spread + ridge, spread_other + ridge
    away = (mean_other - mean)[..., None]
    within = np.trace(np.linalg.solve(one, two), axis1=-2, axis2=-1)
    between = (np.swapaxes(away, -1, -2) @ np.linalg.solve(one, away))[..., 0, 0]
    logs = np.linalg.slogdet(one)[1] - np.linalg.slogdet(two)[1]
    found = np.maximum(0.5 * (within + between - mean.shape[-1] + logs), 0.0)
    divergence: Floats = np.where(impossible, math.inf, found)
    return divergence


def standardised(reference: Floats, visited: Floats) -> tuple[Floats, Floats]:
    """Both samples in standard deviations of the reference from its mean; of a feature that stands still there, in
    standard deviations of both together."""
    centre, spread = reference.mean(axis=0), reference.std(axis=0)
    still = spread <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
    if still.any():
        both = np.concatenate([reference[:, still], visited[:, still]])
        wide = both.std(axis=0)
        spread[still] = np.where(wide > 1e-12 * np.maximum(np.abs(both).max(axis=0), 1e-300), wide, 1.0)
    return (reference - centre) / spread, (visited - centre) / spread


def _covariance(sample: Floats) -> Floats:
    away = sample - sample.mean(axis=0)
    found: Floats = away.T @ away / len(sample)
    return found


def stability_index(reference: Floats, visited: Floats, bins: int = 10) -> float:
    """Population stability index of one feature: over bins of equal share in the reference the sum of (difference of
    shares) x (logarithm of their ratio). A value that many rows have gets a bin of its own; values that differ by less
    than a hundredth of the reference's standard deviation count as one, so that a full position in whole lots does.
    Every bin counts half a row more than it has, so that none is empty.

    0.1 is called a slight, 0.25 a large shift in the literature on credit scores; without any shift expect about
    (bins - 1) (1 / n + 1 / m) (Yurdakul 2018), and more of rows that resemble those before them. Raises DataError.
    """
    check_states(reference[:, None], visited[:, None])
    samples = [coarse(sample[:, 0]) for sample in standardised(reference[:, None], visited[:, None])]
    edges = stability_edges(samples[0], bins)
    counts = [
        np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1).astype(np.float64)
        for sample in samples
    ]
    return float(index_of_shares(*counts))


def coarse(values: Floats) -> Floats:
    """Standardised values in steps of a hundredth."""
    return np.round(values, 2)


def stability_edges(reference: Floats, bins: int = 10) -> Floats:
    """Edges between the bins of `stability_index`: quantiles of the reference; a quantile that occurs twice is a value
    that many rows have, and gets an edge before and after it."""
    cuts, counts = np.unique(
        np.quantile(reference, np.linspace(0.0, 1.0, bins + 1), method="lower"), return_counts=True
    )
    many = cuts[(counts > 1) | ((cuts == reference.max()) & (cuts == cuts[0]))]
    inner = cuts[1:-1] if len(cuts) > 2 else cuts[:0]
    return np.unique(np.concatenate([inner, many, np.nextafter(many, math.inf)]))


def index_of_shares(counts: Floats, others: Floats) -> Floats:
    """The index of two rows of counts by bin (..., bins)."""
    one, two = counts + 0.5, others + 0.5
    shares = one / one.sum(axis=-1, keepdims=True), two / two.sum(axis=-1, keepdims=True)
    found: Floats = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum(axis=-1)
    return found


def wasserstein(first: Floats, second: Floats) -> float:
    """Mean distance by which values of one sample have to be moved to make the other (Wasserstein of order one): the
    area between the two distribution functions. In the unit of the values. Raises DataError."""
    check_states(first[:, None], second[:, None])
    points = np.sort(np.concatenate([first, second]))
    below = [np.searchsorted(np.sort(sample), points[:-1], side="right") / len(sample) for sample in (first, second)]
    return float((np.abs(below[0] - below[1]) * np.diff(points)).sum())


def check_states(reference: Floats, visited: Floats, least: int = 1) -> None:
    """Raises DataError for samples of too few rows, of other columns or of none, and for what is not finite."""
    for name, sample in (("reference", reference), ("visited", visited)):
        if sample.ndim != 2 or sample.shape[1] == 0:
            raise DataError(f"shift: expected states (rows, features), got an array of shape {sample.shape} ({name})")
        if len(sample) < least:
            raise DataError(f"shift: expected at least {least:,} states in each sample, got {len(sample):,} ({name})")
        bad = np.argwhere(~np.isfinite(sample))
        if len(bad):
            row, column = (int(place) for place in bad[0])
            raise DataError(f"shift: row {row} of the {name}, column {column}: a state is {sample[row, column]}")
    if reference.shape[1] != visited.shape[1]:
        raise DataError(f"shift: samples of {reference.shape[1]} and {visited.shape[1]} features")

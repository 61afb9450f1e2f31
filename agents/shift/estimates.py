"""The measures of two samples from sums of their blocks, for hundreds of resamples or permutations at once.

Weights (times, blocks) say how often each block counts. Distribution functions are compared on a grid of at most
`CELLS` values of both samples together, which is exact for features of fewer different values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.agents.shift.blocks import Blocks
from halfspread.agents.shift.measures import (
    coarse,
    divergence_of_moments,
    index_of_shares,
    stability_edges,
    standardised,
)
from halfspread.costs.base import Floats

__all__ = ["CELLS", "Estimates", "Sums"]

CELLS = 256


@dataclass(frozen=True, eq=False)
class Sums:
    """Of every block of a sample: ``rows`` (blocks,), sums of its standardised features (blocks, k) and of their
    products (blocks, k * k), and of each feature its rows by cell of the grid and by bin of the stability index."""

    rows: Floats
    firsts: Floats
    seconds: Floats
    cells: tuple[Floats, ...]
    bins: tuple[Floats, ...]

    def __add__(self, other: Sums) -> Sums:
        """The blocks of both."""
        return Sums(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.firsts, other.firsts]),
            np.concatenate([self.seconds, other.seconds]),
            tuple(np.concatenate(pair) for pair in zip(self.cells, other.cells, strict=True)),
            tuple(np.concatenate(pair) for pair in zip(self.bins, other.bins, strict=True)),
        )


@dataclass(frozen=True, eq=False)
class Estimates:
    """Both samples as sums of blocks; ``gaps``: distances between the values of each feature's grid (standard
    deviations of the reference)."""

    reference: Sums
    visited: Sums
    gaps: tuple[Floats, ...]

    @classmethod
    def of(cls, reference: Floats, visited: Floats, blocks: Blocks, others: Blocks) -> Estimates:
        """From states (rows, features) that were checked, and their blocks."""
        one, two = standardised(reference, visited)
        grids = [_grid(np.concatenate([one[:, i], two[:, i]])) for i in range(one.shape[1])]
        edges = [stability_edges(coarse(one[:, i])) for i in range(one.shape[1])]
        sums = [_sums(sample, of, grids, edges) for sample, of in ((one, blocks), (two, others))]
        return cls(sums[0], sums[1], tuple(np.diff(grid) for grid in grids))

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self.gaps)

    def drift(self, weights: Floats, others: Floats) -> Floats:
        """Difference of means (times, features)."""
        means = [w @ sums.firsts / (w @ sums.rows)[:, None] for w, sums in self._both(weights, others)]
        return means[1] - means[0]

    def distance(self, weights: Floats, others: Floats) -> Floats:
        """Wasserstein distance of each feature (times, features)."""
        found = np.empty((len(weights), self.features))
        for i, gaps in enumerate(self.gaps):
            below = []
            for w, sums in self._both(weights, others):
                many = np.cumsum(w @ sums.cells[i], axis=1)
                below.append(many[:, :-1] / many[:, -1:])
            found[:, i] = np.abs(below[1] - below[0]) @ gaps
        return found

    def index(self, weights: Floats, others: Floats) -> Floats:
        """Stability index of each feature (times, features)."""
        pairs = zip(self.reference.bins, self.visited.bins, strict=True)
        return np.stack([index_of_shares(weights @ one, others @ two) for one, two in pairs], axis=1)

    def divergence(self, weights: Floats, others: Floats) -> Floats:
        """Gaussian divergence (times,)."""
        moments: list[Floats] = []
        for w, sums in self._both(weights, others):
            rows = (w @ sums.rows)[:, None]
            mean = w @ sums.firsts / rows
            square = (w @ sums.seconds / rows).reshape(-1, self.features, self.features)
            moments += [mean, square - mean[:, :, None] * mean[:, None, :]]
        return divergence_of_moments(*moments)

    def permuted(self, times: int, rng: np.random.Generator) -> tuple[Estimates, Floats, Floats]:
        """All blocks on both sides, and weights (times, blocks) of the permutations that give each side as many as it
        had."""
        both = self.reference + self.visited
        first = np.zeros((times, len(both.rows)))
        first[:, : len(self.reference.rows)] = 1.0
        first = rng.permuted(first, axis=1)
        return Estimates(both, both, self.gaps), first, 1.0 - first

    def _both(self, weights: Floats, others: Floats) -> tuple[tuple[Floats, Sums], tuple[Floats, Sums]]:
        return (weights, self.reference), (others, self.visited)


def _grid(values: Floats) -> Floats:
    found = np.unique(values)
    if len(found) > CELLS:
        found = np.unique(np.quantile(values, np.linspace(0.0, 1.0, CELLS), method="lower"))
    return found


def _sums(sample: Floats, blocks: Blocks, grids: list[Floats], edges: list[Floats]) -> Sums:
    k = sample.shape[1]
    cells, bins = [], []
    for i in range(k):
        below = np.searchsorted(grids[i], sample[:, i], side="left")
        cells.append(blocks.counts(np.minimum(below, len(grids[i]) - 1), len(grids[i])))
        place = np.searchsorted(edges[i], coarse(sample[:, i]), side="right")
        bins.append(blocks.counts(place, len(edges[i]) + 1))
    seconds = np.stack([blocks.sums(sample * sample[:, i : i + 1]) for i in range(k)], axis=1).reshape(-1, k * k)
    return Sums(blocks.lengths.astype(np.float64), blocks.sums(sample), seconds, tuple(cells), tuple(bins))

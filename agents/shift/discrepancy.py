"""Maximum mean discrepancy: any difference of two distributions, with a permutation test over blocks of rows.

Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A kernel two-sample test" (2012), with a Gaussian kernel of the median
distance. Pairs of rows of one block are left out: they resemble each other because they follow each other, and would
make every trajectory look like itself. Blocks are permuted as a whole (Chwialkowski, Sejdinovic and Gretton 2014 give
the reason: the permutation of single rows rejects far too often where they depend on each other).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halfspread.agents.shift.blocks import Blocks, Interval, drawn_counts, interval
from halfspread.agents.shift.measures import check_states, standardised
from halfspread.costs.base import Floats, Integers
from halfspread.errors import DataError

__all__ = ["Discrepancy", "mean_discrepancy"]


@dataclass(frozen=True)
class Discrepancy:
    """The squared discrepancy ``value`` (from below zero, by chance, to 2), its interval, and ``p``: the share of
    permutations in which it is at least as large. ``rows`` of both samples together that it was computed from."""

    value: float
    interval: Interval
    p: float
    rows: int


def mean_discrepancy(
    reference: Floats,
    visited: Floats,
    rng: np.random.Generator,
    *,
    block: int = 1,
    episodes: tuple[Integers, Integers] | None = None,
    permutations: int = 500,
    most: int = 1_000,
    level: float = 0.95,
) -> Discrepancy:
    """Of states (rows, features), standardised by the reference. At most about ``most`` rows of each sample are looked
    at, evenly from all blocks of ``block`` rows. ``episodes``: the run of each row. Raises DataError for fewer than two
    blocks in a sample, and as `check_states`."""
    check_states(reference, visited)
    runs = episodes or (np.zeros(len(reference), np.int64), np.zeros(len(visited), np.int64))
    blocks = [Blocks.of(run, block) for run in runs]
    if min(each.count for each in blocks) < 2:
        raise DataError(f"discrepancy: expected at least two blocks of {block:,} rows in each sample")
    chosen = [each.evenly(most) for each in blocks]
    scaled = [part[rows] for part, rows in zip(standardised(reference, visited), chosen, strict=True)]
    labels = np.concatenate([blocks[0].labels[chosen[0]], blocks[0].count + blocks[1].labels[chosen[1]]])
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    sizes = np.diff(np.append(starts, len(labels))).astype(np.float64)
    sums = _block_sums(np.concatenate(scaled), starts)
    count, first = len(starts), int(np.searchsorted(labels[starts], blocks[0].count))
    sides = (np.arange(count) < first).astype(np.float64)[None, :]
    value = float(_discrepancies(sums, sizes, sides, 1.0 - sides)[0])
    shuffled = rng.permuted(np.repeat(sides, permutations, axis=0), axis=1)
    beyond = int((_discrepancies(sums, sizes, shuffled, 1.0 - shuffled) >= value - 1e-12).sum())
    drawn = _resampled(sums, sizes, first, permutations, rng)
    found = interval(value, value, drawn, min(first, count - first), level, least=0.0, most=2.0)
    return Discrepancy(value, found, (1 + beyond) / (1 + permutations), len(labels))


def _block_sums(rows: Floats, starts: Integers) -> Floats:
    """The kernel summed over all pairs of rows of two blocks (blocks, blocks); zero within a block."""
    squares = (rows**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2.0 * rows @ rows.T, 0.0)
    sample = apart[:: max(len(rows) // 500, 1), :: max(len(rows) // 500, 1)]
    positive = sample[sample > 1e-12]
    scale = float(np.median(positive)) if len(positive) else 1.0
    kernel = np.exp(-apart / scale)
    sums = np.add.reduceat(np.add.reduceat(kernel, starts, axis=0), starts, axis=1)
    np.fill_diagonal(sums, 0.0)
    return sums


def _discrepancies(sums: Floats, sizes: Floats, weights: Floats, others: Floats) -> Floats:
    """For each row of weights (times, blocks) of the first and of the second sample; NaN where all weight is on one
    block, which has no pairs. ``sizes``: rows of each block."""
    both = weights, others
    summed = [one @ sums for one in both]
    rows = [one @ sizes for one in both]

    def mean(one: int, two: int) -> Floats:
        within = (both[one] * both[two]) @ sizes**2  # pairs of one block are left out
        many = rows[one] * rows[two] - within
        found: Floats = (summed[one] * both[two]).sum(axis=1) / np.where(many > 0.0, many, np.nan)
        return found

    return mean(0, 0) + mean(1, 1) - 2.0 * mean(0, 1)


def _resampled(sums: Floats, sizes: Floats, first: int, times: int, rng: np.random.Generator) -> Floats:
    weights, others = np.zeros((times, len(sums))), np.zeros((times, len(sums)))
    for drawn, start, end in ((weights, 0, first), (others, first, len(sums))):
        drawn[:, start:end] = drawn_counts(end - start, times, rng)
    return _discrepancies(sums, sizes, weights, others)

"""Blocks of consecutive rows, drawn and permuted as a whole, because states that follow each other resemble each other.

A measure that looks at rows one by one takes 12,000 hourly positions for 12,000 facts where there are a hundred. Every
row belongs to one block; the sums of a block are all that resampling needs, so that hundreds of resamples are one
product of matrices. Non-overlapping blocks: Carlstein, "The use of subseries values for estimating the variance of a
general statistic from a stationary sequence" (1986).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from halfspread.costs.base import Floats, Integers
from halfspread.errors import DataError

__all__ = [
    "LEAST_BLOCKS",
    "Blocks",
    "Interval",
    "block_length",
    "common_length",
    "drawn_counts",
    "interval",
    "interval_of_counts",
    "share_interval",
]

#: With fewer blocks their draws are too alike to tell how far off an estimate may be.
LEAST_BLOCKS = 6
#: More blocks make nothing surer, and everything slower.
MOST_BLOCKS = 400
#: Share of the variance of a mean that blocks may miss.
MISSED = 0.1


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Blocks:
    """``starts`` of the blocks among ``rows`` rows; a block ends where the next one begins."""

    starts: Integers
    rows: int

    @classmethod
    def of(cls, episode: Integers, length: int) -> Blocks:
        """Blocks of about ``length`` rows; none goes over the end of an episode. ``episode``: a number for each row,
        the same for rows of one run, which stand together."""
        ends = np.concatenate([np.flatnonzero(np.diff(episode)) + 1, [len(episode)]])
        starts: list[Integers] = []
        first = 0
        for end in ends.tolist():
            count = max(round((end - first) / length), 1)
            starts.append(first + (np.arange(count) * (end - first)) // count)
            first = end
        return cls(np.concatenate(starts).astype(np.int64), len(episode))

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return len(self.starts)

    @cached_property
    def lengths(self) -> Integers:
        """Rows of each block."""
        return np.diff(np.concatenate([self.starts, [self.rows]]))

    @cached_property
    def labels(self) -> Integers:
        """The block of each row."""
        return np.repeat(np.arange(self.count), self.lengths)

    def sums(self, values: Floats) -> Floats:
        """Sums of the rows (rows, ...) of each block."""
        found: Floats = np.add.reduceat(values, self.starts, axis=0)
        return found

    def counts(self, cells: Integers, size: int) -> Floats:
        """How many rows of each block fall into each of ``size`` cells (blocks, size)."""
        flat = np.bincount(self.labels * size + cells, minlength=self.count * size)
        return flat.reshape(self.count, size).astype(np.float64)

    def draws(self, times: int, rng: np.random.Generator) -> Floats:
        """How often each block is drawn in each of ``times`` resamples of as many blocks (times, blocks)."""
        return drawn_counts(self.count, times, rng)

    def evenly(self, most: int) -> Integers:
        """At most about ``most`` rows, the same number of each block, as far apart as they can be."""
        if self.rows <= most:
            return np.arange(self.rows)
        each = max(round(most / self.count), 1)
        chosen = self.starts
        if self.count > most:
            chosen = chosen[np.linspace(0, self.count - 1, most).astype(np.intp)]
        lengths = self.lengths[np.searchsorted(self.starts, chosen)]
        places = chosen[:, None] + ((np.arange(each) + 0.5) / each * lengths[:, None]).astype(np.int64)
        return np.unique(places)


def drawn_counts(count: int, times: int, rng: np.random.Generator) -> Floats:
    """How often each of ``count`` things is drawn when as many are drawn, ``times`` over (times, count)."""
    places = rng.integers(count, size=(times, count)) + count * np.arange(times)[:, None]
    return np.bincount(places.ravel(), minlength=times * count).reshape(times, count).astype(np.float64)


def block_length(rows: Floats, episode: Integers) -> int:
    """How many consecutive rows hang together: so many that blocks of that length miss no more than `MISSED` of the
    variance of a mean of any column of ``rows`` (rows, columns).

    The variance is that of a flat-top lag window whose width the data choose (Politis and White 2004, section 3.2); a
    block of length b misses sum(|k| autocovariance(k)) / b of it. What the chance of few blocks does is left to
    `interval`; choosing b for both at once (their section 3) leaves tests of few blocks too eager.
    """
    n = len(rows)
    lags = min(math.ceil(math.sqrt(n)) + _run(n), n - 1)
    if n < 2 * LEAST_BLOCKS or lags < 1:
        return 1
    longest = max(_wanted(column, n) for column in _autocovariances(rows, episode, lags).T)
    return max(math.ceil(longest), 1)


def common_length(samples: Sequence[Floats], episodes: Sequence[Integers]) -> tuple[int, int]:
    """The length of blocks for several samples (rows, columns), and the largest `block_length` of them, which is longer
    where less than `LEAST_BLOCKS` blocks of the smallest sample would be left. Of many rows blocks are made longer, so
    that there are not many more than `MOST_BLOCKS`."""
    wanted = max(block_length(rows, episode) for rows, episode in zip(samples, episodes, strict=True))
    sizes = [len(rows) for rows in samples]
    longest = max(min(sizes) // LEAST_BLOCKS, 1)
    return min(max(wanted, max(sizes) // MOST_BLOCKS), longest), wanted


def _autocovariances(rows: Floats, episode: Integers, lags: int) -> Floats:
    """Of each column at lags 0 to ``lags`` (lags + 1, columns), over pairs of one episode."""
    away = rows - rows.mean(axis=0)
    found = np.zeros((lags + 1, rows.shape[1]))
    edges = np.concatenate([[0], np.flatnonzero(np.diff(episode)) + 1, [len(rows)]])
    for start, end in pairwise(edges.tolist()):
        size = 1 << (end - start + lags).bit_length()
        spectrum = np.fft.rfft(away[start:end], size, axis=0)
        products = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=0)
        kept = min(lags + 1, end - start)
        found[:kept] += products[:kept]
    return found / len(rows)


def _run(n: int) -> int:
    """So many correlations in a row have to be small for those beyond them to be taken for nothing."""
    return max(5, math.ceil(math.sqrt(math.log10(max(n, 2)))))


def _wanted(covariances: Floats, n: int) -> float:
    if covariances[0] <= 0.0:
        return 1.0
    small = np.abs(covariances[1:] / covariances[0]) < 2.0 * math.sqrt(math.log10(n) / n)
    last, run = len(small), _run(n)
    for lag in range(len(small) - run + 1):
        if small[lag : lag + run].all():
            last = lag
            break
    width = min(2 * max(last, 1), len(small))
    lags = np.arange(1, width + 1)
    window = np.minimum(2.0 * (1.0 - lags / (width + 1)), 1.0)
    level = float(covariances[0]) + 2.0 * float(window @ covariances[1 : width + 1])
    slope = 2.0 * float((window * lags) @ covariances[1 : width + 1])
    # Of what swings back, such as the hour of the day, blocks overstate the variance of a mean: any length will do.
    return max(slope, 0.0) / max(level, float(covariances[0])) / MISSED


def interval(
    value: float,
    centre: float,
    drawn: Floats,
    blocks: int,
    level: float,
    *,
    least: float = -math.inf,
    most: float = math.inf,
) -> Interval:
    """The basic (reverse percentile) bootstrap interval of ``value``: what resamples lie above what they were drawn
    from, the value is taken to lie above the truth, so that a bias is removed and not doubled (Davison and Hinkley
    1997, chapter 5).

    ``drawn``: the resampled values; ``centre``: that of the data, computed as they were. Widened as Student's t is,
    and for what drawing ``blocks`` blocks lacks of their spread, since few blocks know little. NaN in ``drawn`` is
    left out; NaN limits with fewer than `LEAST_BLOCKS` blocks.
    """
    known = drawn[np.isfinite(drawn)]
    if blocks < LEAST_BLOCKS or len(known) < 20 or not math.isfinite(value):
        return Interval(math.nan, math.nan)
    tail = 0.5 * (1.0 - level)
    below, middle, above = np.quantile(known, [tail, 0.5, 1.0 - tail])
    wide, best = _widening(blocks, level), value - float(middle - centre)
    low, high = best - wide * float(above - middle), best + wide * float(middle - below)
    return Interval(min(max(low, least), most), max(min(high, most), least))


def _widening(blocks: int, level: float) -> float:
    """Quantile of Student's t over that of the Gaussian, and of a sum of squares over blocks - 1 over one over
    blocks."""
    nu = blocks - 1
    return _student(nu, level) / _student(math.inf, level) * math.sqrt(blocks / nu)


def _student(nu: float, level: float) -> float:
    """Upper quantile of the middle ``level`` of Student's t (Cornish and Fisher)."""
    z = NormalDist().inv_cdf(0.5 + 0.5 * level)
    return z + (z**3 + z) / (4 * nu) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * nu**2)


def share_interval(happened: Floats, episode: Integers, *, level: float = 0.95, block: int | None = None) -> Interval:
    """Interval of the share of rows at which something ``happened`` (rows,), 0 or 1, such as the disagreement on a
    trajectory: `interval_of_counts` of blocks. ``block``: rows of a block; found from the rows otherwise. Where it
    never or always happened they do not tell how they hang together: then blocks have as many rows as the third root of
    all, so that there are at most `MOST_BLOCKS`. Raises DataError for no rows.
    """
    count = len(happened)
    if count == 0:
        raise DataError("interval: expected at least one row, got none")
    if block is not None:
        length = block
    elif (happened == happened[0]).all():
        length = min(max(math.ceil(count ** (1 / 3)), count // MOST_BLOCKS), max(count // LEAST_BLOCKS, 1))
    else:
        length = common_length([happened[:, None]], [episode])[0]
    blocks = Blocks.of(episode, length)
    return interval_of_counts(blocks.sums(happened), blocks.lengths.astype(np.float64), level)


def interval_of_counts(happened: Floats, rows: Floats, level: float) -> Interval:
    """Interval of a share from how often something ``happened`` in each block (blocks,), and the ``rows`` of each.

    Wilson's score interval (1927) on as many independent rows as would make the share vary as it does from block to
    block (Korn and Graubard 1998), with Student's t. A handful of blocks in which it happened says little of how it
    varies: degrees of freedom are the effective number of blocks that make up the variance, and it is taken to be as
    large as with two more of them. Where it never happened, or always, every block counts as one row. A resampled share
    would do neither: it is least sure of itself where it is too low. NaN with fewer than `LEAST_BLOCKS` blocks that
    have rows.
    """
    there = rows > 0.0
    count, total = int(there.sum()), float(rows.sum())
    if count < LEAST_BLOCKS:
        return Interval(math.nan, math.nan)
    share = float(happened.sum()) / total
    squares = (happened - share * rows)[there] ** 2
    spread = float(squares.sum())
    effective, freedom = float(count), math.inf
    if 0.0 < share < 1.0:
        made_of = spread**2 / float((squares**2).sum()) if spread > 0.0 else float(count)
        variance = count / (count - 1) * spread / total**2
        effective = total if variance == 0.0 else min(share * (1.0 - share) / variance, total)
        effective *= made_of / (made_of + 2.0)
        freedom = max(min(made_of, count - 1), 3.0)
    odd = _student(freedom, level) ** 2 / effective
    middle = (share + 0.5 * odd) / (1.0 + odd)
    half = math.sqrt(odd * share * (1.0 - share) + 0.25 * odd**2) / (1.0 + odd)
    low = max(middle - half, 0.0) if share > 0.0 else 0.0
    return Interval(low, min(middle + half, 1.0) if share < 1.0 else 1.0)

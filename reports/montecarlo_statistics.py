"""How the results of trials are distributed, and where they differ: between seeds, between paths, or both.

The standard error of a mean over seeds says how well that mean is known on this one market, and nothing about another
market; one over paths says what another order of the same days might have given. Where every seed ran on every path the
variance is split into parts by the analysis of variance of two crossed random effects (Searle, Casella and McCulloch,
Variance Components, 1992, chapter 4), and the error of the mean knows both.

What is not a number, such as the ratio of a trial that never traded, is left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from halfspread.reports.statistics.student import student_quantile

__all__ = ["AgentTrials", "Difference", "Distribution", "Parts", "difference", "distribution", "parts_of"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

#: What is shown of every agent, in this order: metrics, then all parts of the attribution.
METRICS = ("total_return", "information_ratio", "max_drawdown", "turnover", "execution_return")
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class AgentTrials:
    """The trials of one agent. ``trials``: numbers of those that are done (n,), with their ``draws`` and ``paths`` (0
    where there is one market), ``metrics`` by name and ``attribution`` in units of the notional (n,); ``days``
    (midnights, ns) and ``equity`` (days, n): sum of the daily PnL in units of the notional, None where trials ran over
    different days. ``failed``: numbers and reasons of the others."""

    name: str
    trials: Integers
    draws: Integers
    paths: Integers
    metrics: Mapping[str, Floats]
    attribution: Mapping[str, Floats]
    days: Integers
    equity: Floats | None
    failed: Sequence[tuple[int, str]] = field(default=())

    @property
    def columns(self) -> dict[str, Floats]:
        """What is tabled, by name: metrics, then the attribution."""
        return {name: self.metrics[name] for name in METRICS if name in self.metrics} | dict(self.attribution)


@dataclass(frozen=True)
class Distribution:
    """Of ``count`` finite values: mean, standard deviation (n - 1), quartiles, the ``standard_error`` of the mean and
    its bounds at 95 %, by Student's t. NaN where there are too few."""

    count: int
    mean: float
    std: float
    min: float
    q25: float
    median: float
    q75: float
    max: float
    standard_error: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Parts:
    """Of a crossed design: ``seeds`` and ``paths`` that are complete, variance components between seeds, between paths
    and of what is left (both together, and chance), never negative; ``standard_error`` of the mean, and its degrees of
    ``freedom`` (Satterthwaite)."""

    seeds: int
    paths: int
    mean: float
    between_seeds: float
    between_paths: float
    rest: float
    standard_error: float
    freedom: float

    @property
    def shares(self) -> dict[str, float]:
        """The parts of their sum; NaN where nothing varies."""
        parts = {"seeds": self.between_seeds, "paths": self.between_paths, "rest": self.rest}
        whole = sum(parts.values())
        return {name: part / whole if whole > 0.0 else math.nan for name, part in parts.items()}


@dataclass(frozen=True)
class Difference:
    """How much more one agent has than another in the same trials: distribution of the differences, and the share of
    trials in which it has more."""

    first: str
    second: str
    found: Distribution
    more: float


def distribution(values: Floats, parts: Parts | None = None) -> Distribution:
    """Distribution of ``values`` (n,); ``parts``: of a crossed design, whose error the mean has then."""
    known = values[np.isfinite(values)]
    count = len(known)
    if not count:
        nan = math.nan
        return Distribution(0, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan)
    mean = float(known.mean())
    std = float(known.std(ddof=1)) if count > 1 else math.nan
    error, freedom = std / math.sqrt(count), count - 1.0
    if parts is not None:
        error, freedom = parts.standard_error, parts.freedom
    around = student_quantile(0.5 + LEVEL / 2.0, freedom) * error if freedom > 0.0 else math.nan
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
    ends = float(known.min()), float(known.max())
    return Distribution(count, mean, std, ends[0], low, middle, high, ends[1], error, mean - around, mean + around)


def parts_of(values: Floats, draws: Integers, paths: Integers) -> Parts | None:
    """Variance of ``values`` (n,) by the ``draws`` and ``paths`` (n,) that they belong to, one value each. Paths on
    which a seed is missing are left out; None with fewer than two of either."""
    rows, columns = np.unique(draws), np.unique(paths)
    grid = np.full((len(rows), len(columns)), np.nan)
    grid[np.searchsorted(rows, draws), np.searchsorted(columns, paths)] = values
    grid = grid[:, np.isfinite(grid).all(axis=0)]
    s, p = grid.shape
    if s < 2 or p < 2:
        return None
    mean, of_seed, of_path = float(grid.mean()), grid.mean(axis=1), grid.mean(axis=0)
    seeds = p * float(((of_seed - mean) ** 2).sum()) / (s - 1)
    markets = s * float(((of_path - mean) ** 2).sum()) / (p - 1)
    left = grid - of_seed[:, None] - of_path[None, :] + mean
    rest = float((left**2).sum()) / ((s - 1) * (p - 1))
    # No effect adds less than chance alone, so that a component is never negative.
    by_seed, by_path = max(seeds, rest), max(markets, rest)
    square = by_seed + by_path - rest
    spread = by_seed**2 / (s - 1) + by_path**2 / (p - 1) + rest**2 / ((s - 1) * (p - 1))
    freedom = square**2 / spread if spread > 0.0 else float((s - 1) * (p - 1))
    error = math.sqrt(square / (s * p))
    components = ((by_seed - rest) / p, (by_path - rest) / s, rest)
    return Parts(s, p, mean, *components, error, max(freedom, 1.0))


def difference(one: AgentTrials, two: AgentTrials, metric: str = "total_return") -> Difference | None:
    """How much more agent ``one`` has than ``two`` in the trials that both have done; None where there are none."""
    shared, first, second = np.intersect1d(one.trials, two.trials, return_indices=True)
    if not len(shared):
        return None
    more = one.metrics[metric][first] - two.metrics[metric][second]
    parts = parts_of(more, one.draws[first], one.paths[first])
    return Difference(one.name, two.name, distribution(more, parts), float((more > 0.0).mean()))

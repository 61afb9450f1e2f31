"""Whether the same state still asks for the same action, and where a learner errs: shift of actions given states.

At matched states the probability of each action is compared by what is left of it and of the sample once the states
have explained both: ``sum((s - e(x)) (a - p(x))) / sum((s - e(x))^2)`` with s = 1 for visited states, e(x) the
probability of that and p(x) the probability of the action, both fitted to other rows (Robinson 1988; with fits to other
rows Chernozhukov et al. 2018). It is the change of the probability of the action from the reference to the visited
states, weighted by e (1 - e): where both samples have states (Li, Morgan and Zaslavsky 2018). That it is zero is the
generalised covariance measure's test of independence given the states (Shah and Peters 2020): it holds its level where
either of the two fits is good. Changes of opposite sign at different states cancel: it is a mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from halfspread.agents.shift.blocks import Blocks, Interval, interval, interval_of_counts
from halfspread.agents.shift.classifier import Told, held_out
from halfspread.costs.base import Floats, Integers

__all__ = ["LEAST_OVERLAP", "Change", "by_novelty", "change_of_actions", "part_interval"]

#: Mean of 4 e (1 - e) over all rows, 1 for samples that cannot be told apart, below which nothing can be matched.
LEAST_OVERLAP = 0.02
#: A probability is taken to be this far from 0 and 1 at least.
SURE = 1e-6


@dataclass(frozen=True, eq=False)
class Change:
    """``changes`` of the probability of each class at matched states, with ``intervals``; ``total`` variation, half the
    sum of their sizes; ``p`` of no change of any; ``overlap`` of the samples."""

    changes: Floats
    intervals: tuple[Interval, ...]
    total: float
    p: float
    overlap: float


def change_of_actions(
    told: Told,
    classes: Integers,
    count: int,
    blocks: tuple[Blocks, Blocks],
    rng: np.random.Generator,
    *,
    resamples: int = 500,
    level: float = 0.95,
) -> Change:
    """``classes`` (rows,), from 0 to ``count``: the action at each row that ``told`` tells of, reference first. NaN
    where the samples do not overlap."""
    share = float(told.labels.mean())
    weight = np.where(told.labels > 0.5, 0.5 / share, 0.5 / (1.0 - share))
    side = told.labels - np.clip(told.chance, SURE, 1.0 - SURE)
    overlap = 4.0 * float(np.average(told.chance * (1.0 - told.chance), weights=weight))
    nothing = Interval(math.nan, math.nan)
    if overlap < LEAST_OVERLAP:
        return Change(np.full(count, math.nan), (nothing,) * count, math.nan, math.nan, overlap)
    left = np.zeros((len(classes), count))
    for each in range(count - 1):
        left[:, each] = _unexplained(told, classes == each)
    left[:, -1] = -left[:, :-1].sum(axis=1)  # one of the classes it is
    products = np.column_stack([left * (weight * side)[:, None], weight * side**2])
    first = blocks[0].rows
    sums = [blocks[0].sums(products[:first]), blocks[1].sums(products[first:])]
    drawn = blocks[0].draws(resamples, rng) @ sums[0] + blocks[1].draws(resamples, rng) @ sums[1]
    whole = products.sum(axis=0)
    changes, others = whole[:-1] / whole[-1], drawn[:, :-1] / drawn[:, -1:]
    fewest = min(each.count for each in blocks)
    intervals = tuple(
        interval(float(one), float(one), others[:, i], fewest, level, least=-1.0, most=1.0)
        for i, one in enumerate(changes)
    )
    total = 0.5 * float(np.abs(changes).sum())
    p = _p_of_none(np.concatenate(sums)[:, :-1], rng, resamples)
    return Change(changes, intervals, total, p, overlap)


def _unexplained(told: Told, happened: Integers) -> Floats:
    """What is left of an action once the states have explained it."""
    labels = happened.astype(np.float64)
    if not 0.0 < labels.mean() < 1.0:
        return np.zeros(len(labels))
    # Zeros and ones have the same say in the fit; their odds are put back to what they are.
    chance = np.clip(held_out(told.inputs, labels, told.fold), SURE, 1.0 - SURE)
    odds = chance / (1.0 - chance) * labels.mean() / (1.0 - labels.mean())
    left: Floats = labels - odds / (1.0 + odds)
    return left


def _p_of_none(sums: Floats, rng: np.random.Generator, times: int) -> float:
    """p of no change of any class: the sum over blocks (blocks, classes) that stands out most, against what it is when
    every block gets a sign by chance. It holds its level with few blocks, too (Canay, Romano and Shaikh 2017)."""
    scale = np.sqrt((sums**2).sum(axis=0))
    scaled = sums[:, scale > 0.0] / scale[scale > 0.0]
    if not scaled.shape[1]:
        return 1.0
    signs = rng.choice([-1.0, 1.0], size=(times, len(scaled)))
    most = np.abs(signs @ scaled).max(axis=1)
    found = float(np.abs(scaled.sum(axis=0)).max())
    return float((1 + (most >= found - 1e-12).sum()) / (1 + times))


def by_novelty(
    told: Told, wrong: Floats, blocks: Blocks, *, parts: int = 5, level: float = 0.95
) -> list[tuple[int, float, float, Interval]]:
    """Visited rows in ``parts`` of equal size by how foreign they look: rows, mean probability of being visited ones,
    and the share of ``wrong`` with its interval."""
    chance = told.chance[told.labels > 0.5]
    place = np.empty(len(chance), np.int64)
    place[np.argsort(chance, kind="stable")] = np.arange(len(chance)) * parts // len(chance)
    found = []
    for each in range(parts):
        there = (place == each).astype(np.float64)
        if not there.any():
            continue
        share, limits = part_interval(wrong, there, blocks, level=level)
        found.append((int(there.sum()), float(np.average(chance, weights=there)), share, limits))
    return found


def part_interval(wrong: Floats, there: Floats, blocks: Blocks, *, level: float) -> tuple[float, Interval]:
    """Share of ``wrong`` among the rows that are ``there``, with its interval."""
    share = float(np.average(wrong, weights=there))
    return share, interval_of_counts(blocks.sums(wrong * there), blocks.sums(there), level)

"""A classifier that is to tell two samples of states apart: the better it can, the further they are from each other.

Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests" (2017). A logistic regression on the features, their
squares and their products, judged on spans of rows that it was not fitted to, with a gap of a block on both sides of
each span, so that it is not judged on neighbours of what it knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from halfspread.agents.shift.blocks import Blocks, Interval, interval
from halfspread.agents.shift.measures import check_states, standardised
from halfspread.costs.base import Floats, Integers
from halfspread.errors import DataError

__all__ = ["Told", "classifier_auc", "classify", "fit_logistic", "held_out", "quadratic"]

#: More inputs than this are not multiplied with each other: the features alone and their squares are looked at.
MOST_INPUTS = 30
#: Cells of the grid on which scores are compared when blocks are drawn anew.
CELLS = 200


@dataclass(frozen=True, eq=False)
class Told:
    """What the classifier tells of rows that it was not fitted to: ``inputs``, ``labels`` (1: visited), the
    probability ``chance`` of 1 for each row, and its ``fold``; ``auc`` with its ``interval``."""

    inputs: Floats
    labels: Floats
    chance: Floats
    fold: Integers
    auc: float
    interval: Interval


def classifier_auc(reference: Floats, visited: Floats, *, folds: int = 5) -> float:
    """Area under the curve of the classifier, on ``folds`` spans of rows that it was not fitted to: the probability
    that a visited state looks more like a visited one than a state of the reference does. 0.5 and below: it cannot
    tell. Raises DataError as `check_states`."""
    rng = np.random.default_rng(0)
    blocks = [Blocks.of(np.zeros(len(sample), np.int64), 1) for sample in (reference, visited)]
    return classify(reference, visited, (blocks[0], blocks[1]), rng, folds=folds, resamples=0).auc


def classify(
    reference: Floats,
    visited: Floats,
    blocks: tuple[Blocks, Blocks],
    rng: np.random.Generator,
    *,
    folds: int = 5,
    resamples: int = 500,
    level: float = 0.95,
) -> Told:
    """Tell the samples apart; the interval of the area resamples blocks of held-out scores, and takes the classifiers
    as they are. Raises DataError as `check_states`, and with fewer blocks than folds in a sample."""
    check_states(reference, visited, least=2 * folds)
    if min(each.count for each in blocks) < folds:
        raise DataError(f"classifier: expected at least {folds} blocks of rows in each sample, for as many folds")
    samples = standardised(reference, visited)
    inputs = quadratic(np.concatenate(samples))
    labels = np.repeat([0.0, 1.0], [len(reference), len(visited)])
    places = [each.labels for each in blocks]
    fold = np.concatenate([place * folds // each.count for place, each in zip(places, blocks, strict=True)])
    edge = np.concatenate([_at_edge(place, each.count, folds) for place, each in zip(places, blocks, strict=True)])
    chance = held_out(inputs, labels, fold, edge)
    auc = area(chance, labels)
    return Told(inputs, labels, chance, fold, auc, _limits(auc, chance, blocks, resamples, level, rng))


def _limits(
    auc: float, chance: Floats, blocks: tuple[Blocks, Blocks], resamples: int, level: float, rng: np.random.Generator
) -> Interval:
    """Of the area, from the rows of each block by their score on a grid."""
    if not resamples:
        return Interval(math.nan, math.nan)
    grid = np.unique(np.quantile(chance, np.linspace(0.0, 1.0, CELLS)))
    parts = np.split(np.searchsorted(grid, chance, side="left"), [blocks[0].rows])
    counts = [each.counts(part, len(grid) + 1) for each, part in zip(blocks, parts, strict=True)]
    weights = [np.vstack([np.ones((1, each.count)), each.draws(resamples, rng)]) for each in blocks]
    shares = [w @ many / (w @ many).sum(axis=1, keepdims=True) for w, many in zip(weights, counts, strict=True)]
    areas = (shares[1] * (np.cumsum(shares[0], axis=1) - 0.5 * shares[0])).sum(axis=1)
    fewest = min(each.count for each in blocks)
    return interval(auc, float(areas[0]), areas[1:], fewest, level, least=0.0, most=1.0)


def quadratic(rows: Floats) -> Floats:
    """A one, the features, their squares and, of at most `MOST_INPUTS` features, their products."""
    k = rows.shape[1]
    if k > MOST_INPUTS:
        return np.column_stack([np.ones(len(rows)), rows, rows**2])
    one, two = np.triu_indices(k)
    return np.column_stack([np.ones(len(rows)), rows, rows[:, one] * rows[:, two]])


def held_out(inputs: Floats, labels: Floats, fold: Integers, edge: Floats | None = None) -> Floats:
    """Probability of 1 for every row, by a fit to the rows of all other folds. ``edge`` (rows, 2): the folds whose fit
    leaves the row out because it is next to them, -1 for none."""
    chance = np.full(len(inputs), float(labels.mean()))
    for each in np.unique(fold).tolist():
        there = fold == each
        known = ~there
        if edge is not None:
            known &= (edge != each).all(axis=1)
        if len(np.unique(labels[known])) < 2:
            continue
        scaled, others = _scaled(inputs[known], inputs[there])
        chance[there] = _sigmoid(others @ fit_logistic(scaled, labels[known]))
    return chance


def fit_logistic(inputs: Floats, labels: Floats, ridge: float = 1e-3, steps: int = 12) -> Floats:
    """Weights by Newton's method with a ridge; zeros and ones have the same say. Labels that can be told apart without
    an error are left after so many ``steps``, with probabilities near 0 and 1."""
    share = labels.mean()
    sample = np.where(labels > 0.5, 0.5 / share, 0.5 / (1.0 - share)) / len(labels)
    weights = np.zeros(inputs.shape[1])
    for _ in range(steps):
        chance = _sigmoid(inputs @ weights)
        slope = inputs.T @ (sample * (chance - labels)) + ridge * weights
        rooted = inputs * np.sqrt(sample * chance * (1.0 - chance))[:, None]
        curve = rooted.T @ rooted  # of one matrix, so that only one half of it is computed
        step = np.linalg.solve(curve + ridge * np.eye(len(weights)), slope)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-4:
            break
    return weights


def area(scores: Floats, labels: Floats) -> float:
    """Share of pairs in which the score of a 1 is above that of a 0; ties count half. NaN without one of both."""
    positive = labels > 0.5
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    return float((ranks[positive].sum() - n * (n + 1) / 2.0) / (n * m))


def _sigmoid(values: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0)))
    return found


def _scaled(known: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Inputs of mean 0 and deviation 1, so that the ridge weighs on all alike; the first, the one, is left."""
    centre, spread = known.mean(axis=0), known.std(axis=0)
    centre[0], spread[0] = 0.0, 1.0
    spread = np.where(spread > 1e-12, spread, 1.0)
    return (known - centre) / spread, (others - centre) / spread


def _at_edge(place: Integers, count: int, folds: int) -> Floats:
    """For every row the folds that its block touches from outside: the one before and the one after it, else -1."""
    fold = np.arange(count) * folds // count
    before = np.where(np.roll(fold, 1) != fold, np.roll(fold, 1), -1)
    after = np.where(np.roll(fold, -1) != fold, np.roll(fold, -1), -1)
    before[0], after[-1] = -1, -1
    found: Floats = np.stack([before[place], after[place]], axis=1)
    return found

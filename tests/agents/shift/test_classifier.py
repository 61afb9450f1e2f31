"""The classifier: what it finds, what it does not, and that it is judged on rows it has not seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.agents.shift.blocks import Blocks
from halfspread.agents.shift.classifier import area, classifier_auc, classify, fit_logistic, held_out, quadratic
from halfspread.errors import DataError
from tests.agents.shift.samples import autoregressive


def test_the_area_is_the_share_of_pairs_and_ties_count_half() -> None:
    assert area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.75
    assert area(np.ones(10), np.repeat([0.0, 1.0], 5)) == 0.5
    assert math.isnan(area(np.ones(3), np.ones(3)))


def test_the_fit_is_where_the_slope_of_the_likelihood_is_zero() -> None:
    rng = np.random.default_rng(1)
    inputs = np.column_stack([np.ones(200), rng.standard_normal((200, 2))])
    labels = (rng.random(200) < 1.0 / (1.0 + np.exp(-inputs[:, 1]))).astype(float)
    weights = fit_logistic(inputs, labels, ridge=1e-3)
    share = labels.mean()
    sample = np.where(labels > 0.5, 0.5 / share, 0.5 / (1.0 - share)) / 200
    slope = inputs.T @ (sample * (1.0 / (1.0 + np.exp(-inputs @ weights)) - labels)) + 1e-3 * weights
    assert np.abs(slope).max() < 1e-6


def test_a_shift_of_the_mean_has_the_area_of_two_gaussians() -> None:
    """d standard deviations apart: Phi(d / root 2); 0.6382 for d = 1/2."""
    rng = np.random.default_rng(2)
    one, two = rng.standard_normal((4_000, 2)), rng.standard_normal((4_000, 2)) + np.array([0.5, 0.0])
    assert classifier_auc(one, two) == pytest.approx(0.6382, abs=0.02)


def test_a_change_of_spread_and_of_correlation_is_found() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.standard_normal((2_000, 2)), rng.standard_normal((2_000, 2))
    assert classifier_auc(one, 1.5 * two) > 0.58
    assert classifier_auc(one, two @ np.array([[1.0, 0.7], [0.0, 0.7]])) > 0.55


def test_nothing_is_found_where_nothing_is() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.standard_normal((1_000, 8)), rng.standard_normal((1_000, 8))
    assert classifier_auc(one, two) < 0.54  # 45 inputs: judged on what it was fitted to, it would seem to find 0.6


def test_no_row_is_judged_by_a_fit_that_knows_it() -> None:
    """Labels drawn by chance: a classifier of as many inputs as rows tells them apart where it has seen them."""
    rng = np.random.default_rng(5)
    rows = np.column_stack([np.ones(100), rng.standard_normal((100, 60))])
    labels = np.tile([0.0, 1.0], 50)
    chance = held_out(rows, labels, np.repeat(np.arange(5), 20))
    assert 0.3 < area(chance, labels) < 0.7
    assert area(rows @ fit_logistic(rows, labels), labels) > 0.95


def test_intervals_say_no_more_than_blocks_know() -> None:
    """100 pairs of samples without a shift: the interval lies above 0.5 at most 11 times (2.5 % would be right)."""
    above = 0
    for seed in range(100):
        rng = np.random.default_rng([seed, 8])
        one, two = autoregressive(rng, 1_500, 2, 0.8), autoregressive(rng, 1_000, 2, 0.8)
        blocks = tuple(Blocks.of(np.zeros(len(each), np.int64), 50) for each in (one, two))
        above += classify(one, two, (blocks[0], blocks[1]), rng, resamples=100).interval.low > 0.5
    assert above <= 11


def test_many_features_are_not_multiplied_with_each_other() -> None:
    rows = np.random.default_rng(6).standard_normal((10, 40))
    assert quadratic(rows).shape == (10, 81)
    assert quadratic(rows[:, :3]).shape == (10, 1 + 3 + 6)


def test_too_few_blocks_for_the_folds_are_refused() -> None:
    rows = np.random.default_rng(7).standard_normal((100, 2))
    blocks = Blocks.of(np.zeros(100, np.int64), 50)
    with pytest.raises(DataError, match="at least 5 blocks"):
        classify(rows, rows, (blocks, blocks), np.random.default_rng(0))

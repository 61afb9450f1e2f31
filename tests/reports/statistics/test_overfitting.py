"""Cross-validation of the best trial: by hand, against slow Python, and on trials with and without an edge."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.overfitting import DAYS_PER_BLOCK, backtest_overfitting, splits
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.series import Floats


def trials(days: int = 200, count: int = 6, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal((days, count))


def slow(matrix: Floats, blocks: int) -> list[tuple[float, float, float]]:
    """Inside and outside ratio of the best trial and its log odds, split by split."""
    length = len(matrix) // blocks
    parts = np.split(matrix[len(matrix) - length * blocks :], blocks)
    found = []
    for chosen in combinations(range(blocks), blocks // 2):
        own = np.concatenate([parts[i] for i in chosen])
        other = np.concatenate([parts[i] for i in range(blocks) if i not in chosen])
        inside = [information_ratio(column) for column in own.T]
        outside = [information_ratio(column) for column in other.T]
        best = int(np.argmax(inside))
        rank = sum(each < outside[best] for each in outside) + 1
        share = rank / (len(outside) + 1)
        found.append((inside[best], outside[best], math.log(share / (1.0 - share))))
    return found


def test_two_blocks_by_hand() -> None:
    # In the first half trial 0 is better, in the second trial 1: each pick is the worse one outside, rank 1 of 2:
    # log(1/3 / (2/3)) = -log 2, and all picks fail.
    wave = np.tile([1.0, -1.0], 8)
    up, down = wave + 0.5, wave - 0.5
    half = len(wave)
    matrix = np.column_stack([np.concatenate([up, down]), np.concatenate([down, up])])
    found = backtest_overfitting(matrix, blocks=2)
    assert half * 2 == len(matrix)
    assert found.logits.tolist() == pytest.approx([-math.log(2.0)] * 2)
    assert (found.probability, found.loss) == (1.0, 1.0)
    assert found.inside.tolist() == pytest.approx([0.5 * math.sqrt(365)] * 2)
    assert found.outside.tolist() == pytest.approx([-0.5 * math.sqrt(365)] * 2)


def test_a_trial_that_is_best_everywhere_is_not_overfitted() -> None:
    wave = np.tile([1.0, -1.0], 40)
    found = backtest_overfitting(np.column_stack([wave, wave + 0.5, wave - 0.2]), blocks=4)
    assert found.probability == 0.0
    assert found.logits.tolist() == pytest.approx([math.log(3.0)] * 6)  # rank 3 of 3: 3/4 to 1/4


@pytest.mark.parametrize("blocks", [2, 4, 8])
def test_every_split_is_that_of_slow_python(blocks: int) -> None:
    matrix = trials(203)
    found = backtest_overfitting(matrix, blocks)
    expected = np.array(slow(matrix, blocks))
    assert len(found.logits) == splits(blocks) == len(expected)
    for ours, theirs in zip((found.inside, found.outside, found.logits), expected.T, strict=True):
        assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-9)
    assert found.slope == pytest.approx(float(np.polyfit(expected[:, 0], expected[:, 1], 1)[0]), rel=1e-6)


def test_an_idle_trial_counts_as_a_ratio_of_zero() -> None:
    idle = np.zeros(160)
    losing = trials(160, 1)[:, 0] - 3.0
    found = backtest_overfitting(np.column_stack([losing, idle]), blocks=4)
    assert found.inside.tolist() == found.outside.tolist() == [0.0] * 6
    assert found.probability == 0.0
    assert math.isnan(found.slope)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_trials_that_are_alike_are_no_choice_and_fail_by_half(count: int) -> None:
    one = trials(160, 1)
    found = backtest_overfitting(np.column_stack([one] * count), blocks=4)
    assert found.logits.tolist() == [0.0] * 6
    assert found.probability == 0.5


def test_a_pick_that_is_the_median_by_itself_fails_as_in_the_paper() -> None:
    # Best of the first half is trial 0, of the second trial 1: each is the second of three in the other half.
    wave = np.tile([1.0, -1.0], 8)[:, None]
    found = backtest_overfitting(
        np.concatenate([wave + np.array([0.3, 0.1, 0.0]), wave + np.array([0.1, 0.3, 0.0])]), 2
    )
    assert found.logits.tolist() == [0.0, 0.0]
    assert found.probability == 1.0


def test_too_few_days_trials_and_odd_blocks_are_refused() -> None:
    with pytest.raises(DataError, match=f"at least {16 * DAYS_PER_BLOCK} days of trials, got 127"):
        backtest_overfitting(trials(127))
    with pytest.raises(DataError, match="at least two trials, got one"):
        backtest_overfitting(trials(200, 1))
    for blocks in (0, 3, 22):
        with pytest.raises(ConfigError, match="even number of blocks"):
            backtest_overfitting(trials(), blocks)
    with pytest.raises(DataError, match="shape"):
        backtest_overfitting(np.zeros(200))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 4.0]))
def test_the_probability_is_one_and_does_not_depend_on_the_unit_or_the_order_of_trials(seed: int, scale: float) -> None:
    matrix = trials(64, 5, seed)
    found = backtest_overfitting(matrix, 4)
    assert 0.0 <= found.probability <= 1.0
    assert backtest_overfitting(scale * matrix, 4).probability == found.probability
    assert backtest_overfitting(matrix[:, ::-1], 4).probability == found.probability


def test_without_an_edge_about_half_of_the_picks_fail_and_with_one_hardly_any() -> None:
    null = [backtest_overfitting(trials(256, 10, seed), 8).probability for seed in range(60)]
    assert float(np.mean(null)) == pytest.approx(0.5, abs=0.12)
    edge = trials(730, 10)
    edge[:, 4] += 0.3
    assert backtest_overfitting(edge).probability < 0.01

"""The discrepancy by hand, and the false alarms of its test with and without blocks."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.agents.shift.discrepancy import mean_discrepancy
from halfspread.errors import DataError
from tests.agents.shift.samples import autoregressive


def test_the_discrepancy_is_the_one_of_the_definition() -> None:
    """Means of the kernel over pairs within and between, each pair written out."""
    rng = np.random.default_rng(1)
    one, two = rng.standard_normal((12, 2)), rng.standard_normal((9, 2)) + 0.7
    found = mean_discrepancy(one, two, rng, permutations=99)
    centre, spread = one.mean(axis=0), one.std(axis=0)
    rows = np.concatenate([(one - centre) / spread, (two - centre) / spread])
    apart = ((rows[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2)
    kernel = np.exp(-apart / np.median(apart[apart > 1e-12]))
    within = [[kernel[i, j] for i in part for j in part if i != j] for part in (range(12), range(12, 21))]
    between = [kernel[i, j] for i in range(12) for j in range(12, 21)]
    by_hand = np.mean(within[0]) + np.mean(within[1]) - 2.0 * np.mean(between)
    assert found.value == pytest.approx(float(by_hand), rel=1e-9)
    assert found.rows == 21


def test_a_shift_is_found_and_the_same_distribution_is_not() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.standard_normal((400, 3)), rng.standard_normal((400, 3))
    assert mean_discrepancy(one, two + 0.5, rng, permutations=199).p == 1 / 200
    assert mean_discrepancy(one, two, rng, permutations=199).p > 0.05
    # The means are the same, and the variance of one feature is not.
    wider = two * np.array([1.0, 1.8, 1.0])
    assert mean_discrepancy(one, wider, rng, permutations=199).p <= 0.01


def test_of_1_000_tests_without_a_shift_about_5_in_100_reject() -> None:
    """Exact permutation test: 1,000 draws reject 50 times, from 30 to 72 in 99.7 % of such trials."""
    rejected = 0
    for seed in range(1_000):
        rng = np.random.default_rng([seed, 5])
        one, two = rng.standard_normal((24, 2)), rng.standard_normal((16, 2))
        rejected += mean_discrepancy(one, two, rng, permutations=99).p <= 0.05
    assert 30 <= rejected <= 72


def test_blocks_hold_the_size_where_rows_resemble_those_before_them_and_single_rows_do_not() -> None:
    """200 draws at 5 %: at most 21 rejections, which more than 99.9 % of such trials keep at a true size of 5 %."""
    rejected = naive = 0
    for seed in range(200):
        rng = np.random.default_rng([seed, 6])
        one, two = autoregressive(rng, 1_200, 2, 0.8), autoregressive(rng, 800, 2, 0.8)
        rejected += mean_discrepancy(one, two, rng, block=50, permutations=99, most=200).p <= 0.05
        if seed < 50:
            naive += mean_discrepancy(one[:200], two[:200], rng, block=1, permutations=99, most=200).p <= 0.05
    assert rejected <= 21
    assert naive > 20


def test_pairs_within_a_block_do_not_make_a_trajectory_look_like_itself_alone() -> None:
    """Without a shift the value is around zero, though neighbours are alike."""
    values = []
    for seed in range(60):
        rng = np.random.default_rng([seed, 7])
        one, two = autoregressive(rng, 600, 1, 0.9), autoregressive(rng, 600, 1, 0.9)
        values.append(mean_discrepancy(one, two, rng, block=60, permutations=20).value)
    assert abs(np.mean(values)) < 3.0 * np.std(values) / np.sqrt(60) + 0.01


def test_samples_of_one_value_are_at_no_distance() -> None:
    found = mean_discrepancy(np.ones((40, 2)), np.ones((30, 2)), np.random.default_rng(0), permutations=99)
    assert found.value == 0.0
    assert found.p == 1.0


def test_the_same_seed_gives_the_same_bits() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.standard_normal((100, 2)), rng.standard_normal((100, 2))
    first, second = (mean_discrepancy(one, two, np.random.default_rng(9), block=5) for _ in range(2))
    assert first == second


def test_two_blocks_are_enough_for_a_value() -> None:
    rows = np.random.default_rng(5).standard_normal((20, 2))
    found = mean_discrepancy(rows, rows + 9.0, np.random.default_rng(0), block=10)
    assert found.value > 0.5
    assert np.isnan(found.interval.low)


def test_a_sample_of_one_block_is_refused() -> None:
    rows = np.random.default_rng(4).standard_normal((20, 2))
    with pytest.raises(DataError, match="at least two blocks of 20 rows"):
        mean_discrepancy(rows, rows, np.random.default_rng(0), block=20)

"""Probabilistic and deflated Sharpe ratio: the examples of the papers, and what must always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.probabilistic import (
    RATIO_DAYS,
    deflated_sharpe,
    effective_trials,
    expected_best,
    minimum_track_record,
    periods_needed,
    probabilistic_sharpe,
    ratio_probability,
    selection_p_value,
    trial_variance,
)
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.series import Floats

ROOT = math.sqrt(365)


def pnl(days: int = 400, seed: int = 2, mean: float = 0.05) -> Floats:
    return np.random.default_rng(seed).standard_normal(days) + mean


def test_the_hedge_fund_of_the_paper() -> None:
    # Bailey and Lopez de Prado 2012: 24 months, mean 0.036, deviation 0.079, skew -2.448, kurtosis 10.164
    ratio = 0.036 / 0.079
    assert ratio_probability(ratio, 24, 0.0, 3.0) == pytest.approx(0.982, abs=0.001)
    assert ratio_probability(ratio, 24, -2.448, 10.164) == pytest.approx(0.913, abs=0.001)


@pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_the_track_record_lengths_of_the_paper(periods: int, years: float) -> None:
    # ibid.: an annual ratio of 2 above 1 at 95 %, normal returns, seen daily, weekly or monthly
    root = math.sqrt(periods)
    assert periods_needed(2.0 / root, threshold=1.0 / root) / periods == pytest.approx(years, abs=0.005)


def test_the_deflated_ratio_of_the_paper() -> None:
    # Bailey and Lopez de Prado 2014: 1,250 days of 250 a year, annual ratio 2.5, variance of the trials 1/2, skew -3,
    # kurtosis 10: 0.9004 as the best of 100 trials, 0.9505 of 46
    best = expected_best(100, 0.5 / 250)
    assert best == pytest.approx(0.1132, abs=0.0001)
    assert ratio_probability(2.5 / math.sqrt(250), 1250, -3.0, 10.0, best) == pytest.approx(0.9004, abs=0.0001)
    of_46 = expected_best(46, 0.5 / 250)
    assert ratio_probability(2.5 / math.sqrt(250), 1250, -3.0, 10.0, of_46) == pytest.approx(0.9505, abs=0.0001)


def test_the_best_to_expect_is_near_that_of_normal_draws() -> None:
    drawn = 1.5 * np.random.default_rng(4).standard_normal((20_000, 50)).max(axis=1)
    assert expected_best(50, 1.5**2) == pytest.approx(float(drawn.mean()), rel=0.02)


def test_one_trial_expects_nothing_and_a_deflated_ratio_of_it_is_the_probabilistic_one() -> None:
    assert expected_best(1, 4.0) == expected_best(1.0001, 4.0) == 0.0
    assert deflated_sharpe(pnl(), 1, 4.0) == probabilistic_sharpe(pnl())


def test_the_p_value_of_the_best_is_that_of_all_staying_below() -> None:
    one = probabilistic_sharpe(pnl())
    assert selection_p_value(pnl(), 1) == pytest.approx(1.0 - one)
    assert selection_p_value(pnl(), 3) == pytest.approx(1.0 - one**3)
    assert selection_p_value(-1e3 + pnl(), 3) == 1.0
    with pytest.raises(ConfigError, match="at least one trial"):
        selection_p_value(pnl(), 0.5)


def test_a_ratio_at_the_threshold_is_as_likely_above_as_below() -> None:
    assert probabilistic_sharpe(pnl(), information_ratio(pnl())) == pytest.approx(0.5, abs=1e-9)


def test_after_the_minimum_track_record_the_probability_is_the_confidence() -> None:
    values = pnl(mean=0.2)
    ratio = information_ratio(values) / ROOT
    needed = minimum_track_record(values, confidence=0.9)
    assert ratio_probability(ratio, math.ceil(needed) + 1, 0.0, 3.0) > 0.89
    daily = periods_needed(ratio, 0.5, 4.0, 0.01, 0.9)
    assert ratio_probability(ratio, round(daily), 0.5, 4.0, 0.01) == pytest.approx(0.9, abs=0.002)
    assert minimum_track_record(-values) == math.inf
    assert periods_needed(0.1, confidence=0.5) == 1.0


def test_a_benchmark_is_taken_off_day_by_day() -> None:
    other = pnl(seed=9)
    assert probabilistic_sharpe(pnl() + other, benchmark=other) == pytest.approx(probabilistic_sharpe(pnl()))


def test_trials_that_are_one_and_the_same_count_as_one() -> None:
    one = pnl()
    assert effective_trials(np.column_stack([one, 2.0 * one, 3.0 * one + 1.0])) == pytest.approx(1.0)
    assert effective_trials(one[:, None]) == 1.0


def test_trials_that_have_nothing_in_common_count_each() -> None:
    independent = np.random.default_rng(3).standard_normal((20_000, 5))
    assert effective_trials(independent) == pytest.approx(5.0, abs=0.05)
    # correlation 1/2 between every two: 1/2 + 1/2 x 5
    common = independent + np.random.default_rng(5).standard_normal((20_000, 1))
    assert effective_trials(common) == pytest.approx(3.0, abs=0.05)
    # one that never traded is one more
    assert effective_trials(np.column_stack([independent, np.zeros(20_000)])) == pytest.approx(6.0, abs=0.05)


def test_the_variance_of_the_trials_counts_an_idle_one_as_zero() -> None:
    trials = np.column_stack([pnl(seed=1), pnl(seed=2), np.zeros(400)])
    ratios = [information_ratio(trials[:, 0]), information_ratio(trials[:, 1]), 0.0]
    assert trial_variance(trials) == pytest.approx(float(np.var(ratios, ddof=1)))
    assert trial_variance(trials[:, :1]) == 0.0


def test_too_few_days_and_series_that_do_not_vary_are_refused() -> None:
    short = pnl(RATIO_DAYS - 1)
    for refused in (probabilistic_sharpe, minimum_track_record):
        with pytest.raises(DataError, match=f"at least {RATIO_DAYS} days of daily PnL, got {RATIO_DAYS - 1}"):
            refused(short)
        with pytest.raises(DataError, match="did the agent trade"):
            refused(np.zeros(100))
    for refused_matrix in (effective_trials, trial_variance):
        with pytest.raises(DataError, match=f"at least {RATIO_DAYS}"):
            refused_matrix(short[:, None])
        with pytest.raises(DataError, match="no column"):
            refused_matrix(np.zeros((50, 0)))


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one trial"):
        expected_best(0, 1.0)
    with pytest.raises(ConfigError, match="must not be negative"):
        expected_best(5, -1.0)
    with pytest.raises(ConfigError, match="no distribution"):
        ratio_probability(0.1, 100, 2.0, 3.0)
    with pytest.raises(ConfigError, match="two periods"):
        ratio_probability(0.1, 1)
    with pytest.raises(ConfigError, match="confidence"):
        periods_needed(0.1, confidence=1.0)


def test_two_values_are_enough_for_a_probability() -> None:
    coin = np.tile([1.0, -1.0], 50)
    assert probabilistic_sharpe(coin) == 0.5
    assert ratio_probability(2.0, 10, 1.0, 2.0) == 1.0  # 1 - 2 + 1/4 x 4: no spread at all
    assert ratio_probability(2.0, 10, 1.0, 2.0, 2.0) == 0.5


values = st.lists(st.integers(-1000, 1000), min_size=RATIO_DAYS, max_size=60)


@given(values, st.floats(-5.0, 5.0), st.floats(1.0, 1e6), st.floats(0.0, 10.0))
def test_probabilities_are_probabilities_and_more_trials_never_raise_them(
    days: list[int], threshold: float, trials: float, variance: float
) -> None:
    assume(len(set(days)) > 1)
    series = np.array(days) / 1e4
    one = probabilistic_sharpe(series, threshold)
    assert 0.0 <= one <= 1.0
    assert probabilistic_sharpe(series, threshold + 0.1) <= one
    assert 0.0 <= deflated_sharpe(series, 2.0 * trials, variance) <= deflated_sharpe(series, trials, variance) <= 1.0
    assert probabilistic_sharpe(1024.0 * series, threshold) == one
    assert minimum_track_record(series, threshold) > 1.0
    assert 0.0 <= selection_p_value(series, trials) <= selection_p_value(series, 2.0 * trials) <= 1.0

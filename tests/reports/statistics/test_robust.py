"""Errors under autocorrelation, by hand and against what is known of an autoregression."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.ratios import information_ratio_error
from halfspread.reports.statistics.robust import (
    ROBUST_DAYS,
    aggregation_factor,
    andrews_lag,
    autocovariances,
    long_run_variance,
    ratio_influence,
    robust_ratio_error,
)
from halfspread.reports.statistics.series import Floats


def following(days: int, r: float, seed: int = 1) -> Floats:
    """A first-order autoregression with unit noise."""
    noise = np.random.default_rng(seed).standard_normal(days)
    values = np.zeros(days)
    for t in range(1, days):
        values[t] = r * values[t - 1] + noise[t]
    return values


def test_the_long_run_variance_weighs_autocovariances_by_bartlett() -> None:
    # about the mean 2: -1, 1, -2, 2 -> g0 = 10 / 4, g1 = (-1 - 2 - 4) / 4, g2 = (2 + 2) / 4
    values = [1.0, 3.0, 0.0, 4.0]
    assert long_run_variance(values, 0) == 2.5
    assert long_run_variance(values, 1) == pytest.approx(max(2.5 + 2 * 0.5 * -1.75, 0.0))
    assert long_run_variance(values, 2) == pytest.approx(2.5 + 2 * (2 / 3 * -1.75 + 1 / 3 * 1.0))


def test_autocovariances_by_transforms_are_those_by_sums() -> None:
    values = following(200, 0.5)
    centred = values - values.mean()
    slow = [float((centred[k:] * centred[: 200 - k]).sum()) / 200 for k in range(200)]
    assert autocovariances(values, 199).tolist() == pytest.approx(slow, abs=1e-14)
    assert autocovariances(values, 10).tolist() == pytest.approx(slow[:11], abs=1e-14)


def test_andrews_lag_follows_his_formula() -> None:
    # r = 0.5 over 1,000 days: a = 1 / 0.5625, 1.1447 x 1777.8^(1/3) = 13.87
    values = following(1000, 0.5, seed=3)
    centred = values - values.mean()
    r = float(centred[1:] @ centred[:-1]) / float(centred[:-1] @ centred[:-1])
    assert r == pytest.approx(0.5, abs=0.05)
    assert andrews_lag(values) == math.floor(1.1447 * (4 * r**2 / (1 - r**2) ** 2 * 1000) ** (1 / 3))
    assert andrews_lag(values) in range(11, 17)


def test_the_lag_stays_below_the_days_and_is_none_where_nothing_varies() -> None:
    assert andrews_lag(np.tile([1.0, -1.0], 20)) == 39  # the rule asks for more
    assert andrews_lag([1.0] * 50) == 0
    assert andrews_lag([1.0]) == 0


def test_the_error_of_independent_normal_days_is_that_of_lo() -> None:
    values = np.random.default_rng(8).standard_normal(20_000) * 0.02 + 0.002
    assert robust_ratio_error(values, lag=0) == pytest.approx(information_ratio_error(values), rel=0.01)


def test_gains_that_follow_gains_make_the_ratio_less_sure() -> None:
    values = following(5_000, 0.5)
    # the variance of the mean of an autoregression is (1 + r) / (1 - r) times that of independent days: 3 at r = 1/2
    assert robust_ratio_error(values) == pytest.approx(math.sqrt(3.0) * information_ratio_error(values), rel=0.1)


def test_the_influence_has_mean_zero_and_the_error_of_independent_days() -> None:
    values = following(400, 0.0) ** 3 + 0.3
    influence = ratio_influence(values)
    assert float(influence.mean()) == pytest.approx(0.0, abs=1e-12)
    assert robust_ratio_error(values, lag=0) == pytest.approx(float(influence.std()) * math.sqrt(365 / 400))


def test_a_year_of_independent_days_multiplies_the_ratio_by_the_root_of_365() -> None:
    assert aggregation_factor(following(500, 0.0), lag=0) == pytest.approx(math.sqrt(365))


def test_a_ratio_grows_less_over_a_year_where_gains_follow_gains() -> None:
    # Lo 2002, eq. 20, with one autocorrelation: q / sqrt(q + 2 (q - 1) r)
    values = following(500, 0.4)
    covariance = autocovariances(values, 1)
    r = covariance[1] / covariance[0]
    assert aggregation_factor(values, 12, lag=1) == pytest.approx(12 / math.sqrt(12 + 2 * 11 * r))
    assert aggregation_factor(values) < math.sqrt(365) < aggregation_factor(following(500, -0.2))


def test_too_few_days_are_refused_with_the_number_needed() -> None:
    for refused in (robust_ratio_error, aggregation_factor):
        with pytest.raises(DataError, match=f"at least {ROBUST_DAYS} days of daily PnL, got 29"):
            refused(following(ROBUST_DAYS - 1, 0.1))
    assert robust_ratio_error(following(ROBUST_DAYS, 0.1)) > 0.0


def test_a_lag_out_of_range_is_refused() -> None:
    for lag in (-1, 40):
        with pytest.raises(ConfigError, match="lag"):
            long_run_variance(following(40, 0.0), lag)
        with pytest.raises(ConfigError, match="lag"):
            aggregation_factor(following(40, 0.0), lag=lag)


def test_where_nothing_varies_there_is_no_error() -> None:
    assert math.isnan(robust_ratio_error(np.zeros(50)))
    assert math.isnan(aggregation_factor(np.full(50, 0.1)))


def test_an_autocorrelation_near_one_does_not_make_the_lag_run_away() -> None:
    # r is kept at 0.97: a = 4 x 0.9409 / 0.0591^2 = 1077.5, 1.1447 (1077.5 x 5000)^(1/3) = 200.7
    assert andrews_lag(np.tile([1.0, -1.0], 2_500)) == andrews_lag(np.arange(5_000.0)) == 200

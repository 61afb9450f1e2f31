"""Statistics of daily PnL against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.reports.statistics.ratios import (
    annual_return,
    annual_volatility,
    information_ratio,
    information_ratio_error,
)


def test_the_ratio_is_the_mean_over_the_population_deviation_times_the_root_of_365() -> None:
    # mean 0.02, squared distances 1, 1, 4, 4 (x 1e-4) -> variance 2.5e-4 with ddof=0 (3.33e-4 with ddof=1)
    pnl = [0.03, 0.01, 0.04, 0.0]
    assert information_ratio(pnl) == pytest.approx(0.02 / math.sqrt(2.5e-4) * math.sqrt(365))
    assert annual_return(pnl) == pytest.approx(0.02 * 365)
    assert annual_volatility(pnl) == pytest.approx(math.sqrt(2.5e-4) * math.sqrt(365))


def test_an_all_negative_series_has_a_negative_ratio() -> None:
    # mean -0.02, deviation 0.01
    assert information_ratio([-0.01, -0.03]) == pytest.approx(-2.0 * math.sqrt(365))


@pytest.mark.parametrize("pnl", [[], [0.01], [0.0, 0.0, 0.0], [0.01] * 7, np.full(1000, 0.1) / 3.0])
def test_the_ratio_is_nan_where_nothing_varies(pnl: list[float]) -> None:
    assert math.isnan(information_ratio(pnl))
    assert math.isnan(information_ratio_error(pnl))


def test_rounding_noise_on_a_constant_series_is_no_variation() -> None:
    pnl = np.diff(np.arange(1000) * 0.1)  # 0.1 but for the last bits
    assert np.ptp(pnl) > 0.0
    assert math.isnan(information_ratio(pnl))
    assert annual_volatility(pnl) == 0.0


def test_volatility_needs_two_days_and_the_mean_one() -> None:
    assert math.isnan(annual_volatility([0.01]))
    assert annual_return([0.01]) == pytest.approx(3.65)
    assert math.isnan(annual_return([]))
    assert annual_volatility([0.0, 0.0]) == 0.0


def test_the_standard_error_of_the_papers_ratio_is_about_a_half() -> None:
    # IR 1.46 over 1,684 days: daily ratio 0.0764, sqrt((1 + 0.00292) / 1684 x 365) = 0.466
    rng = np.random.default_rng(5)
    pnl = rng.standard_normal(1684)
    pnl = (pnl - pnl.mean()) / pnl.std() * 0.02718 + 0.0020772
    assert information_ratio(pnl) == pytest.approx(1.46, abs=0.001)
    assert information_ratio_error(pnl) == pytest.approx(0.466, abs=0.001)

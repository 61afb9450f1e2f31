"""Statistics of daily PnL against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.errors import DataError
from halfspread.reports.statistics.ratios import (
    annual_return,
    annual_volatility,
    calmar_ratio,
    information_ratio,
    information_ratio_error,
    sortino_ratio,
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


def test_the_ratio_against_a_benchmark_is_that_of_the_difference() -> None:
    # less the benchmark: 0.03, 0.01, 0.04, 0.0 as above
    pnl, benchmark = [0.05, 0.0, 0.04, 0.01], [0.02, -0.01, 0.0, 0.01]
    assert information_ratio(pnl, benchmark) == pytest.approx(0.02 / math.sqrt(2.5e-4) * math.sqrt(365))
    assert math.isnan(information_ratio(pnl, pnl))


def test_a_benchmark_of_other_days_is_refused() -> None:
    with pytest.raises(DataError, match="3 days of PnL and 2 of the benchmark"):
        information_ratio([0.1, 0.2, 0.3], [0.1, 0.2])


def test_a_day_that_is_not_a_number_is_refused_with_its_row() -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(DataError, match="the first at row 2"):
            information_ratio([0.1, 0.2, bad, 0.3])


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(DataError, match="shape"):
        annual_return([[0.1, 0.2]])
    with pytest.raises(DataError, match="shape"):
        annual_return(0.1)
    with pytest.raises(DataError, match="must be numbers"):
        annual_return(["a"])


def test_the_downside_is_the_root_of_the_mean_square_of_losses_over_all_days() -> None:
    # mean 0.01; losses 0, 0, -0.03, -0.01 -> mean square 10e-4 / 4
    assert sortino_ratio([0.05, 0.03, -0.03, -0.01]) == pytest.approx(0.01 / math.sqrt(2.5e-4) * math.sqrt(365))
    assert math.isnan(sortino_ratio([0.01, 0.02]))
    assert math.isnan(sortino_ratio([-0.01]))


def test_calmar_is_the_annual_return_over_the_deepest_drawdown() -> None:
    # curve 0.2, 0.1, 0.0, 0.1: deepest 0.2; mean 0.025
    assert calmar_ratio([0.2, -0.1, -0.1, 0.1]) == pytest.approx(0.025 * 365 / 0.2)
    # compounded: 1.2, 1.08, 0.972, 1.0692: 0.972 / 1.2 = 0.81
    growth = math.log(1.2 * 0.9 * 0.9 * 1.1) / 4 * 365
    assert calmar_ratio([0.2, -0.1, -0.1, 0.1], compounded=True) == pytest.approx(math.expm1(growth) / 0.19)
    assert math.isnan(calmar_ratio([0.1, 0.1]))
    assert math.isnan(calmar_ratio([-0.1]))


def test_a_compounded_return_of_a_year_is_the_product_of_its_days() -> None:
    assert annual_return([0.001] * 365, compounded=True) == pytest.approx(1.001**365 - 1.0)
    assert math.isnan(annual_return([0.1, -1.0], compounded=True))


pnls = st.lists(st.integers(-1000, 1000).map(lambda x: x / 1e4), min_size=2, max_size=50)


@given(pnls, st.sampled_from([0.25, 2.0, 1024.0]))
def test_ratios_do_not_depend_on_the_unit_of_the_pnl(pnl: list[float], scale: float) -> None:
    scaled = [scale * each for each in pnl]
    for ratio in (information_ratio, sortino_ratio, calmar_ratio):
        assert ratio(scaled) == ratio(pnl) or (math.isnan(ratio(scaled)) and math.isnan(ratio(pnl)))


@given(pnls)
def test_the_ratio_of_a_loss_is_the_gain_s_with_the_other_sign(pnl: list[float]) -> None:
    assert information_ratio([-each for each in pnl]) == -information_ratio(pnl) or math.isnan(information_ratio(pnl))


@given(pnls)
def test_the_downside_is_never_more_than_the_root_mean_square(pnl: list[float]) -> None:
    ratio = sortino_ratio(pnl)
    values = np.array(pnl)
    if not math.isnan(ratio):
        assert abs(ratio) >= abs(values.mean() / math.sqrt((values**2).mean()) * math.sqrt(365)) * (1 - 1e-12)

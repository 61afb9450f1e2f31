"""How PnL goes with a benchmark's: answers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from halfspread.errors import DataError
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.relative import (
    active_return,
    alpha,
    beta,
    correlation,
    down_capture,
    relative_figures,
    tracking_error,
    up_capture,
)

#: Means 0.02 and 0.01; deviations of the benchmark (-2, 1, 2, -1) / 100, of the PnL (-4, -1, 4, 1) / 100.
BENCHMARK = [-0.01, 0.02, 0.03, 0.0]
PNL = [-0.02, 0.01, 0.06, 0.03]


def test_the_figures_of_four_days_by_hand() -> None:
    # less the benchmark: -1, -1, 3, 3 %
    assert active_return(PNL, BENCHMARK) == pytest.approx(0.04)
    assert tracking_error(PNL, BENCHMARK) == pytest.approx(0.02 * math.sqrt(365))
    # covariance (8 - 1 + 8 - 1) / 4 = 3.5, variance of the benchmark (4 + 1 + 4 + 1) / 4 = 2.5, in 1e-4
    assert beta(PNL, BENCHMARK) == pytest.approx(1.4)
    assert alpha(PNL, BENCHMARK) == pytest.approx((0.02 - 1.4 * 0.01) * 365)
    # variance of the PnL (16 + 1 + 16 + 1) / 4 = 8.5
    assert correlation(PNL, BENCHMARK) == pytest.approx(3.5 / math.sqrt(2.5 * 8.5))
    # it gained on the second and third day, 5 % in all, lost 1 % on the first; the last is neither
    assert up_capture(PNL, BENCHMARK) == pytest.approx(7.0 / 5.0)
    assert down_capture(PNL, BENCHMARK) == pytest.approx(2.0)
    found = relative_figures(np.array(PNL), np.array(BENCHMARK))
    assert found["benchmark_return"] == pytest.approx(0.04)
    assert found["alpha"] == alpha(PNL, BENCHMARK)


def test_the_information_ratio_is_the_active_return_of_a_year_over_the_tracking_error() -> None:
    annual = active_return(PNL, BENCHMARK) / 4 * 365
    assert information_ratio(PNL, BENCHMARK) == pytest.approx(annual / tracking_error(PNL, BENCHMARK))


def test_the_benchmark_against_itself() -> None:
    found = relative_figures(np.array(BENCHMARK), np.array(BENCHMARK))
    one = {"beta": 1.0, "correlation": 1.0, "up_capture": 1.0, "down_capture": 1.0}
    assert found == pytest.approx(
        one | {"benchmark_return": 0.04, "active_return": 0.0, "alpha": 0.0, "tracking_error": 0.0}
    )


def test_what_cannot_be_said_is_nan() -> None:
    flat = [0.01, 0.01, 0.01]
    assert math.isnan(beta([0.1, 0.2, 0.3], flat))
    assert math.isnan(alpha([0.1, 0.2, 0.3], flat))
    assert math.isnan(correlation([0.1, 0.2, 0.3], flat))
    assert math.isnan(correlation(flat, [0.1, 0.2, 0.3]))
    assert beta(flat, [0.1, 0.2, 0.3]) == 0.0
    assert math.isnan(down_capture([0.1, 0.2, 0.3], flat))
    assert math.isnan(up_capture([0.1], [-0.1]))
    assert math.isnan(tracking_error([0.1], [0.2]))


@pytest.mark.parametrize("figure", [active_return, tracking_error, beta, alpha, correlation, up_capture, down_capture])
def test_other_days_and_nan_are_refused(figure: object) -> None:
    assert callable(figure)
    with pytest.raises(DataError, match=r"3 days of PnL and 2 of the benchmark"):
        figure([0.1, 0.2, 0.3], [0.1, 0.2])
    with pytest.raises(DataError, match="NaN or infinite"):
        figure([0.1, 0.2], [0.1, math.nan])


@given(arrays(np.float64, 20, elements=st.floats(-0.5, 0.5, width=32)), st.floats(-3, 3), st.floats(-0.01, 0.01))
def test_a_line_of_the_benchmark_gives_back_its_slope_and_its_height(
    benchmark: np.ndarray[tuple[int], np.dtype[np.float64]], slope: float, height: float
) -> None:
    if benchmark.std() < 1e-3:
        return
    pnl = slope * benchmark + height
    assert beta(pnl, benchmark) == pytest.approx(slope, abs=1e-9)
    assert alpha(pnl, benchmark) == pytest.approx(365 * height, abs=1e-6)
    if abs(slope) > 0.01:
        assert correlation(pnl, benchmark) == pytest.approx(math.copysign(1.0, slope))


def test_the_figures_are_those_of_numpy() -> None:
    draw = np.random.default_rng(4)
    benchmark = 0.02 * draw.standard_normal(500)
    pnl = 0.3 * benchmark + 0.01 * draw.standard_normal(500) + 0.001
    slope, height = np.polyfit(benchmark, pnl, 1)
    assert beta(pnl, benchmark) == pytest.approx(slope)
    assert alpha(pnl, benchmark) == pytest.approx(365 * height)
    assert correlation(pnl, benchmark) == pytest.approx(np.corrcoef(pnl, benchmark)[0, 1])

"""The square-root law by hand, its estimates against pandas, and what the model refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.durations import DAY, HOUR, MINUTE
from halfspread.costs.impact import Impact
from halfspread.costs.kernels import daily_estimates, ewm_step, ewm_weight, square_root_impact
from halfspread.errors import ConfigError

amounts = st.floats(1e-6, 1e9)


def test_a_hundredth_of_the_daily_volume_moves_the_price_by_a_tenth_of_the_daily_volatility() -> None:
    assert square_root_impact(1.0, 0.04, 1_000.0, 100_000.0) == pytest.approx(0.004, rel=1e-15)
    assert square_root_impact(1.0, 0.04, -1_000.0, 100_000.0) == pytest.approx(0.004, rel=1e-15)
    assert square_root_impact(0.5, 0.04, 1_000.0, 100_000.0) == pytest.approx(0.002, rel=1e-15)


def test_no_contracts_have_no_impact_and_an_unknown_volume_has_an_unknown_one() -> None:
    assert square_root_impact(1.0, math.nan, 0.0, math.nan) == 0.0
    for volume in (0.0, -1.0, math.nan):
        assert math.isnan(square_root_impact(1.0, 0.04, 5.0, volume))
    assert math.isnan(square_root_impact(1.0, math.nan, 5.0, 100.0))


@given(amounts, amounts, st.floats(1e-4, 1.0))
def test_four_times_the_order_has_twice_the_impact(contracts: float, volume: float, sigma: float) -> None:
    once = square_root_impact(1.0, sigma, contracts, volume)
    assert square_root_impact(1.0, sigma, 4.0 * contracts, volume) == pytest.approx(2.0 * once, rel=1e-12)
    assert once > 0.0


def test_the_newest_bar_has_the_weight_that_puts_the_centre_of_mass_at_the_window() -> None:
    assert ewm_weight(DAY, DAY) == 0.5
    weight = ewm_weight(DAY, HOUR)
    ages = np.arange(20_000)
    weights = weight * (1.0 - weight) ** ages
    assert float(weights @ ages) == pytest.approx(24.0, rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([5 * MINUTE, HOUR]), st.sampled_from([HOUR, DAY]))
def test_the_estimates_are_the_weighted_means_of_pandas(seed: int, interval: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    returns, traded = rng.normal(0, 1e-3, 40), rng.exponential(50.0, 40)
    weight = ewm_weight(window, interval)
    squares = volumes = weights = 0.0
    for change, volume in zip(returns, traded, strict=True):
        squares, volumes = ewm_step(squares, weight, change * change), ewm_step(volumes, weight, volume)
        weights = ewm_step(weights, weight, 1.0)
    sigma, per_day = daily_estimates(squares, volumes, weights, interval)
    com = window / interval
    bars = DAY / interval
    assert sigma == pytest.approx(math.sqrt(pd.Series(returns**2).ewm(com=com).mean().iloc[-1] * bars), rel=1e-9)
    assert per_day == pytest.approx(pd.Series(traded).ewm(com=com).mean().iloc[-1] * bars, rel=1e-9)


def test_nothing_is_estimated_before_the_first_bar() -> None:
    assert all(math.isnan(value) for value in daily_estimates(0.0, 0.0, 0.0, HOUR))


def test_the_constructors_give_their_codes_and_windows() -> None:
    assert (Impact.none().code, Impact.square_root().code) == (0, 1)
    assert Impact.square_root(0.8, "12h").window_ns == 12 * HOUR
    assert Impact.model_validate({"kind": "square_root"}) == Impact.square_root()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"kind": "square_root", "coefficient": -1}, "coefficient: "),
        ({"kind": "square_root", "window": "0s"}, "window: expected a length of time up to 365d, got '0s'"),
        ({"kind": "square_root", "window": "400d"}, "up to 365d"),
        ({"kind": "square_root", "window": "a day"}, "window: expected a length of time such as"),
        ({"kind": "linear"}, "kind: "),
    ],
)
def test_an_impact_that_makes_no_sense_is_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match="Impact: ") as caught:
        Impact(**arguments)
    assert complaint in str(caught.value)


def test_the_report_says_what_moves_the_price() -> None:
    assert Impact.none().describe().startswith("none: orders do not move the market")
    told = Impact.square_root(0.7, "12h").describe()
    assert "0.7 x daily volatility" in told
    assert "over about 12h" in told

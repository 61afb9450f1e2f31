"""The tail and the shape of small series by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.tail import expected_shortfall, kurtosis, skewness, tail_days, value_at_risk

pnls = st.lists(st.integers(-1000, 1000).map(lambda x: x / 1e4), min_size=20, max_size=80)


def test_the_worst_day_of_twenty_is_the_tail_of_five_percent() -> None:
    pnl = [0.01] * 19 + [-0.07]
    assert expected_shortfall(pnl) == value_at_risk(pnl) == 0.07


def test_a_day_on_the_edge_counts_in_part() -> None:
    # 30 days: the worst, and half of the second: (0.06 + 0.5 x 0.03) / 1.5
    pnl = [0.01] * 28 + [-0.06, -0.03]
    assert expected_shortfall(pnl) == pytest.approx(0.05)
    assert value_at_risk(pnl) == 0.03


def test_too_few_days_for_a_whole_day_in_the_tail_are_refused() -> None:
    assert tail_days(0.05) == 20
    assert tail_days(0.01) == 100
    with pytest.raises(DataError, match=r"at a level of 0\.05 needs at least 20 days of daily PnL, got 19"):
        expected_shortfall([0.1] * 19)
    with pytest.raises(ConfigError, match="level of the tail"):
        expected_shortfall([0.1] * 50, 1.0)


def test_skew_and_kurtosis_by_hand() -> None:
    # 0, 0, 0, 1: deviation sqrt(3) / 4; third moment (3 x -1 + 27) / 4 / 64, fourth (3 + 81) / 4 / 256
    assert skewness([0.0, 0.0, 0.0, 1.0]) == pytest.approx(6 / 64 / (math.sqrt(3) / 4) ** 3)
    assert kurtosis([0.0, 0.0, 0.0, 1.0]) == pytest.approx(21 / 256 / (3 / 16) ** 2)
    assert skewness([-1.0, 0.0, 1.0]) == pytest.approx(0.0, abs=1e-15)
    assert kurtosis([-1.0, 1.0]) == 1.0
    for nothing in ([], [1.0], [0.3, 0.3]):
        assert math.isnan(skewness(nothing))
        assert math.isnan(kurtosis(nothing))


@given(pnls, st.sampled_from([0.05, 0.1, 0.5]))
def test_the_mean_of_the_tail_is_no_smaller_than_its_edge(pnl: list[float], level: float) -> None:
    assert expected_shortfall(pnl, level) >= value_at_risk(pnl, level) - 1e-15
    assert expected_shortfall(pnl, level) >= -float(np.mean(pnl)) - 1e-15
    assert expected_shortfall(pnl, 0.05) >= expected_shortfall(pnl, 0.5) - 1e-15


@given(pnls)
def test_no_series_is_more_peaked_than_its_skew_allows(pnl: list[float]) -> None:
    if np.ptp(pnl) > 0.0:
        assert kurtosis(pnl) >= 1.0 + skewness(pnl) ** 2 - 1e-9

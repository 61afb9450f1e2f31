"""Drawdowns of small curves worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.reports.statistics.drawdowns import (
    days_under_water,
    drawdown_curve,
    drawdowns,
    longest_drawdown,
    max_drawdown,
)

returns = st.lists(st.floats(-0.5, 0.5).filter(lambda x: x == 0.0 or abs(x) > 1e-9), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("pnl", "days"),
    [([], 0), ([1.0, 1.0], 0), ([-1.0, -1.0, -1.0], 3), ([2.0, -1.0, 0.5, 1.0, -1.0], 2), ([1.0, -1.0, 1.0], 1)],
)
def test_the_longest_drawdown_counts_days_below_the_peak(pnl: list[float], days: int) -> None:
    assert longest_drawdown(np.array(pnl)) == days


def test_every_drawdown_of_a_curve_is_listed_with_peak_trough_and_recovery() -> None:
    # curve 2, 1, 0.5, 2 (back at the peak), 3, 1, 2
    first, second = drawdowns([2.0, -1.0, -0.5, 1.5, 1.0, -2.0, 1.0])
    assert (first.first, first.trough, first.last, first.depth, first.recovered) == (1, 2, 2, 1.5, True)
    assert (first.days, first.days_to_trough) == (2, 2)
    assert (second.first, second.trough, second.last, second.depth, second.recovered) == (5, 5, 6, 2.0, False)
    assert (second.days, second.days_to_trough) == (2, 1)


def test_depth_is_in_units_of_notional_or_compounded_a_fraction_of_the_peak() -> None:
    # simple: 0.5, 0.2 -> 0.3; compounded: 1.5, 1.05 -> 0.3 of the peak; then 2.1: no drawdown
    assert drawdown_curve([0.5, -0.3, 1.0]).tolist() == pytest.approx([0.0, 0.3, 0.0])
    assert drawdown_curve([0.5, -0.3, 1.0], compounded=True).tolist() == pytest.approx([0.0, 0.3, 0.0])
    # the second loss falls from what is left: 1 - 0.5 x 0.5
    assert max_drawdown([-0.5, -0.5]) == 1.0
    assert max_drawdown([-0.5, -0.5], compounded=True) == 0.75


def test_a_curve_that_begins_with_a_loss_is_below_where_it_began() -> None:
    assert drawdown_curve([-0.1, 0.05]).tolist() == pytest.approx([0.1, 0.05])
    assert days_under_water([-0.1, 0.05, 0.1, 0.0]) == 0.5


def test_nothing_falls_without_days() -> None:
    assert drawdowns([]) == ()
    assert max_drawdown([]) == 0.0
    assert math.isnan(days_under_water([]))


@given(returns, st.booleans())
def test_the_parts_agree_with_the_whole(pnl: list[float], compounded: bool) -> None:
    falls = drawdowns(pnl, compounded)
    assert max_drawdown(pnl, compounded) == max((each.depth for each in falls), default=0.0)
    assert sum(each.days for each in falls) == round(days_under_water(pnl, compounded) * len(pnl))
    assert all(each.first <= each.trough <= each.last for each in falls)
    assert [each.recovered for each in falls[:-1]] == [True] * (len(falls) - 1)
    if compounded:
        assert max_drawdown(pnl, compounded) < 1.0


@given(returns)
def test_depth_scales_with_the_pnl_and_length_does_not(pnl: list[float]) -> None:
    doubled = [2.0 * each for each in pnl]
    assert max_drawdown(doubled) == 2.0 * max_drawdown(pnl)
    assert longest_drawdown(doubled) == longest_drawdown(pnl)
    assert days_under_water(doubled) == days_under_water(pnl)

"""Turnover, exposure, hits and costs by hand."""

from __future__ import annotations

import math

import pytest

from halfspread.errors import DataError
from halfspread.reports.statistics.trading import (
    annual_turnover,
    break_even_cost,
    cost_per_turnover,
    hit_ratio,
    mean_exposure,
)


def test_turnover_is_that_of_a_year_and_exposure_counts_shorts() -> None:
    assert annual_turnover([2.0, 0.0, 1.0]) == 365.0
    assert mean_exposure([0.5, -1.0, 0.0]) == 0.5
    assert math.isnan(annual_turnover([]))
    assert math.isnan(mean_exposure([]))


def test_hits_are_a_share_of_what_was_not_zero() -> None:
    assert hit_ratio([0.1, -0.1, 0.0, 0.2, 0.0]) == pytest.approx(2 / 3)
    assert math.isnan(hit_ratio([0.0, 0.0]))


def test_the_cost_at_which_the_edge_is_gone() -> None:
    # PnL 0.01 after costs of 0.02, on 10 traded: 20 bp paid, 30 bp could have been
    pnl, cost, turnover = [0.03, -0.02], [0.015, 0.005], [6.0, 4.0]
    assert cost_per_turnover(cost, turnover) == pytest.approx(0.002)
    assert break_even_cost(pnl, cost, turnover) == pytest.approx(0.003)
    # with the break-even cost charged instead the PnL is zero
    assert sum(pnl) + sum(cost) - break_even_cost(pnl, cost, turnover) * sum(turnover) == pytest.approx(0.0)
    assert break_even_cost([-0.03], [0.01], [1.0]) < 0.0


def test_without_turnover_there_is_no_cost_of_it() -> None:
    assert math.isnan(cost_per_turnover([0.0], [0.0]))
    assert math.isnan(break_even_cost([0.0], [0.0], [0.0]))


def test_a_negative_turnover_and_other_days_are_refused() -> None:
    with pytest.raises(DataError, match="not be negative, got -1 at row 1"):
        annual_turnover([2.0, -1.0])
    with pytest.raises(DataError, match="got 1 and 2"):
        cost_per_turnover([0.1], [1.0, 2.0])
    with pytest.raises(DataError, match="got 1 and 2"):
        break_even_cost([0.1], [0.1], [1.0, 2.0])

"""Ratios, errors and break-even of days worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from halfspread.reports.daily_figures import daily_figures
from halfspread.reports.metrics import metrics
from halfspread.reports.statistics.probabilistic import probabilistic_sharpe
from halfspread.reports.statistics.robust import robust_ratio_error

Build = Callable[..., Any]


def figures(pnl: list[float], **terms: float) -> dict[str, float]:
    given = {"total": sum(pnl), "price": 0.0, "execution": 0.0, "turnover": 0.0} | terms
    return daily_figures(np.array(pnl), None, **given)


def test_four_days_worked_by_hand() -> None:
    m = figures([0.02, -0.01, -0.01, 0.02], price=0.05, execution=-0.02, turnover=4.0)
    root = 365**0.5
    assert m["sharpe_ratio"] == pytest.approx(0.005 / 0.015 * root)
    assert m["sortino_ratio"] == pytest.approx(0.005 / (0.0002 / 4) ** 0.5 * root)
    assert m["max_daily_drawdown"] == pytest.approx(0.02)
    assert m["calmar_ratio"] == pytest.approx(0.005 * 365 / 0.02)
    assert m["days_under_water"] == 0.5 or m["days_under_water"] == pytest.approx(0.5)
    assert m["annual_turnover"] == pytest.approx(365.0)
    assert m["skewness"] == pytest.approx(0.0)
    assert m["kurtosis"] == pytest.approx(1.0)


def test_the_break_even_cost_is_what_was_earned_before_costs_of_fills_per_unit_traded() -> None:
    m = figures([0.01, 0.02], price=0.06, execution=-0.02, turnover=50.0)
    assert m["break_even_cost"] == pytest.approx((0.03 + 0.02) / 50.0)
    assert m["cost_and_funding_return"] == pytest.approx(0.03 - 0.06)


def test_what_needs_more_days_is_nan_below_them_and_is_given_from_them_on() -> None:
    rng = np.random.default_rng(3)
    pnl = rng.normal(0.001, 0.01, 30)
    short, enough = figures([*pnl[:29]]), figures([*pnl])
    for name in ("information_ratio_robust_error", "probabilistic_sharpe"):
        assert math.isnan(short[name]), name
    assert enough["information_ratio_robust_error"] == robust_ratio_error(pnl)
    assert enough["probabilistic_sharpe"] == probabilistic_sharpe(pnl)
    assert math.isnan(figures([*pnl[:19]])["expected_shortfall"])
    assert figures([*pnl[:20]])["expected_shortfall"] == pytest.approx(-pnl[:20].min())


def test_a_ratio_below_zero_has_no_track_record_length_and_days_that_never_vary_no_ratio() -> None:
    losing = [-0.01, 0.005] * 30
    assert math.isnan(figures(losing)["minimum_track_record"])
    assert figures([-one for one in losing])["minimum_track_record"] > 1.0
    idle = figures([0.0] * 90)
    for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "probabilistic_sharpe", "break_even_cost"):
        assert math.isnan(idle[name]), name


def test_the_metrics_hold_them_under_their_names(walk: Build) -> None:
    result = walk(days=90)
    m = metrics(result)
    assert m["sharpe_ratio"] == m["information_ratio"]
    assert m["break_even_cost"] == pytest.approx(
        (float(m["total_return"]) - float(m["execution_return"])) / float(m["turnover"])
    )
    assert float(m["max_daily_drawdown"]) <= float(m["max_drawdown"]) + 1e-12

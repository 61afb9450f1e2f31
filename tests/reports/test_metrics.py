"""Headline numbers of small results worked by hand, and their JSON form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.metrics import json_safe, metrics

Build = Callable[..., Any]


@pytest.fixture
def three_days(from_periods: Build, make_fills: Build) -> Any:
    """Long one contract at 100 on day one, flat at 110 on day three; notional and capital 1,000, fee 10%."""
    return from_periods(
        ["2024-01-02", "2024-01-03", "2024-01-04"],
        fills=make_fills([("2024-01-01 01:00", 1.0, 100.0), ("2024-01-03 01:00", -1.0, 110.0)], half=1.0, fee=0.1),
        price=[20.0, 5.0, 10.0],
        half_spread=[-1.0, -1.0, -2.0],
        fee=[-10.1, -10.1, -21.0],
        funding=[-1.0, -3.0, -3.0],
        collateral=[0.0, 0.0, 50.0],
        turnover=[101.0, 101.0, 210.0],
        exposure=[0.12, 0.105, 0.0],
        max_drawdown_notional=0.03,
        max_drawdown_equity=0.029,
    )


def test_returns_are_the_attribution_over_the_notional(three_days: Any) -> None:
    m = metrics(three_days)
    assert m["total_return"] == pytest.approx(-0.016)  # (10 - 2 - 21 - 3) / 1000
    assert m["price_return"] == pytest.approx(0.010)
    assert m["half_spread_return"] == pytest.approx(-0.002)
    assert m["fee_return"] == pytest.approx(-0.021)
    assert m["funding_return"] == pytest.approx(-0.003)
    assert m["impact_return"] == m["liquidation_return"] == 0.0
    assert m["execution_return"] == pytest.approx(-0.023)


def test_the_account_view_includes_the_collateral_and_the_notional_view_does_not(three_days: Any) -> None:
    m = metrics(three_days)
    assert m["equity_return"] == pytest.approx(0.034)
    assert m["final_equity"] == pytest.approx(1_034.0)
    assert m["collateral"] == pytest.approx(50.0)
    assert m["max_drawdown"] == 0.03
    assert m["equity_max_drawdown"] == 0.029


def test_the_account_view_is_a_fraction_of_the_capital_and_the_other_one_of_the_notional(from_periods: Build) -> None:
    m = metrics(from_periods(["2024-01-02"], price=[20.0], turnover=[3_000.0], capital=250.0, notional=1_000.0))
    assert m["equity_return"] == pytest.approx(0.08)
    assert m["final_equity"] == 270.0
    assert m["total_return"] == m["best_day"] == pytest.approx(0.02)
    assert m["turnover"] == 3.0


def test_exposure_counts_shorts_and_a_day_without_pnl_is_not_positive(from_periods: Build) -> None:
    m = metrics(
        from_periods(["2024-01-02", "2024-01-03", "2024-01-04"], price=[1.0, 1.0, 3.0], exposure=[0.5, -1.0, 0.0])
    )
    assert m["exposure"] == pytest.approx(0.5)
    assert m["positive_days"] == pytest.approx(2 / 3)


def test_daily_numbers_are_annualised_by_365_days(three_days: Any) -> None:
    m = metrics(three_days)
    pnl = np.array([0.0079, -0.017, -0.0069])  # 20-1-10.1-1, -15-2, 5-1-10.9
    assert m["days"] == 3
    assert m["annual_return"] == pytest.approx(pnl.mean() * 365)
    assert m["annual_volatility"] == pytest.approx(pnl.std() * 365**0.5)
    assert m["information_ratio"] == pytest.approx(pnl.mean() / pnl.std() * 365**0.5)
    assert [m["best_day"], m["worst_day"]] == pytest.approx([0.0079, -0.017])
    assert m["positive_days"] == pytest.approx(1 / 3)
    assert m["longest_drawdown_days"] == 2


def test_trading_is_counted_in_units_of_notional(three_days: Any) -> None:
    m = metrics(three_days)
    assert m["turnover"] == pytest.approx(0.21)
    assert m["cost_per_turnover"] == pytest.approx(23.0 / 210.0)  # positive: paid
    assert m["exposure"] == pytest.approx(0.225 / 3)
    assert (m["fills"], m["round_trips"], m["hit_ratio"]) == (2, 1, 0.0)
    assert m["mean_trade_hours"] == 48.0


def test_an_agent_that_never_traded_has_no_ratio_and_no_cost_per_turnover(from_periods: Build) -> None:
    m = metrics(from_periods(["2024-01-02", "2024-01-03", "2024-01-04"]))
    assert m["total_return"] == m["turnover"] == m["annual_volatility"] == m["exposure"] == 0.0
    for name in ("information_ratio", "information_ratio_error", "cost_per_turnover", "hit_ratio", "profit_factor"):
        assert math.isnan(float(m[name])), name


def test_an_empty_result_says_nan_rather_than_zero(from_periods: Build) -> None:
    m = metrics(from_periods([]))
    assert m["days"] == 0
    for name in ("annual_return", "annual_volatility", "information_ratio", "best_day", "positive_days", "exposure"):
        assert math.isnan(float(m[name])), name


def test_a_single_day_has_a_return_but_no_ratio(from_periods: Build) -> None:
    m = metrics(from_periods(["2024-01-01 18:00"], price=[12.0]))
    assert m["days"] == 1
    assert m["total_return"] == pytest.approx(0.012)
    assert math.isnan(float(m["information_ratio"]))
    assert math.isnan(float(m["annual_volatility"]))


def test_no_metric_is_infinite(walk: Build, from_periods: Build, three_days: Any) -> None:
    for result in (walk(days=30), from_periods([]), from_periods(["2024-01-02"], price=[-1.0]), three_days):
        for name, value in metrics(result).items():
            assert isinstance(value, str) or not math.isinf(value), name


def test_metrics_survive_json_with_nan_as_null(from_periods: Build) -> None:
    text = json.dumps(json_safe(metrics(from_periods([]))), allow_nan=False)
    read = json.loads(text)
    assert read["information_ratio"] is None
    assert read["days"] == 0


def test_json_safe_walks_through_everything_a_manifest_may_hold() -> None:
    value = {
        "nan": math.nan,
        "inf": [-math.inf, np.float32(0.5), np.int64(3), np.bool_(True)],
        "array": np.array([1.0, math.nan]),
        "time": pd.Timestamp("2024-01-01", tz="UTC"),
        "none": None,
        "nat": pd.NaT,
        "path": PurePosixPath("data/x.parquet"),
        "set": {"b", "a"},
        1: True,
    }
    assert json_safe(value) == {
        "nan": None,
        "inf": [None, 0.5, 3, True],
        "array": [1.0, None],
        "time": "2024-01-01T00:00:00+00:00",
        "none": None,
        "nat": None,
        "path": "data/x.parquet",
        "set": ["a", "b"],
        "1": True,
    }

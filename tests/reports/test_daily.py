"""Days: where midnight belongs, what gaps do, and the paper's table over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.daily import daily, table_one

Build = Callable[..., Any]


def test_a_period_that_ends_at_midnight_belongs_to_the_day_that_ends(from_periods: Build) -> None:
    result = from_periods(["2024-01-01 12:00", "2024-01-02 00:00", "2024-01-02 00:01"], price=[10.0, 30.0, 35.0])
    days = daily(result)
    assert [str(day.date()) for day in days.index] == ["2024-01-01", "2024-01-02"]
    assert days["price"].tolist() == pytest.approx([0.030, 0.005])


def test_each_column_is_the_change_over_the_day_in_units_of_notional(from_periods: Build) -> None:
    result = from_periods(
        ["2024-01-02", "2024-01-03"],
        price=[50.0, 80.0],
        half_spread=[-1.0, -3.0],
        fee=[-2.0, -3.0],
        impact=[-4.0, -4.0],
        funding=[-5.0, 1.0],
        liquidation=[0.0, -7.0],
        collateral=[100.0, 90.0],
        turnover=[2_000.0, 2_500.0],
        exposure=[0.5, -1.0],
    )
    days = daily(result)
    assert days["execution"].tolist() == pytest.approx([-0.007, -0.003])
    assert days["carry"].tolist() == pytest.approx([-0.005, 0.006])
    assert days["liquidation"].tolist() == pytest.approx([0.0, -0.007])
    assert days["pnl"].tolist() == pytest.approx([0.038, 0.026])  # without the collateral
    assert days["collateral"].tolist() == pytest.approx([0.1, -0.01])
    assert days["turnover"].tolist() == pytest.approx([2.0, 0.5])
    assert days["position"].tolist() == [0.5, -1.0]
    assert days["equity"].tolist() == pytest.approx([1_138.0, 1_154.0])


def test_days_without_periods_have_no_pnl_and_keep_the_position(from_periods: Build) -> None:
    result = from_periods(["2024-01-02", "2024-01-05"], price=[10.0, 25.0], exposure=[0.7, 0.2])
    days = daily(result)
    assert len(days) == 4
    assert days["pnl"].tolist() == pytest.approx([0.01, 0.0, 0.0, 0.015])
    assert days["position"].tolist() == [0.7, 0.7, 0.7, 0.2]


def test_days_before_the_first_period_are_flat_at_the_initial_capital(from_periods: Build) -> None:
    result = from_periods(["2024-01-03 12:00"], price=[10.0], start=pd.Timestamp("2024-01-01 06:00", tz="UTC"))
    days = daily(result)
    assert days["pnl"].tolist() == pytest.approx([0.0, 0.0, 0.01])
    assert days["equity"].tolist() == pytest.approx([1_000.0, 1_000.0, 1_010.0])


def test_the_days_add_up_to_the_attribution(walk: Build) -> None:
    result = walk(days=40)
    days = daily(result)
    assert len(days) == 40
    assert days["pnl"].sum() == pytest.approx(result.attribution["total"] / result.notional)
    assert days["carry"].sum() == pytest.approx(result.attribution["funding"] / result.notional)
    assert days["equity"].iloc[-1] == result.periods["equity"].iloc[-1]


def test_an_empty_result_has_no_days(from_periods: Build) -> None:
    days = daily(from_periods([]))
    assert len(days) == 0
    assert {"position", "execution", "carry", "price", "pnl"} <= set(days.columns)
    table = table_one(days)
    assert table.loc["count", "pnl"] == 0.0
    assert table.drop(index="count").isna().all().all()


def test_table_one_is_what_numpy_says(walk: Build) -> None:
    days = daily(walk(days=101))
    table = table_one(days)
    assert list(table.columns) == ["position", "execution", "carry", "pnl"]
    assert list(table.index) == ["count", "mean", "std", "min", "25%", "50%", "75%", "max", "sum", "ir"]
    for name in table.columns:
        values = days[name].to_numpy()
        wanted = [
            101,
            np.mean(values),
            np.std(values),
            np.min(values),
            *np.percentile(values, [25, 50, 75]),
            np.max(values),
        ]
        assert table[name].iloc[:8].tolist() == pytest.approx(wanted)
    assert table.loc["sum", "pnl"] == pytest.approx(np.sum(days["pnl"].to_numpy()))
    assert table["position"].isna()["sum"]
    pnl = days["pnl"].to_numpy()
    assert table.loc["ir", "pnl"] == pytest.approx(pnl.mean() / pnl.std() * 365**0.5)
    assert table.loc["ir", ["position", "execution", "carry"]].isna().all()

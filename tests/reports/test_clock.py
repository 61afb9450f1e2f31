"""Hours and weekdays worked by hand, from lines of every kind, and their sums against the metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.clock import by_hour, by_weekday
from halfspread.reports.measured import Measured

Build = Callable[..., Any]


def hours(result: Any) -> pd.DataFrame:
    return by_hour(result, Measured.of(result).days)


def test_a_line_belongs_to_the_hour_that_it_ends(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills([("2024-01-01 02:00", 1.0, 100.0)], fee=0.01)
    times = ["2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 03:00", "2024-01-02 00:00"]
    result = from_periods(
        times,
        fills=fills,
        price=[10.0, 30.0, 30.0, 35.0],
        fee=[0.0, 0.0, -1.0, -1.0],
        turnover=[0.0, 0.0, 100.0, 100.0],
    )
    found = hours(result)
    assert found["pnl"].tolist()[:3] == pytest.approx([0.010, 0.020, -0.001])
    assert found["pnl"].tolist()[23] == pytest.approx(0.005)
    assert found["before_costs"].tolist()[:3] == pytest.approx([0.010, 0.020, 0.0])
    assert found["execution"].tolist()[2] == pytest.approx(-0.001)
    assert found["turnover"].tolist()[2] == pytest.approx(0.1)
    assert found["fills"].tolist() == [0, 0, 1, *[0] * 21]
    assert found["days"].tolist() == [1, 1, 1, *[0] * 20, 1]
    assert all(math.isnan(value) for value in found["errors"])


def test_a_fill_at_the_close_of_a_bar_counts_before_it_as_its_cost_does(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills([("2024-01-01 02:00", 1.0, 100.0), ("2024-01-01 03:00", -1.0, 100.0)])
    settings = {"fills": fills, "fill_convention": "this_close"}
    found = hours(from_periods(["2024-01-01 02:00", "2024-01-01 03:00"], **settings))
    assert found["fills"].tolist()[:4] == [0, 1, 1, 0]


def test_lines_by_the_minute_make_hours_and_each_hour_counts_once(from_periods: Build) -> None:
    times = pd.date_range("2024-01-01 00:01", periods=180, freq="min", tz="UTC")
    found = hours(from_periods(times, price=np.arange(1.0, 181.0)))
    assert found["pnl"].tolist()[:4] == pytest.approx([0.06, 0.06, 0.06, 0.0])
    assert found["days"].tolist()[:4] == [1, 1, 1, 0]


def test_lines_of_four_hours_make_six_parts_of_a_day_named_by_their_beginning(from_periods: Build) -> None:
    times = pd.date_range("2024-01-01 04:00", periods=12, freq="4h", tz="UTC")
    found = hours(from_periods(times, price=np.arange(1.0, 13.0)))
    assert found.index.tolist() == [0, 4, 8, 12, 16, 20]
    assert found["pnl"].tolist() == pytest.approx([0.002] * 6)


def test_lines_by_the_day_leave_the_hours_to_the_curve_and_the_fills(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills([("2024-01-01 02:00", 1.0, 100.0), ("2024-01-02 05:00", -1.0, 110.0)], fee=0.01)
    result = from_periods(
        ["2024-01-02", "2024-01-03"], fills=fills, price=[8.0, 10.0], fee=[-1.0, -2.1], notional=100.0
    )
    times = pd.date_range("2024-01-01 01:00", periods=48, freq="h", tz="UTC").as_unit("ns")
    equity = np.full(48, 1_000.0)
    equity[2:] -= 1.0  # the fee of the first fill, at the close of the bar that opened at 02:00
    equity[3:] += 10.0
    equity[29:] -= 1.1
    result.curve = pd.DataFrame({"equity": equity, "collateral": 0.0, "position": 0.0}, index=times)
    result.attribution |= {"price": 10.0, "fee": -2.1}
    found = hours(result)
    assert found["pnl"].tolist()[:6] == pytest.approx([0.0, 0.0, -0.01, 0.10, 0.0, -0.011])
    assert found["execution"].tolist()[2] == pytest.approx(-0.01)
    assert found["execution"].tolist()[5] == pytest.approx(-0.011)
    assert found["before_costs"].tolist()[:6] == pytest.approx([0.0, 0.0, 0.0, 0.10, 0.0, 0.0], abs=1e-12)
    assert found["turnover"].sum() == pytest.approx(2.1)
    result.thinned = True
    assert len(hours(result)) == 0


def test_weekdays_are_named_and_counted(from_periods: Build, make_fills: Build) -> None:
    days = pd.date_range("2024-01-02", periods=9, freq="D", tz="UTC")  # Monday 1 to Tuesday 9 January
    fills = make_fills([("2024-01-03 12:00", 1.0, 100.0), ("2024-01-08 00:00", -1.0, 100.0)])
    result = from_periods(days, fills=fills, price=np.cumsum([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]))
    found = by_weekday(result, Measured.of(result).days)
    assert found.loc["Monday", "days"] == 2
    assert found.loc["Monday", "pnl"] == pytest.approx(0.009)
    assert found.loc["Tuesday", "pnl"] == pytest.approx(0.011)
    assert found.loc["Sunday", "pnl"] == pytest.approx(0.007)
    assert found.loc["Wednesday", "fills"] == 1
    assert found.loc["Monday", "fills"] == 1
    short = from_periods(["2024-01-02", "2024-01-03"])
    assert by_weekday(short, Measured.of(short).days).index.tolist() == ["Monday", "Tuesday"]


def test_the_mean_in_standard_errors_needs_ten_of_a_kind(from_periods: Build) -> None:
    days = pd.date_range("2024-01-02", periods=70, freq="D", tz="UTC")
    weeks = np.arange(70) // 7
    result = from_periods(days, price=np.cumsum(np.where(weeks % 2 == 0, 3.0, -1.0)))
    found = by_weekday(result, Measured.of(result).days)
    # mean 1, deviation with nine degrees of freedom 2 sqrt(10 / 9)
    assert found["errors"].tolist() == pytest.approx([1.0 / (2.0 * (10 / 9) ** 0.5 / 10**0.5)] * 7)
    fewer = from_periods(days[:69], price=np.cumsum(np.where(weeks % 2 == 0, 3.0, -1.0))[:69])
    assert math.isnan(by_weekday(fewer, Measured.of(fewer).days)["errors"].iloc[-1])


def test_hours_and_weekdays_add_up_to_the_metrics(walk: Build) -> None:
    result = walk(days=100)
    measured = Measured.of(result)
    m = measured.metrics
    for found in (by_hour(result, measured.days), by_weekday(result, measured.days)):
        assert found["pnl"].sum() == pytest.approx(float(m["total_return"]))
        assert found["execution"].sum() == pytest.approx(float(m["execution_return"]))
        assert found["turnover"].sum() == pytest.approx(float(m["turnover"]))
        assert found["fills"].sum() == m["fills"]


def test_a_result_without_lines_has_no_hours(from_periods: Build) -> None:
    assert len(hours(from_periods([]))) == 0
    assert len(hours(from_periods(["2024-01-02"]))) == 0

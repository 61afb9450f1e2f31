"""Every figure that cannot be said has a reason, and too few days come with the number needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.errors import DataError
from halfspread.reports.benchmark import Benchmark
from halfspread.reports.html import run_page
from halfspread.reports.measured import Measured
from halfspread.reports.statistics.ratios import information_ratio
from halfspread.reports.statistics.robust import robust_ratio_error
from halfspread.reports.statistics.tail import expected_shortfall
from halfspread.reports.text import plain, summary_table
from halfspread.reports.unsaid import NEEDED, unsaid

Build = Callable[..., Any]


@pytest.mark.parametrize("days", [1, 2, 10, 19, 20, 29, 30, 59, 60])
def test_a_figure_is_nan_for_days_below_the_number_and_not_from_it_on(walk: Build, days: int) -> None:
    metrics = Measured.of(walk(days=days)).metrics
    reasons = unsaid(metrics)
    for name, least in NEEDED.items():
        if name not in metrics:  # against a benchmark
            continue
        if days < least:
            assert reasons[name] == f"needs at least {least} {'day' if least == 1 else 'days'}, this run has {days}"
        elif name not in ("minimum_track_record", "sortino_ratio", "calmar_ratio"):
            assert math.isfinite(float(metrics[name])), name


def nothing(from_periods: Build, days: int) -> Any:
    return from_periods([f"2024-01-{day + 1:02d}" for day in range(1, days + 1)], price=np.zeros(days))


def against(result: Any, returns: list[float]) -> Any:
    index = pd.date_range("2024-01-01", periods=len(returns), tz="UTC")
    result.benchmark = Benchmark.read(pd.Series(returns, index=index), values="returns", name="index")
    return result


def test_every_nan_has_a_reason_of_its_own(walk: Build, from_periods: Build) -> None:
    gains = from_periods([f"2024-01-{day:02d}" for day in range(2, 32)], price=np.arange(1.0, 31.0) ** 2)
    held = against(nothing(from_periods, 30), [0.0] * 30)
    for result in (walk(days=3), walk(days=70), nothing(from_periods, 1), nothing(from_periods, 30), gains, held):
        metrics = Measured.of(result).metrics
        reasons = unsaid(metrics)
        assert set(reasons) == {
            name for name, value in metrics.items() if isinstance(value, float) and math.isnan(value)
        }
        assert "there is nothing to compute it from" not in reasons.values()


def test_reasons_by_hand(from_periods: Build) -> None:
    idle = unsaid(Measured.of(nothing(from_periods, 30)).metrics)
    assert idle["information_ratio"] == "no day differs from another (did the agent trade?)"
    assert idle["cost_per_turnover"] == "nothing was traded"
    assert idle["hit_ratio"] == "no round trip was closed"
    gains = from_periods([f"2024-01-{day:02d}" for day in range(2, 32)], price=np.arange(1.0, 31.0) ** 2)
    assert unsaid(Measured.of(gains).metrics)["sortino_ratio"] == "no day lost"
    losses = from_periods([f"2024-01-{day:02d}" for day in range(2, 32)], price=-(np.arange(1.0, 31.0) ** 2))
    found = unsaid(Measured.of(losses).metrics)
    assert found["minimum_track_record"] == "no number of days tells a ratio like this from zero"
    same = against(from_periods(["2024-01-02", "2024-01-03"], price=[10.0, 0.0]), [0.01, -0.01])
    assert unsaid(Measured.of(same).metrics)["information_ratio"].startswith("the agent is the benchmark")


@pytest.mark.parametrize("days", [1, 2, 10, 59])
def test_the_terminal_and_the_page_say_how_many_days_intervals_need(walk: Build, days: int) -> None:
    words = f"intervals need at least 60 days, this run has {days}"
    assert words in plain(summary_table(walk(days=days)))
    assert words in run_page(walk(days=days))
    assert "intervals need" not in run_page(walk(days=60))


def test_the_page_says_what_it_leaves_out(walk: Build) -> None:
    assert "Expected shortfall: needs at least 20 days, this run has 19" in run_page(walk(days=19))
    page = run_page(walk(days=20))
    assert "Expected shortfall: needs" not in page
    assert "rolling figures: need at least 120 days, this run has 20" in page
    assert "hours and weekdays: need at least 28 days, this run has 20" in page
    assert "hours and weekdays: need" not in run_page(walk(days=28))


def test_the_functions_refuse_with_the_same_numbers() -> None:
    draw = np.random.default_rng(1).standard_normal(100)
    assert math.isnan(information_ratio(draw[: NEEDED["information_ratio"] - 1]))
    for function, name in (
        (robust_ratio_error, "information_ratio_robust_error"),
        (expected_shortfall, "expected_shortfall"),
    ):
        assert math.isfinite(function(draw[: NEEDED[name]]))
        with pytest.raises(DataError, match=rf"at least {NEEDED[name]}"):
            function(draw[: NEEDED[name] - 1])

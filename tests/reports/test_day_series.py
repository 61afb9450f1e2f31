"""The series that statistics are made of agree with the metrics of the same result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from halfspread.reports.measured import Measured

Build = Callable[..., Any]


def test_a_trip_counts_on_the_day_of_its_exit_and_an_open_one_does_not(from_periods: Build, make_fills: Build) -> None:
    fills = make_fills(
        [
            ("2024-01-01 01:00", 1.0, 100.0),
            ("2024-01-02 02:00", -1.0, 110.0),
            ("2024-01-02 03:00", 1.0, 110.0),
            ("2024-01-02 04:00", -1.0, 100.0),
            ("2024-01-03 01:00", 1.0, 100.0),
            ("2024-01-03 02:00", -1.0, 100.0),
            ("2024-01-03 03:00", 1.0, 100.0),
        ]
    )
    result = from_periods(["2024-01-02", "2024-01-03", "2024-01-04"], fills=fills, price=[5.0, 0.0, 0.0])
    series = Measured.of(result).series
    assert series.trips is not None
    assert series.winners is not None
    assert series.trips.tolist() == [0.0, 2.0, 1.0]
    assert series.winners.tolist() == [0.0, 1.0, 0.0]


def test_the_exposure_of_days_has_the_mean_of_the_periods_also_where_a_day_is_short(from_periods: Build) -> None:
    times = ["2024-01-01 12:00", "2024-01-02 00:00", "2024-01-02 12:00"]
    measured = Measured.of(from_periods(times, exposure=[1.0, -0.5, 0.25], price=[1.0, 2.0, 3.0]))
    assert measured.series.exposure is not None
    assert measured.series.exposure.mean() == pytest.approx(float(measured.metrics["exposure"]))
    assert measured.series.exposure.tolist() == pytest.approx([1.0, 1.0 / 6.0])  # (1.5, 0.25) x 2 days / 3 periods


def test_returns_on_equity_compound_to_the_account_return_and_end_where_there_is_none_left(from_periods: Build) -> None:
    days = ["2024-01-02", "2024-01-03", "2024-01-04"]
    measured = Measured.of(from_periods(days, price=[100.0, -50.0, 200.0]))
    assert measured.series.returns is not None
    assert np.prod(1.0 + measured.series.returns) - 1.0 == pytest.approx(float(measured.metrics["equity_return"]))
    assert Measured.of(from_periods(days, price=[-1_000.0, -1_000.0, -990.0])).series.returns is None


def test_every_estimate_of_the_intervals_is_the_metric_of_its_name(walk: Build) -> None:
    measured = Measured.of(walk(days=100))
    assert measured.intervals is not None
    shared = set(measured.intervals.figures) & set(measured.metrics)
    assert len(shared) >= 22
    for name in shared:
        assert measured.intervals[name].estimate == pytest.approx(float(measured.metrics[name]), rel=1e-9), name

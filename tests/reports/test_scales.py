"""Round numbers and dates on axes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.reports.scales import Scale, nice_ticks, padded, time_ticks


def nanoseconds(text: str) -> int:
    return int(pd.Timestamp(text).as_unit("ns").value)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.3, 1.7, [0.0, 0.5, 1.0, 1.5]),
        (97.0, 122.0, [100.0, 105.0, 110.0, 115.0, 120.0]),
        (-0.00042, 0.0, [-0.0004, -0.0003, -0.0002, -0.0001, 0.0]),
    ],
)
def test_ticks_are_round_numbers_inside_the_range(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_ticks_are_few_even_and_inside(low: float, span: float) -> None:
    high = low + span
    ticks = nice_ticks(low, high)
    assert len(ticks) <= 12
    slack = 1e-6 * span + 4.0 * float(np.spacing(max(abs(low), abs(high))))
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert len(ticks) < 3 or np.ptp(np.diff(ticks)) < 1e-6 * max(span, abs(low))


def test_a_range_without_width_has_one_tick_and_no_error() -> None:
    assert nice_ticks(3.0, 3.0) == [3.0]
    assert nice_ticks(math.nan, math.nan) == []
    assert padded(5.0, 5.0) == (4.75, 5.25)
    low, high = padded(0.0, 0.0)
    assert low < 0.0 < high
    assert padded(math.nan, 1.0) == (0.0, 1.0)


def test_no_tick_is_a_negative_zero() -> None:
    assert all(math.copysign(1.0, tick) > 0 for tick in nice_ticks(-1.0, 1.0) if tick == 0.0)


@pytest.mark.parametrize(
    ("start", "end", "labels"),
    [
        ("2017-02-11", "2021-09-22", ["2018", "2019", "2020", "2021"]),
        ("2023-10-15", "2024-05-20", ["Nov 2023", "Dec", "Jan 2024", "Feb", "Mar", "Apr", "May"]),
        ("2024-02-27", "2024-03-03", ["27 Feb 2024", "28 Feb", "29 Feb", "1 Mar", "2 Mar", "3 Mar"]),
        (
            "2024-01-01 21:00",
            "2024-01-02 03:00",
            ["1 Jan 21:00", "22:00", "23:00", "2 Jan 00:00", "01:00", "02:00", "03:00"],
        ),
    ],
)
def test_dates_are_round_and_say_the_year_or_day_when_it_changes(start: str, end: str, labels: list[str]) -> None:
    ticks = time_ticks(nanoseconds(start), nanoseconds(end))
    found = [label for _, label in ticks]
    assert found == labels


@pytest.mark.parametrize("days", [0.001, 0.02, 0.3, 1, 3, 9, 20, 45, 100, 200, 400, 900, 2_000, 6_000])
def test_any_span_has_a_handful_of_ticks_inside_it(days: float) -> None:
    start = nanoseconds("2019-03-04 05:06:07")
    end = start + int(days * 86_400e9)
    ticks = time_ticks(start, end)
    assert 1 <= len(ticks) <= 9
    assert all(start <= time <= end for time, _ in ticks)


def test_a_scale_maps_ends_to_ends() -> None:
    scale = Scale(10.0, 20.0, 100.0, 0.0)
    assert scale([10.0, 15.0, 20.0]).tolist() == [100.0, 50.0, 0.0]
    assert Scale(5.0, 5.0, 0.0, 1.0)(5.0) == 0.0


def test_a_run_of_seconds_has_seconds_on_its_axis() -> None:
    ticks = time_ticks(nanoseconds("2024-01-01 00:00:03"), nanoseconds("2024-01-01 00:00:45"))
    assert [words for _, words in ticks] == ["1 Jan 00:00:10", "00:00:20", "00:00:30", "00:00:40"]

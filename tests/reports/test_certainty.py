"""Intervals of a result: from its seed alone, in JSON, and what is said where the days are too few."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from halfspread.reports.certainty import find_intervals, intervals_object, limits, shortage
from halfspread.reports.measured import Measured
from halfspread.reports.metrics import json_safe
from halfspread.reports.statistics.days import Days

Build = Callable[..., Any]


def days(count: int) -> Days:
    return Days.of(np.random.default_rng(5).normal(0.001, 0.01, count))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    first, again, other = (find_intervals(days(90), seed) for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.figures == again.figures
    assert first["annual_return"].low != other["annual_return"].low
    assert first["annual_return"].estimate == other["annual_return"].estimate


def test_the_seed_is_that_of_the_run(walk: Build) -> None:
    one, two = (Measured.of(walk(days=70, seed=1)), Measured.of(walk(days=70, seed=1)))
    assert one.intervals is not None
    assert two.intervals is not None
    assert one.intervals.figures == two.intervals.figures
    result = walk(days=70, seed=1)
    result.seed = 9
    found = Measured.of(result).intervals
    assert found is not None
    assert found["total_return"].low != one.intervals["total_return"].low


def test_fewer_than_sixty_days_have_none_and_the_number_is_told() -> None:
    assert find_intervals(days(59), 0) is None
    assert find_intervals(days(60), 0) is not None
    assert shortage(59) == "intervals need at least 60 days, this run has 59"
    assert shortage(60) == ""
    assert limits(None, "total_return") is None


def test_the_json_says_what_the_intervals_rest_on() -> None:
    found = find_intervals(days(90), 0)
    written = json.loads(json.dumps(json_safe(intervals_object(found, 90)), allow_nan=False))
    assert (written["level"], written["days"], written["days_needed"], written["resamples"]) == (0.95, 90, 60, 1_000)
    one = written["figures"]["total_return"]
    assert set(one) == {"estimate", "low", "high", "percentile", "method"}
    assert one["low"] < one["estimate"] < one["high"]
    short = json.loads(json.dumps(json_safe(intervals_object(None, 31)), allow_nan=False))
    assert short == {
        **{"level": 0.95, "days": 31, "days_needed": 60, "resamples": 0, "block_days": None},
        "figures": {},
    }


def test_an_agent_that_never_traded_has_figures_without_limits(from_periods: Build) -> None:
    idle = from_periods(pd.date_range("2024-01-02", periods=80, freq="D", tz="UTC"))
    found = Measured.of(idle).intervals
    assert limits(found, "information_ratio") is None
    json.dumps(json_safe(intervals_object(found, 80)), allow_nan=False)

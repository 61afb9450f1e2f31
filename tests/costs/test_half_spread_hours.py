"""Half-spreads by hour: the lookup, and the fit on quotes by hand and on real quotes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.base import nanoseconds
from halfspread.costs.durations import DAY, HOUR, SECOND
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.half_spread_fit import fit_hours
from halfspread.costs.kernels import half_spread_of_hour, hour_of_week
from halfspread.errors import ConfigError, DataError

MONDAY = nanoseconds(datetime(2024, 1, 1, tzinfo=UTC))


@given(st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1)))
def test_the_hour_of_the_week_is_counted_from_monday_midnight(moment: datetime) -> None:
    time = moment.replace(tzinfo=UTC)
    assert hour_of_week(nanoseconds(time)) == 24 * time.weekday() + time.hour


def test_a_table_of_hours_is_repeated_over_the_week_and_looked_up_by_time() -> None:
    daily = HalfSpread.by_hour([float(h) for h in range(24)]).hours()
    assert half_spread_of_hour(daily, 20_000.0, MONDAY + 2 * DAY + 5 * HOUR - 1) == pytest.approx(8.0, rel=1e-15)
    assert half_spread_of_hour(daily, 20_000.0, MONDAY + 2 * DAY + 5 * HOUR) == pytest.approx(10.0, rel=1e-15)
    weekly = HalfSpread.by_hour(np.arange(168) / 10, by="hour_of_week").hours()
    assert half_spread_of_hour(weekly, 10_000.0, MONDAY + 8 * DAY) == pytest.approx(2.4, rel=1e-15)
    assert HalfSpread.bps(1).hours().shape == (0,)


@pytest.mark.parametrize(("count", "by"), [(24, "hour_of_week"), (168, "hour"), (24, "minute")])
def test_a_table_of_the_wrong_length_is_refused(count: int, by: Any) -> None:
    with pytest.raises(ConfigError, match=f"got {count} by='{by}'"):
        HalfSpread.by_hour([1.0] * count, by)


def quotes(rows: list[tuple[int, float]], mid: float = 100.0) -> tuple[Any, Any, Any]:
    """Times and quotes around ``mid`` from seconds after Monday midnight and half-spreads in basis points."""
    times = np.array([MONDAY + second * SECOND for second, _ in rows], np.int64)
    half = np.array([bps for _, bps in rows]) * 1e-4 * mid
    return times, mid - half, mid + half


def test_each_quote_counts_for_the_time_it_stood() -> None:
    # 01:00: 2 bp for 10 s, 5 bp for 20 s: mean 4 bp, median 5 bp; the last quote counts for nothing
    day = quotes([(3600, 2.0), (3610, 5.0), (3630, 9.0)])
    table = fit_hours(*day, fill="mean").table or ()
    assert table[1] == pytest.approx(4.0, rel=1e-9)
    median = fit_hours(*day, statistic="time_weighted_median", fill="mean").table or ()
    assert median[1] == pytest.approx(5.0, rel=1e-9)


def test_a_quote_over_the_full_hour_counts_in_both_hours() -> None:
    # 2 bp from 00:59:50 to 01:00:20, then 8 bp for 20 s: hour 0 has 2 bp, hour 1 (20 s of 2, 20 s of 8) has 5
    table = fit_hours(*quotes([(3590, 2.0), (3620, 8.0), (3640, 1.0)]), fill="mean").table or ()
    assert table[:2] == pytest.approx((2.0, 5.0), rel=1e-9)


def test_hours_without_quotes_take_the_mean_of_all_time_when_asked_to() -> None:
    table = fit_hours(*quotes([(3590, 2.0), (3620, 8.0), (3640, 1.0)]), fill="mean").table or ()
    assert table[2:] == pytest.approx([(30 * 2.0 + 20 * 8.0) / 50] * 22, rel=1e-9)


def test_a_quote_that_stands_still_for_hours_counts_for_a_minute() -> None:
    stalled = quotes([(0, 50.0), (3000, 1.0), (3060, 1.0)])
    assert (fit_hours(*stalled, fill="mean").table or ())[0] == pytest.approx(25.5, rel=1e-9)
    longer = fit_hours(*stalled, fill="mean", longest="1h").table or ()
    assert longer[0] == pytest.approx((3000 * 50 + 60) / 3060, rel=1e-9)


def test_a_missing_quote_ends_the_one_before_and_counts_for_nothing() -> None:
    times, bid, ask = quotes([(0, 2.0), (10, 4.0), (20, 6.0), (30, 1.0)])
    bid[1] = np.nan
    assert (fit_hours(times, bid, ask, fill="mean").table or ())[0] == pytest.approx(4.0, rel=1e-9)


def test_hours_of_the_week_are_kept_apart() -> None:
    rows = [(h * 3600, 1.0 + h / 100) for h in range(169)]
    table = fit_hours(*quotes(rows), by="hour_of_week").table or ()
    assert table == pytest.approx([1.0 + h / 100 for h in range(168)], rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 90_000), st.floats(0.1, 50)), min_size=3, max_size=40), st.booleans())
def test_the_fit_agrees_with_a_slow_one_second_by_second(rows: list[tuple[int, float]], weekly: bool) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    total: dict[int, list[float]] = {}
    for (start, bps), (end, _) in pairwise(rows):
        for second in range(start, min(end, start + 60)):
            total.setdefault(second // 3600 % (168 if weekly else 24), []).append(bps)
    if not total:
        return
    table = fit_hours(*quotes(rows), by="hour_of_week" if weekly else "hour", fill="mean").table or ()
    for hour, seen in total.items():
        assert table[hour] == pytest.approx(sum(seen) / len(seen), rel=1e-6)


def test_hours_without_quotes_are_named() -> None:
    with pytest.raises(
        DataError, match=r"22 of 24 hours have none: 02:00, 03:00, .* and 17 more \(UTC\); .*fill='mean'"
    ):
        fit_hours(*quotes([(3590, 2.0), (3620, 8.0), (3640, 1.0)]))
    with pytest.raises(DataError, match=r"167 of 168 hours have none: Monday 00:00"):
        fit_hours(*quotes([(3600 + 86400, 2.0), (3630 + 86400, 8.0)]), by="hour_of_week")


def test_no_quotes_at_all_cannot_be_filled() -> None:
    for rows in ([], [(0, 1.0)]):
        with pytest.raises(DataError, match="24 of 24 hours have none"):
            fit_hours(*quotes(rows), fill="mean")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t, b, a: (t[::-1], b, a), "row 1: earlier than the row before it"),
        (lambda t, b, a: (t, a, b), r"row 0 \(2024-01-01 00:00:00 UTC\): the bid is above the ask.*2 such rows"),
        (lambda t, b, a: (t, -b, a), "expected finite prices above zero"),
        (lambda t, b, a: (t, b[:1], a), r"expected a bid and an ask for each time, got \(2,\), \(1,\)"),
    ],
)
def test_quotes_that_cannot_be_are_refused(change: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        fit_hours(*change(*quotes([(0, 2.0), (10, 4.0)])), fill="mean")


@pytest.mark.parametrize(
    "wrong", [{"by": "minute"}, {"statistic": "mean"}, {"fill": "zero"}, {"longest": "0s"}, {"longest": "long"}]
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        fit_hours(*quotes([(0, 2.0), (10, 4.0)]), **wrong)


def test_real_quotes_of_bybit_are_one_tick_wide(halfspread_data: Path) -> None:
    import pandas as pd

    (path,) = (halfspread_data / "bybit").glob("btcusdt_1m_bidask_20221213*")
    frame = pd.read_parquet(path)
    times: Any = frame["ts"].dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    fitted = fit_hours(times, frame["bid_close"].to_numpy(float), frame["ask_close"].to_numpy(float), fill="mean")
    table = np.array(fitted.table)
    tick = 0.5 * 0.5 / 17_500 * 1e4
    assert (table > 0.8 * tick).all()
    assert (table < 2.0 * tick).all()

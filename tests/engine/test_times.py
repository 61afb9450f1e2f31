"""Times and intervals are read exactly, and what cannot be one is named with its row and the way out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.engine.times import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    interval_text,
    parse_interval,
    parse_time,
    time_text,
    to_nanoseconds,
)
from halfspread.errors import ConfigError, DataError

NEW_YEAR = 1_704_067_200  # 2024-01-01 00:00 UTC, seconds
NS = NEW_YEAR * SECOND


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([NS, NS + 1], "ns"),
        ([NEW_YEAR * 10**6, NEW_YEAR * 10**6 + 1], "us"),
        ([NEW_YEAR * 1_000, NEW_YEAR * 1_000 + 1], "ms"),
        ([NEW_YEAR, NEW_YEAR + 1], "s"),
        (np.array([NEW_YEAR, NEW_YEAR + 1], np.uint32), "s"),
        (pd.Series([NEW_YEAR, NEW_YEAR + 1], dtype="Int64"), "s"),
        ([Decimal(NEW_YEAR), Decimal(NEW_YEAR + 1)], "s"),
    ],
)
def test_whole_numbers_count_the_unit_that_is_named(values: Any, unit: str) -> None:
    step = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND}[unit]
    assert to_nanoseconds(values, "ts", unit).tolist() == [NS, NS + step]


def test_fractions_of_a_second_survive_to_the_microsecond() -> None:
    assert to_nanoseconds([NEW_YEAR + 0.25, NEW_YEAR + 0.5], "ts", "s").tolist() == [NS + SECOND // 4, NS + SECOND // 2]
    assert abs(int(to_nanoseconds([NEW_YEAR + 0.1], "ts", "s")[0]) - NS - SECOND // 10) < 1_000


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-01", "2024-01-01T00:05:00Z"],
        ["2024-01-01 00:00:00", "2024-01-01T01:05:00+01:00"],
        [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 1, 5, tzinfo=timezone(timedelta(hours=1)))],
        np.array(["2024-01-01T00:00", "2024-01-01T00:05"], "M8[m]"),
        pd.date_range("2024-01-01", periods=2, freq="5min", tz="UTC"),
        pd.Series(pd.date_range("2024-01-01 09:00", periods=2, freq="5min", tz="Asia/Tokyo")),
        pd.Series(["2024-01-01T00:00Z", "2024-01-01T00:05Z"], dtype="string"),
        pd.Series(["2024-01-01T00:00Z", "2024-01-01T00:05Z"]).astype("category"),
    ],
)
def test_datetimes_and_iso_text_are_utc_unless_they_say_otherwise(values: Any) -> None:
    assert to_nanoseconds(values, "ts").tolist() == [NS, NS + 5 * MINUTE]


def test_dates_are_midnights() -> None:
    assert to_nanoseconds([date(2024, 1, 1), date(2024, 1, 2)], "ts").tolist() == [NS, NS + DAY]


@pytest.mark.parametrize(
    ("values", "unit", "words"),
    [
        ([NS, NEW_YEAR], "ns", ["row 8:", "got 1704067200", "seconds, and the rows before are nanoseconds"]),
        ([NEW_YEAR * 1_000], "ns", ["row 7:", "look like milliseconds", "time_unit='ms'"]),
        ([NEW_YEAR * 10**6], "ns", ["look like microseconds", "time_unit='us'"]),
        ([float(NEW_YEAR)], "ns", ["got 1704067200.0", "time_unit='s'"]),
        ([NEW_YEAR + 0.5], "ms", ["expected milliseconds", "time_unit='s'"]),
        ([NS], "s", ["expected seconds", "time_unit='ns'"]),
        ([float(NS)], "s", ["expected seconds", "time_unit='ns'"]),
        ([1e30], "ns", ["got 1e+30", "no unit makes it a time"]),
        ([-1], "s", ["got -1", "no unit makes it a time"]),
        (np.array([2**63 + 5], np.uint64), "ns", ["no unit makes it a time"]),
        ([NS, float("nan")], "ns", ["row 8: expected a time, got nan", "remove the row"]),
        ([float("inf")], "s", ["row 7: expected a time, got inf"]),
        ([NS, None], "ns", ["row 8: expected a time, got None"]),
        (pd.Series([NS, None], dtype="Int64"), "ns", ["row 8: expected a time"]),
        (np.array(["2024-01-01", "NaT"], "M8[s]"), "ns", ["row 8: expected a time, got NaT"]),
        (pd.Series([pd.Timestamp(NS, tz="UTC"), pd.NaT]), "ns", ["row 8: expected a time, got NaT"]),
        (["2024-01-01", None], "ns", ["row 8: expected a time"]),
        (["2024-01-01", ""], "ns", ["row 8: expected a time"]),
        (["2024-01-01", "yesterday"], "ns", ["row 8: expected ISO 8601", "2024-01-31T08:00:00Z", "got 'yesterday'"]),
        (["01.02.2024"], "ns", ["expected ISO 8601", "got '01.02.2024'"]),
        ([True], "ns", ["expected ISO 8601"]),
        (pd.date_range("2024", periods=2), "ns", ["carry no time zone", ".dt.tz_localize('UTC')"]),
        (pd.to_datetime([NEW_YEAR], utc=True), "ns", ["got 1970-01-01", "pd.to_datetime(..., unit='s', utc=True)"]),
        (np.array(["2600-01-01"], "M8[s]"), "ns", ["from 2009 to 2100, got 2600-01-01"]),
        (pd.timedelta_range("1s", periods=2), "ns", ["expected ISO 8601"]),
        ([[NS], [NS]], "ns", ["one time per row", "(2, 1)"]),
        (NS, "ns", ["one time per row"]),
        ([NS], "min", ["time_unit: expected one of s, ms, us, ns, got 'min'"]),
    ],
)
def test_what_is_no_time_is_named_with_its_row(values: Any, unit: str, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        to_nanoseconds(values, "bars.csv: column ts", unit, 7)
    for word in words:
        assert word in str(caught.value)
    if "time_unit" not in str(caught.value)[:10]:
        assert str(caught.value).startswith("bars.csv: column ts: ")


def test_the_array_is_fresh_even_where_nothing_had_to_be_converted() -> None:
    given_times = np.array([NS, NS + 1])
    read = to_nanoseconds(given_times, "ts")
    given_times[0] = 0
    assert read.tolist() == [NS, NS + 1]
    stamps = np.array(["2024-01-01"], "M8[ns]")
    read = to_nanoseconds(stamps, "ts")
    stamps[0] = np.datetime64("2025-01-01")
    assert read.tolist() == [NS]


@pytest.mark.parametrize(
    "nothing", [[], np.empty(0, np.int64), pd.Series(dtype=object), pd.Series(dtype="M8[ns, UTC]")]
)
def test_no_times_are_no_fault(nothing: Any) -> None:
    assert to_nanoseconds(nothing, "ts").tolist() == []


@given(st.integers(1_230_768_000 * SECOND, 4_102_444_800 * SECOND))
def test_a_time_survives_its_text(nanoseconds: int) -> None:
    assert parse_time(time_text(nanoseconds).replace(" UTC", "Z")) == nanoseconds
    assert parse_time(nanoseconds) == nanoseconds
    assert to_nanoseconds([nanoseconds], "ts").tolist() == [nanoseconds]


@pytest.mark.parametrize(
    "value",
    [
        "2024",
        "2024-01-01",
        "2024-01-01T01:00+01:00",
        date(2024, 1, 1),
        datetime(2024, 1, 1),
        np.datetime64("2024-01-01"),
        pd.Timestamp("2024-01-01", tz="UTC"),
        pd.Timestamp("2024-01-01 09:00", tz="Asia/Tokyo"),
        np.int64(NS),
    ],
)
def test_one_time_is_read_from_what_a_user_would_type(value: Any) -> None:
    assert parse_time(value) == NS


@pytest.mark.parametrize("value", ["x", "now", "today", "", "5m", None, 1.5, True, pd.NaT, NEW_YEAR, "1960-01-01"])
def test_one_time_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises((ConfigError, DataError), match=r"start: expected a .*time.* got "):
        parse_time(value, "start")


@pytest.mark.parametrize(
    ("interval", "nanoseconds"),
    [
        ("30s", 30 * SECOND),
        ("5m", 5 * MINUTE),
        ("5min", 5 * MINUTE),
        (" 1h ", HOUR),
        ("1H", HOUR),
        ("1d", DAY),
        (300, 5 * MINUTE),
        (np.int64(300), 5 * MINUTE),
        (0.5, SECOND // 2),
    ],
)
def test_an_interval_is_read(interval: Any, nanoseconds: int) -> None:
    assert parse_interval(interval) == nanoseconds


@pytest.mark.parametrize("interval", ["1M", "1w", "m", "", "-5m", 0, -1, float("nan"), float("inf"), 1e300, True, None])
def test_what_is_no_interval_is_refused_and_a_month_is_no_minute(interval: Any) -> None:
    with pytest.raises(ConfigError, match=r"expected an interval such as '5m'.* got "):
        parse_interval(interval)


@given(st.integers(1, 40 * 86_400))
def test_an_interval_survives_its_text(seconds: int) -> None:
    assert parse_interval(interval_text(seconds * SECOND)) == seconds * SECOND


def test_times_are_written_with_no_more_digits_than_they_have() -> None:
    assert time_text(NS) == "2024-01-01 00:00:00 UTC"
    assert time_text(NS + 1_500_000) == "2024-01-01 00:00:00.0015 UTC"
    assert time_text(-1) == "1969-12-31 23:59:59.999999999 UTC"

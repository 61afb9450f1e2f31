"""Times of files: the unit is told by magnitude, and every digit is kept."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.importers.units import FIRST, LAST, UNITS, Clock, clock_of, nanoseconds, unit_of
from halfspread.errors import DataError

NOON = 1_704_196_800  # 2024-01-02 12:00 UTC


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_the_unit_of_a_number_is_told_by_its_size(unit: str, scale: int) -> None:
    assert unit_of(NOON * scale, NOON * scale, None, "x") == unit


@given(st.integers(FIRST, LAST))
def test_no_time_of_2009_to_2100_is_one_in_two_units(moment: int) -> None:
    for unit, scale in UNITS.items():
        assert unit_of(Decimal(moment) / scale, Decimal(moment) / scale, None, "x") == unit


@pytest.mark.parametrize(
    ("number", "hint"),
    [(20_240_131, "dates written as digits"), (45_000, "--map ts=NAME"), (20_240_131_120_000, "written as digits")],
)
def test_numbers_that_are_no_times_are_refused(number: int, hint: str) -> None:
    with pytest.raises(DataError, match=hint):
        unit_of(number, number, None, "file.csv: column ts")


def test_a_wrong_unit_is_answered_with_the_right_one() -> None:
    with pytest.raises(DataError, match="--time-unit ms"):
        unit_of(NOON * 1000, NOON * 1000, "s", "x")


@pytest.mark.parametrize(
    ("texts", "form", "unit"),
    [
        (["1704196800", "1704196860"], "integer", "s"),
        (["1704196800.123456789"], "decimal", "s"),
        (["1704196800000.5"], "decimal", "ms"),
        (["1.7041968e9"], "decimal", "s"),
        (["2024-01-02T12:00:00Z"], "zoned", "ns"),
        (["2024-01-02 12:00:00+02:00"], "zoned", "ns"),
        (["2024-01-02 12:00:00.25"], "naive", "ns"),
        (["2024-01-02"], "naive", "ns"),
        (["2024-01-02D12:00:00.364320001"], "dump", "ns"),
    ],
)
def test_the_way_times_are_written_is_told(texts: list[str], form: str, unit: str) -> None:
    found = clock_of(texts, None, None, "x")
    assert (found.form, found.unit) == (form, unit)


@pytest.mark.parametrize("text", ["01/02/2024", "2.1.2024 12:00", "yesterday", "12:00", "2024-13-01"])
def test_a_date_that_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="expected times as 2024-01-31T08:00:00Z"):
        clock_of([text], None, None, "x")


def test_texts_with_and_without_a_zone_are_refused() -> None:
    with pytest.raises(DataError, match="some have a zone"):
        clock_of(["2024-01-02T12:00:00Z", "2024-01-02T12:00:00"], None, None, "x")


@given(st.integers(FIRST, LAST))
def test_every_nanosecond_of_decimal_seconds_is_kept(moment: int) -> None:
    text = f"{moment // 10**9}.{moment % 10**9:09d}"
    found = nanoseconds(pa.array([text, None]), Clock("decimal", "s"))
    assert found.to_pylist() == [moment, None]


def test_the_text_of_bitmex_dumps_is_exact() -> None:
    found = nanoseconds(pa.array(["2019-05-03D00:00:01.123456789"]), Clock("dump"))
    assert found.to_pylist() == [1_556_841_601_123_456_789]


def test_a_zone_moves_text_without_one() -> None:
    found = nanoseconds(pa.array(["2024-07-01 14:00:00"]), Clock("naive", zone="Europe/Berlin"))
    assert found.to_pylist() == [1_719_835_200 * 10**9]


def test_floating_seconds_are_good_to_the_microsecond() -> None:
    found = nanoseconds(pa.array([1_704_196_800.123457, float("nan")]), Clock("decimal", "s"))
    assert found.to_pylist() == [1_704_196_800_123_457_000, None]


@pytest.mark.parametrize("value", [-1, 0, 2**62])
def test_times_outside_the_years_are_no_times(value: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        nanoseconds(pa.array([value]), Clock("integer", "ns"))


def test_integers_that_overflow_are_no_times() -> None:
    with pytest.raises(pa.ArrowInvalid):
        nanoseconds(pa.array([2**62]), Clock("integer", "s"))

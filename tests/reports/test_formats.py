"""Numbers as people read them."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from halfspread.reports import formats


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (formats.number(-1234.5, 1), "\N{MINUS SIGN}1,234.5"),
        (formats.number(0.001, 2, sign=True), "0.00"),
        (formats.number(-0.001, 2), "0.00"),
        (formats.number(2.0, 0, sign=True), "+2"),
        (formats.number(math.nan), "\N{EN DASH}"),
        (formats.number(math.inf), "\N{EN DASH}"),
        (formats.percent(0.1234), "12.3%"),
        (formats.percent(math.nan), "\N{EN DASH}"),
        (formats.basis_points(0.00055), "5.50 bp"),
        (formats.money(10_000.0), "10,000"),
        (formats.money(1_234.56), "1,234.56"),
        (formats.money(26_563.9), "26,564"),
        (formats.money(-0.00123), "\N{MINUS SIGN}0.00123"),
        (formats.money(math.nan), "\N{EN DASH}"),
        (formats.price(20_071.9), "20,071.9"),
        (formats.price(2_337.85), "2,337.85"),
        (formats.price(0.0012345), "0.00123450"),
        (formats.compact(773.2), "773"),
        (formats.compact(24.95), "24.95"),
        (formats.compact(123_456.0), "123k"),
        (formats.compact(1_234_567.0), "1.2M"),
        (formats.returned(0.1234), "12.3%"),
        (formats.returned(-0.00123, sign=True), "\N{MINUS SIGN}0.12%"),
        (formats.returned(0.0000123), "0.0012%"),
        (formats.returned(0.0), "0.0%"),
        (formats.returned(math.nan), "\N{EN DASH}"),
        (formats.duration(0.25), "15 min"),
        (formats.duration(2.5 / 60.0), "2.5 min"),
        (formats.duration(1.5 / 3_600.0), "1.5 s"),
        (formats.duration(0.25 / 3_600.0), "250 ms"),
        (formats.duration(0.0), "0.0 s"),
        (formats.duration(5.8), "5.8 h"),
        (formats.duration(72.0), "3.0 days"),
        (formats.duration(math.nan), "\N{EN DASH}"),
        (formats.plural(1, "fill"), "1 fill"),
        (formats.plural(7_222, "fill"), "7,222 fills"),
    ],
)
def test_a_value_is_written_as(written: str, wanted: str) -> None:
    assert written == wanted


@pytest.mark.parametrize(
    ("values", "digits"), [([12_345.0, 0.1], 0), ([-368.1, 2.0], 2), ([0.05], 4), ([0.0], 2), ([math.nan], 2), ([], 2)]
)
def test_the_decimals_of_a_column_follow_its_largest_amount(values: list[float], digits: int) -> None:
    assert formats.decimals(values) == digits


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2024-01-01", "2024-03-10 10:40", "2024-01-01 to 2024-03-10"),
        ("2024-01-01", "2024-01-02 06:30", "2024-01-01 00:00 to 2024-01-02 06:30"),
        ("2024-01-01 02:00", "2024-01-01 03:59:59.9", "2024-01-01 02:00 to 04:00"),
        ("2024-01-01 02:00", "2024-01-01 02:00:40.4", "2024-01-01 02:00:00 to 02:00:40"),
    ],
)
def test_a_span_is_as_fine_as_its_length_asks_for(start: str, end: str, words: str) -> None:
    assert formats.span(pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC")) == words

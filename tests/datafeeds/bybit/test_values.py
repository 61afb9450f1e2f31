"""Numbers and times of Bybit's answers are read exactly or refused."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.bybit.values import flag, listed, milliseconds, number, numbers, optional_number, side, text
from halfspread.datafeeds.net.http import NotTrustedError

BAD: list[Any] = ["", " 1", "1 ", "1_000", "nan", "inf", "-Infinity", "0x10", "1e999", "\uff11", "1,5", "abc"]
BAD += [None, True, [], {}, math.nan]
TIMES = [*BAD, "1700000000", "1700000000000.0", "99999999999999", -5, 1_700_000_000]


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_what_is_no_number_is_refused_and_never_zero(value: Any) -> None:
    with pytest.raises(NotTrustedError, match="price: expected a number, got"):
        number(value, "price")
    with pytest.raises(NotTrustedError, match="row 1: price: expected a number"):
        numbers(["1.5", value], "price")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=8))
def test_a_decimal_becomes_the_float_next_to_it(value: Decimal) -> None:
    assert number(format(value, "f"), "x") == float(value)
    assert numbers([format(value, "f"), "1"], "x") == [float(value), 1.0]


def test_a_number_that_is_not_text_is_read_too() -> None:
    assert (number(0.005, "x"), number(3, "x")) == (0.005, 3.0)


def test_a_missing_optional_number_is_none_and_a_wrong_one_is_refused() -> None:
    assert optional_number("", "x") is optional_number(None, "x") is None
    with pytest.raises(NotTrustedError):
        optional_number("-", "x")


@pytest.mark.parametrize(
    "value", [*BAD, "1700000000", "1700000000000.0", "99999999999999", -5, 1_700_000_000], ids=repr
)
def test_only_milliseconds_are_times(value: Any) -> None:
    with pytest.raises(NotTrustedError, match="expected milliseconds since 1970"):
        milliseconds(value, "start")


def test_milliseconds_become_nanoseconds_exactly() -> None:
    assert milliseconds("1700000000123", "t") == milliseconds(1_700_000_000_123, "t") == 1_700_000_000_123_000_000


def test_sides_texts_flags_and_lists_are_what_they_have_to_be() -> None:
    assert (side("Buy", "s"), side("Sell", "s"), text("a", "t"), flag({}, "f"), flag({"f": True}, "f")) == (
        1, -1, "a", None, True,
    )  # fmt: skip
    for call in (
        lambda: side("buy", "s"),
        lambda: text("", "t"),
        lambda: flag({"f": 1}, "f"),
        lambda: listed({"list": {}}),
    ):
        with pytest.raises(NotTrustedError, match="expected"):
            call()


@pytest.mark.fuzz
@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda x: st.lists(x, max_size=3))
)
def test_no_value_is_read_as_something_else(value: Any) -> None:
    try:
        found = number(value, "x")
    except NotTrustedError:
        return
    assert math.isfinite(found)
    assert found == float(Decimal(str(value)))

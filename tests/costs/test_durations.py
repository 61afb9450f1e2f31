"""Lengths of time are read exactly and written so that they can be read again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.durations import DAY, HOUR, SECOND, duration_text, parse_duration
from halfspread.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("7ns", 7),
        ("5us", 5_000),
        ("5ms", 5_000_000),
        ("2.5ms", 2_500_000),
        ("1.5h", 3 * HOUR // 2),
        (" 1 d ", DAY),
        ("0.1ns", 0),
        ("0s", 0),
        (0, 0),
        (0.005, 5_000_000),
        (np.float64(2), 2 * SECOND),
    ],
)
def test_a_length_of_time_is_read(written: Any, nanoseconds: int) -> None:
    assert parse_duration(written) == nanoseconds


@pytest.mark.parametrize("written", ["1M", "5", "-5ms", "1e3s", "5 MS", "", -1, 1e9, float("nan"), True, None])
def test_what_is_no_length_of_time_is_refused(written: Any) -> None:
    with pytest.raises(ConfigError, match=r"expected a length of time such as '5ms'.* got "):
        parse_duration(written)


@given(st.integers(0, 10 * DAY))
def test_a_length_of_time_survives_its_text(nanoseconds: int) -> None:
    assert parse_duration(duration_text(nanoseconds)) == nanoseconds


def test_the_text_names_the_largest_unit_that_divides() -> None:
    texts = [duration_text(length) for length in (DAY, 90 * SECOND, 1_500_000, 5_000_000, 0)]
    assert texts == ["1d", "90s", "1500us", "5ms", "0s"]

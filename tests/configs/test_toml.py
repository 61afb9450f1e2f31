"""Writing TOML that reads back as the same data."""

from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.configs.toml import to_toml

SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
)
KEYS = st.text("ab.\"'é ", max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc_-. ", min_size=1, max_size=6), VALUES, max_size=5))
def test_data_come_back_as_they_were(data: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(data)) == data


def test_tables_lists_of_tables_and_inline_tables_stand_where_a_reader_expects_them() -> None:
    data = {
        "name": "x",
        "market": {"days": 2},
        "costs": {"fees": {"taker": 1e-4}},
        "agents": [{"type": "a"}, {"type": "b"}],
    }
    assert to_toml(data) == (
        'name = "x"\n\n[market]\ndays = 2\n\n[costs]\nfees = { taker = 0.0001 }\n\n'
        '[[agents]]\ntype = "a"\n\n[[agents]]\ntype = "b"\n'
    )


def test_none_is_left_out_and_infinity_and_times_are_written_as_toml_has_them() -> None:
    data = {"a": None, "b": math.inf, "c": datetime(2024, 1, 2, 3, tzinfo=UTC), "d": date(2024, 1, 2)}
    assert to_toml(data) == "b = inf\nc = 2024-01-02T03:00:00Z\nd = 2024-01-02\n"


def test_what_toml_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="no TOML for complex"):
        to_toml({"a": 1j})

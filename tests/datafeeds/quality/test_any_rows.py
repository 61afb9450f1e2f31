"""Whatever rows come, the checks end with findings that JSON can hold, and say the same once they are read back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.quality.finding import Finding
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND
from tests.datafeeds.quality.made_up import START, Columns, find

VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, 0.1, 100.05, 1e-300, 5e-324, 1e300, 1.7e308, -1.0, np.nan]),
    st.floats(min_value=0.0, allow_nan=False, allow_infinity=False),
)
STEPS = st.sampled_from([0, 1, SECOND, MINUTE, HOUR, 31 * DAY, 900 * DAY])

KINDS = {
    "bars_1m": (
        "open", "high", "low", "close", "volume", "turnover", "trades", "vwap", "last_size",
    ),
    "mark_1h": ("open", "high", "low", "close"),
    "premium_1h": ("open", "high", "low", "close"),
    "open_interest_1h": ("open_interest",),
    "funding": ("rate", "interval_h"),
    "trades": ("price", "size", "side"),
    "quotes": ("bid", "bid_size", "ask", "ask_size"),
    "books_2": tuple(f"{side}{what}_{i}" for i in (1, 2) for side in ("bid", "ask") for what in ("", "_size")),
    "liquidations": ("side", "price", "size"),
    "tickers": ("mark", "index", "last"),
}  # fmt: skip


@st.composite
def series(draw: st.DrawFn) -> tuple[str, Columns, list[int]]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    count = draw(st.integers(1, 12))
    steps = draw(st.lists(STEPS, min_size=count, max_size=count))
    columns: dict[str, Any] = {"ts": START + np.cumsum(np.array(steps, np.int64))}
    if kind in ("trades", "quotes", "books_2", "tickers"):
        lag = draw(st.lists(st.integers(-5, 5), min_size=count, max_size=count))
        columns["exch_ts"] = columns["ts"] - np.array(lag, np.int64) * SECOND
    for name in KINDS[kind]:
        columns[name] = np.array(draw(st.lists(VALUES, min_size=count, max_size=count)))
    if kind == "trades":
        columns["trade_id"] = draw(st.lists(st.sampled_from(["a", "b", None]), min_size=count, max_size=count))
    cuts = draw(st.lists(st.integers(1, count), max_size=3, unique=True).map(sorted))
    return kind, columns, cuts


@pytest.mark.fuzz
@given(series())
def test_any_rows_end_in_findings(made: tuple[str, Columns, list[int]]) -> None:
    kind, columns, cuts = made
    for finding in find(kind, columns, cuts):
        assert Finding.of(json.loads(json.dumps(finding.entry(), allow_nan=False))) == finding
        assert finding.count > 0
        assert finding.start < finding.end or finding.count == 1
        assert finding.message

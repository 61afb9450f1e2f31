"""Bytes and rows that were made up: read as what they say, or refused, and never anything else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfspread.datafeeds.bitmex.dumps import Dump
from halfspread.datafeeds.bitmex.instruments import contracts
from halfspread.datafeeds.bitmex.rows import bar_columns, funding_columns, quote_columns, rows_of, trade_columns
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.engine.times import MINUTE
from halfspread.errors import DataError, UserError

pytestmark = pytest.mark.fuzz
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
HEADER = b"timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
LINE = b"2019-03-05D00:00:02.364320000,XBTUSD,Sell,25,3710.5,MinusTick,n-1,673800,0.006738,25\n"
GOOD = HEADER + LINE * 20

SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=8)
TIMES = st.sampled_from(["2019-03-05T12:00:00.000Z", "2019-03-05T12:01:00.000Z"]) | SCALARS
NAMES = ("open", "high", "low", "close", "volume", "turnover", "trades", "vwap", "lastSize", "price", "size", "side")
MORE = ("bidPrice", "bidSize", "askPrice", "askSize", "fundingRate", "fundingInterval", "trdMatchID", "trdType")
ROWS = st.lists(
    st.fixed_dictionaries(
        {"timestamp": TIMES, "symbol": st.sampled_from(["XBTUSD"]) | SCALARS},
        optional=dict.fromkeys((*NAMES, *MORE), SCALARS | st.floats(1, 10) | TIMES),
    ),
    max_size=4,
)


def read(path: Path, body: bytes) -> list[dict[str, Any]] | None:
    """Rows, or None where the file is refused as it should be."""
    path.write_bytes(body)
    try:
        blocks = list(Dump(path, "trade", "XBTUSD").blocks())
    except DataError:
        return None
    return pa.concat_tables(blocks).to_pylist() if blocks else []


@FUZZ
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, body: bytes, packed: bool) -> None:
    assert read(tmp_path / "20190305.csv.gz", gzip.compress(body) if packed else body) in (None, [])


@FUZZ
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4), st.booleans())
def test_altered_lines_never_become_nothing(tmp_path: Path, at: int, change: bytes, packed: bool) -> None:
    body = GOOD[:at] + change + GOOD[at + len(change) :]
    rows = read(tmp_path / "20190305.csv.gz", gzip.compress(body) if packed else body)
    for row in rows or []:
        assert row["price"] > 0.0
        assert row["size"] > 0.0
        assert row["side"] in (-1, 0, 1)


@FUZZ
@given(st.integers(1, 400))
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, length: int) -> None:
    packed = gzip.compress(GOOD)
    assert read(tmp_path / "20190305.csv.gz", packed[: min(length, len(packed) - 1)]) is None


@FUZZ
@given(ROWS | SCALARS)
def test_any_rows_become_numbers_or_are_refused(body: Any) -> None:
    for make in (lambda rows: bar_columns(rows, MINUTE, "XBT"), funding_columns, trade_columns, quote_columns):
        try:
            columns = make(rows_of(body, "XBTUSD"))
        except NotTrustedError:
            continue
        assert len({len(values) for values in columns.values()}) == 1
        assert "nan" not in json.dumps(columns).lower()


FIELDS = ("symbol", "typ", "settlCurrency", "tickSize", "lotSize", "multiplier", "isInverse", "isQuanto", "underlying")
OTHERS = ("quoteCurrency", "takerFee", "makerFee", "underlyingToSettleMultiplier", "underlyingToPositionMultiplier")


@FUZZ
@given(st.dictionaries(st.sampled_from((*FIELDS, *OTHERS)), SCALARS))
def test_any_instrument_is_one_or_refused(row: dict[str, Any]) -> None:
    for typ in ("FFWCSX", row.get("typ")):
        try:
            made = contracts([(1_600_000_000_000_000_000, row | {"typ": typ})])
        except UserError:
            continue
        assert made[0][1].tick > 0.0

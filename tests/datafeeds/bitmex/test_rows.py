"""Rows of BitMEX's tables become columns of the store exactly, or are refused."""

from __future__ import annotations

from typing import Any

import pytest

from halfspread.datafeeds.bitmex.rows import (
    bar_columns,
    funding_columns,
    iso_time,
    quote_columns,
    rows_of,
    time_of,
    trade_columns,
)
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_time

NOON = parse_time("2019-03-05T12:00")


def bar(minute: int = 0, **values: Any) -> dict[str, Any]:
    row = {"symbol": "XBTUSD", "timestamp": f"2019-03-05T12:{minute:02d}:00.000Z", "open": 3711, "high": 3710.5,
           "low": 3709, "close": 3709.5, "trades": 3, "volume": 700, "vwap": 3710.01, "lastSize": 5,
           "turnover": 18867925, "homeNotional": 0.18867925, "foreignNotional": 700}  # fmt: skip
    return row | values


def trade(**values: Any) -> dict[str, Any]:
    row = {"symbol": "XBTUSD", "timestamp": "2019-03-05T12:00:00.500Z", "side": "Buy", "size": 25, "price": 3710.5,
           "trdMatchID": "n-1", "trdType": "Regular"}  # fmt: skip
    return row | values


def test_a_bar_is_stamped_with_its_open_and_keeps_an_open_outside_of_high_and_low() -> None:
    columns = bar_columns(rows_of([bar()], "XBTUSD"), MINUTE, "XBT")
    assert columns["ts"] == [NOON - MINUTE]
    assert columns["open"] == [3711.0]
    assert columns["high"] == [3710.5]
    assert columns["turnover"] == [0.18867925]


def test_bins_without_trades_stay_with_nulls() -> None:
    empty = bar(open=3710, high=3710, low=3710, close=3710, trades=0, volume=0, vwap=None, turnover=0)
    del empty["lastSize"]  # absent is null
    columns = bar_columns(rows_of([empty], "XBTUSD"), MINUTE, "XBT")
    assert (columns["vwap"], columns["last_size"], columns["volume"]) == ([None], [None], [0.0])


def test_turnover_in_a_currency_that_is_not_known_is_null() -> None:
    assert bar_columns(rows_of([bar()], "XBTUSD"), MINUTE, "DOGE")["turnover"] == [None]
    assert bar_columns(rows_of([bar()], "XBTUSD"), MINUTE, "USDt")["turnover"] == [18.867925]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([bar(timestamp="2019-03-05T12:00:30.000Z")], "expected bars that end on whole 1m"),
        ([bar(0), bar(0, close=3710)], "expected one bar at 2019-03-05 12:00:00 UTC, got two that differ"),
        ([bar(1), bar(0)], "row 1: expected a time from 2019-03-05 12:01:00 UTC on"),
        ([bar(close=3712)], "expected low <= close <= high"),
        ([bar(open=None)], "open: expected a number, got nothing"),
        ([bar(volume="700")], "volume: expected a number of at least 0, got '700'"),
        ([bar(volume=True)], "volume: expected a number of at least 0, got True"),
        ([bar(high=0)], "high: expected a number of at least"),
        ([bar(symbol="ETHUSD")], "symbol: expected XBTUSD, got 'ETHUSD'"),
        ({"error": {}}, "expected a list of rows, got dict"),
        ([1], "expected a list of rows"),
    ],
)
def test_bars_that_cannot_be_are_refused(rows: Any, message: str) -> None:
    with pytest.raises(NotTrustedError, match=message):
        bar_columns(rows_of(rows, "XBTUSD"), MINUTE, "XBT")


def test_rows_that_came_twice_count_once() -> None:
    assert len(rows_of([bar(0), bar(0), bar(1), bar(1)], "XBTUSD")) == 2
    assert len(rows_of([trade(), trade(trdMatchID="n-2"), trade()], "XBTUSD")) == 2
    with pytest.raises(NotTrustedError, match="expected one trade n-1, got two that differ"):
        rows_of([trade(), trade(price=3711)], "XBTUSD")


@pytest.mark.parametrize(
    ("text", "hours"),
    [("2000-01-01T08:00:00.000Z", 8.0), ("2000-01-02T00:00:00.000Z", 24.0), ("2000-01-01T01:00:00Z", 1.0)],
)
def test_the_interval_of_funding_is_a_date(text: str, hours: float) -> None:
    row = {
        "symbol": "XBTUSD",
        "timestamp": "2019-03-05T12:00:00.000Z",
        "fundingInterval": text,
        "fundingRate": -0.00375,
    }
    columns = funding_columns(rows_of([row], "XBTUSD"))
    assert columns == {"ts": [NOON], "rate": [-0.00375], "interval_h": [hours], "known_ts": [NOON - int(hours * HOUR)]}


@pytest.mark.parametrize("text", [None, 28800, "8h", "1999-12-31T16:00:00.000Z", "2000-01-01T00:00:00.000Z"])
def test_an_interval_that_is_none_is_refused(text: Any) -> None:
    row = {"symbol": "XBTUSD", "timestamp": "2019-03-05T12:00:00.000Z", "fundingInterval": text, "fundingRate": 1e-4}
    with pytest.raises(NotTrustedError, match="fundingInterval"):
        funding_columns(rows_of([row], "XBTUSD"))


def test_references_are_no_trades_and_one_sided_quotes_no_quotes() -> None:
    rows = [trade(), trade(size=0, trdType="Referential", trdMatchID=None)]
    assert trade_columns(rows_of(rows, "XBTUSD"))["trade_id"] == ["n-1"]
    both = {
        "symbol": "XBTUSD",
        "timestamp": "2019-03-05T12:00:00.000Z",
        "bidPrice": 3710,
        "bidSize": 5,
        "askPrice": 3711,
    }
    quotes = quote_columns(rows_of([both, both | {"bidPrice": None}], "XBTUSD"))
    assert quotes == {"ts": [NOON], "bid": [3710.0], "bid_size": [5.0], "ask": [3711.0], "ask_size": [None]}


@pytest.mark.parametrize(
    "text", ["", None, 5, "2019-03-05", "2019-03-05T12:00:00", "2019-02-30T00:00:00Z", "2019-03-05T24:00:00Z"]
)
def test_what_is_no_time_is_refused(text: Any) -> None:
    with pytest.raises(NotTrustedError, match="expected a time such as"):
        time_of(text)


def test_times_are_exact_both_ways() -> None:
    assert time_of("2019-03-05T12:00:00.123456789Z") == NOON + 123_456_789
    assert iso_time(NOON + 123_456_789) == "2019-03-05T12:00:00.123Z"
    assert time_of(iso_time(NOON - 7 * DAY)) == NOON - 7 * DAY

"""Rows of answers, good and bad, as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.bybit import rows
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.engine.times import HOUR, MINUTE
from tests.datafeeds.bybit.stub import MS, kline

T0 = 1_700_006_400_000_000_000  # a full hour


def test_bars_come_the_oldest_first_and_each_once() -> None:
    newest_first = [kline(T0 + 2 * MINUTE, 102.0), kline(T0 + MINUTE, 101.0), kline(T0 + MINUTE, 101.0), kline(T0)]
    found = rows.bars(newest_first, MINUTE, volume=True)
    assert found["ts"].tolist() == [T0, T0 + MINUTE, T0 + 2 * MINUTE]
    assert found["open"].tolist() == [100.0, 101.0, 102.0]
    assert list(found) == ["ts", "open", "high", "low", "close", "volume", "turnover"]


def test_bars_of_the_mark_price_have_no_volume_and_premium_may_be_below_zero() -> None:
    row = [str(T0 // MS), "-0.000587", "-0.000344", "-0.000480", "-0.000344"]
    found = rows.bars([row], HOUR, volume=False, signed=True)
    assert (found["open"][0], found["high"][0], list(found)[-1]) == (-0.000587, -0.000344, "close")
    with pytest.raises(NotTrustedError, match="prices above zero"):
        rows.bars([row], HOUR, volume=False)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (0, str(T0 // MS + 1), "expected a multiple of 1m"),
        (0, "x", "expected milliseconds"),
        (1, "", "open: expected a number"),
        (2, "10", "high: expected a high at or above the low"),
        (3, "200", "high: expected a high at or above the low"),
        (4, "300", "close: expected a close from low to high"),
        (1, "-1", "expected prices above zero"),
        (5, "-2", "volume: expected zero or more"),
        (6, "1e400", "turnover: expected a number"),
    ],
)
def test_a_bar_that_cannot_be_right_is_refused(place: int, value: str, said: str) -> None:
    bad = kline(T0 + MINUTE)
    bad[place] = value
    with pytest.raises(NotTrustedError) as told:
        rows.bars([bad, kline(T0)], MINUTE, volume=True)
    assert said in str(told.value)


@pytest.mark.parametrize("bad", [None, {}, "abc", [], kline(T0)[:6]])
def test_a_row_of_another_form_is_refused(bad: Any) -> None:
    with pytest.raises(NotTrustedError, match="row 1: expected a bar of 7 values"):
        rows.bars([kline(T0), bad], MINUTE, volume=True)


def test_two_rows_of_one_time_that_differ_are_refused() -> None:
    with pytest.raises(NotTrustedError, match="got two whose open differs"):
        rows.bars([kline(T0, 100.0), kline(T0, 100.1)], MINUTE, volume=True)


def test_funding_of_another_symbol_is_refused() -> None:
    row = {"symbol": "ETHUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(T0 // MS)}
    assert rows.funding([row], "ETHUSDT")["rate"].tolist() == [0.0001]
    with pytest.raises(NotTrustedError, match="symbol: expected BTCUSDT, got 'ETHUSDT'"):
        rows.funding([row], "BTCUSDT")


def test_open_interest_of_one_side_is_missing_before_the_venue_gave_it() -> None:
    found = rows.open_interest(
        [
            {"openInterest": "20", "singleOpenInterest": "10", "timestamp": str((T0 + HOUR) // MS)},
            {"openInterest": "18.5", "timestamp": str(T0 // MS)},
        ],
        HOUR,
    )
    assert found["open_interest"].tolist() == [18.5, 20.0]
    assert np.isnan(found["one_sided"][0])
    assert found["one_sided"][1] == 10.0


def test_trades_of_one_time_stand_in_the_order_of_the_engine() -> None:
    def trade(name: str, time: int, seq: str) -> dict[str, Any]:
        row = {"execId": name, "symbol": "A", "price": "1.5", "size": "2", "side": "Sell", "time": str(time)}
        return {**row, "seq": seq, "isBlockTrade": False}

    found = rows.trades([trade("c", T0 // MS, "7"), trade("b", T0 // MS, "5"), trade("a", T0 // MS - 1, "9")], "A")
    assert found["trade_id"] == ["a", "b", "c"]
    assert (found["side"].tolist(), found["block"], found["rpi"]) == ([-1, -1, -1], [False] * 3, [None] * 3)


def test_a_book_is_one_message_with_the_time_of_the_engine() -> None:
    result = {"s": "A", "b": [["10", "1"], ["9.5", "2"]], "a": [["11", "3"]], "ts": 1_700_000_000_009, "u": 5, "seq": 1,
              "cts": 1_700_000_000_001}  # fmt: skip
    found = rows.order_book(result, "A")
    assert set(found["ts"].tolist()) == {1_700_000_000_001_000_000}
    assert (found["side"].tolist(), found["price"].tolist()) == ([1, 1, -1], [10.0, 9.5, 11.0])
    with pytest.raises(NotTrustedError, match="the best price first"):
        rows.order_book({**result, "b": [["9", "1"], ["10", "1"]]}, "A")


@pytest.mark.fuzz
@given(st.data())
def test_spoilt_rows_are_refused_or_read_as_they_stand(data: st.DataObject) -> None:
    good: list[list[Any]] = [[*kline(T0 + i * MINUTE, 100.0 + i)] for i in range(4)]
    place = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 6)))
    good[place[0]][place[1]] = data.draw(st.text(max_size=20) | st.none() | st.integers() | st.floats())
    try:
        found = rows.bars(good, MINUTE, volume=True)
    except NotTrustedError:
        return
    names = ("ts", *("open", "high", "low", "close", "volume", "turnover"))
    for name, values in found.items():
        assert values.dtype == (np.int64 if name == "ts" else np.float64)
        if name != "ts":
            assert sorted(values.tolist()) == sorted(float(row[names.index(name)]) for row in good)

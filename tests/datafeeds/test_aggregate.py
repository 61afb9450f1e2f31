from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.engine.bars import read_bars
from halfspread.engine.times import MINUTE, SECOND, parse_time
from halfspread.errors import DataError

START = parse_time("2024-01-01")
NAMES = ("open", "high", "low", "close", "volume")


def trades_at(seconds: list[float], prices: list[float], sizes: list[float]) -> pd.DataFrame:
    times = [START + round(second * SECOND) for second in seconds]
    return pd.DataFrame({"ts": times, "price": prices, "size": sizes, "side": 1})


def slow_bars(trades: pd.DataFrame, quotes: pd.DataFrame, length: int, end: int) -> list[list[float]]:
    """Bars as rows of ts, five values and four quotes, one bar and one trade at a time."""
    rows = []
    first = min(trades["ts"])
    opened = first - first % length
    close = None
    while opened + length <= end:
        inside = [(p, s) for t, p, s in trades[["ts", "price", "size"]].values if opened <= t < opened + length]
        prices = [price for price, _ in inside] or [close]
        close = prices[-1]
        row = [opened, prices[0], max(prices), min(prices), close, sum(size for _, size in inside)]
        for at in (opened, opened + length):
            known = quotes[quotes["ts"] <= at]
            row += [known["bid"].iloc[-1], known["ask"].iloc[-1]] if len(known) else [np.nan, np.nan]
        rows.append(row)
        opened += length
    return rows


def test_bars_by_hand() -> None:
    trades = trades_at([61, 62, 90, 119.999999999, 120, 300], [10, 12, 9, 11, 13, 14], [1, 2, 3, 4, 5, 6])
    quotes = pd.DataFrame({"ts": [START + 60 * SECOND, START + 180 * SECOND], "bid": [9.0, 12.0], "ask": [11.0, 13.0]})
    bars = bars_from_trades(trades, quotes)
    assert list(bars["ts"]) == [START + minute * MINUTE for minute in range(1, 6)]
    assert bars[list(NAMES)].to_numpy().tolist() == [
        [10, 12, 9, 11, 10],
        [13, 13, 13, 13, 5],
        [13, 13, 13, 13, 0],
        [13, 13, 13, 13, 0],
        [14, 14, 14, 14, 6],
    ]
    assert list(bars["bid_open"]) == [9, 9, 12, 12, 12]
    assert list(bars["ask_close"]) == [11, 13, 13, 13, 13]


def test_an_end_adds_empty_bars_and_cuts_the_one_that_has_not_closed() -> None:
    trades = trades_at([1, 61], [10, 11], [1, 1])
    assert len(bars_from_trades(trades)) == 2
    assert len(bars_from_trades(trades, end=START + 119 * SECOND)) == 1
    longer = bars_from_trades(trades, end=START + 4 * MINUTE)
    assert longer["close"].tolist() == [10, 11, 11, 11]
    assert longer["volume"].tolist() == [1, 1, 0, 0]


def test_times_are_those_of_the_exchange() -> None:
    trades = trades_at([59, 61], [10, 11], [1, 1])
    late = trades.assign(exch_ts=trades["ts"], ts=trades["ts"] + 30 * SECOND)
    assert bars_from_trades(late).equals(bars_from_trades(trades))


def test_quotes_before_the_first_one_are_not_known() -> None:
    quotes = pd.DataFrame({"ts": [START + 61 * SECOND], "bid": [9.0], "ask": [11.0]})
    bars = bars_from_trades(trades_at([1, 100], [10, 10], [1, 1]), quotes)
    assert np.isnan(bars["bid_open"]).tolist() == [True, True]
    assert np.isnan(bars["bid_close"]).tolist() == [True, False]


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 30), st.sampled_from([7, 60]))
def test_bars_are_those_of_a_slow_reference(seed: int, count: int, quoted: int, seconds: int) -> None:
    rng = np.random.default_rng(seed)
    times = START + np.sort(rng.integers(0, 600, count)) * SECOND  # many times are equal, and some on a boundary
    trades = pd.DataFrame({"ts": times, "price": rng.integers(1, 9, count) / 2, "size": rng.integers(0, 5, count) / 4})
    at = START + np.sort(rng.integers(0, 600, quoted)) * SECOND
    bids = rng.integers(1, 9, quoted) / 2
    quotes = pd.DataFrame({"ts": at, "bid": bids, "ask": bids + rng.integers(0, 3, quoted) / 2})
    end = int(times[0]) + int(rng.integers(seconds, 700)) * SECOND
    found = bars_from_trades(trades, quotes, seconds, end)
    expected = slow_bars(trades, quotes, seconds * SECOND, end)
    assert np.array_equal(found.to_numpy(np.float64), np.array(expected, np.float64), equal_nan=True)
    assert len(read_bars(found, interval=seconds)) == len(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": [10.0, -1.0]}, "row 1 .*price: expected a price above zero, got -1"),
        ({"price": [10.0, np.nan]}, "row 1 .*price above zero, got nan"),
        ({"size": [-1.0, 1.0]}, "row 0 .*size of at least 0, got -1"),
        ({"ts": [START + 2, START + 1]}, "row 1: column ts: expected a time at or after"),
    ],
)
def test_bad_trades_are_refused(change: dict[str, list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        bars_from_trades(trades_at([1, 2], [10, 11], [1, 1]).assign(**change))


def test_what_makes_no_bar_is_refused() -> None:
    trades = trades_at([1, 2], [10, 11], [1, 1])
    with pytest.raises(DataError, match=r"missing column\(s\) size"):
        bars_from_trades(trades.drop(columns="size"))
    with pytest.raises(DataError, match="at least one trade"):
        bars_from_trades(trades.iloc[:0])
    with pytest.raises(DataError, match="no bar of 1m closes by the end"):
        bars_from_trades(trades, end=START + 30 * SECOND)
    quotes = pd.DataFrame({"ts": [START], "bid": [12.0], "ask": [11.0]})
    with pytest.raises(DataError, match=r"quotes: row 0 .*at or below the ask"):
        bars_from_trades(trades, quotes)

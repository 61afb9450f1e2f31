"""Bars from stored trades open at their first trade, and agree with the venue's own in all else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.bitmex.rebuild import rebuilt_bars
from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_time
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.bitmex.conftest import Fetch

START = parse_time("2019-03-05")
TRADES = Series("bitmex", "XBTUSD", "trades")


def test_bars_worked_by_hand(store: Store) -> None:
    ts = START + np.array([70, 80, 119, 200, DAY // 10**9 + 5]) * 10**9
    rows = {"ts": ts, "price": [10.0, 12.0, 11.0, 9.0, 8.0], "size": [5.0, 1.0, 2.0, 4.0, 7.0], "side": [1] * 5}
    store.write(TRADES, rows, Provenance("hand", START), start=START, end=START + DAY + 2 * MINUTE)
    first, second = rebuilt_bars(store, "XBTUSD", "1m", START, START + DAY + 2 * MINUTE)
    bars = pd.DataFrame(first)
    assert bars["ts"][0] == START + MINUTE
    names = ["open", "high", "low", "close", "volume", "trades"]
    assert bars[names].iloc[:4].to_numpy().tolist() == [
        [10, 12, 10, 11, 8, 3],
        [11, 11, 11, 11, 0, 0],
        [9, 9, 9, 9, 4, 1],
        [9, 9, 9, 9, 0, 0],
    ]
    assert bars["last_size"].iloc[:2].tolist() == [2.0, pytest.approx(np.nan, nan_ok=True)]
    assert pd.DataFrame(second)[names].to_numpy().tolist() == [[8, 8, 8, 8, 7, 1], [8, 8, 8, 8, 0, 0]]


def test_they_are_the_venue_s_bars_but_for_the_open(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market) as venue:
        bring(venue, ("trades",), dumps=True)
    truth = market.truth("bars_5m", symbol="XBTUSD").to_pandas()
    bars = pd.concat([pd.DataFrame(day) for day in rebuilt_bars(store, "XBTUSD", "5m", market.start, market.end)])
    truth = truth.iloc[len(truth) - len(bars) :]
    for name in ("high", "low", "close", "volume", "trades"):
        assert np.array_equal(bars[name], truth[name]), name
    assert (bars["open"] <= bars["high"]).all()
    assert (bars["open"] >= bars["low"]).all()
    assert not np.array_equal(bars["open"], truth["open"])


def test_trades_that_were_never_fetched_make_no_bars(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market) as venue:
        bring(venue, ("trades",), end=market.start + 6 * HOUR)
    with pytest.raises(DataError, match="got none from 2024-01-01 06:00:00 UTC"):
        list(rebuilt_bars(store, "XBTUSD", "1m", market.start, market.end))
    with pytest.raises(ConfigError, match="one that divides a day"):
        list(rebuilt_bars(store, "XBTUSD", "7m", market.start, market.end))


def test_real_trades_rebuild_the_venue_s_minutes(store: Store, halfspread_data: Path) -> None:
    """4,891 trades of 2019-05-03: high, low, close, volume, number of trades and last size are those of the venue."""
    raw = pd.read_parquet(halfspread_data / "bitmex" / "xbtusd_trades_20190503_6min.parquet")
    sides = np.where(raw["side"] == "Buy", 1, -1)
    rows = {"ts": raw["ts"].astype("datetime64[ns, UTC]"), "price": raw["price"], "size": raw["size"], "side": sides}
    start = parse_time("2019-05-03T12:00")
    end = raw["ts"].astype("datetime64[ns, UTC]").astype("int64").max() // MINUTE * MINUTE  # the last minute may be cut
    store.write(TRADES, rows, Provenance("capture", START), start=start, end=end + MINUTE)
    (made,) = rebuilt_bars(store, "XBTUSD", "1m", start, end)
    first, last = (pd.Timestamp(time, tz="UTC") for time in (start, end))
    span = [("ts", ">=", first), ("ts", "<", last)]
    venue = pd.read_parquet(halfspread_data / "bitmex" / "xbtusd_1m_2016_2021.parquet", filters=span)
    assert len(venue) == len(made["ts"]) >= 5
    for name in ("high", "low", "close", "volume", "trades", "last_size"):
        assert np.array_equal(made[name], venue[name]), name
    assert np.array_equal(venue["open"].iloc[1:], venue["close"].iloc[:-1])

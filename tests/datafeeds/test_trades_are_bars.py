"""The 4,891 XBTUSD trades of 2019-05-03 are the exchange's own bars, to the satoshi, in memory and by a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from halfspread.datafeeds.quality.checking import examine
from halfspread.datafeeds.quality.trade_bars import TradeBars
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.instruments import bitmex
from halfspread.engine.times import MINUTE, parse_time

XBTUSD = bitmex("XBTUSD")
START = parse_time("2019-05-03T12:00")
WHOLE = 5  # the trades end within the sixth minute
FROM = Provenance("shared data", parse_time("2026-01-01"))
FIELDS = ("high", "low", "close", "volume", "turnover", "vwap", "trades", "last_size")


@pytest.fixture(scope="module")
def trades(halfspread_data: Path) -> pd.DataFrame:
    table = pd.read_parquet(halfspread_data / "bitmex" / "xbtusd_trades_20190503_6min.parquet")
    table["side"] = table["side"].map({"Buy": 1, "Sell": -1})
    return table


@pytest.fixture(scope="module")
def bars(halfspread_data: Path) -> pd.DataFrame:
    start = pd.Timestamp("2019-05-03T11:00", tz="UTC")
    span = [("ts", ">=", start), ("ts", "<", start + pd.Timedelta(hours=1, minutes=6))]
    table = pd.read_parquet(halfspread_data / "bitmex" / "xbtusd_1m_2016_2021.parquet", filters=span)
    table["turnover"] *= 1e-8
    return table


def test_the_trades_make_the_bars_of_the_exchange_exactly(trades: pd.DataFrame, bars: pd.DataFrame) -> None:
    assert len(trades) == 4_891
    times = np.asarray(trades["ts"].astype("int64"), np.int64)
    prices, sizes = (trades[name].to_numpy(np.float64) for name in ("price", "size"))
    for parts in (1, 7, 100):  # however the trades come
        maker = TradeBars(MINUTE, XBTUSD)
        blocks = [
            maker.add(times[rows], prices[rows], sizes[rows]) for rows in np.array_split(np.arange(len(times)), parts)
        ]
        built = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        assert built["ts"].tolist() == [START + i * MINUTE for i in range(WHOLE)]
        exchange = bars[bars["ts"] >= pd.Timestamp(START, tz="UTC")].head(WHOLE)
        for name in FIELDS:
            own = built[name] if name != "turnover" else np.rint(built[name] * 1e8)
            expected = exchange[name].to_numpy(np.float64)
            assert np.array_equal(own, expected if name != "turnover" else np.rint(expected * 1e8)), name
        # the exchange opens a bar at the close before: of five bars two open there and at their first trade alike
        before = bars["close"].to_numpy()[-WHOLE - 2 : -2]
        assert np.array_equal(exchange["open"].to_numpy(), before)
        assert (built["open"] == exchange["open"].to_numpy()).sum() == 2


def test_the_gross_values_of_the_exchange_are_those_of_the_contract(trades: pd.DataFrame) -> None:
    maker = TradeBars(MINUTE, XBTUSD)
    times = np.asarray(trades["ts"].astype("int64"), np.int64)
    maker.add(times, trades["price"].to_numpy(np.float64), trades["size"].to_numpy(np.float64))
    cut = maker.finish()  # the minute that the capture ends in
    of_it = trades[times >= START + WHOLE * MINUTE]
    assert np.rint(cut["turnover"] * 1e8).tolist() == [float(of_it["gross_value"].sum())]


def test_through_a_store_every_bar_is_equal_and_the_open_is_named_for_what_it_is(
    trades: pd.DataFrame, bars: pd.DataFrame, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    series = Series("bitmex", "XBTUSD", "bars_1m")
    names = ["ts", "open", "high", "low", "close", "volume", "turnover", "vwap", "trades", "last_size"]
    store.write(series, bars[names], FROM)
    written = trades[["ts", "price", "size", "side", "trade_id"]]
    store.write(Series("bitmex", "XBTUSD", "trades"), written, FROM, start=START)
    found = examine(store, series)
    assert found.beside == (f"{WHOLE} bars held against trades",)
    beside = [one for one in found.findings if one.check in ("bars_trades", "stamps")]
    assert not [one for one in beside if one.severity != "note"]
    assert any("3 of 5 bars with the close before as their open" in one.message for one in found.findings)


def test_a_bar_stamped_at_its_end_is_found_out_by_its_trades(
    trades: pd.DataFrame, bars: pd.DataFrame, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    series = Series("bitmex", "XBTUSD", "bars_1m")
    names = ["ts", "open", "high", "low", "close", "volume", "turnover"]
    late = bars[names].assign(ts=bars["ts"] + pd.Timedelta(minutes=1))  # as the exchange's REST interface stamps them
    store.write(series, late, FROM)
    written = trades[["ts", "price", "size", "side", "trade_id"]]
    store.write(Series("bitmex", "XBTUSD", "trades"), written, FROM, start=START)
    errors = [one for one in examine(store, series).findings if one.severity == "error"]
    assert [one.check for one in errors] == ["stamps"]
    assert "60 s late" in errors[0].message
    assert "stamped at its end" in errors[0].message

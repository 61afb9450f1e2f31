"""Dumps, captures and messages of venues, as `data import` reads them."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.store.kinds import SET, SNAPSHOT
from halfspread.errors import DataError
from tests.datafeeds.importers.small_files import imports, one, rows, write

NS = 10**9
S = 1_704_153_600
NONE = Options()
XBT = Options(symbol="XBTUSD")
TRADES = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"


def test_a_day_of_bitmex_gives_the_trades_of_one_symbol_to_the_nanosecond(tmp_path: Path) -> None:
    text = (
        f"{TRADES},trdType\n"
        "2024-01-02D00:00:00.364320001,XBTUSD,Sell,20,42000.5,MinusTick,aa,47618,0.0004,20,Regular\n"
        "2024-01-02D00:00:00.400000000,ETHUSD,Buy,20,2000,MinusTick,bb,1,1,20,Regular\n"
        "2024-01-02D00:00:01.000000000,.BXBT,Buy,0,42000,MinusTick,,,,,Referential\n"
        "2024-01-02D00:00:01.000000000,XBTUSD,Buy,0,42000,MinusTick,,,,,Referential\n"
    )
    path = write(tmp_path / "20240102.csv.gz", gzip.compress(text.encode()))
    series, got, found = one(path, XBT)
    assert series == "bitmex:XBTUSD:trades"
    assert got == {
        "ts": [S * NS + 364_320_001],
        "price": [42000.5],
        "size": [20.0],
        "side": [-1],
        "trade_id": ["aa"],
    }
    assert found.tally.left == {"rows of other symbols": 2, "references, with nothing traded": 1}
    assert next(iter(imports(path, XBT)[0].blocks)).span == (S * NS, (S + 86_400) * NS)
    assert found.provenance.clock == "exchange"
    with pytest.raises(DataError, match="say which with --symbol"):
        imports(path, NONE)
    with pytest.raises(DataError, match="expected rows of SOLUSD in column symbol, got none"):
        one(path, Options(symbol="SOLUSD"))


def test_a_day_of_bitmex_quotes(tmp_path: Path) -> None:
    text = (
        "timestamp,symbol,bidSize,bidPrice,askPrice,askSize\n"
        "2024-01-02D00:00:00.500000000,XBTUSD,100,42000,42000.5,200\n"
        "2024-01-02D00:00:00.600000000,XBTUSD,100,42000,,\n"
    )
    series, got, _ = one(write(tmp_path / "q.csv", text), XBT)
    assert series == "bitmex:XBTUSD:quotes"
    assert (got["bid"], got["bid_size"], got["ask"], got["ask_size"]) == ([42000.0], [100.0], [42000.5], [200.0])


@pytest.mark.parametrize("backwards", [False, True])
def test_a_day_of_bybit_trades_is_exact_and_turned_round_where_it_runs_backwards(
    tmp_path: Path, backwards: bool
) -> None:
    lines = [f"{S}.{k:04d},BTCUSDT,Buy,0.00{k},42000.{k},PlusTick,id{k},4.2e+09,0.001,42,{k % 2}" for k in range(1, 9)]
    text = "\n".join([f"{TRADES},RPI", *(reversed(lines) if backwards else lines)])
    series, got, found = one(write(tmp_path / "BTCUSDT2024-01-02.csv", text), NONE)
    assert series == "bybit:BTCUSDT:trades"
    assert got["ts"] == [S * NS + k * 100_000 for k in range(1, 9)]
    assert got["trade_id"] == [f"id{k}" for k in range(1, 9)]
    assert got["rpi"] == [bool(k % 2) for k in range(1, 9)]
    assert any("turned round" in told for told in found.told) == backwards


def test_bars_for_metatrader_are_refused_since_their_zone_is_not_sure(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="whose time zone is not sure"):
        imports(write(tmp_path / "m.csv", "2023.01.01 00:00,1,2,0.5,1.5,10\n"), NONE)


def orderbook(kind: str, at: int, update: int, bids: list[Any], asks: list[Any]) -> str:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": update, "seq": update * 3}
    return json.dumps({"topic": "orderbook.200.BTCUSDT", "type": kind, "ts": at, "data": data, "cts": at - 2})


def test_a_zip_of_bybit_messages_gives_book_updates(tmp_path: Path) -> None:
    lines = [
        orderbook("snapshot", S * 1000 + 5, 1, [["100.5", "1"]], [["101", "2.5"]]),
        orderbook("delta", S * 1000 + 105, 2, [["100.5", "0"]], []),
    ]
    with zipfile.ZipFile(tmp_path / "2024-01-02_BTCUSDT_ob200.data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2024-01-02_BTCUSDT_ob200.data", "\n".join(lines) + "\n")
    series, got, found = one(tmp_path / "2024-01-02_BTCUSDT_ob200.data.zip", NONE)
    assert series == "bybit:BTCUSDT:book_updates"
    assert got["action"] == [SNAPSHOT, SNAPSHOT, SET]
    assert got["size"] == [1.0, 2.5, 0.0]
    assert got["ts"][0] == (S * 1000 + 3) * 10**6
    assert found.provenance.clock == "exchange"


def test_lines_of_a_recorder_stand_at_their_time_of_receipt(tmp_path: Path) -> None:
    line = orderbook("snapshot", S * 1000 + 5, 1, [["100.5", "1"]], [["101", "2.5"]])
    _, got, found = one(write(tmp_path / "raw.txt", f"{S * NS + 9} {line}\n"), NONE)
    assert got["ts"] == [S * NS + 9] * 2
    assert got["exch_ts"] == [(S * 1000 + 3) * 10**6] * 2
    assert found.provenance.clock == "received"


def test_a_capture_gives_book_updates_and_trades_that_were_sent_again_are_left_out(tmp_path: Path) -> None:
    stamps = pa.array([S * NS, S * NS, S * NS + 5], pa.timestamp("ns", "UTC"))
    book = {"ts": stamps, "u": [1, 1, 2], "type": ["snapshot", "snapshot", "delta"], "side": ["b", "a", "a"]}
    pa.parquet.write_table(
        pa.table({**book, "price": [1.0, 2.0, 2.0], "size": [5.0, 6.0, 0.0]}), tmp_path / "l2.parquet"
    )
    bybit = Options(venue="bybit", symbol="BTCUSDT")
    series, got, found = one(tmp_path / "l2.parquet", bybit)
    assert (series, got["size"], got["sequence"]) == ("bybit:BTCUSDT:book_updates", [5.0, 6.0, 0.0], [1, 1, 2])
    assert found.provenance.clock == "received"
    trades = {"ts": stamps, "exch_ts": stamps, "price": [1.0, 2.0, 3.0], "size": [1.0, 1.0, 1.0]}
    again = pa.table({**trades, "side": ["Buy"] * 3, "action": ["partial", "insert", "insert"]})
    pa.parquet.write_table(again, tmp_path / "trades.parquet")
    series, got, found = one(tmp_path / "trades.parquet", bybit)
    assert (series, got["price"]) == ("bybit:BTCUSDT:trades", [2.0, 3.0])
    assert found.tally.left == {"trades that were sent again on subscribing": 1}


def test_a_header_without_rows_is_said_to_be_empty(tmp_path: Path) -> None:
    (found,) = imports(write(tmp_path / "20141123.csv", TRADES + "\n"), XBT)
    assert not rows(found)
    assert "there is nothing in it" in found.told[0]

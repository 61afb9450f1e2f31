"""``halfspread data ls``: what is told of a store that is full, empty, missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.store.store import Provenance, Series, Store
from halfspread.engine.times import HOUR, MINUTE, parse_time

BARS = Series("bybit", "BTCUSDT", "bars_5m")
TRADES = Series("bitmex", "XBTUSD", "trades")
START = parse_time("2024-01-01")
Command = Any


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HALFSPREAD_STORE", raising=False)
    found = Store("market_data")
    ts = np.delete(START + 5 * MINUTE * np.arange(100), [7, 8])
    columns = {name: np.ones(98) for name in ("open", "high", "low", "close", "volume")}
    rest = Provenance("https://api.example/v5", START, notes=("1 bar that was not finished was left out",))
    found.write(BARS, {"ts": ts, **columns}, rest)
    found.write(BARS, {"ts": ts[:1] + 10 * HOUR, **{name: [1.0] for name in columns}}, rest)
    price = {"price": [5.0], "size": [1.0], "side": [1]}
    found.write(TRADES, {"ts": [START], **price}, Provenance("dump.csv.gz", START, "ab"))
    return found


def test_ranges_rows_gaps_and_sizes_are_listed(store: Store, halfspread: Command) -> None:
    store.save_findings(TRADES, [{"severity": "error", "message": "a jump"}, {"severity": "note", "message": "x"}])
    done = halfspread("data", "ls")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["series", "from,", "to", "rows", "size", "gaps", "found"]
    assert lines[1] == ["bitmex:XBTUSD"]
    assert lines[2][:6] == ["trades", "2024-01-01", "00:00", "to", "00:00", "1"]
    assert "bybit:BTCUSDT" in done.out
    assert ["bars_5m", "2024-01-01", "00:00", "to", "10:00", "99"] in [line[:6] for line in lines]
    assert "1 error, 1 note" in done.out
    assert "2 missing, 1" in done.out
    assert "unfetched" in done.out
    assert "not checked" in done.out
    assert "2 series, 100 rows, " in done.out
    assert "in market_data" in done.out


def test_one_series_is_told_in_full(store: Store, halfspread: Command) -> None:
    store.declare_gap(BARS, START + 9 * HOUR, START + 10 * HOUR, "the venue was down\x1b[2J")
    store.save_findings(BARS, [])
    text = " ".join(halfspread("data", "ls", "bybit:BTCUSDT:bars_5m").out.split())
    assert "nothing wrong" in text
    assert "covered: 2024-01-01 to 2024-01-01 08:20 covered: 2024-01-01 10:00 to 2024-01-01 10:05" in text
    assert "never fetched: 2024-01-01 08:20 to 2024-01-01 09:00" in text
    assert r"gap: 2024-01-01 09:00 to 2024-01-01 10:00: the venue was down\x1b[2J" in text
    assert "from https://api.example/v5, retrieved 2024-01-01 00:00:00 UTC; 1 bar that was not" in text
    assert "2 missing, 1 unfetched" in text
    assert "declared" in text
    assert "times: of the exchange" in halfspread("data", "ls", "bitmex").out


def test_the_same_as_json(store: Store, halfspread: Command) -> None:
    done = halfspread("data", "ls", "bybit:*:bars_*", "--json")
    found = json.loads(done.out)
    assert (done.code, found["count"]) == (0, 1)
    [one] = found["series"]
    assert (one["series"], one["rows"], one["holes"], one["missing"]) == (str(BARS), 99, 2, 22)
    assert one["never_fetched"] == [["2024-01-01 08:20:00 UTC", "2024-01-01 10:00:00 UTC"]]
    assert one["sources"][0]["source"] == "https://api.example/v5"
    assert (one["findings"], one["fault"], one["clock"]) == (None, None, None)
    assert one["sha256"] == store.digest(BARS)


def test_a_damaged_series_is_listed_and_the_others_too(store: Store, halfspread: Command) -> None:
    store.files(BARS)[0].write_bytes(b"")
    done = halfspread("data", "ls")
    assert done.code == 0
    assert "bars_5m" in done.out
    assert "damaged" in done.out
    assert "2024-01.parquet: not readable as Parquet (it is empty); move it away" in " ".join(done.out.split())
    assert "1 row" in done.out
    faults = {one["series"]: one["fault"] for one in json.loads(halfspread("data", "ls", "--json").out)["series"]}
    assert faults[str(TRADES)] is None
    assert "2024-01.parquet" in faults[str(BARS)]


def test_an_empty_store_says_how_to_fill_it(
    halfspread: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HALFSPREAD_STORE", raising=False)
    done = halfspread("data", "ls")
    assert done.code == 0
    assert "no market data in market_data yet; fill it: halfspread data fetch" in done.out
    assert json.loads(halfspread("data", "ls", "--json").out) == {"store": "market_data", "count": 0, "series": []}
    assert not (tmp_path / "market_data").exists()


def test_a_store_that_is_not_there_is_refused_where_it_was_named(
    store: Store, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = halfspread("data", "ls", "--store", "elsewhere")
    assert done.code == 2
    assert "--store elsewhere: no such folder; expected one that was filled before" in " ".join(done.err.split())
    monkeypatch.setenv("HALFSPREAD_STORE", "elsewhere")
    assert halfspread("data", "ls").code == 2
    assert halfspread("data", "ls", "--store", "market_data").code == 0


@pytest.mark.parametrize("name", ["bybit:ETHUSDT", "a:b:c:d", "kraken", "bybit:BTCUSDT:bars_1m"])
def test_a_name_without_series_is_refused(store: Store, halfspread: Command, name: str) -> None:
    done = halfspread("data", "ls", name)
    assert done.code == 2
    assert name in done.err
    assert "expected" in done.err


def test_long_names_leave_room_for_what_was_found(store: Store, halfspread: Command) -> None:
    long = Series("binance-delivery", "BTCUSD_PERP_LONG_NAME", "book_updates")
    row = {"ts": [START], "message": [0], "action": [0], "side": [1], "price": [5.0], "size": [1.0]}
    store.write(long, row, Provenance("x", START))
    store.write(long, {**row, "ts": [START + 400 * 24 * HOUR]}, Provenance("x", START))
    lines = halfspread("data", "ls").out.splitlines()
    [line] = [line for line in lines if "book_updates" in line]
    assert "2024-01-01 to 2025-02-04" in line
    assert line.split()[-2:] == ["1", "not"]
    assert ["unfetched", "checked"] in [line.split() for line in lines]

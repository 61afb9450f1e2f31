"""JSON of CCXT, files of freqtrade, and answers of BitMEX that somebody has saved."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pytest

from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.pairs import pair_of
from halfspread.errors import DataError
from tests.datafeeds.importers.small_files import NOW, imports, one, rows, write

MS = 1_704_153_600_000
OHLCV = [[MS + 300_000 * k, 100 + k, 101.5 + k, 99 + k, 100.5 + k, 12.25] for k in range(4)]
BYBIT = Options(venue="bybit")
FULL = Options(venue="bybit", symbol="BTCUSDT")


def saved(path: Path, data: Any) -> Path:
    return write(path, json.dumps(data))


def feather(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.feather.write_feather(pa.table(columns), str(path), compression="lz4")
    return path


def candles(count: int = 4, **others: Any) -> dict[str, Any]:
    found = {"date": pa.array([MS + 300_000 * k for k in range(count)], pa.timestamp("ms", "UTC"))}
    for place, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        found[name] = pa.array([float(row[place]) for row in OHLCV[:count]])
    return {**found, **others}


def test_bars_of_ccxt_stand_at_their_open(tmp_path: Path) -> None:
    series, got, found = one(saved(tmp_path / "a.json", OHLCV), FULL)
    assert (series, found.format, found.clock) == ("bybit:BTCUSDT:bars_5m", "CCXT bars", "milliseconds")
    assert got["ts"] == [row[0] * 10**6 for row in OHLCV]
    assert got["high"] == [101.5, 102.5, 103.5, 104.5]
    assert got["volume"] == [12.25] * 4


def test_only_a_bar_that_is_not_over_is_left_out(tmp_path: Path) -> None:
    last = NOW // 10**6 // 300_000 * 300_000
    given = [[last + 300_000 * k, 1, 2, 0.5, 1, 1] for k in (-2, -1, 0)]
    _, got, found = one(saved(tmp_path / "a.json", given), FULL)
    assert len(got["ts"]) == 2
    assert found.told[0] == "1 bar(s) that are not over yet were left out"


def test_the_volume_of_inverse_bars_of_bybit_is_not_taken_for_contracts(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", OHLCV)
    with pytest.raises(DataError, match=r"in base coin.*--volume contracts"):
        imports(path, Options(venue="bybit", symbol="BTCUSD"))
    assert one(path, Options(venue="bybit", symbol="BTCUSD", volume="contracts"))[1]["volume"] == [12.25] * 4
    assert one(path, Options(venue="bitmex", symbol="XBTUSD"))[1]["volume"] == [12.25] * 4


def test_funding_rates_of_ccxt_are_of_the_contract_that_they_name(tmp_path: Path) -> None:
    rates = [
        {"info": {"x": 1}, "symbol": "BTC/USDT:USDT", "fundingRate": 0.0001 * k, "timestamp": MS + 28_800_000 * k}
        for k in (2, 1, 0)
    ]
    path = saved(tmp_path / "a.json", rates)
    series, got, found = one(path, BYBIT)
    assert series == "bybit:BTCUSDT:funding"
    assert got == {"ts": [(MS + 28_800_000 * k) * 10**6 for k in range(3)], "rate": [0.0, 0.0001, 0.0002]}
    assert "rows stand newest first; they were turned round" in found.told
    assert one(path, Options(venue="bybit", symbol="BTCUSDT"))[0] == series
    with pytest.raises(DataError, match="expected rows of ETHUSDT in column symbol"):
        one(path, Options(venue="bybit", symbol="ETHUSDT"))


def test_several_lists_in_one_file_are_each_read(tmp_path: Path) -> None:
    rates = [{"symbol": "BTC/USDT:USDT", "fundingRate": 0.0001, "timestamp": MS}]
    found = imports(saved(tmp_path / "a.json", {"ohlcv": OHLCV, "fundingRateHistory": rates}), FULL)
    assert [next(iter(rows(each))) for each in found] == ["bybit:BTCUSDT:bars_5m", "bybit:BTCUSDT:funding"]


def test_trades_of_ccxt_keep_their_side_and_id(tmp_path: Path) -> None:
    given = [
        {"id": "7", "timestamp": MS, "symbol": "BTC/USD:BTC", "side": "sell", "price": 42000.5, "amount": 3, "fee": {}}
    ]
    series, got, _ = one(saved(tmp_path / "a.json", given), Options(venue="bitmex"))
    assert series == "bitmex:XBTUSD:trades"
    assert (got["side"], got["trade_id"], got["size"]) == ([-1], ["7"], [3.0])


@pytest.mark.parametrize(
    ("name", "venue", "symbol"),
    [
        ("BTC/USDT:USDT", "bybit", "BTCUSDT"),
        ("BTC/USD:BTC", "bybit", "BTCUSD"),
        ("ETH/USDC:USDC", "bybit", "ETHPERP"),
        ("BTC/USD:BTC", "bitmex", "XBTUSD"),
        ("SOL/USDT:USDT", "bybit", "SOLUSDT"),
        ("BTC/USDT", "bybit", None),
        ("BTC/USDT:USDT", "okx", None),
    ],
)
def test_names_of_ccxt_are_those_of_the_venue_where_they_are_known(name: str, venue: str, symbol: str | None) -> None:
    pair = pair_of(name)
    assert pair is not None
    assert pair.symbol(venue) == symbol


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BTC_USDT_USDT-5m-futures.feather", "bars_5m"),
        ("BTC_USDT_USDT-5m-mark.feather", "mark_5m"),
        ("BTC_USDT_USDT-5m-index.feather", "index_5m"),
        ("BTC_USDT_USDT-5m-premiumIndex.feather", "premium_5m"),
    ],
)
def test_freqtrade_says_in_the_name_what_its_candles_are_of(tmp_path: Path, name: str, kind: str) -> None:
    path = feather(tmp_path / "data" / "bybit" / "futures" / name, **candles())
    series, got, found = one(path, Options())
    assert (series, found.format) == (f"bybit:BTCUSDT:{kind}", "freqtrade")
    assert got["close"] == [100.5, 101.5, 102.5, 103.5]
    assert ("volume" in got) == kind.startswith("bars")


def test_freqtrade_keeps_funding_rates_in_open_or_since_2026_alone(tmp_path: Path) -> None:
    stamps = pa.array([MS, MS + 28_800_000], pa.timestamp("ms", "UTC"))
    nothing = dict.fromkeys(("high", "low", "close", "volume"), pa.array([0.0, 0.0]))
    folder = tmp_path / "bybit" / "futures"
    name = "BTC_USDT_USDT-1h-funding_rate.feather"
    old = one(feather(folder / name, date=stamps, open=pa.array([1e-4, -2e-4]), **nothing), Options())
    assert old[:2] == ("bybit:BTCUSDT:funding", {"ts": [MS * 10**6, (MS + 28_800_000) * 10**6], "rate": [1e-4, -2e-4]})
    new = one(feather(folder / name, date=stamps, funding_rate=pa.array([1e-4, -2e-4])), Options())
    assert new[:2] == old[:2]
    pairs = [[MS, 1e-4], [MS + 28_800_000, -2e-4]]
    assert one(saved(folder / "BTC_USDT_USDT-1h-funding_rate.json", pairs), Options())[:2] == old[:2]


def test_freqtrade_json_and_its_trades(tmp_path: Path) -> None:
    path = write(tmp_path / "BTC_USDT_USDT-5m-futures.json.gz", gzip.compress(json.dumps(OHLCV).encode()))
    series, _, found = one(path, BYBIT)
    assert (series, found.format) == ("bybit:BTCUSDT:bars_5m", "freqtrade")
    trades = [[MS, "1", None, "buy", 42000.5, 0.5, 21000.25], [MS + 1, "2", None, "sell", 42000, 1, 42000]]
    series, got, _ = one(saved(tmp_path / "BTC_USDT_USDT-trades.json", trades), BYBIT)
    assert series == "bybit:BTCUSDT:trades"
    assert (got["side"], got["trade_id"]) == ([1, -1], ["1", "2"])


def test_a_spot_pair_of_freqtrade_is_not_taken_for_a_swap(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--symbol"):
        imports(feather(tmp_path / "BTC_USDT-5m.feather", **candles()), BYBIT)
    with pytest.raises(DataError, match="month"):
        imports(feather(tmp_path / "BTC_USDT_USDT-1Mo-futures.feather", **candles()), BYBIT)
    with pytest.raises(DataError, match="expected candles of"):
        imports(feather(tmp_path / "BTC_USDT_USDT-5m-borrow.feather", **candles()), BYBIT)


def test_bars_saved_from_bitmex_stand_at_their_end(tmp_path: Path) -> None:
    given = [
        {"timestamp": f"2024-01-02T00:0{k}:00.000Z", "symbol": "XBTUSD", "open": 100, "high": 102, "low": 101}
        | {"close": 101.5, "trades": 2, "volume": 30, "vwap": None, "lastSize": 5, "turnover": 7}
        | {"homeNotional": 0.3, "foreignNotional": 30}
        for k in (1, 2, 3)
    ]
    series, got, _ = one(saved(tmp_path / "a.json", given), Options())
    assert series == "bitmex:XBTUSD:bars_1m"
    assert got["ts"] == [(MS + 60_000 * k) * 10**6 for k in range(3)]
    assert got["open"] == [100.0] * 3  # below the low, as BitMEX has it
    assert got["last_size"] == [5, 5, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[1704153600000,1,2,0.5,1,1],[1704153900000,1,2", "not readable as JSON.*cut short"),
        ("[]", "an empty list"),
        ('{"retCode":0,"result":{}}', "an answer of Bybit's REST"),
        ('{"a":1}', "expected a list of bars"),
        ("[[1704153600000,1,2,0.5,1]]", "expected bars of 6 values"),
        ("[[1704153600000,1,2,0.5,1,1],[1,2]]", "row 1: expected 6 values"),
        ('[{"a":1},5]', "row 1: expected an object"),
        (
            '[[1704153600000,1,2,0.5,1,1],[1704153900000,"x",2,0.5,1,1]]',
            "field open: expected values of one kind",
        ),
        ("[[1704153600000,1,2,0.5,1,1],[1704153900000,null,2,0.5,1,1]]", "row 1: column open: expected a value"),
        ("[[1704153600000,NaN,2,0.5,1,1],[1704153900000,Infinity,2,0.5,1,1]]", "column open: expected a value"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_json_that_is_none_of_the_known_shapes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        one(write(tmp_path / "a.json", text), FULL)

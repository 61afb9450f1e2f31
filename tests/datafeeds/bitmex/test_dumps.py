"""Daily files of BitMEX are read exactly, or refused with file, line and field."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from halfspread.datafeeds.bitmex import dumps as module
from halfspread.datafeeds.bitmex.dumps import Dump, day_of_name, file_path
from halfspread.engine.times import DAY, parse_time
from halfspread.errors import DataError

EARLY = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
LATE = f"{EARLY},trdType"
QUOTES = "timestamp,symbol,bidSize,bidPrice,askPrice,askSize"
MIDNIGHT = parse_time("2019-03-05")


def trade(clock: str = "00:00:02.364320000", symbol: str = "XBTUSD", side: str = "Sell", size: str = "25",
          price: str = "3710.5", name: str = "n-1", more: str = "") -> str:  # fmt: skip
    return f"2019-03-05D{clock},{symbol},{side},{size},{price},MinusTick,{name},673800,0.006738,25{more}"


def written(tmp_path: Path, lines: Iterable[str], *, packed: bool = True, name: str = "20190305.csv.gz") -> Path:
    path, body = tmp_path / name, "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(body) if packed else body)
    return path


def rows(path: Path, table: Any = "trade", symbol: str = "XBTUSD") -> list[dict[str, Any]]:
    blocks = list(Dump(path, table, symbol).blocks())
    found: list[dict[str, Any]] = pa.concat_tables(blocks).to_pylist() if blocks else []
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_times_are_read_to_the_nanosecond(tmp_path: Path, packed: bool) -> None:
    clocks = ("00:00:00.000000001", "00:00:02.364320000", "23:59:59.999999999")
    path = written(tmp_path, [EARLY, *(trade(clock) for clock in clocks)], packed=packed)
    assert [row["ts"] - MIDNIGHT for row in rows(path)] == [1, 2_364_320_000, DAY - 1]


def test_a_row_is_what_its_line_says(tmp_path: Path) -> None:
    path = written(tmp_path, [EARLY, trade(), trade(side="Buy", name="", price="3711")])
    assert rows(path) == [
        {"ts": MIDNIGHT + 2_364_320_000, "price": 3710.5, "size": 25.0, "side": -1, "trade_id": "n-1"},
        {"ts": MIDNIGHT + 2_364_320_000, "price": 3711.0, "size": 25.0, "side": 1, "trade_id": None},
    ]


def test_other_symbols_and_references_are_left_out(tmp_path: Path) -> None:
    lines = [
        trade(more=",Regular"),
        trade(symbol="XBTUSDT", more=",Regular"),
        trade(symbol="XBT", more=",Regular"),
        trade(size="0", more=",Referential"),
        trade(symbol=".BXBT", size="0", more=",Referential"),
    ]
    path = written(tmp_path, [LATE, *lines])
    dump = Dump(path, "trade", "XBTUSD")
    assert sum(block.num_rows for block in dump.blocks()) == 1
    assert dump.counts == {"rows": 5, "of_symbol": 2, "referential": 1}
    with pytest.raises(DataError, match=r"\.BXBT is an index"):
        rows(path, symbol=".BXBT")


@pytest.mark.parametrize("size", [200, 1 << 20])
def test_equal_twins_are_dropped_and_others_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(module, "_BLOCK", size)
    nameless = [trade(name=""), trade(name=module.NO_NAME)] * 2
    path = written(
        tmp_path, [EARLY, trade(), trade(name="n-2"), *nameless, trade(), trade(), trade("00:00:03.000000000")]
    )
    dump = Dump(path, "trade", "XBTUSD")
    assert sum(block.num_rows for block in dump.blocks()) == 7
    assert dump.counts["twins"] == 2
    path = written(tmp_path, [EARLY, trade(), *nameless, trade(size="26")])
    with pytest.raises(DataError, match="line 7: size: expected what the line before of this trdMatchID has, got '26'"):
        rows(path)


@pytest.mark.parametrize("packed", [True, False])
def test_a_last_line_that_is_cut_is_refused(tmp_path: Path, packed: bool) -> None:
    body = f"{QUOTES}\n2019-03-05D04:03:41.128828000,XBTUSD,585,3710.5,3711,20000".encode()[:-3]
    path = tmp_path / "20190305.csv.gz"
    path.write_bytes(gzip.compress(body) if packed else body)
    with pytest.raises(DataError, match="the last line does not end: cut short"):
        rows(path, "quote")


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, ["price,size,pool,symbol,timestamp,trdMatchID,side",
                              "3710.5,25,Primary,XBTUSD,2019-03-05D00:00:01.000000000,n-1,Buy"])  # fmt: skip
    assert rows(path)[0] == {"ts": MIDNIGHT + 10**9, "price": 3710.5, "size": 25.0, "side": 1, "trade_id": "n-1"}


def test_a_day_without_rows_is_a_header(tmp_path: Path) -> None:
    assert rows(written(tmp_path, [EARLY])) == []
    assert rows(written(tmp_path, [QUOTES]), "quote") == []


def test_quotes_with_one_side_are_left_out_and_counted(tmp_path: Path) -> None:
    front = "2019-03-05D04:03:41.128828000,XBTUSD"
    path = written(tmp_path, [QUOTES, f"{front},585,3710.5,3711,142", f"{front},,,3711,142", f"{front},0,3710,3710.5,"])
    dump = Dump(path, "quote", "XBTUSD")
    found = pa.concat_tables(dump.blocks()).to_pylist()
    assert [(row["bid"], row["bid_size"], row["ask"]) for row in found] == [
        (3710.5, 585.0, 3711.0),
        (3710.0, 0.0, 3710.5),
    ]
    assert dump.counts["one_sided"] == 1


def test_small_blocks_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [trade(f"00:{i // 60:02d}:{i % 60:02d}.000000000", "XBTUSD" if i % 3 else "ETHUSD") for i in range(900)]
    path = written(tmp_path, [EARLY, *lines])
    whole = rows(path)
    monkeypatch.setattr(module, "_BLOCK", 1000)
    blocks = list(Dump(path, "trade", "XBTUSD").blocks())
    assert len(blocks) > 50
    assert pa.concat_tables(blocks).to_pylist() == whole
    assert len(whole) == 600


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (trade(price="1e"), "line 3: price: expected a number, got '1e'"),
        (trade(price=""), "line 3: price: expected a number, got ''"),
        (trade(price="nan"), "line 3: price: expected a finite number, got 'nan'"),
        (trade(price="0"), "line 3: price: expected a price above zero, got '0'"),
        (trade(size="-5"), "line 3: size: expected a size above zero, got '-5'"),
        (trade(side="buy"), "line 3: side: expected Buy or Sell, got 'buy'"),
        (trade("00:00:61.000000000"), "line 3: timestamp: expected a time that exists"),
        (trade("25:00:01.000000000"), "line 3: timestamp: expected a time that exists"),
        (trade("00:00:01"), "line 3: timestamp: expected a time such as 2018-01-22D00:00:02.364320000"),
        (trade("00:00:01.000000000"), "line 3: timestamp: expected a time from 2019-03-05 00:00:02.36432 UTC on"),
        (trade("00:00:03.000000000")[:50], "not readable to its end"),
        (trade().replace("-05D", "-06D"), "line 3: timestamp: expected a time on 2019-03-05"),
    ],
)  # fmt: skip
def test_what_does_not_parse_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, [EARLY, trade(), line])
    with pytest.raises(DataError) as caught:
        rows(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "got an empty one"),
        (gzip.compress(b"<html><body>Access denied</body></html>\n", mtime=0), "got a web page"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "expected the columns timestamp, symbol"),
        (gzip.compress(f"{QUOTES}\n".encode(), mtime=0), "is this a daily file of trades?"),
        (gzip.compress(f"{EARLY}\n{trade()}\n".encode(), mtime=0)[:-9], "cannot be unpacked"),
        (f"{EARLY}\n{trade()}".encode(), "the last line does not end"),
        (b"\x1f\x8bjunk", "get it again"),
        (bytes(range(256)) * 8 + b"\n", "expected the columns"),
    ],
)  # fmt: skip
def test_files_that_are_none_are_refused(tmp_path: Path, body: bytes, message: str) -> None:
    path = tmp_path / "20190305.csv.gz"
    path.write_bytes(body)
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        rows(path)
    with pytest.raises(DataError, match="no such file"):
        rows(tmp_path / "20190306.csv.gz")


def test_a_file_that_unpacks_to_far_too_much_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 1 << 16)
    path = written(tmp_path, [EARLY, *([trade(symbol="X")] * 20_000)])
    with pytest.raises(DataError, match="expected at most 500,000 bytes unpacked, got more"):
        list(Dump(path, "trade", "XBTUSD", largest=500_000).blocks())


def test_names_of_files_tell_the_day() -> None:
    assert file_path("quote", MIDNIGHT) == "data/quote/20190305.csv.gz"
    assert day_of_name("20190305.csv.gz") == day_of_name("20190305.csv") == MIDNIGHT
    assert day_of_name("20191305.csv.gz") is None
    assert day_of_name("trades.csv") is None

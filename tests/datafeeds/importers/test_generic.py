"""Tables with columns by name: what they are is found out, and what is not sure is asked."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from halfspread.datafeeds.importers import ordering, text_tables
from halfspread.datafeeds.importers.options import Options, parse_size
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.importers.small_files import BYBIT, imports, one, rows, write

S = 1_704_153_600  # 2024-01-02 00:00 UTC
NS = 10**9
BARS = f"timestamp,open,high,low,close,volume\n{S},1,3,0.5,2,10\n{S + 60},2,2.5,2,2.5,0\n{S + 120},2.5,4,2,3,7.25\n"


def test_bars_are_told_by_their_columns_and_spacing(tmp_path: Path) -> None:
    series, got, found = one(write(tmp_path / "a.csv", BARS))
    assert series == "bybit:BTCUSDT:bars_1m"
    assert got == {
        "ts": [S * NS, (S + 60) * NS, (S + 120) * NS],
        "open": [1.0, 2.0, 2.5],
        "high": [3.0, 2.5, 4.0],
        "low": [0.5, 2.0, 2.0],
        "close": [2.0, 2.5, 3.0],
        "volume": [10.0, 0.0, 7.25],
    }
    assert found.clock == "seconds"
    assert any("--stamp close" in told for told in found.told)


@pytest.mark.parametrize("form", ["semicolon", "tab", "crlf", "bom", "quoted", "parquet", "feather", "objects"])
def test_the_same_bars_in_other_clothes(tmp_path: Path, form: str) -> None:
    table = pa.table(one(write(tmp_path / "a.csv", BARS))[1])
    plain = {"timestamp" if name == "ts" else name: table.column(name) for name in table.column_names}
    path = tmp_path / "b"
    if form == "parquet":
        pa.parquet.write_table(pa.table(plain), path)
    elif form == "feather":
        pa.feather.write_feather(pa.table(plain), str(path))
    elif form == "objects":
        import json

        write(path, json.dumps(pa.table(plain).to_pylist()))
    else:
        text = {
            "semicolon": BARS.replace(",", ";"),
            "tab": BARS.replace(",", "\t"),
            "crlf": BARS.replace("\n", "\r\n") + "\r\n",
            "bom": "\ufeff" + BARS,
            "quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in BARS.split()),
        }[form]
        write(path, text)
    assert one(path)[1] == table.to_pydict()


def test_columns_are_named_by_the_user_where_they_are_called_otherwise(tmp_path: Path) -> None:
    text = "when,first,top,bottom,final,lots\n" + "".join(
        f"2024-01-0{day} 00:00:00,1,3,0.5,2,10\n" for day in range(1, 5)
    )
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(DataError, match="--kind and --map"):
        imports(path)
    mapping = {"ts": "when", "open": "first", "high": "top", "low": "bottom", "close": "final", "volume": "lots"}
    series, got, found = one(path, Options(venue="bybit", symbol="X", mapping=mapping))
    assert series == "bybit:X:bars_1d"
    assert got["ts"][0] == 1_704_067_200 * NS
    assert "without a zone, read as UTC" in found.clock
    berlin = Options(venue="bybit", symbol="X", mapping=mapping, time_zone="Europe/Berlin")
    with pytest.raises(DataError, match="to open at whole multiples"):
        one(path, berlin)
    with pytest.raises(ConfigError, match="has no such column; it has when, first"):
        imports(path, Options(venue="bybit", symbol="X", mapping={"ts": "time"}))
    with pytest.raises(ConfigError, match="expected a column of bars"):
        imports(path, Options(venue="bybit", symbol="X", mapping={**mapping, "size": "lots"}))


def test_bars_stamped_at_their_close_are_stored_by_their_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BARS)
    _, got, _ = one(path, Options(venue="bybit", symbol="BTCUSDT", stamp="close"))
    assert got["ts"] == [(S - 60) * NS, S * NS, (S + 60) * NS]
    binance = BARS.replace("timestamp", "close_time").replace(f"{S},", f"{S * 1000 + 59_999},")
    binance = binance.replace(f"{S + 60},", f"{S * 1000 + 119_999},").replace(f"{S + 120},", f"{S * 1000 + 179_999},")
    mapping = {"ts": "close_time"}
    _, got, _ = one(write(tmp_path / "b.csv", binance), Options(venue="bybit", symbol="BTCUSDT", mapping=mapping))
    assert got["ts"] == [S * NS, (S + 60) * NS, (S + 120) * NS]


def test_bars_of_bitmex_are_asked_which_end_they_are_stamped_at(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BARS)
    with pytest.raises(DataError, match="BitMEX stamps bars with their end"):
        imports(path, Options(venue="bitmex", symbol="XBTUSD"))
    ours = write(tmp_path / "b.csv", BARS.replace("timestamp", "ts"))
    assert one(ours, Options(venue="bitmex", symbol="XBTUSD"))[1]["ts"][0] == S * NS


def test_no_bar_is_dropped_because_it_is_the_last(tmp_path: Path) -> None:
    assert len(one(write(tmp_path / "a.csv", BARS))[1]["ts"]) == 3


def test_bars_without_volume_are_of_the_mark_price_only_if_the_name_or_the_user_says_so(tmp_path: Path) -> None:
    text = "\n".join(line.rsplit(",", 1)[0] for line in BARS.split())
    assert one(write(tmp_path / "x_mark_1m.csv", text))[0] == "bybit:BTCUSDT:mark_1m"
    with pytest.raises(DataError, match="--kind mark or --kind index"):
        imports(write(tmp_path / "x.csv", text))
    assert one(tmp_path / "x.csv", Options(venue="a", symbol="B", kind="index"))[0] == "a:B:index_1m"
    assert one(tmp_path / "x.csv", Options(venue="a", symbol="B", kind="premium_1m"))[0] == "a:B:premium_1m"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,price,size,side\n1704153600,1,2,buy\n1704153601,1,2,boy\n", "line 3: column side.*'boy'"),
        ("time,price,size,side\n1704153600,1,2,buy\n1704153601,1 000,2,buy\n", "line 3: column price.*'1 000'"),
        ("time;price;size\n1704153600;1,5;2\n", "line 2: column price.*'1,5'; write decimals with a point"),
        ("time,price,size\n1704153600,1,2\n\n1704153601,,2\n", "line 4: column price: expected a value, got none"),
        ("time,price,size\n1704153600,1,2\n1704153601,inf,2\n", "line 3: column price: expected a finite number"),
        ("time,price,size\n1704153600,1,2\n1704153601000,1,2\n", "line 3: column time.*changes its unit"),
        ("time,price,size\n1704153600,1,2\nlater,1,2\n", "(line 3: column time: expected|written in one way)"),
        ("time,price,size\n1704153600,1,2,3\n", "line 2: expected 3 cells, got 4"),
        ("time,date,price,size\n1704153600,2024-01-02,1,2\n", "column ts: expected one, got time, date.*--map ts=time"),
        ("time,price,size,bid,ask\n1704153600,1,2,1,2\n", "could be quotes or trades; say which with --kind"),
        ("time,price\n1704153600,1\n", "expected columns of bars, trades"),
        ("price,size\n1,2\n", "expected a column of times"),
        ("time,price,size,symbol\n1704153600,1,2,A\n1704153600,1,2,B\n", "correct --symbol"),
        ("time,price,price\n1,2,3\n", "price twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(DataError, match=message):
        one(path)


def test_the_line_of_a_fault_far_inside_a_file_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tables, "CHUNK", 256)
    text = ["time,price,size"] + [f"{S + i},1,2" for i in range(500)]
    text[437] = f"{S + 436},x,2"
    with pytest.raises(DataError, match="line 438: column price"):
        one(write(tmp_path / "a.csv", "\n".join(text)))
    text[437] = f"{S + 436},,2"
    with pytest.raises(DataError, match="line 438: column price: expected a value"):
        one(write(tmp_path / "a.csv", "\n".join(text)))


def test_decimals_are_rounded_once_to_the_nearest_double(tmp_path: Path) -> None:
    draws = random.Random(1)
    texts = [f"{draws.randrange(1, 10**17)}e-{draws.randrange(0, 17)}" for _ in range(3000)]
    texts += [f"{draws.randrange(1, 10**6)}.{draws.randrange(0, 10**18):018d}" for _ in range(3000)]
    texts += ["9007199254740993", "0.1", "1e-310", "2.2250738585072011e-308", "8.1095e+09", ".5", "5."]
    text = "time,price,size\n" + "".join(f"{S},{number},1\n" for number in texts)
    assert one(write(tmp_path / "a.csv", text))[1]["price"] == [float(number) for number in texts]


def test_trades_of_one_symbol_are_taken_out_of_many(tmp_path: Path) -> None:
    text = f"time,symbol,price,size\n{S},XBTUSD,1,2\n{S},ETHUSD,5,6\n{S + 1},XBTUSD,3,0\n{S + 2},XBTUSD,3,1\n"
    path = write(tmp_path / "a.csv", text)
    _, got, found = one(path, Options(venue="bitmex", symbol="XBTUSD"))
    assert got["price"] == [1.0, 3.0]
    assert found.tally.left == {"rows of other symbols": 1, "trades of size 0": 1}
    with pytest.raises(DataError, match="rows of ETHUSD, XBTUSD; say which with --symbol"):
        imports(path, Options(venue="bitmex"))
    single = write(tmp_path / "b.csv", text.replace("ETHUSD", "XBTUSD"))
    assert one(single, Options(venue="bitmex"))[0] == "bitmex:XBTUSD:trades"


def test_a_maker_who_bought_means_a_taker_who_sold(tmp_path: Path) -> None:
    text = f"time,price,qty,is_buyer_maker\n{S},1,2,true\n{S},1,2,false\n"
    assert one(write(tmp_path / "a.csv", text))[1]["side"] == [-1, 1]


def test_files_that_run_backwards_are_turned_round(tmp_path: Path) -> None:
    text = f"time,price,size\n{S + 2},3,1\n{S + 1},2.5,1\n{S + 1},2,1\n{S},1,1\n"
    _, got, found = one(write(tmp_path / "a.csv", text))
    assert got["price"] == [1.0, 2.0, 2.5, 3.0]
    assert "rows stand newest first; they were turned round" in found.told


def test_files_that_jump_are_sorted_where_they_fit_and_refused_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_tables, "CHUNK", 64)
    text = "time,price,size\n" + "".join(f"{S + i},{i + 1},1\n" for i in [*range(20), 3, *range(20, 40)])
    path = write(tmp_path / "a.csv", text)
    _, got, found = one(path)
    assert got["price"] == sorted(got["price"])
    assert any("1 rows stand after a later one" in told for told in found.told)
    monkeypatch.setattr(ordering, "LOOKED_AT", 1)
    with pytest.raises(DataError, match=r"line 22: expected a time at or after.*--sort"):
        one(path)
    assert one(path, Options(venue="bybit", symbol="BTCUSDT", sort=True))[1] == got
    monkeypatch.setattr(ordering, "HELD", 100)
    with pytest.raises(DataError, match="too large to be sorted"):
        one(path, Options(venue="bybit", symbol="BTCUSDT", sort=True))


def test_rows_that_stand_twice_count_once_and_may_not_differ(tmp_path: Path) -> None:
    lines = BARS.split()
    path = write(tmp_path / "a.csv", "\n".join([*lines[:3], *lines[2:]]))
    _, got, found = one(path)
    assert len(got["ts"]) == 3
    assert found.tally.left == {"rows that stood twice": 1}
    other = lines[2].replace("2.5", "2.6", 1)
    with pytest.raises(DataError, match="two rows of 2024-01-02 00:01:00 UTC that differ in high"):
        one(write(tmp_path / "b.csv", "\n".join([*lines[:3], other, lines[3]])))


def test_the_length_of_a_bar_is_asked_where_it_cannot_be_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "\n".join(BARS.split()[:2]))
    with pytest.raises(DataError, match="--interval 5m"):
        imports(path)
    assert one(path, Options(venue="a", symbol="B", interval="1m"))[0] == "a:B:bars_1m"
    assert one(path, Options(venue="a", symbol="B", kind="bars_1m"))[0] == "a:B:bars_1m"
    with pytest.raises(DataError, match="to open at whole multiples"):
        one(write(tmp_path / "b.csv", BARS), Options(venue="a", symbol="B", interval="5m"))


def test_funding_without_a_rate_is_left_out_and_bars_without_any_price_too(tmp_path: Path) -> None:
    text = f"fundingTime,fundingRate\n{S}000,0.0001\n{S + 28800}000,\n"
    _, got, found = one(write(tmp_path / "f.csv", text))
    assert got == {"ts": [S * NS], "rate": [0.0001]}
    assert found.tally.left == {"settlements without a rate": 1}
    bars = BARS + f"{S + 180},,,,,0\n"
    _, got, found = one(write(tmp_path / "b.csv", bars))
    assert len(got["ts"]) == 3
    assert found.tally.left == {"bars without prices": 1}


def test_columns_without_names_are_numbered(tmp_path: Path) -> None:
    text = "\n".join(BARS.split()[1:])
    mapping = {"ts": "1", "open": "2", "high": "3", "low": "4", "close": "5", "volume": "6"}
    path = write(tmp_path / "a.csv", text)
    assert one(path, Options(venue="a", symbol="B", mapping=mapping))[1] == one(write(tmp_path / "b.csv", BARS))[1]


def test_times_of_parquet_without_a_zone_are_asked_about(tmp_path: Path) -> None:
    table = pa.table({"date": pa.array([S, S + 60], pa.timestamp("s")), "price": [1, 2], "size": [1, 1]})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="--time-zone UTC"):
        imports(tmp_path / "a.parquet")
    utc = Options(venue="a", symbol="B", time_zone="UTC")
    assert one(tmp_path / "a.parquet", utc)[1]["ts"] == [S * NS, (S + 60) * NS]


def test_options_that_cannot_be_are_refused_before_any_file_is_read() -> None:
    for given, message in (
        ({"kind": "candles"}, "--kind"),
        ({"time_unit": "m"}, "--time-unit"),
        ({"stamp": "middle"}, "--stamp"),
        ({"interval": "5 apples"}, "interval"),
        ({"time_zone": "Mars/Base"}, "--time-zone"),
    ):
        with pytest.raises(ConfigError, match=message):
            Options(**given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="a size such as"):
        parse_size("much")
    assert parse_size("1.5GB") == 1_500_000_000


def test_memory_is_one_block_whatever_the_length_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tables, "CHUNK", 4096)
    monkeypatch.setattr(ordering, "LOOKED_AT", 10_000)
    text = "time,price,size\n" + "".join(f"{S + i},1,2\n" for i in range(20_000))
    (found,) = imports(write(tmp_path / "a.csv", text), BYBIT)
    sizes = [block.rows.num_rows for block in found.blocks]
    assert sum(sizes) == 20_000
    assert max(sizes) < 400
    assert not rows(found)


@pytest.mark.parametrize(
    ("symbol", "scale", "told"), [("XBTUSD", 1e8, True), ("XBTUSD", 1.0, False), ("ETHUSD", 1e8, False)]
)
def test_turnover_in_satoshi_becomes_coins(tmp_path: Path, symbol: str, scale: float, told: bool) -> None:
    lines = [
        f"{S + 60 * k},8000,8010,7990,{8000 + k},{volume},{volume / (8000 + k) * scale:.6f}"
        for k, volume in enumerate((0, 160, 80))
    ]
    text = "ts,open,high,low,close,volume,turnover\n" + "\n".join(lines) + "\n"
    options = Options(venue="bitmex", symbol=symbol, stamp="open")
    _, got, found = one(write(tmp_path / "a.csv", text), options)
    expected = [volume / (8000 + k) * (1.0 if told else scale) for k, volume in enumerate((0, 160, 80))]
    assert got["turnover"] == pytest.approx(expected, rel=1e-4)
    assert ("turnover is in satoshi: put into XBT" in found.told) == told


def test_a_name_of_another_contract_is_refused(tmp_path: Path) -> None:
    bars = "[" + ",".join(f"[{(S + 300 * k) * 1000},100,101,99,100.5,1]" for k in range(3)) + "]"
    with pytest.raises(DataError, match="its name says ETHUSDT, and --symbol BTCUSDT; leave --symbol out"):
        one(write(tmp_path / "ETH_USDT_USDT-5m-futures.json", bars), BYBIT)
    assert one(write(tmp_path / "BTC_USDT_USDT-5m-futures.json", bars), BYBIT)[0] == "bybit:BTCUSDT:bars_5m"
    found = one(write(tmp_path / "BTC_USDT-5m.json", bars), BYBIT)[2]
    assert "its name says the spot market BTC/USDT, which is no contract" in found.told


def test_an_index_without_a_name_and_a_line_without_an_end_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got none for the first, as pandas writes an index"):
        one(write(tmp_path / "a.csv", ",timestamp,open,high,low,close,volume\n0,1704153600,1,1,1,1,1\n"))
    with pytest.raises(DataError, match="expected rows after the line of names, got a line longer than 65,536 bytes"):
        one(write(tmp_path / "b.csv", BARS.split("\n", maxsplit=1)[0] + "\n" + "1" * 70_000))


def test_bars_are_not_stored_as_finer_ones_with_holes(tmp_path: Path) -> None:
    text = BARS.split("\n", maxsplit=1)[0] + "\n" + "".join(f"{S + 300 * k},1,3,0.5,2,10\n" for k in range(8))
    path = write(tmp_path / "a.csv", text)
    named = Options(venue="bybit", symbol="BTCUSDT")
    for options in (replace(named, interval="1m"), replace(named, kind="bars_1m")):
        with pytest.raises(DataError, match="expected bars of 1m, got rows that are 5m apart; --interval 5m"):
            one(path, options)
    assert one(path, replace(named, interval="5m"))[0] == "bybit:BTCUSDT:bars_5m"

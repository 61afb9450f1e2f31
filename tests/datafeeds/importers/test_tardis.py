"""CSV of tardis, against rows worked out by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from halfspread.datafeeds.importers import text_tables
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.store.kinds import SET, SNAPSHOT
from halfspread.errors import DataError
from tests.datafeeds.importers.small_files import US, imports, one, rows, write

HEAD = "exchange,symbol,timestamp,local_timestamp,"
NONE = Options()


def lines(kind: str, *rest: str, exchange: str = "bitmex", symbol: str = "XBTUSD") -> str:
    """Rows given as "exchange time after US, local time after US, the other columns"."""
    found = [HEAD + kind]
    for row in rest:
        exch, local, others = row.split(",", 2)
        found.append(f"{exchange},{symbol},{US + int(exch)},{US + int(local)},{others}")
    return "\n".join(found) + "\n"


def test_trades_keep_id_side_price_and_both_times(tmp_path: Path) -> None:
    text = lines("id,side,price,amount", "1,5,a-1,buy,42000.5,100", "2,5,,sell,42000,7", "3,9,c,unknown,42001,1")
    series, got, found = one(write(tmp_path / "t.csv", text), NONE)
    assert series == "bitmex:XBTUSD:trades"
    assert got == {
        "ts": [(US + 5) * 1000, (US + 5) * 1000, (US + 9) * 1000],
        "exch_ts": [(US + 1) * 1000, (US + 2) * 1000, (US + 3) * 1000],
        "price": [42000.5, 42000.0, 42001.0],
        "size": [100.0, 7.0, 1.0],
        "side": [1, -1, 0],
        "trade_id": ["a-1", None, "c"],
    }
    assert found.clock == "microseconds"
    assert found.provenance.clock == "received"


def test_columns_are_found_by_name_whatever_their_order(tmp_path: Path) -> None:
    text = lines("ask_amount,ask_price,bid_price,bid_amount", "1,2,30,101,100,40", "1,3,30,101,,")
    series, got, found = one(write(tmp_path / "q.csv", text), NONE)
    assert series == "bitmex:XBTUSD:quotes"
    assert [got[name] for name in ("bid", "bid_size", "ask", "ask_size")] == [[100.0], [40.0], [101.0], [30.0]]
    assert found.tally.left == {"quotes with one side only": 1}
    swapped = lines("bid_price,bid_amount,ask_amount,ask_price", "1,2,100,40,30,101")
    assert one(write(tmp_path / "s.csv", swapped), NONE)[1] == got


def test_rows_before_the_first_snapshot_are_skipped_and_a_second_snapshot_begins_a_new_book(tmp_path: Path) -> None:
    text = lines(
        "is_snapshot,side,price,amount",
        "1,1,false,bid,99,5",
        "2,2,true,bid,100,5",
        "2,2,true,ask,101,6",
        "2,3,true,ask,102,7",  # the rest of the same snapshot, in a later message
        "4,4,false,ask,101,0",
        "4,4,false,bid,100.5,3",
        "5,5,false,bid,100.5,4",
        "6,6,true,bid,98,1",
        "6,6,true,ask,99,0",
    )
    series, got, found = one(write(tmp_path / "b.csv", text), NONE)
    assert series == "bitmex:XBTUSD:book_updates"
    assert got["action"] == [SNAPSHOT, SNAPSHOT, SET, SET, SET, SET, SNAPSHOT]
    assert got["side"] == [1, -1, -1, -1, 1, 1, 1]
    assert got["price"] == [100.0, 101.0, 102.0, 101.0, 100.5, 100.5, 98.0]
    assert got["size"] == [5.0, 6.0, 7.0, 0.0, 3.0, 4.0, 1.0]
    numbers = np.diff(got["message"])
    assert (numbers != 0).tolist() == [False, True, True, False, True, True]
    assert found.tally.left == {"rows of a book before its first snapshot": 1, "levels of a snapshot without a size": 1}


def test_a_snapshot_after_a_silence_begins_a_new_book_and_the_silence_is_a_gap(tmp_path: Path) -> None:
    text = lines(
        "is_snapshot,side,price,amount",
        "1,1,true,ask,101,1",
        "1,1,true,bid,99,1",
        "600000000,600000000,true,ask,121,1",  # connected again, and nothing came between
        "600000000,600000000,true,bid,100.5,1",
        "600000001,600000001,False,bid,100.5,2",  # as pandas writes it
        "900000000,900000000,true,ask,122,1",
        "900000000,900000000,true,bid,100.5,1",
        "900000009,900000009,true,bid,100,1",  # the rest of it
    )
    (found,) = imports(write(tmp_path / "b.csv", text), NONE)
    blocks = list(found.blocks)
    assert [action for block in blocks for action in block.rows["action"].to_pylist()] == [0, 0, 0, 0, 1, 0, 0, 1]
    gaps = [((gap.start // 1000 - US), (gap.end // 1000 - US)) for block in blocks for gap in block.gaps]
    assert gaps == [(1, 600_000_000), (600_000_001, 900_000_000)]
    assert found.series[0].kind == "book_updates"


@pytest.mark.parametrize("chunk", [40, 97, 180, 100_000])
def test_a_book_is_the_same_wherever_the_file_is_cut(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = np.random.default_rng(1)
    snapshot, moved = draws.random(120) < 0.3, np.cumsum(draws.random(120) < 0.5)
    sizes = draws.integers(1, 9, 120)
    rest = [
        f"{t},{t},{str(bool(s)).lower()},{'bid' if q % 2 else 'ask'},{100 + q},{q}"
        for s, t, q in zip(snapshot, moved, sizes, strict=True)
    ]
    path = write(tmp_path / "b.csv", lines("is_snapshot,side,price,amount", *rest))
    whole = one(path, NONE)[1]
    monkeypatch.setattr(text_tables, "CHUNK", chunk)
    assert one(path, NONE)[1] == whole


def test_a_snapshot_of_a_book_is_read_level_by_level(tmp_path: Path) -> None:
    kind = ",".join(f"{side}s[{n}].{what}" for n in (0, 1) for side in ("ask", "bid") for what in ("price", "amount"))
    text = lines(kind, "1,2,101,1,100,2,102,3,99,4", "1,3,101,1,100,2,,,99,4", exchange="binance-futures")
    series, got, _ = one(write(tmp_path / "s.csv", text), NONE)
    assert series == "binance-futures:XBTUSD:books_2"
    assert [got[f"{name}_1"][0] for name in ("bid", "bid_size", "ask", "ask_size")] == [100.0, 2.0, 101.0, 1.0]
    assert [got[f"{name}_2"] for name in ("bid", "bid_size", "ask", "ask_size")] == [
        [99.0, 99.0],
        [4.0, 4.0],
        [102.0, None],
        [3.0, 0.0],
    ]


def test_tickers_are_stored_and_no_funding_is_made_of_them(tmp_path: Path) -> None:
    kind = "funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price"
    text = lines(kind, f"1,2,{US + 14_400_000_000},0.0001,0.0002,500,101,100.5,100.75", "2,3,,,,,,,101.5")
    series, got, found = one(write(tmp_path / "d.csv", text), NONE)
    assert series == "bitmex:XBTUSD:tickers"
    assert got["mark"] == [100.75, 101.5]
    assert got["funding_rate"] == [0.0001, None]
    assert got["funding_ts"] == [(US + 14_400_000_000) * 1000, None]
    assert any("funding settlements are not made of it" in told for told in found.told)


def test_the_side_of_a_liquidation_is_that_of_the_position(tmp_path: Path) -> None:
    text = lines("id,side,price,amount", "1,2,x,sell,100,5", "1,2,y,buy,100,6", "1,2,z,unknown,100,6")
    series, got, found = one(write(tmp_path / "bitmex_liquidations_2024.csv", text), NONE)
    assert series == "bitmex:XBTUSD:liquidations"
    assert got["side"] == [1, -1]
    assert found.tally.left == {"liquidations of an unknown side": 1}


def test_a_file_of_several_symbols_gives_a_series_for_each(tmp_path: Path) -> None:
    text = lines("id,side,price,amount", "1,2,a,buy,1,1") + f"bitmex,ETHUSD,{US},{US + 3},b,sell,2,2\n"
    (found,) = imports(write(tmp_path / "t.csv", text), NONE)
    assert sorted(rows(found)) == ["bitmex:ETHUSD:trades", "bitmex:XBTUSD:trades"]
    with pytest.raises(DataError, match="leave --symbol out"):
        imports(tmp_path / "t.csv", Options(symbol="XBTUSD"))


def test_nanoseconds_are_read_and_told_of(tmp_path: Path) -> None:
    text = HEAD + f"id,side,price,amount\nbitmex,XBTUSD,{US}001,{US}002,a,buy,1,1\n"
    _, got, found = one(write(tmp_path / "t.csv", text), NONE)
    assert got["ts"] == [US * 1000 + 2]
    assert any("nanoseconds, where tardis writes microseconds" in told for told in found.told)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,a,buy,42000.5,1O0", "line 4: column amount: expected a number, got '1O0'"),
        ("1,2,a,bye,42000.5,100", "line 4: column side: expected buy or sell, got 'bye'"),
        ("1,2,a,buy,,100", "line 4: column price: expected a number, got none"),
        ("1,2,a,buy,inf,100", "line 4: column price: expected a finite number"),
        ("1,2,a,buy,42000", "line 4: expected 8 cells, got 7"),
        ("1,1,a,buy,42000,1", "line 4: column local_timestamp: expected a time at or after"),
        ("1,4000000000000000,a,buy,42000,1", "line 4: column local_timestamp: expected a time from 2009 to 2100"),
    ],
)
def test_a_cell_that_is_wrong_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path / "t.csv", lines("id,side,price,amount", "1,2,a,buy,1,1", "1,2,a,buy,1,1", row))
    with pytest.raises(DataError, match=message):
        one(path, NONE)


def test_other_types_and_days_without_rows_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a type that is not read"):
        imports(write(tmp_path / "o.csv", lines("strike_price,underlying_price,delta", "1,2,3,4,5")), NONE)
    (found,) = imports(write(tmp_path / "e.csv.gz", gzip.compress((HEAD + "id,side,price,amount\n").encode())), NONE)
    assert not rows(found)
    assert "there is nothing in it" in found.told[0]

"""Public files: trades, order books, MetaTrader bars; whole ones, odd ones, and those that must be refused."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.bybit.dump_books import book_blocks, depth_of_day, read_book_dump
from halfspread.datafeeds.bybit.dump_mt4 import bars_of_trades, mt4_offset, read_mt4
from halfspread.datafeeds.bybit.dump_trades import read_trades_dump
from halfspread.datafeeds.bybit.fetch import fetch
from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from halfspread.datafeeds.fake_exchange.files import PublicFiles
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.http import Retries
from halfspread.datafeeds.net.requests import Fetched, FetchRequest
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND
from halfspread.errors import DataError, FetchError
from tests.datafeeds.net.loopback import Answer, Asked, Loopback

HEADER = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
DAY0 = 1_755_648_000 * SECOND  # 2025-08-20


def trade(time: str, name: str = "x", side: str = "Buy", size: str = "0.5", price: str = "100.5", rpi: str = "") -> str:
    return f"{time},AUSDT,{side},{size},{price},PlusTick,{name},5.025e+09,{size},50.25" + (f",{rpi}" if rpi else "")


def trades_file(folder: Path, *lines: str, packed: bool = False, end: str = "\n") -> Path:
    path = folder / "AUSDT2025-08-20.csv"
    text = (end.join(lines) + end).encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_trades_are_read_to_the_nanosecond(tmp_path: Path, packed: bool, end: str) -> None:
    lines = [trade("1755648000.1234", "a"), trade("1755648001", "b", "Sell", "1", "101")]
    found = read_trades_dump(trades_file(tmp_path, HEADER, *lines, packed=packed, end=end), "AUSDT").to_pydict()
    assert [int(time.value) for time in found["ts"]] == [1755648000123400000, 1755648001000000000]
    assert (found["price"], found["size"], found["side"]) == ([100.5, 101.0], [0.5, 1.0], [1, -1])
    assert found["trade_id"] == ["a", "b"]
    assert "rpi" not in found


def test_files_without_a_header_and_with_rpi_are_read(tmp_path: Path) -> None:
    path = trades_file(tmp_path, trade("1755648000.1", rpi="0"), trade("1755648000.2", rpi="1"))
    assert read_trades_dump(path, "AUSDT").column("rpi").to_pylist() == [False, True]


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    path = trades_file(tmp_path, "RPI,price,trdMatchID,tickDirection,size,side,symbol,timestamp",
                       "1,2.5,m,PlusTick,3,Sell,AUSDT,1755648000.5")  # fmt: skip
    (row,) = read_trades_dump(path, "AUSDT").to_pylist()
    assert (row["price"], row["size"], row["side"], row["trade_id"], row["rpi"]) == (2.5, 3.0, -1, "m", True)


def test_a_file_that_begins_with_the_newest_is_turned_round(tmp_path: Path) -> None:
    lines = [trade("1755648003", "d"), trade("1755648001", "c"), trade("1755648001", "b"), trade("1755648000", "a")]
    assert read_trades_dump(trades_file(tmp_path, HEADER, *lines), "AUSDT").column("trade_id").to_pylist() == list(
        "abcd"
    )


def test_rows_out_of_order_are_sorted_and_those_of_one_time_keep_theirs(tmp_path: Path) -> None:
    lines = [trade("1755648001", "b"), trade("1755648000", "a"), trade("1755648001", "c"), trade("1755648003", "d")]
    assert read_trades_dump(trades_file(tmp_path, *lines), "AUSDT").column("trade_id").to_pylist() == list("abcd")


def test_spot_files_are_read(tmp_path: Path) -> None:
    path = trades_file(tmp_path, "id,timestamp,price,volume,side,rpi", "7,1755648000123,0.000009461,18057687,buy,0")
    (row,) = read_trades_dump(path, "AUSDT").to_pylist()
    assert int(row["ts"].value) == 1755648000123000000
    assert (row["price"], row["size"], row["side"], row["trade_id"], row["rpi"]) == (
        9.461e-6,
        18057687.0,
        1,
        "7",
        False,
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (trade("1755648000123"), "row 3: timestamp: expected seconds"),
        (trade("17.5"), "row 3: timestamp: expected seconds"),
        (trade("1755648000,5"), "is the file cut short"),
        (trade(""), "row 3: timestamp: expected seconds, got ''"),
        (trade("1755648000.1", price=""), "row 3: price: expected a number above zero, got ''"),
        (trade("1755648000.1", price="nan"), "row 3: price: expected a number above zero"),
        (trade("1755648000.1", price="1e999"), "row 3: price: expected a number above zero"),
        (trade("1755648000.1", size="0"), "row 3: size: expected a number above zero, got '0'"),
        (trade("1755648000.1", size="-1"), "row 3: size: expected a number above zero"),
        (trade("1755648000.1", side="None"), "row 3: side: expected Buy or Sell, got 'None'"),
        (trade("1755648000.1").replace("AUSDT", "BUSDT"), "row 3: symbol: expected AUSDT, got 'BUSDT'"),
        ("1755648000.1,AUSDT,Bu", "is the file cut short"),
    ],
)
def test_a_value_that_does_not_parse_is_refused_with_its_row(tmp_path: Path, line: str, said: str) -> None:
    path = trades_file(tmp_path, HEADER, trade("1755648000.1"), line)
    with pytest.raises(DataError) as told:
        read_trades_dump(path, "AUSDT")
    assert said in str(told.value)
    assert path.name in str(told.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "got an empty file"),
        (b"\x00" * 50, "expected the columns"),
        (b"<html><body>gone</body></html>", "got a web page"),
        (gzip.compress(b"x" * 5000, mtime=0)[:-20], "cannot be unpacked"),
        (b"timestamp,symbol,side\n", "price, size, tickDirection, trdMatchID missing"),
        (b"id,timestamp,price,volume,side,id\n", "each column once"),
    ],
)
def test_what_is_no_file_of_trades_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "f.csv.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_trades_dump(path, "AUSDT")


def test_a_header_alone_is_a_day_without_trades(tmp_path: Path) -> None:
    assert read_trades_dump(trades_file(tmp_path, HEADER), "AUSDT").num_rows == 0


@pytest.mark.fuzz
@given(st.decimals(min_value=1_300_000_000, max_value=4_000_000_000, places=9), st.integers(0, 9))
def test_seconds_are_exact_at_any_number_of_decimals(tmp_path_factory: Any, time: Decimal, places: int) -> None:
    shown = f"{time.quantize(Decimal(1).scaleb(-places)):f}"
    found = read_trades_dump(trades_file(tmp_path_factory.mktemp("f"), trade(shown)), "AUSDT")
    assert int(found.column("ts")[0].as_py().value) == int(Decimal(shown) * SECOND)


@pytest.mark.fuzz
@given(st.integers(0, 10**6), st.binary(max_size=6))
def test_spoilt_files_of_trades_are_refused_or_read(tmp_path_factory: Any, at: int, junk: bytes) -> None:
    lines = [HEADER, *(trade(f"17556480{row:02d}.5", f"t{row}") for row in range(5))]
    text = ("\n".join(lines) + "\n").encode()
    at %= len(text)
    path = tmp_path_factory.mktemp("f") / "f"
    path.write_bytes(text[:at] + junk + text[at + len(junk) :])
    try:
        found = read_trades_dump(path, "AUSDT")
    except DataError:
        return
    assert found.num_rows <= 6
    assert all(price > 0 for price in found.column("price").to_pylist())


def message(
    second: float, kind: str, bids: list[list[str]], asks: list[list[str]], number: int, depth: int = 500
) -> str:
    time = 1_755_648_000_000 + int(second * 1000)
    data = {"s": "AUSDT", "b": bids, "a": asks, "u": number, "seq": 2 * number}
    return json.dumps({"topic": f"orderbook.{depth}.AUSDT", "type": kind, "ts": time + 3, "data": data, "cts": time})


def book(*lines: str, name: str = "f.data", members: int = 1) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(members):
            member = zipfile.ZipInfo(name if not number else f"{number}")
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, "".join(f"{line}\n" for line in lines))
    return packed.getvalue()


LINES = (
    message(0.5, "snapshot", [["10", "1"], ["9", "2"]], [["11", "3"]], 1),
    message(0.6, "delta", [["10", "0"]], [["11", "4"]], 2),
)


def test_a_book_is_read_message_by_message(tmp_path: Path) -> None:
    path = tmp_path / "f.zip"
    path.write_bytes(book(*LINES))
    rows = [row for table in read_book_dump(path, "AUSDT", 500) for row in table.to_pylist()]
    assert [(row["message"], row["action"], row["side"], row["price"], row["size"]) for row in rows] == [
        (1, 0, 1, 10.0, 1.0), (1, 0, 1, 9.0, 2.0), (1, 0, -1, 11.0, 3.0), (2, 1, 1, 10.0, 0.0), (2, 1, -1, 11.0, 4.0),
    ]  # fmt: skip
    assert {int(row["ts"]) for row in rows} == {DAY0 + SECOND // 2, DAY0 + 600_000_000}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be unpacked"),
        (b"<html></html>", "cannot be unpacked"),
        (book(*LINES)[:-40], "cannot be unpacked"),
        (book(*LINES, members=2), "expected an archive with one member, got 2"),
        (book(*LINES, name="../../f"), "expected a plain name in the archive, got '../../f'"),
        (book(*LINES, name="/tmp/f"), "expected a plain name"),
        (book(*LINES, name="a\\f"), "expected a plain name"),
        (book(), "got an empty member"),
        (book("\0" * 70_000_000), "which no day of a book does; nothing was read"),
        (book(*LINES[1:]), "expected a snapshot as the first message"),
        (book(message(1, "snapshot", [["1", "1"]], [], 1, 200)), "expected messages of orderbook.500.AUSDT, got none"),
        (book(LINES[0], LINES[1][:-9]), "line 2"),
        (book(LINES[0].replace('"10"', '"ten"')), "line 1"),
    ],
)
def test_an_archive_that_is_no_book_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "f.zip"
    path.write_bytes(content)
    with pytest.raises(DataError) as told:
        list(read_book_dump(path, "AUSDT", 500))
    assert said in str(told.value)


def test_a_member_that_lies_about_its_size_ends_in_an_error(tmp_path: Path) -> None:
    content = bytearray(book("x" * 3_000_000))
    size = (3_000_001).to_bytes(4, "little")
    assert content.count(size) == 2
    (tmp_path / "f.zip").write_bytes(bytes(content).replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(DataError, match="cannot be unpacked"):
        list(book_blocks(tmp_path / "f.zip"))


def left_over(folder: Path) -> list[Path]:
    """Files that were fetched and are still there."""
    return [path for path in folder.rglob(".downloads/**/*") if path.is_file() and path.name != ".lock"]


def ask(
    url: str, store: Store, *kinds: str, start: int, end: int | None = None, now: int, replace: bool = False
) -> Fetched:
    request = FetchRequest("AUSDT", kinds, start, end, dumps_url=url, per_second=1e9, replace=replace)
    return fetch(request, store, clock=ManualClock(now), timeout=0.5, retries=Retries(attempts=3))


def test_the_change_of_depth_is_a_gap_and_rows_of_other_days_are_left_out(server: Loopback, tmp_path: Path) -> None:
    files = {
        "2025-08-20_AUSDT_ob500": book(*LINES, message(86400.2, "snapshot", [["8", "1"]], [["9", "1"]], 9)),
        "2025-08-21_AUSDT_ob200": book(message(86400.7, "snapshot", [["8", "1"]], [["9", "1"]], 1, 200)),
    }

    def answer(asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2].partition(".")[0]
        return Answer(files[name], headers={}) if name in files else Answer(b"", 404)

    server.answer = answer
    store, series = Store(tmp_path), Series("bybit", "AUSDT", "book_updates")
    fetched = ask(server.url, store, "book_updates", start=DAY0, now=DAY0 + 2 * DAY + HOUR)
    assert fetched.error is None
    assert "/orderbook/linear/AUSDT/2025-08-20_AUSDT_ob500.data.zip" in [asked.path for asked in server.log]
    (part,) = fetched.parts
    assert (part.rows, part.spans) == (7, ((DAY0, DAY0 + 2 * DAY),))
    assert part.told == ("2025-08-20_AUSDT_ob500.data.zip: 2 rows of other days were left out",)
    (gap,) = store.gaps(series)
    assert (gap.start, gap.end) == (DAY0 + DAY - 1, DAY0 + DAY + 700_000_000)
    assert gap.reason == "the venue's files change from 500 levels to 200"
    assert store.summary(series).sources[0].digest
    assert not left_over(tmp_path)


def test_the_depth_of_a_day_is_tried_first_and_then_the_other(server: Loopback, tmp_path: Path) -> None:
    content = book(message(0.5, "snapshot", [["8", "1"]], [["9", "1"]], 1, 200))
    server.answer = lambda asked: Answer(content, headers={}) if "ob200" in asked.path else Answer(b"", 404)
    assert (depth_of_day("2025-08-20"), depth_of_day("2025-08-21")) == (500, 200)
    fetched = ask(server.url, Store(tmp_path), "book_updates", start=DAY0, end=DAY0 + DAY, now=DAY0 + 2 * DAY)
    assert (fetched.error, fetched.parts[0].rows) == (None, 2)


def test_days_without_a_file_are_gaps_unless_they_may_still_come(server: Loopback, tmp_path: Path) -> None:
    days_of_trades(server, {"2025-08-19": [trade("1755561600.5")]})
    store = Store(tmp_path)
    ask(server.url, store, "trades", start=DAY0 - DAY, end=DAY0, now=DAY0 + 9 * DAY)  # the server has files
    fetched = ask(server.url, store, "trades", start=DAY0, now=DAY0 + 9 * DAY)
    (part,) = fetched.parts
    assert [(hole.start, hole.end) for hole in part.holes] == [(DAY0, DAY0 + 2 * DAY)]
    assert part.holes[0].reason == "the venue has no files of these days"
    assert len(store.gaps(Series("bybit", "AUSDT", "trades"))) == 1
    assert len(part.told) == 7
    assert store.missing(Series("bybit", "AUSDT", "trades"), DAY0, DAY0 + 9 * DAY) == (
        (DAY0 + 2 * DAY, DAY0 + 9 * DAY),
    )


def test_the_file_of_today_is_told_to_come_later(server: Loopback, tmp_path: Path) -> None:
    fetched = ask(server.url, Store(tmp_path), "trades", start=DAY0, now=DAY0 + HOUR)
    assert fetched.parts[0].told == ("the file of 2025-08-20 comes after the day is over",)
    assert server.log == []


def test_a_file_of_another_day_is_refused_and_nothing_is_left(server: Loopback, tmp_path: Path) -> None:
    server.lay_out(Answer(gzip.compress(f"{HEADER}\n{trade('1755000000.5')}\n".encode()), headers={}))
    fetched = ask(server.url, Store(tmp_path), "trades", start=DAY0, now=DAY0 + DAY)
    assert "is the file of another day" in str(fetched.error)
    assert not list(tmp_path.rglob("*.parquet"))
    assert not left_over(tmp_path)


NO_FILES = [b"", b"<html><title>Sorry</title></html>", gzip.compress(b"1" * 9999, mtime=0)[:-9]]


@pytest.mark.parametrize("content", NO_FILES)
def test_a_server_that_sends_no_file_is_told_and_nothing_is_left(
    server: Loopback, tmp_path: Path, content: bytes
) -> None:
    server.lay_out(Answer(content, headers={"Content-Type": "application/gzip"}))
    fetched = ask(server.url, Store(tmp_path), "trades", start=DAY0, now=DAY0 + DAY)
    assert isinstance(fetched.error, FetchError)
    assert not left_over(tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def days_of_trades(server: Loopback, files: dict[str, list[str]]) -> None:
    """Serve files of these days and no others."""

    def answer(asked: Asked) -> Answer:
        lines = files.get(asked.path[-17:-7])
        body = b"" if lines is None else gzip.compress("".join(f"{line}\n" for line in [HEADER, *lines]).encode())
        return Answer(body, 404 if lines is None else 200, headers={})

    server.answer = answer


TRADES, BOOKS = Series("bybit", "AUSDT", "trades"), Series("bybit", "AUSDT", "book_updates")


def test_replacing_never_removes_rows_of_a_day_without_a_whole_file(server: Loopback, tmp_path: Path) -> None:
    store, files = Store(tmp_path), {"2025-08-20": [trade("1755648000.5")], "2025-08-21": [trade("1755734400.5", "y")]}
    days_of_trades(server, files)
    assert ask(server.url, store, "trades", start=DAY0, now=DAY0 + 12 * DAY, end=DAY0 + 2 * DAY).parts[0].rows == 2
    days_of_trades(server, {})
    ask(server.url, store, "trades", start=DAY0, now=DAY0 + 12 * DAY, end=DAY0 + 2 * DAY, replace=True)
    assert store.read(TRADES).num_rows == 2
    days_of_trades(server, {"2025-08-20": ["1755648000.5,AUSDT,Bu"], "2025-08-21": [trade("1755734401.5", "z")]})
    ask(server.url, store, "trades", start=DAY0, now=DAY0 + 12 * DAY, end=DAY0 + 2 * DAY, replace=True)
    assert store.read(TRADES).column("trade_id").to_pylist() == ["x", "z"]


@pytest.mark.parametrize("kind", ["trades", "book_updates"])
def test_a_server_without_any_file_is_an_error_and_nothing_is_covered(
    server: Loopback, tmp_path: Path, kind: str
) -> None:
    server.lay_out(Answer(b"", 404))
    store = Store(tmp_path)
    fetched = ask(server.url, store, kind, start=DAY0, end=DAY0 + 3 * DAY, now=DAY0 + 20 * DAY)
    assert "expected files of AUSDT, got none of 3 days" in str(fetched.error)
    assert store.series() == ()


def test_a_bad_day_does_not_stop_the_days_behind_it(server: Loopback, tmp_path: Path) -> None:
    bad = trade("1755648000.5", price="-1")
    files = {"2025-08-20": [bad], "2025-08-21": [], "2025-08-22": [trade("1755820800.5")]}
    days_of_trades(server, files)
    store = Store(tmp_path)
    fetched = ask(server.url, store, "trades", start=DAY0, end=DAY0 + 3 * DAY, now=DAY0 + 9 * DAY)
    assert "1 file of the server could not be taken" in str(fetched.error)
    assert "AUSDT2025-08-20.csv.gz: row 2: price" in str(fetched.error)
    assert store.covered(TRADES) == ((DAY0 + DAY, DAY0 + 3 * DAY),)  # a header alone is a day without trades
    assert store.read(TRADES).num_rows == 1


def test_equal_twins_are_dropped_and_told_and_others_refused(server: Loopback, tmp_path: Path) -> None:
    one, other = trade("1755648000.5"), trade("1755648001.5", "")
    days_of_trades(server, {"2025-08-20": [one, other, one, other], "2025-08-21": [trade("1755734400.5")] * 2})
    store = Store(tmp_path)
    fetched = ask(server.url, store, "trades", start=DAY0, end=DAY0 + DAY, now=DAY0 + 9 * DAY)
    assert fetched.parts[0].told == ("AUSDT2025-08-20.csv.gz: 1 trades that stand twice were taken once",)
    assert store.read(TRADES).num_rows == 3  # what has no number has no twin
    days_of_trades(server, {"2025-08-21": [trade("1755734400.5"), trade("1755734400.5", size="7")]})
    fetched = ask(server.url, store, "trades", start=DAY0 + DAY, end=DAY0 + 2 * DAY, now=DAY0 + 9 * DAY)
    assert "size: expected one trade x, got two that differ: 0.5 and 7.0" in str(fetched.error)


def test_a_snapshot_just_before_midnight_is_the_book_at_midnight(server: Loopback, tmp_path: Path) -> None:
    early = message(-0.02, "snapshot", [["10", "1"]], [["11", "3"]], 1)
    server.answer = lambda asked: Answer(book(early, LINES[1]), headers={})
    store = Store(tmp_path)
    fetched = ask(server.url, store, "book_updates", start=DAY0, end=DAY0 + DAY, now=DAY0 + 2 * DAY)
    assert fetched.error is None
    rows = store.read(BOOKS).to_pylist()
    assert [(int(row["ts"].value) - DAY0, row["action"]) for row in rows[:3]] == [(0, 0), (0, 0), (600_000_000, 1)]
    between = message(-0.01, "delta", [["10", "2"]], [], 2)
    server.answer = lambda asked: Answer(book(early, between, LINES[1]), headers={})
    fetched = ask(server.url, Store(tmp_path / "b"), "book_updates", start=DAY0, end=DAY0 + DAY, now=DAY0 + 2 * DAY)
    assert "more than one snapshot a moment before midnight" in str(fetched.error)


def test_a_change_of_depth_is_claimed_by_what_is_stored_alone(server: Loopback, tmp_path: Path) -> None:
    depths = {"2025-09-01": 500, "2025-09-02": 500, "2025-09-03": 200}
    start = DAY0 + 12 * DAY

    def answer(asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        day, depth = name[:10], depths[name[:10]]
        second = 86400 * (12 + list(depths).index(day)) + 0.5
        lines = book(message(second, "snapshot", [["8", "1"]], [["9", "1"]], 1, depth))
        return Answer(lines, headers={}) if f"ob{depth}." in name else Answer(b"", 404)

    server.answer = answer
    store, gaps = Store(tmp_path), []
    for number in range(3):
        first = start + number * DAY
        fetched = ask(server.url, store, "book_updates", start=first, end=first + DAY, now=start + 9 * DAY)
        assert fetched.error is None
        gaps.append([gap.reason for gap in store.gaps(BOOKS)])
    assert gaps == [[], [], ["the venue's files change from 500 levels to 200"]]


def test_fetches_of_one_range_at_once_do_no_harm(tmp_path: Path) -> None:
    market, store = GeneratedMarket(days=2, trades_per_minute=0.2, quotes_per_minute=0.2), Store(tmp_path)
    with FakeExchange(market) as venue, ThreadPoolExecutor(3) as pool:
        request = FetchRequest("BTCUSDT", ("trades",), market.start, dumps_url=venue.dumps, per_second=1e9)
        three = [pool.submit(fetch, request, store, clock=ManualClock(venue.now)) for _ in range(3)]
        assert [one.result().error for one in three] == [None] * 3
        assert len(venue.log) == 2
    assert store.read(Series("bybit", "BTCUSDT", "trades")).num_rows == market.truth("trades").num_rows


@pytest.mark.parametrize("odd", [{}, {"descending": True, "header": False}])
def test_trades_of_a_market_come_back_as_they_were(tmp_path: Path, odd: dict[str, Any]) -> None:
    market = GeneratedMarket(days=2)
    store = Store(tmp_path)
    with FakeExchange(market, files=PublicFiles(market, **odd)) as venue:
        request = FetchRequest("BTCUSDT", ("trades",), market.start, dumps_url=venue.dumps, per_second=1e9)
        fetched = fetch(request, store, clock=ManualClock(venue.now))
    assert fetched.error is None
    got, true = store.read(Series("bybit", "BTCUSDT", "trades")), market.truth("trades")
    assert got.num_rows == true.num_rows > 1000
    for name in ("ts", "price", "size", "side", "trade_id"):
        assert got.column(name).to_pylist() == true.column(name).to_pylist(), name


def mt4(folder: Path, lines: list[str]) -> Path:
    path = folder / "AUSDT_1_2023-01-01_2023-01-31.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def shifted_bars(hours: int, rows: int = 120, wrong: int = 0) -> tuple[list[str], dict[str, Any]]:
    """Lines of bars of trades from 2023-01-02 on, stamped so many hours late; the last ``wrong`` of them altered."""
    rng = np.random.default_rng(1)
    start = 1_672_617_600 * SECOND
    prices = 100.0 + np.round(np.cumsum(rng.normal(size=4 * rows)), 1)
    times = start + np.arange(4 * rows) * MINUTE // 4
    lines = []
    for row in range(rows):
        part = prices[4 * row : 4 * row + 4] + (row >= rows - wrong)
        stamp = np.datetime64((start + row * MINUTE + hours * HOUR) // SECOND, "s").item()
        lines.append(f"{stamp:%Y.%m.%d %H:%M},{part[0]},{part.max()},{part.min()},{part[3]},4")
    return lines, {"ts": times, "price": prices}


@pytest.mark.parametrize("hours", [-12, -3, 0, 3, 12])
def test_the_zone_of_metatrader_bars_is_found_by_trades(tmp_path: Path, hours: int) -> None:
    lines, trades = shifted_bars(hours, wrong=6)
    assert mt4_offset(read_mt4(mt4(tmp_path, lines)), trades) == hours * HOUR


def test_metatrader_bars_that_trades_do_not_prove_are_refused(tmp_path: Path) -> None:
    lines, trades = shifted_bars(3, wrong=7)
    with pytest.raises(DataError, match=r"the best one, \+3 h, has 94\.2% of the bars of 1m, and 95% of at least 100"):
        mt4_offset(read_mt4(mt4(tmp_path, lines)), trades)
    far = {"ts": trades["ts"] + 400 * DAY, "price": trades["price"]}
    with pytest.raises(DataError, match=r"has 0\.0% of the bars"):
        mt4_offset(read_mt4(mt4(tmp_path, lines)), far)


def test_bars_that_do_not_move_or_are_few_prove_no_zone(tmp_path: Path) -> None:
    lines, trades = shifted_bars(3)
    flat = read_mt4(mt4(tmp_path, [f"{line[:16]},5,5,5,5,1" for line in lines]))
    with pytest.raises(DataError, match="of at least 100 that move are needed"):
        mt4_offset(flat, {"ts": trades["ts"], "price": np.full(len(trades["ts"]), 5.0)})
    with pytest.raises(DataError, match="of at least 100 that move are needed"):
        mt4_offset(read_mt4(mt4(tmp_path, lines[:60])), trades)


def test_bars_that_several_zones_explain_prove_none() -> None:
    start = 1_672_617_600 * SECOND
    times = start + np.arange(36 * 60) * MINUTE
    prices = np.where(np.arange(len(times)) % 2, 5.0, 6.0)
    bars = bars_of_trades(times, prices, MINUTE)
    with pytest.raises(DataError, match="hours all make these bars those of the trades"):
        mt4_offset(bars, {"ts": times, "price": prices})


def test_minutes_that_stand_twice_count_once_unless_they_differ(tmp_path: Path) -> None:
    lines, _ = shifted_bars(0, rows=3)
    assert len(read_mt4(mt4(tmp_path, [*lines, lines[0]]))["ts"]) == 3
    with pytest.raises(DataError, match="row 4: stands twice with other values"):
        read_mt4(mt4(tmp_path, [*lines, lines[0][:-1] + "5"]))


NO_BARS = ["2023.13.01 00:00,1,1,1,1,1", "2023.01.01 24:00,1,1,1,1,1", "2023.01.01 00:00,1,1,1,1"]
NO_BARS += ["2023-01-01 00:00,1,1,1,1,1", "2023.01.01 00:00,1,1,1,nan,1", "x"]


@pytest.mark.parametrize("line", NO_BARS)
def test_a_line_that_is_no_metatrader_bar_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"row 1: expected"):
        read_mt4(mt4(tmp_path, [line]))
    with pytest.raises(DataError, match="expected bars, got none"):
        read_mt4(mt4(tmp_path, []))

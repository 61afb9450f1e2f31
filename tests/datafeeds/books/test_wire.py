"""Messages of venues become the rows that they say, and what cannot be read is named with its line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from halfspread.datafeeds.books.wire.parser import Parsed, WireParser, parse
from halfspread.errors import ConfigError, DataError

MS = 1_000_000
T0 = 1_700_000_000_000  # milliseconds


def bybit_book(u: int, bids: list[list[str]], asks: list[list[str]], **more: Any) -> dict[str, Any]:
    """A message of orderbook.50.BTCUSDT."""
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": u, "seq": 9 * u}
    return {"topic": "orderbook.50.BTCUSDT", "type": "delta", "ts": T0 + u, "data": data, "cts": T0 + u - 1, **more}


def lines(*messages: Any) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def columns(parsed: Parsed) -> dict[str, list[Any]]:
    return dict(parsed.updates.to_pydict())


def test_a_dump_of_bybit_gives_rows_at_the_time_of_the_matching_engine() -> None:
    first = bybit_book(7, [["100.5", "1"]], [["101", "0.25"]], type="snapshot")
    second = bybit_book(8, [["100.5", "0"]], [])
    found = columns(parse(lines(first, second), "bybit"))
    assert found == {
        "ts": [(T0 + 6) * MS, (T0 + 6) * MS, (T0 + 7) * MS],
        "message": [1, 1, 2],
        "action": [0, 0, 1],
        "side": [1, -1, 1],
        "sequence": [7, 7, 8],
        "price": [100.5, 101.0, 100.5],
        "size": [1.0, 0.25, 0.0],
    }


def test_a_time_of_receipt_before_the_message_is_ts() -> None:
    stamp = 1_700_000_001_234_567_891
    found = columns(parse(b"%d %s" % (stamp, lines(bybit_book(7, [], []))), "bybit"))
    assert found["ts"] == [stamp]
    assert found["exch_ts"] == [(T0 + 6) * MS]
    assert (found["side"], found["price"]) == ([0], [None])


def test_an_unknown_venue_is_named() -> None:
    with pytest.raises(ConfigError, match="expected bybit, bitmex, binance, got 'kraken'"):
        WireParser("kraken")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"<!DOCTYPE html><html>\n", "line 1: this is a web page"),
        (b"\0\0\0\0\n", "line 1: the file holds zero bytes"),
        (b"\x1f\x8b\x08\n", "line 1: this is a compressed file"),
        (b'{"topic":"orderbook.50.BTCUSDT","ty', "line 1 .the last line, without an end: is the file cut off"),
    ],
)
def test_what_is_no_data_is_called_by_its_name(line: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        parse(line, "bybit")


def test_two_depths_of_one_symbol_are_never_mixed() -> None:
    other = {**bybit_book(8, [["1", "1"]], []), "topic": "orderbook.200.BTCUSDT"}
    both = lines(bybit_book(7, [], []), other)
    with pytest.raises(DataError, match=r"line 2: expected one book, got orderbook\.50 and orderbook\.200"):
        parse(both, "bybit")
    found = parse(both, "bybit", book="orderbook.200")
    assert (columns(found)["price"], found.skipped) == ([1.0], {"other books": 1})


def test_two_symbols_need_one_to_be_named() -> None:
    data = {"s": "ETHUSDT", "b": [], "a": [], "u": 8}
    other = {**bybit_book(8, [], []), "topic": "orderbook.50.ETHUSDT", "data": data}
    both = lines(bybit_book(7, [], []), other)
    with pytest.raises(DataError, match="line 2: expected one symbol, got BTCUSDT and ETHUSDT"):
        parse(both, "bybit")
    found = parse(both, "bybit", "ETHUSDT")
    assert (columns(found)["sequence"], found.skipped) == ([8], {"other symbols": 1})


@pytest.mark.parametrize("number", ["NaN", '"NaN"', '"1_0"', '" 1"', '""', "null", "true", "1e999", '"0x1"', "[]"])
def test_what_is_no_number_is_refused_and_never_zero(number: str) -> None:
    line = lines(bybit_book(8, [["100.5", "123456789"]], [])).replace(b'"123456789"', number.encode())
    for text in (line, lines(bybit_book(7, [], [])) + line):
        with pytest.raises(DataError, match=r"line [12]: .*(size in b: expected|expected JSON)"):
            parse(text, "bybit")


def test_a_bad_line_may_be_left_out_and_is_counted() -> None:
    found = parse(lines(bybit_book(7, [], [])) + b"{oops}\n" + lines(bybit_book(8, [], [])), "bybit", faults="skip")
    assert columns(found)["sequence"] == [7, 8]
    assert (found.counts["bad_lines"], found.counts["lines"]) == (1, 3)
    assert found.faults[0].startswith("lines: line 2: expected JSON, got '{oops}'")


def test_a_message_without_its_topic_is_no_control_message() -> None:
    with pytest.raises(DataError, match="got one without a topic"):
        parse(lines({"tpic": "orderbook.50.BTCUSDT", "data": {}}), "bybit")
    found = parse(lines({"op": "pong"}, {"success": True, "op": "subscribe"}), "bybit")
    assert found.skipped == {"control messages": 2}


def test_times_of_receipt_do_not_come_and_go() -> None:
    with pytest.raises(DataError, match="line 2: expected a message from its start as in the lines before"):
        parse(lines(bybit_book(7, [], [])) + b"1700000000000000000 " + lines(bybit_book(8, [], [])), "bybit")


def test_messages_of_bitmex_before_2022_need_a_time_of_receipt() -> None:
    row = {"symbol": "XBTUSD", "id": 8_799_000_000, "side": "Buy", "size": 100, "price": 10_000}
    message = lines({"table": "orderBookL2", "action": "partial", "data": [row]})
    with pytest.raises(DataError, match="expected a time, got a message without one"):
        parse(message, "bitmex")
    found = columns(parse(b"1700000000000000000 " + message, "bitmex"))
    assert (found["id"], found["price"], "exch_ts" in found) == ([8_799_000_000], [10_000.0], False)


def test_a_line_longer_than_any_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halfspread.datafeeds.books.wire.parser.LONGEST_LINE", 1_000)
    parser = WireParser("bybit", name="zeros.data")
    with pytest.raises(DataError, match=r"zeros\.data: line 1: expected lines of JSON.*zero bytes"):
        parser.feed(b"\0" * 2_000)

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

"""The compiled parser gives what Python's own JSON gives, for messages of every venue and for damaged lines."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.books.wire.parser import Parsed, WireParser
from halfspread.datafeeds.books.wire.scan_kernels import numbers_of
from halfspread.errors import DataError

T0 = 1_700_000_000_000
SYMBOLS = {"bybit": "BTCUSDT", "bitmex": "XBTUSD", "binance": "BTCUSDT"}
PRICES = st.sampled_from(
    ("100", "100.5", "0.1", "28145.10", "1e2", "12345678901234567890.5", "0.000012", "9007199254740993")
)
SPACES = st.sampled_from(("", "", " ", "\t", "  "))


@st.composite
def numerals(draw: Any) -> Any:
    """A number as text or as a JSON number."""
    text = draw(PRICES)
    return text if draw(st.booleans()) else Raw(text)


class Raw(float):
    """A number that is written as its text."""

    def __new__(cls, text: str) -> Raw:
        made = super().__new__(cls, float(text))
        made.text = text
        return made

    text: str


def written(value: Any, draw: Any) -> Any:
    """JSON text with names in any order and white space anywhere."""
    space = draw(SPACES)
    if isinstance(value, dict):
        items = draw(st.permutations(list(value.items())))
        inside = ",".join(f"{space}{json.dumps(name)}{space}:{space}{written(item, draw)}" for name, item in items)
        return "{" + inside + space + "}"
    if isinstance(value, list):
        return "[" + (space + ",").join(space + written(item, draw) for item in value) + space + "]"
    return value.text if isinstance(value, Raw) else json.dumps(value)


def stamp(k: int) -> str:
    return f"2023-11-14T22:13:{k % 60:02d}.{k % 1000:03d}Z"


@st.composite
def bybit(draw: Any) -> dict[str, Any]:
    k = draw(st.integers(1, 900))
    symbol = draw(st.sampled_from(("BTCUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT")))
    if draw(st.integers(0, 3)) == 0:
        row = {"T": T0 + k, "s": symbol, "S": draw(st.sampled_from(("Buy", "Sell"))), "v": "0.5", "p": draw(numerals())}
        row |= {"L": "PlusTick", "i": f"id-{k}", "BT": draw(st.booleans()), "RPI": False, "seq": k}
        if draw(st.booleans()):
            del row["RPI"]
        rows = [row] * draw(st.integers(0, 2))
        return {"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": T0 + k, "data": rows}
    levels = st.lists(st.tuples(numerals(), numerals()).map(list), max_size=4)
    data = {"s": symbol, "b": draw(levels), "a": draw(levels), "u": k, "seq": 3 * k}
    kind = draw(st.sampled_from(("snapshot", "delta")))
    depth = draw(st.sampled_from((50, 50, 50, 200)))
    message = {"topic": f"orderbook.{depth}.{symbol}", "type": kind, "ts": T0 + k, "data": data, "cts": T0 + k - 1}
    if draw(st.booleans()):
        del message["cts"]
    return message


@st.composite
def bitmex(draw: Any) -> dict[str, Any]:
    k = draw(st.integers(1, 900))
    table = draw(st.sampled_from(("orderBookL2", "orderBookL2", "orderBookL2_25", "trade", "quote", "instrument")))
    action = draw(st.sampled_from(("partial", "insert", "update", "delete")))
    if table in ("trade", "quote"):
        action = draw(st.sampled_from(("insert", "insert", "partial")))
    rows = []
    for i in range(draw(st.integers(0, 3))):
        symbol = draw(st.sampled_from(("XBTUSD", "XBTUSD", "ETHUSD")))
        row: dict[str, Any] = {
            "symbol": symbol,
            "timestamp": stamp(k + i),
            "side": draw(st.sampled_from(("Buy", "Sell"))),
        }
        if table == "trade":
            row |= {"size": 100 * k, "price": draw(numerals()), "trdMatchID": f"t{k}", "grossValue": 1.5e-7}
        elif table == "quote":
            row |= {"bidSize": k, "bidPrice": draw(numerals()), "askPrice": draw(numerals()), "askSize": k}
        else:
            row |= {"id": 8_800_000_000 + i}
            row |= {} if action == "delete" else {"size": 100 * k}
            row |= {"price": draw(numerals())} if action in ("partial", "insert") or draw(st.booleans()) else {}
        if draw(st.integers(0, 4)) == 0 and table.startswith("order"):
            del row["timestamp"]
        rows.append(row)
    more = {"keys": ["symbol"], "filter": {"symbol": "XBTUSD"}} if action == "partial" else {}
    return {"table": table, "action": action, "data": rows, **more}


@st.composite
def binance(draw: Any) -> dict[str, Any]:
    k = draw(st.integers(1, 900))
    symbol = draw(st.sampled_from(("BTCUSDT", "BTCUSDT", "ETHUSDT")))
    event = draw(st.sampled_from(("depthUpdate", "bookTicker", "trade", "aggTrade", "snapshot")))
    levels = st.lists(st.tuples(numerals(), numerals()).map(list), max_size=4)
    message: dict[str, Any] = {"e": event, "E": T0 + k + 1, "T": T0 + k, "s": symbol}
    if draw(st.booleans()):
        del message["T"]
    if event == "depthUpdate":
        message |= {"U": k, "u": k + 3, "pu": k - 1, "b": draw(levels), "a": draw(levels)}
    elif event == "bookTicker":
        message |= {"u": k, "b": draw(numerals()), "B": "1", "a": draw(numerals()), "A": "2.5"}
    elif event == "trade":
        message |= {"t": k, "p": draw(numerals()), "q": "0.1", "m": draw(st.booleans())}
        message |= {"X": draw(st.sampled_from(("MARKET", "INSURANCE_FUND", "NA")))} if draw(st.booleans()) else {}
    elif event == "aggTrade":
        message |= {"a": k, "p": "1", "q": "1", "f": 1, "l": 2, "m": True}
    else:
        return {"lastUpdateId": k, "E": T0 + k, "T": T0 + k, "bids": draw(levels), "asks": draw(levels)}
    return {"stream": f"{symbol.lower()}@x", "data": message} if draw(st.booleans()) else message


MAKERS = {"bybit": bybit(), "bitmex": bitmex(), "binance": binance()}


@st.composite
def recordings(draw: Any) -> tuple[str, bytes]:
    """A venue, and lines of its messages that were received."""
    venue = draw(st.sampled_from(sorted(MAKERS)))
    lines = []
    for k in range(draw(st.integers(1, 8))):
        lines.append(f"{1_700_000_000_000_000_000 + k} {written(draw(MAKERS[venue]), draw)}{draw(SPACES)}\n")
    return venue, "".join(lines).encode()


def read(venue: str, lines: bytes, compiled: bool, symbol: str | None = "", **options: Any) -> Parsed:
    parser = WireParser(venue, SYMBOLS[venue] if symbol == "" else symbol, compiled=compiled, **options)
    return parser.parse_all(lines)


def check_equal(one: Parsed, other: Parsed) -> None:
    for name in ("updates", "trades", "quotes"):
        assert getattr(one, name).equals(getattr(other, name)), name
    assert (one.skipped, one.counts, one.faults) == (other.skipped, other.counts, other.faults)


BOOKS = {"bybit": "orderbook.50", "bitmex": "orderBookL2", "binance": "depth"}


@pytest.mark.fuzz
@given(recordings(), st.booleans())
def test_messages_give_the_rows_of_plain_json(recording: tuple[str, bytes], named: bool) -> None:
    venue, lines = recording
    options = {"book": BOOKS[venue]} if named else {"faults": "skip"}
    symbol = "" if named else None
    check_equal(read(venue, lines, True, symbol, **options), read(venue, lines, False, symbol, **options))


@pytest.mark.fuzz
@given(
    recordings(),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from("rid")), min_size=1, max_size=3),
)
def test_damaged_lines_give_the_rows_or_the_message_of_plain_json(
    recording: tuple[str, bytes], damage: list[tuple[int, int, str]]
) -> None:
    venue, lines = recording
    damaged = bytearray(lines)
    for place, byte, how in damage:
        at = place % max(len(damaged), 1)
        if how == "d":
            del damaged[at : at + 1 + byte % 7]
        else:
            damaged[at : at + (how == "r")] = bytes([byte if byte > 100 else b'"[]{},:0123456789.eE-+ \n\\'[byte % 25]])
    skip = {"book": BOOKS[venue], "faults": "skip"}
    check_equal(read(venue, bytes(damaged), True, **skip), read(venue, bytes(damaged), False, **skip))
    said = []
    for compiled in (True, False):
        try:
            read(venue, bytes(damaged), compiled, book=BOOKS[venue])
            said.append("")
        except DataError as error:
            said.append(str(error))
    assert said[0] == said[1]


@pytest.mark.fuzz
@given(recordings(), st.lists(st.integers(0, 10_000), max_size=4))
def test_blocks_may_cut_anywhere(recording: tuple[str, bytes], places: list[int]) -> None:
    venue, lines = recording
    whole = read(venue, lines, True, book=BOOKS[venue])
    parser = WireParser(venue, SYMBOLS[venue], book=BOOKS[venue])
    edges = sorted({0, len(lines), *(place % (len(lines) + 1) for place in places)})
    pieces = [parser.feed(lines[a:b]) for a, b in pairwise(edges)] + [parser.finish()]
    for name in ("updates", "trades", "quotes"):
        rows = [row for piece in pieces for row in getattr(piece, name).to_pylist()]
        columns = getattr(whole, name).column_names
        assert [{k: row.get(k) for k in columns} for row in rows] == getattr(whole, name).to_pylist()
    assert sum(piece.counts["lines"] for piece in pieces) == whole.counts["lines"]


DIGITS = st.text("0123456789", min_size=1, max_size=20)


@pytest.mark.fuzz
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("", "-")), DIGITS, st.one_of(st.just(""), DIGITS), st.integers(-30, 30), st.booleans()
        )
    )
)
def test_decimals_are_rounded_as_float_rounds_them_or_not_taken(parts: list[tuple[str, str, str, int, bool]]) -> None:
    texts = []
    for sign, front, behind, power, quoted in parts:
        text = f"{sign}{front.lstrip('0') or '0'}{'.' if behind else ''}{behind}{f'e{power}' if power % 3 == 0 else ''}"
        texts.append(f'"{text}"' if quoted else text)
    found = np.full(len(texts), -1.0)
    data = np.frombuffer("".join(texts).encode() or b" ", np.uint8)
    numbers_of(data, np.cumsum([len(text) for text in texts], dtype=np.int64), found)
    for text, number in zip(texts, found, strict=True):
        assert math.isnan(number) or number == float(text.strip('"'))
        if len(text.strip('"-')) <= 15 and "e" not in text:
            assert not math.isnan(number)

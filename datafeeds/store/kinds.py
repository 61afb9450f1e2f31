"""What the store holds: each kind of series with its columns, their units, and how it is cut into files.

Times are int64 nanoseconds UTC. ``ts`` is set in every row and rows are sorted by it: the open of a bar, the settlement
of a funding rate, and of an event the time at which it was received, or where nobody received it (dumps) its exchange
time. ``exch_ts`` is the exchange time of an event that was received. Prices are in quote currency, sizes and volumes in
contracts of the instrument, sides +1 (bid, buy, long), -1 (ask, sell, short) or 0 (unknown), rates are fractions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from halfspread.engine.times import interval_text, parse_interval
from halfspread.errors import ConfigError, DataError

__all__ = ["DELETE", "FAMILIES", "INSERT", "SET", "SNAPSHOT", "UPDATE", "Column", "Kind", "kind_of"]

#: Actions of book updates. A snapshot's rows replace the book; SET gives a price level its size, 0 deletes it, and an
#: absent level is no fault; INSERT, UPDATE and DELETE name a level by its ``id``, or by side and price where ``id`` is
#: null, and a level that is not there (or for INSERT, is there) breaks the book.
SNAPSHOT, SET, INSERT, UPDATE, DELETE = range(5)

Type = Literal["time", "number", "count", "code", "flag", "text"]


@dataclass(frozen=True)
class Column:
    """A column of a kind. ``type``: time (int64 ns UTC), number (float64), count (int64), code (int8), flag (bool) or
    text. A column that is not ``required`` may be left out, or hold nulls."""

    name: str
    type: Type
    about: str
    required: bool = True


@dataclass(frozen=True)
class Kind:
    """One kind of series. ``partition``: a file holds a month or a day (UTC). ``key``: the columns that tell one row
    from another; () where two equal rows may both be real. ``interval``: from one row to the next, in nanoseconds, 0
    where rows are events."""

    name: str
    about: str
    columns: tuple[Column, ...]
    partition: Literal["month", "day"]
    key: tuple[str, ...] = ()
    interval: int = 0
    levels: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in the order in which they are stored."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that no table may lack."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def events(self) -> bool:
        """Whether rows are events, which have a time of receipt."""
        return self.interval == 0 and self.name != "funding"


_TS = Column("ts", "time", "time of the row")
_EXCHANGE = Column("exch_ts", "time", "exchange time of what was received", required=False)
_PRICES = tuple(Column(name, "number", f"{name} of the interval") for name in ("open", "high", "low", "close"))
_SIDE = Column("side", "code", "+1 buy, -1 sell, 0 unknown")
_ID = Column("trade_id", "text", "the venue's name of the row", required=False)
_BARS = (
    _TS,
    *_PRICES,
    Column("volume", "number", "contracts traded"),
    Column("turnover", "number", "value traded, in quote (linear) or settle currency", required=False),
    Column("trades", "count", "number of trades", required=False),
    Column("vwap", "number", "mean price weighted by volume; null without trades", required=False),
    Column("last_size", "number", "contracts of the last trade", required=False),
    *(
        Column(f"{side}_{end}", "number", f"{side} at the {end}", required=False)
        for end in ("open", "close")
        for side in ("bid", "ask")
    ),
)
_UPDATES = (
    _TS,
    _EXCHANGE,
    Column("message", "count", "number of the message that the row came in; rows of one message stand together"),
    Column("action", "code", "0 snapshot, 1 set, 2 insert, 3 update, 4 delete"),
    Column("side", "code", "+1 bid, -1 ask, 0 a message without levels"),
    Column("price", "number", "of the level; null where only its id is known", required=False),
    Column("size", "number", "contracts at the level, 0 where it is gone; null for deletes by id", required=False),
    Column("id", "count", "the venue's id of the level", required=False),
    Column("first_sequence", "count", "sequence number of the first change in the message", required=False),
    Column("sequence", "count", "sequence number of the message, or of its last change", required=False),
    Column("previous_sequence", "count", "sequence number of the message before", required=False),
)
_PLAIN = {
    "funding": Kind(
        "funding",
        "funding settlements",
        (
            _TS,
            Column("rate", "number", "fraction of the position's value; above zero: longs pay"),
            Column("interval_h", "number", "hours that the rate is for", required=False),
            Column("known_ts", "time", "when the rate was known", required=False),
        ),
        "month",
        ("ts",),
    ),
    "trades": Kind(
        "trades",
        "trades",
        (
            _TS,
            _EXCHANGE,
            Column("price", "number", "price"),
            Column("size", "number", "contracts"),
            _SIDE,
            _ID,
            Column("block", "flag", "arranged off the book: no resting order was met", required=False),
            Column("rpi", "flag", "met a retail price improvement order, which no book shows", required=False),
        ),
        "day",
    ),
    "quotes": Kind(
        "quotes",
        "best bid and ask",
        (
            _TS,
            _EXCHANGE,
            Column("bid", "number", "best bid"),
            Column("bid_size", "number", "contracts at the bid", required=False),
            Column("ask", "number", "best ask"),
            Column("ask_size", "number", "contracts at the ask", required=False),
        ),
        "day",
    ),
    "book_updates": Kind("book_updates", "order-book snapshots and changes as they came", _UPDATES, "day"),
    "liquidations": Kind(
        "liquidations",
        "liquidations",
        (
            _TS,
            _EXCHANGE,
            Column("side", "code", "of the position that was liquidated: +1 long, -1 short"),
            Column("price", "number", "as the venue gives it: of the order, or of bankruptcy"),
            Column("size", "number", "contracts"),
            _ID,
        ),
        "day",
    ),
    "tickers": Kind(
        "tickers",
        "mark, index, funding and open interest as they were published",
        (
            _TS,
            _EXCHANGE,
            *(
                Column(name, "number", about, required=False)
                for name, about in (
                    ("mark", "mark price"),
                    ("index", "index price"),
                    ("last", "last price"),
                    ("open_interest", "open interest in contracts"),
                    ("funding_rate", "rate of the next settlement, fraction"),
                    ("predicted_rate", "rate of the settlement after it, fraction"),
                )
            ),
            Column("funding_ts", "time", "time of the next settlement", required=False),
        ),
        "day",
    ),
}
#: What stands before an interval or a number of levels in the name of a kind, and what it is.
FAMILIES = {
    "bars": "trade bars",
    "mark": "bars of the mark price",
    "index": "bars of the index price",
    "premium": "bars of the premium index, a fraction",
    "open_interest": "open interest",
    "books": "order-book snapshots",
}
_BOOKS = re.compile(r"books_([1-9]\d{0,3})")
_SPACED = re.compile(r"(bars|mark|index|premium|open_interest)_([1-9]\d*[smhd])")


@lru_cache
def kind_of(name: str) -> Kind:
    """The kind of this name: funding, trades, quotes, book_updates, liquidations, tickers, bars_5m, mark_1h, index_1h,
    premium_1h, open_interest_1h, books_25 and the like. Raises DataError."""
    if name in _PLAIN:
        return _PLAIN[name]
    if found := _BOOKS.fullmatch(name):
        return _books(int(found[1]))
    if found := _SPACED.fullmatch(name):
        return _spaced(found[1], found[2])
    raise DataError(
        f"kind: expected {', '.join(_PLAIN)}, or one with an interval or a number of levels such as bars_5m, mark_1h, "
        f"index_1h, premium_1h, open_interest_1h, books_25; got {name!r}"
    )


def _spaced(family: str, length: str) -> Kind:
    try:
        interval = parse_interval(length)
    except ConfigError as error:
        raise DataError(f"kind: {error}") from None
    if interval_text(interval) != length:
        raise DataError(f"kind: expected {family}_{interval_text(interval)}, got {family}_{length}")
    columns: tuple[Column, ...] = (_TS, *_PRICES)
    if family == "bars":
        columns = _BARS
    elif family == "open_interest":
        columns = (
            _TS,
            Column("open_interest", "number", "contracts open"),
            Column("one_sided", "number", "contracts open, each counted once", required=False),
        )
    return Kind(f"{family}_{length}", f"{FAMILIES[family]}, {length}", columns, "month", ("ts",), interval)


def _books(levels: int) -> Kind:
    return Kind(
        f"books_{levels}",
        f"order-book snapshots of {levels} levels",
        (_TS, _EXCHANGE, *_levels(levels)),
        "day",
        levels=levels,
    )


def _levels(count: int) -> Iterator[Column]:
    for level in range(1, count + 1):
        for side in ("bid", "ask"):
            yield Column(f"{side}_{level}", "number", f"price of {side} {level}; null where none is shown")
            yield Column(f"{side}_size_{level}", "number", f"contracts at {side} {level}, 0 where none is shown")

"""What one message of a venue says, read with Python's own JSON: the slow way, which decides what is right.

The compiled parser takes the same from the lines it understands and hands the rest to this one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from halfspread.datafeeds.books.wire.sheets import NULL
from halfspread.datafeeds.books.wire.values import (
    BadLine,
    as_number,
    flag,
    listed,
    milliseconds,
    moment,
    number,
    take,
    text,
    whole,
)
from halfspread.datafeeds.store.kinds import DELETE, INSERT, SET, SNAPSHOT, UPDATE

__all__ = ["CONTROL", "MESSAGES", "Found"]

#: What a message is called that is an answer to a subscription, a ping or an error, and no market data.
CONTROL = "control messages"
_SIDES = {"Buy": 1, "Sell": -1}
_ACTIONS = {"partial": SNAPSHOT, "insert": INSERT, "update": UPDATE, "delete": DELETE}


@dataclass
class Found:
    """What a message holds. ``skipped``: why it gives no rows. ``book``: the book that updates are of, such as
    orderbook.50. ``exchange``: time of updates, or NULL. ``updates``: (action, side, id, first, sequence, previous,
    price, size); ``trades``: (time, side, block, rpi, price, size, id); ``quotes``: (time, bid, bid_size, ask,
    ask_size). ``others``: a further symbol that it has rows of. A message of another symbol or book than the wanted
    one is not read further."""

    symbol: str = ""
    skipped: str = ""
    book: str = ""
    exchange: int = NULL
    updates: list[tuple[Any, ...]] = field(default_factory=list)
    trades: list[tuple[Any, ...]] = field(default_factory=list)
    quotes: list[tuple[Any, ...]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    others: str = ""


def bybit(message: Any, wanted: str, wanted_book: str) -> Found:
    """A message of Bybit v5: orderbook.* and publicTrade.*."""
    if take(message, "topic") is None:
        if any(name in message for name in ("op", "success", "ret_msg")):
            return Found(skipped=CONTROL)
        raise BadLine("expected a message of Bybit v5 with topic, type, ts and data, got one without a topic")
    topic = text(message, "topic")
    name = topic.split(".")[0]
    if name == "publicTrade":
        return _bybit_trades(message, topic.partition(".")[2], wanted)
    if name != "orderbook" or topic.count(".") != 2 or not re.fullmatch("[0-9]+", topic.split(".")[1]):
        return Found(skipped=topic.rpartition(".")[0] or topic)
    book, _, symbol = topic.rpartition(".")
    if (wanted and symbol != wanted) or (wanted_book and book != wanted_book):
        return Found(symbol, "", book)
    kind = text(message, "type")
    if kind not in ("snapshot", "delta"):
        raise BadLine(f"type: expected snapshot or delta, got {kind!r:.60}")
    data = take(message, "data")
    if text(data, "s") != symbol:
        raise BadLine(f"s: expected {symbol} as in the topic, got {take(data, 's')!r:.60}")
    exchange = milliseconds(message, "ts" if take(message, "cts") is None else "cts")
    action = SNAPSHOT if kind == "snapshot" else SET
    return Found(symbol, "", book, exchange, _levels(data, "b", "a", action, (NULL, whole(data, "u"), NULL)))


def _levels(data: Any, bids: str, asks: str, action: int, numbers: tuple[int, int, int]) -> list[tuple[Any, ...]]:
    """Rows of [price, size] of both sides, as they stand there; one row without a side where there are none."""
    sides = {bids: (1, listed(data, bids)), asks: (-1, listed(data, asks))}
    rows = []
    for name in [name for name in data if name in sides]:
        side, levels = sides[name]
        for level in levels:
            if not isinstance(level, list) or len(level) != 2:
                raise BadLine(f"{name}: expected levels of a price and a size, got {level!r:.60}")
            price, size = as_number(level[0], f"price in {name}"), as_number(level[1], f"size in {name}")
            rows.append((action, side, NULL, *numbers, price, size))
    return rows or [(action, 0, NULL, *numbers, math.nan, math.nan)]


def _bybit_trades(message: Any, symbol: str, wanted: str) -> Found:
    found = Found(symbol)
    if wanted and symbol != wanted:
        return found
    for row in listed(message, "data"):
        if text(row, "s") != symbol:
            raise BadLine(f"s: expected {symbol} as in the topic, got {take(row, 's')!r:.60}")
        flags = [NULL if given is None else int(given) for given in (flag(row, "BT"), flag(row, "RPI"))]
        price, size, side = number(row, "p"), number(row, "v"), _side(row, "S")
        found.trades.append((milliseconds(row, "T"), side, *flags, price, size, text(row, "i")))
    return found


def _side(row: Any, name: str) -> int:
    side = text(row, name)
    if side not in _SIDES:
        raise BadLine(f"{name}: expected Buy or Sell, got {side!r:.60}")
    return _SIDES[side]


def bitmex(message: Any, wanted: str, wanted_book: str) -> Found:
    """A message of BitMEX: orderBookL2, orderBookL2_25, trade and quote, of all years."""
    if take(message, "table") is None:
        if any(name in message for name in ("info", "success", "error", "subscribe", "unsubscribe")):
            return Found(skipped=CONTROL)
        raise BadLine("expected a message of BitMEX with table, action and data, got one without a table")
    table, action = text(message, "table"), text(message, "action")
    if table not in ("orderBookL2", "orderBookL2_25", "trade", "quote"):
        return Found(skipped=table)
    if action not in _ACTIONS:
        raise BadLine(f"action: expected partial, insert, update or delete, got {action!r:.60}")
    data = listed(message, "data")
    symbols = list(dict.fromkeys(text(row, "symbol") for row in data)) or _filtered(message)
    if not symbols:
        return Found(skipped=f"{table} without rows")
    symbol = wanted if wanted in symbols else symbols[0]
    rows = [row for row in data if take(row, "symbol") == symbol]
    if wanted and symbol != wanted:
        found = Found(symbol)
    elif table.startswith("orderBook"):
        found = Found(symbol, "", table)
        if not wanted_book or table == wanted_book:
            found = _bitmex_updates(table, _ACTIONS[action], symbol, rows)
    elif action == "partial":
        found = Found(symbol, f"partial of {table}: not new")
    elif action != "insert":
        raise BadLine(f"action: expected partial or insert in {table}, got {action!r}")
    else:
        found = _bitmex_trades(symbol, rows) if table == "trade" else _bitmex_quotes(symbol, rows)
    found.others = next((name for name in symbols if name != symbol), "")
    return found


def _filtered(message: Any) -> list[str]:
    """The symbol that an empty partial is for."""
    wanted = take(message, "filter")
    symbol = None if wanted is None else take(wanted, "symbol")
    return [symbol] if isinstance(symbol, str) else []


def _bitmex_updates(book: str, action: int, symbol: str, rows: list[Any]) -> Found:
    found = Found(symbol, "", book)
    if not rows and action != SNAPSHOT:
        return Found(symbol, f"{book} without rows")
    numbers = (NULL, NULL, NULL)
    for row in rows:
        named = action in (SNAPSHOT, INSERT)
        price, size = number(row, "price", not named), number(row, "size", not named)
        found.updates.append((action, _side(row, "side"), whole(row, "id"), *numbers, price, size))
        if take(row, "timestamp") is not None:
            found.exchange = max(found.exchange, moment(row, "timestamp"))
    if not rows:
        found.updates.append((action, 0, NULL, *numbers, math.nan, math.nan))
    return found


def _bitmex_trades(symbol: str, rows: list[Any]) -> Found:
    found = Found(symbol)
    for row in rows:
        side = 0 if take(row, "side") in (None, "") else _side(row, "side")
        price, size, name = number(row, "price"), number(row, "size"), text(row, "trdMatchID")
        found.trades.append((moment(row, "timestamp"), side, NULL, NULL, price, size, name))
    return found


def _bitmex_quotes(symbol: str, rows: list[Any]) -> Found:
    found = Found(symbol)
    names = ("bidPrice", "bidSize", "askPrice", "askSize")
    for row in rows:
        if any(take(row, name) is None for name in names):
            found.left_out["quotes of one side"] = found.left_out.get("quotes of one side", 0) + 1
            continue
        found.quotes.append((moment(row, "timestamp"), *(number(row, name) for name in names)))
    return found


def binance(message: Any, wanted: str, wanted_book: str) -> Found:
    """A message of Binance futures: depthUpdate, a depth snapshot, bookTicker and trade; in a stream's wrapping or
    without it."""
    if take(message, "stream") is not None:
        message = take(message, "data")
    if take(message, "e") is None:
        if take(message, "lastUpdateId") is not None:
            return _binance_snapshot(message, wanted)
        if any(name in message for name in ("result", "id", "code")):
            return Found(skipped=CONTROL)
        raise BadLine("expected a message of Binance with e, or a snapshot with lastUpdateId, got neither")
    event = text(message, "e")
    if event not in ("depthUpdate", "bookTicker", "trade"):
        return Found(skipped=event)
    symbol = text(message, "s")
    if wanted and symbol != wanted:
        return Found(symbol)
    exchange = milliseconds(message, "E" if take(message, "T") is None else "T")
    if event == "depthUpdate":
        before = NULL if take(message, "pu") is None else whole(message, "pu")
        numbers = (whole(message, "U"), whole(message, "u"), before)
        return Found(symbol, "", "depth", exchange, _levels(message, "b", "a", SET, numbers))
    if event == "bookTicker":
        quote = (exchange, *(number(message, name) for name in ("b", "B", "a", "A")))
        return Found(symbol, quotes=[quote])
    return _binance_trade(message, symbol, exchange)


def _binance_snapshot(message: Any, wanted: str) -> Found:
    symbol = wanted if take(message, "symbol") is None else text(message, "symbol")
    names = [name for name in ("T", "E") if take(message, name) is not None]
    exchange = milliseconds(message, names[0]) if names else NULL
    numbers = (NULL, whole(message, "lastUpdateId"), NULL)
    return Found(symbol, "", "depth", exchange, _levels(message, "bids", "asks", SNAPSHOT, numbers))


def _binance_trade(message: Any, symbol: str, exchange: int) -> Found:
    kind = "MARKET" if take(message, "X") is None else text(message, "X")
    price, size, buyer_rests = number(message, "p"), number(message, "q"), flag(message, "m")
    if buyer_rests is None:
        raise BadLine("m: expected true or false, got none")
    if kind == "NA":  # neither a price nor a size
        return Found(symbol, "trades that say NA")
    name = str(whole(message, "t"))
    return Found(symbol, trades=[(exchange, -1 if buyer_rests else 1, int(kind != "MARKET"), NULL, price, size, name)])


#: What reads the messages of each venue: (parsed message, wanted symbol and book, "" where any is) to what it holds.
MESSAGES: dict[str, Callable[[Any, str, str], Found]] = {"bybit": bybit, "bitmex": bitmex, "binance": binance}

"""Rows of Bybit's answers as columns of the store's kinds, the oldest first.

The venue sends the newest first; equal rows that stand twice count once, and two that contradict each other are
refused. Stamps have to lie on the grid of their interval. The open of a bar may lie outside of [low, high], as it does
in the venue's own examples. Raises NotTrustedError naming the row, so that it is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from halfspread.datafeeds.bybit.values import flag, milliseconds, number, numbers, optional_number, shown, side, text
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.engine.times import Integers, interval_text, time_text

__all__ = ["Columns", "bars", "clipped", "funding", "open_interest", "order_book", "trades"]

#: Columns of equal length, ``ts`` first.
Columns = dict[str, Any]

_PRICES = ("open", "high", "low", "close")


def bars(rows: Sequence[Any], interval: int, *, volume: bool, signed: bool = False) -> Columns:
    """Klines [start, open, high, low, close(, volume, turnover)], all text. ``signed``: prices may be below zero
    (premium)."""
    wide = 7 if volume else 5
    for row, values in enumerate(rows):
        if not isinstance(values, list) or len(values) < wide:
            raise NotTrustedError(f"row {row}: expected a bar of {wide} values, got {shown(values)}")
    names = (*_PRICES, "volume", "turnover")[: wide - 1]
    found: Columns = {"ts": _times([values[0] for values in rows], interval)}
    for place, name in enumerate(names, 1):
        found[name] = np.array(numbers([values[place] for values in rows], name), np.float64)
    high, low, close = found["high"], found["low"], found["close"]
    _refuse(high < low, found, "high", "a high at or above the low")
    _refuse((close > high) | (close < low), found, "close", "a close from low to high")
    if not signed:
        _refuse(np.minimum(low, found["open"]) <= 0, found, "low", "prices above zero")
    for name in names[4:]:
        _refuse(found[name] < 0, found, name, "zero or more")
    return _sorted(found)


def funding(rows: Sequence[Any], symbol: str) -> Columns:
    """Settlements {symbol, fundingRate, fundingRateTimestamp}."""
    _of_symbol(rows, symbol)
    return _sorted(
        {
            "ts": _times([row.get("fundingRateTimestamp") for row in rows]),
            "rate": np.array(numbers([row.get("fundingRate") for row in rows], "fundingRate"), np.float64),
        }
    )


def open_interest(rows: Sequence[Any], interval: int) -> Columns:
    """Open interest {openInterest, timestamp(, singleOpenInterest)}."""
    _objects(rows)
    single = [optional_number(row.get("singleOpenInterest"), "singleOpenInterest") for row in rows]
    found: Columns = {
        "ts": _times([row.get("timestamp") for row in rows], interval),
        "open_interest": np.array(numbers([row.get("openInterest") for row in rows], "openInterest"), np.float64),
        "one_sided": np.array([np.nan if one is None else one for one in single], np.float64),
    }
    for name in ("open_interest", "one_sided"):
        _refuse(found[name] < 0, found, name, "zero or more")
    return _sorted(found)


def trades(rows: Sequence[Any], symbol: str) -> Columns:
    """Trades {execId, symbol, price, size, side, time, isBlockTrade, isRPITrade, seq}; those of one time stay in the
    order of ``seq``, or else the reverse of what was sent."""
    _of_symbol(rows, symbol)
    oldest_first = list(reversed(rows))
    times = _times([row.get("time") for row in oldest_first])
    sequences = np.array([optional_number(row.get("seq"), "seq") or 0.0 for row in oldest_first])
    order = np.lexsort((np.arange(len(times)), sequences, times))
    ordered = [oldest_first[place] for place in order]
    found: Columns = {
        "ts": times[order],
        "price": np.array([number(row.get("price"), "price") for row in ordered], np.float64),
        "size": np.array([number(row.get("size"), "size") for row in ordered], np.float64),
        "side": np.array([side(row.get("side"), "side") for row in ordered], np.int8),
        "trade_id": [text(row.get("execId"), "execId") for row in ordered],
        "block": [flag(row, "isBlockTrade") for row in ordered],
        "rpi": [flag(row, "isRPITrade") for row in ordered],
    }
    for name in ("price", "size"):
        _refuse(found[name] <= 0, found, name, "above zero")
    return found


def order_book(result: dict[str, Any], symbol: str) -> Columns:
    """A snapshot {s, b, a, ts, u, seq, cts} as rows of one message of book_updates, bids first, the best first."""
    if result.get("s") != symbol:
        raise NotTrustedError(f"s: expected {symbol}, got {shown(result.get('s'))}")
    stamp = milliseconds(result["cts"] if result.get("cts") else result.get("ts"), "cts")
    sides, prices, sizes = [], [], []
    for name, sign in (("b", 1), ("a", -1)):
        levels = result.get(name)
        if not isinstance(levels, list) or not all(isinstance(level, list) and len(level) == 2 for level in levels):
            raise NotTrustedError(f"{name}: expected levels of price and size, got {shown(levels)}")
        column = numbers([level[0] for level in levels], f"price of {name}")
        if any(sign * (after - before) >= 0 for before, after in pairwise(column)):
            raise NotTrustedError(f"{name}: expected the best price first")
        prices += column
        sizes += numbers([level[1] for level in levels], f"size of {name}")
        sides += [sign] * len(levels)
    count = len(prices)
    return {
        "ts": np.full(count, stamp, np.int64),
        "message": np.zeros(count, np.int64),
        "action": np.zeros(count, np.int8),
        "side": np.array(sides, np.int8),
        "price": np.array(prices, np.float64),
        "size": np.array(sizes, np.float64),
        "sequence": np.full(count, int(number(result.get("u"), "u")), np.int64),
    }


def clipped(columns: Columns, start: int, end: int) -> Columns:
    """The rows with start <= ts < end."""
    first, last = np.searchsorted(columns["ts"], [start, end])
    return {name: values[first:last] for name, values in columns.items()}


def _times(values: Sequence[Any], interval: int = 1) -> Integers:
    times = np.array([milliseconds(value, f"row {row}: time") for row, value in enumerate(values)], np.int64)
    off = times % interval != 0
    if off.any():
        row = int(off.argmax())
        raise NotTrustedError(
            f"row {row}: expected a multiple of {interval_text(interval)}, got {time_text(times[row])}"
        )
    return times


def _refuse(bad: Any, columns: Columns, name: str, expected: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        at = time_text(columns["ts"][row])
        raise NotTrustedError(f"row {row} ({at}): {name}: expected {expected}, got {columns[name][row]!r}")


def _sorted(columns: Columns) -> Columns:
    """The oldest first, each stamp once."""
    times, first = np.unique(columns["ts"], return_index=True)
    if len(times) < len(columns["ts"]):
        place = np.searchsorted(times, columns["ts"])
        for name, values in columns.items():
            differs = ~((values == values[first][place]) | np.isnan(values))
            if differs.any():
                at = time_text(columns["ts"][int(differs.argmax())])
                raise NotTrustedError(f"expected one row of {at}, got two whose {name} differs")
    return {name: values[first] for name, values in columns.items()}


def _objects(rows: Sequence[Any]) -> None:
    for row, value in enumerate(rows):
        if not isinstance(value, dict):
            raise NotTrustedError(f"row {row}: expected an object, got {shown(value)}")


def _of_symbol(rows: Sequence[Any], symbol: str) -> None:
    _objects(rows)
    for row, value in enumerate(rows):
        if value.get("symbol") != symbol:
            raise NotTrustedError(f"row {row}: symbol: expected {symbol}, got {shown(value.get('symbol'))}")

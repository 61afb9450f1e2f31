"""Compiled parsers of the messages of Bybit v5, BitMEX and Binance: lines of bytes in, columns out.

Each line is read once. Known names of an object leave the places of their values; levels of a book ([price, size]
lists) are written at once. What a message means is told when it has been read, so that the order of names does not
matter. A line that is not understood in full gives nothing and stops the parser there (`ODD`): Python's parser decides
about it.

``ints`` and ``floats`` of a sheet are (columns, capacity), in the order of wire/sheets.py. ``state``: the fields named
in row_kernels. Times int64 ns.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import kernel, loop_kernel
from halfspread.datafeeds.books.wire.binance_kernels import binance
from halfspread.datafeeds.books.wire.bitmex_kernels import bitmex
from halfspread.datafeeds.books.wire.bybit_kernels import bybit
from halfspread.datafeeds.books.wire.member_kernels import END, NESTED, NO_ROOM, START, members
from halfspread.datafeeds.books.wire.name_kernels import DATA
from halfspread.datafeeds.books.wire.row_kernels import (
    AT,
    BITMEX,
    BYBIT,
    CHARACTERS,
    DONE,
    FULL,
    LINES,
    MESSAGES,
    NULL,
    OBJECTS,
    ODD,
    OTHER_SYMBOLS,
    QUOTES,
    RECEIVED,
    TRADES,
    UPDATES,
    VENUE,
)
from halfspread.datafeeds.books.wire.scan_kernels import OPEN_BRACE, after_space, is_digit

Array = Any

_FIRST_NS, _LAST_NS = 1_230_768_000_000_000_000, 4_102_444_800_000_000_000


@loop_kernel
def _receipt(data: Array, at: int, end: int) -> int:
    """The time of receipt that a line begins with: 19 digits and a space; -1 for anything else."""
    if end - at < 21 or data[at + 19] != 32:
        return -1
    number = 0
    for i in range(at, at + 19):
        if not is_digit(data[i]):
            return -1
        number = number * 10 + (data[i] - 48)
    return number if _FIRST_NS <= number < _LAST_NS else -1


@loop_kernel
def _line(
    data: Array, at: int, end: int, spans: Array, inner: Array, names: Any, state: Array, sheets: Any, scratch: Any
) -> int:
    """Read the line at ``at``; DONE leaves the place behind its end in ``state[AT]``."""
    received = NULL
    if state[RECEIVED] == 1:
        received = _receipt(data, at, end)
        if received < 0:
            return ODD
        at += 20
    at = after_space(data, at, end)
    if at >= end or data[at] != OPEN_BRACE:
        return ODD
    numbers = scratch[0]
    state[OBJECTS] += 2
    numbers[0], numbers[1], numbers[2] = state[UPDATES], state[OBJECTS] - 1, state[OBJECTS]
    ints, floats, found = sheets[0], sheets[1], scratch[3]
    at = members(data, at, end, False, numbers[1], spans, state, ints, floats, found)
    if at == NESTED:
        at = members(data, spans[DATA, START], end, False, numbers[2], inner, state, ints, floats, found)
        if at >= 0:
            spans[DATA, END] = at
            at = members(data, at, end, True, numbers[1], spans, state, ints, floats, found)
    if at < 0:
        return FULL if at == NO_ROOM else ODD
    at = after_space(data, at, end)
    if at >= end or data[at] != 10:
        return ODD
    if state[VENUE] == BYBIT:
        status = bybit(data, received, spans, inner, names, state, sheets, scratch)
    elif state[VENUE] == BITMEX:
        status = bitmex(data, received, spans, inner, names, state, sheets, scratch)
    else:
        status = binance(data, received, spans, inner, names, state, sheets, scratch)
    if status == DONE:
        state[AT] = at + 1
    return status


@kernel
def parse(data: Array, spans: Array, inner: Array, names: Any, state: Array, sheets: Any, scratch: Any) -> int:
    """Read lines from ``state[AT]`` on, until they are DONE, one is ODD, or the sheets are FULL; nothing of such a line
    is left in them.

    ``names``: texts as uint8; of Bybit the symbol, the topic of the book, that of trades, "orderbook.", "publicTrade."
    and a list of "snapshot" and "delta"; of BitMEX the symbol, the table of the book, "trade", "", "quote" and the
    actions; of Binance the symbol, the book, the three events and a list with "MARKET". ``sheets``: ints and floats of
    updates, ints, floats and text of trades, ints and floats of quotes. ``scratch``: int64 (3), (1), (3), float64 (1),
    (4).
    """
    end = len(data)
    while state[AT] < end:
        updates, trades, quotes = state[UPDATES], state[TRADES], state[QUOTES]
        characters, messages, others = state[CHARACTERS], state[MESSAGES], state[OTHER_SYMBOLS]
        status = _line(data, state[AT], end, spans, inner, names, state, sheets, scratch)
        if status != DONE:
            state[UPDATES], state[TRADES], state[QUOTES] = updates, trades, quotes
            state[CHARACTERS], state[MESSAGES], state[OTHER_SYMBOLS] = characters, messages, others
            return status
        state[LINES] += 1
    return DONE

"""What a message of Bybit v5 means whose members are known."""

from __future__ import annotations

from typing import Any

from halfspread.compiled import loop_kernel
from halfspread.datafeeds.books.wire.member_kernels import (
    END,
    START,
    has,
    is_text,
    next_row,
    starts_with,
    take_flag,
    take_number,
    take_side,
    take_time,
    take_whole,
)
from halfspread.datafeeds.books.wire.name_kernels import (
    ASKS,
    BIDS,
    BLOCK,
    CTS,
    DATA,
    NAME_I,
    PRICE_P,
    RPI,
    SIDE_S,
    SIZE_V,
    SYMBOL_S,
    TIME,
    TOPIC,
    TRADE_TIME,
    TYPE,
    U,
)
from halfspread.datafeeds.books.wire.row_kernels import (
    DONE,
    NULL,
    OBJECTS,
    ODD,
    ONE_BOOK,
    ONE_SYMBOL,
    OTHER_BOOKS,
    OTHER_SYMBOLS,
    SET,
    SNAPSHOT,
    UPDATES,
    elsewhere,
    write_book,
    write_trade,
)
from halfspread.datafeeds.books.wire.scan_kernels import OPEN_BRACE, OPEN_BRACKET, QUOTE, after_space, is_digit

Array = Any


@loop_kernel
def bybit(
    data: Array, received: int, spans: Array, inner: Array, names: Any, state: Array, sheets: Any, scratch: Any
) -> int:
    """A message of Bybit whose members are known; rows of its book are written already."""
    symbol, topic, trade_topic, book_start, trade_start, words = names
    first, outside, inside, whole, sequences = scratch[0][0], scratch[0][1], scratch[0][2], scratch[1], scratch[2]
    if not has(spans, TOPIC, outside) or data[spans[TOPIC, START]] != QUOTE:
        return ODD
    if starts_with(data, spans, TOPIC, outside, trade_start):
        if state[UPDATES] != first:
            return ODD
        if not is_text(data, spans, TOPIC, outside, trade_topic):
            return elsewhere(state, OTHER_SYMBOLS, ONE_SYMBOL)
        return _bybit_trades(data, received, spans, inner, symbol, state, sheets, scratch)
    if not starts_with(data, spans, TOPIC, outside, book_start):
        return ODD
    if not is_text(data, spans, TOPIC, outside, topic):
        return _other_topic(data, spans, symbol, state, first)
    if not has(spans, DATA, outside) or data[spans[DATA, START]] != OPEN_BRACE or has(spans, BIDS, outside):
        return ODD
    if has(spans, ASKS, outside) or not has(inner, BIDS, inside) or not has(inner, ASKS, inside):
        return ODD
    if data[inner[BIDS, START]] != OPEN_BRACKET or data[inner[ASKS, START]] != OPEN_BRACKET:
        return ODD
    if not is_text(data, inner, SYMBOL_S, inside, symbol) or not take_whole(data, inner, U, inside, whole):
        return ODD
    sequences[0], sequences[1], sequences[2] = NULL, whole[0], NULL
    action = SET
    if is_text(data, spans, TYPE, outside, words[0]):
        action = SNAPSHOT
    elif not is_text(data, spans, TYPE, outside, words[1]):
        return ODD
    exchange = take_time(data, spans, CTS if has(spans, CTS, outside) else TIME, outside, whole)
    if exchange < 0:
        return ODD
    return write_book(first, received, exchange, action, sequences, state, sheets[0], sheets[1])


@loop_kernel
def _other_topic(data: Array, spans: Array, symbol: Array, state: Array, first: int) -> int:
    """A book of Bybit that is not the wanted one: orderbook, a depth in digits and a symbol, between dots."""
    at, end = spans[TOPIC, START] + 11, spans[TOPIC, END] - 1
    start = at
    while at < end and is_digit(data[at]):
        at += 1
    if at == start or at >= end or data[at] != 46:
        return ODD
    at += 1
    same = end - at == len(symbol)
    for i in range(at, end):
        if data[i] == 46:
            return ODD
        if same and data[i] != symbol[i - at]:
            same = False
    state[UPDATES] = first
    if same:
        return elsewhere(state, OTHER_BOOKS, ONE_BOOK)
    return elsewhere(state, OTHER_SYMBOLS, ONE_SYMBOL)


@loop_kernel
def _bybit_trades(
    data: Array, received: int, spans: Array, inner: Array, symbol: Array, state: Array, sheets: Any, scratch: Any
) -> int:
    first, outside = scratch[0][0], scratch[0][1]
    whole, found = scratch[1], scratch[3]
    if not has(spans, DATA, outside) or data[spans[DATA, START]] != OPEN_BRACKET:
        return ODD
    at, end = after_space(data, spans[DATA, START] + 1, spans[DATA, END]), spans[DATA, END]
    while at < end - 1:
        state[OBJECTS] += 1
        row = state[OBJECTS]
        at = next_row(data, at, end, row, inner, state, sheets, found)
        if at < 0 or state[UPDATES] != first:
            return ODD
        if not is_text(data, inner, SYMBOL_S, row, symbol) or not take_number(data, inner, PRICE_P, row, found):
            return ODD
        price = found[0]
        if not take_number(data, inner, SIZE_V, row, found):
            return ODD
        exchange = take_time(data, inner, TRADE_TIME, row, whole)
        side = take_side(data, inner, SIDE_S, row)
        block, rpi = take_flag(data, inner, BLOCK, row), take_flag(data, inner, RPI, row)
        if exchange < 0 or side == 0 or block == -1 or rpi == -1 or not has(inner, NAME_I, row):
            return ODD
        start, stop = inner[NAME_I, START], inner[NAME_I, END]
        if data[start] != QUOTE:
            return ODD
        status = write_trade(
            data,
            (received, exchange),
            (side, block, rpi),
            price,
            found[0],
            start + 1,
            stop - 1,
            state,
            sheets[2],
            sheets[3],
            sheets[4],
        )
        if status != DONE:
            return status
        at = after_space(data, at, end) + 1  # the comma, or the end of the list
        at = after_space(data, at, end)
    return DONE

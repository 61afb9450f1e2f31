"""What a message of BitMEX means whose members are known."""

from __future__ import annotations

from typing import Any

from halfspread.compiled import loop_kernel
from halfspread.datafeeds.books.wire.member_kernels import (
    END,
    NO_ROOM,
    START,
    has,
    is_text,
    next_row,
    take_four,
    take_moment,
    take_number,
    take_side,
    take_whole,
)
from halfspread.datafeeds.books.wire.name_kernels import (
    ACTION,
    DATA,
    MATCH_ID,
    MEX_ASK,
    MEX_ASK_SIZE,
    MEX_BID,
    MEX_BID_SIZE,
    PRICE,
    ROW_ID,
    SIDE,
    SIZE,
    SYMBOL,
    TABLE,
    TIMESTAMP,
)
from halfspread.datafeeds.books.wire.row_kernels import (
    DONE,
    FULL,
    INSERT,
    MESSAGES,
    NULL,
    OBJECTS,
    ODD,
    ONE_SYMBOL,
    OTHER_SYMBOLS,
    SNAPSHOT,
    U_ACTION,
    U_BEFORE,
    U_EXCHANGE,
    U_FIRST,
    U_ID,
    U_MESSAGE,
    U_SEQUENCE,
    U_SIDE,
    U_TS,
    UPDATES,
    write_quote,
    write_trade,
)
from halfspread.datafeeds.books.wire.scan_kernels import CLOSE_BRACKET, OPEN_BRACKET, QUOTE, after_space

Array = Any


@loop_kernel
def bitmex(
    data: Array, received: int, spans: Array, inner: Array, names: Any, state: Array, sheets: Any, scratch: Any
) -> int:
    """A message of BitMEX whose members are known."""
    symbol, book, trade, _, quote, words = names
    first, outside = scratch[0][0], scratch[0][1]
    if state[UPDATES] != first or not has(spans, DATA, outside) or data[spans[DATA, START]] != OPEN_BRACKET:
        return ODD
    action = -1
    for i in range(4):
        if is_text(data, spans, ACTION, outside, words[i]):
            action = INSERT + i - 1 if i > 0 else SNAPSHOT
    if action < 0:
        return ODD
    start = after_space(data, spans[DATA, START] + 1, spans[DATA, END])
    if data[start] == CLOSE_BRACKET:
        return ODD
    if is_text(data, spans, TABLE, outside, book):
        return _bitmex_book(data, received, start, spans[DATA, END], action, symbol, inner, state, sheets, scratch)
    if action != INSERT:
        return ODD
    if is_text(data, spans, TABLE, outside, trade):
        return _bitmex_trades(data, received, start, spans[DATA, END], symbol, inner, state, sheets, scratch)
    if is_text(data, spans, TABLE, outside, quote):
        return _bitmex_quotes(data, received, start, spans[DATA, END], symbol, inner, state, sheets, scratch)
    return ODD


@loop_kernel
def _bitmex_book(
    data: Array,
    received: int,
    at: int,
    end: int,
    action: int,
    symbol: Array,
    inner: Array,
    state: Array,
    sheets: Any,
    scratch: Any,
) -> int:
    first, whole, found = scratch[0][0], scratch[1], scratch[3]
    ints, floats = sheets[0], sheets[1]
    exchange = NULL
    while at < end - 1:
        state[OBJECTS] += 1
        row, to = state[OBJECTS], state[UPDATES]
        at = next_row(data, at, end, row, inner, state, sheets, found)
        if at < 0 or state[UPDATES] != to or not has(inner, SYMBOL, row) or data[inner[SYMBOL, START]] != QUOTE:
            return FULL if at == NO_ROOM else ODD
        if not is_text(data, inner, SYMBOL, row, symbol):
            if state[ONE_SYMBOL] == 1:
                return ODD
        else:
            if to >= ints.shape[1]:
                return FULL
            side = take_side(data, inner, SIDE, row)
            if side == 0 or not take_whole(data, inner, ROW_ID, row, whole):
                return ODD
            ints[U_SIDE, to] = side
            ints[U_ID, to] = whole[0]
            floats[0, to] = float("nan")
            floats[1, to] = float("nan")
            if has(inner, PRICE, row):
                if not take_number(data, inner, PRICE, row, found):
                    return ODD
                floats[0, to] = found[0]
            if has(inner, SIZE, row):
                if not take_number(data, inner, SIZE, row, found):
                    return ODD
                floats[1, to] = found[0]
            if action <= INSERT and not (has(inner, PRICE, row) and has(inner, SIZE, row)):
                return ODD
            if has(inner, TIMESTAMP, row):
                when = take_moment(data, inner, row)
                if when < 0:
                    return ODD
                exchange = max(exchange, when)
            state[UPDATES] = to + 1
        at = after_space(data, at, end) + 1
        at = after_space(data, at, end)
    if state[UPDATES] == first:
        state[OTHER_SYMBOLS] += 1
        return DONE
    if received == NULL and exchange == NULL:
        return ODD
    state[MESSAGES] += 1
    for row in range(first, state[UPDATES]):
        ints[U_TS, row] = exchange if received == NULL else received
        ints[U_EXCHANGE, row] = NULL if received == NULL else exchange
        ints[U_MESSAGE, row] = state[MESSAGES]
        ints[U_ACTION, row] = action
        ints[U_FIRST, row] = NULL
        ints[U_SEQUENCE, row] = NULL
        ints[U_BEFORE, row] = NULL
    return DONE


@loop_kernel
def _bitmex_trades(
    data: Array, received: int, at: int, end: int, symbol: Array, inner: Array, state: Array, sheets: Any, scratch: Any
) -> int:
    first, found = scratch[0][0], scratch[3]
    ours = False
    while at < end - 1:
        state[OBJECTS] += 1
        row = state[OBJECTS]
        at = next_row(data, at, end, row, inner, state, sheets, found)
        if at < 0 or state[UPDATES] != first or not has(inner, SYMBOL, row) or data[inner[SYMBOL, START]] != QUOTE:
            return ODD
        if is_text(data, inner, SYMBOL, row, symbol):
            ours = True
            exchange, side = take_moment(data, inner, row), take_side(data, inner, SIDE, row)
            if (
                exchange < 0
                or side == 0
                or not has(inner, MATCH_ID, row)
                or not take_number(data, inner, PRICE, row, found)
            ):
                return ODD
            price, start, stop = found[0], inner[MATCH_ID, START], inner[MATCH_ID, END]
            if data[start] != QUOTE or not take_number(data, inner, SIZE, row, found):
                return ODD
            status = write_trade(
                data,
                (received, exchange),
                (side, NULL, NULL),
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
        elif state[ONE_SYMBOL] == 1:
            return ODD
        at = after_space(data, at, end) + 1
        at = after_space(data, at, end)
    if not ours:
        state[OTHER_SYMBOLS] += 1
    return DONE


@loop_kernel
def _bitmex_quotes(
    data: Array, received: int, at: int, end: int, symbol: Array, inner: Array, state: Array, sheets: Any, scratch: Any
) -> int:
    first, found, numbers = scratch[0][0], scratch[3], scratch[4]
    ours = False
    while at < end - 1:
        state[OBJECTS] += 1
        row = state[OBJECTS]
        at = next_row(data, at, end, row, inner, state, sheets, found)
        if at < 0 or state[UPDATES] != first or not has(inner, SYMBOL, row) or data[inner[SYMBOL, START]] != QUOTE:
            return ODD
        if is_text(data, inner, SYMBOL, row, symbol):
            ours = True
            exchange = take_moment(data, inner, row)
            if exchange < 0 or not take_four(
                data, inner, row, (MEX_BID, MEX_BID_SIZE, MEX_ASK, MEX_ASK_SIZE), found, numbers
            ):
                return ODD
            status = write_quote(received, exchange, numbers, state, sheets[5], sheets[6])
            if status != DONE:
                return status
        elif state[ONE_SYMBOL] == 1:
            return ODD
        at = after_space(data, at, end) + 1
        at = after_space(data, at, end)
    if not ours:
        state[OTHER_SYMBOLS] += 1
    return DONE

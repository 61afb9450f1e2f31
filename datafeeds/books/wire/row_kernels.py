"""Writing rows of updates, trades and quotes into sheets, and what the parsers' state is."""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel

Array = Any

NULL = -(2**63)
BYBIT, BITMEX, BINANCE = 0, 1, 2
SNAPSHOT, SET, INSERT, UPDATE, DELETE = 0, 1, 2, 3, 4

# Why `parse` returns.
DONE, ODD, FULL = 0, 1, 2

# Fields of the state: where to go on; settings; rows of each sheet, bytes of ids; counts.
AT, VENUE, RECEIVED, ONE_SYMBOL, ONE_BOOK, MESSAGES, OBJECTS = 0, 1, 2, 3, 4, 5, 6
UPDATES, TRADES, QUOTES, CHARACTERS, LINES, BLANK, OTHER_SYMBOLS, OTHER_BOOKS = 7, 8, 9, 10, 11, 12, 13, 14
STATE = 15

# Columns of the sheets.
U_TS, U_EXCHANGE, U_MESSAGE, U_ACTION, U_SIDE, U_ID, U_FIRST, U_SEQUENCE, U_BEFORE = 0, 1, 2, 3, 4, 5, 6, 7, 8
T_TS, T_EXCHANGE, T_SIDE, T_BLOCK, T_RPI, T_END = 0, 1, 2, 3, 4, 5


@loop_kernel
def write_book(
    first: int, received: int, exchange: int, action: int, sequences: Array, state: Array, ints: Array, floats: Array
) -> int:
    """Complete the rows of a message from ``first`` on; one without a side where it has none."""
    if received == NULL and exchange == NULL:
        return ODD
    last = state[UPDATES]
    if last == first:
        if last >= ints.shape[1]:
            return FULL
        ints[U_SIDE, last] = 0
        floats[0, last] = float("nan")
        floats[1, last] = float("nan")
        last += 1
        state[UPDATES] = last
    state[MESSAGES] += 1
    for row in range(first, last):
        ints[U_TS, row] = exchange if received == NULL else received
        ints[U_EXCHANGE, row] = NULL if received == NULL else exchange
        ints[U_MESSAGE, row] = state[MESSAGES]
        ints[U_ACTION, row] = action
        ints[U_FIRST, row] = sequences[0]
        ints[U_SEQUENCE, row] = sequences[1]
        ints[U_BEFORE, row] = sequences[2]
        ints[U_ID, row] = NULL
    return DONE


@loop_kernel
def write_trade(
    data: Array,
    times: Any,
    flags: Any,
    price: float,
    size: float,
    name_from: int,
    name_to: int,
    state: Array,
    ints: Array,
    floats: Array,
    text: Array,
) -> int:
    """Write a trade; ``times``: of receipt and of the exchange; ``flags``: side, block, rpi."""
    row, to = state[TRADES], state[CHARACTERS]
    if row >= ints.shape[1] or to + name_to - name_from > len(text):
        return FULL
    received, exchange = times
    ints[T_TS, row] = exchange if received == NULL else received
    ints[T_EXCHANGE, row] = NULL if received == NULL else exchange
    ints[T_SIDE, row], ints[T_BLOCK, row], ints[T_RPI, row] = flags
    floats[0, row] = price
    floats[1, row] = size
    for i in range(name_from, name_to):
        text[to + i - name_from] = data[i]
    ints[T_END, row] = to + name_to - name_from
    state[CHARACTERS] = to + name_to - name_from
    state[TRADES] = row + 1
    return DONE


@loop_kernel
def write_quote(received: int, exchange: int, numbers: Array, state: Array, ints: Array, floats: Array) -> int:
    """Write a quote: bid, bid size, ask, ask size."""
    row = state[QUOTES]
    if row >= ints.shape[1]:
        return FULL
    ints[0, row] = exchange if received == NULL else received
    ints[1, row] = NULL if received == NULL else exchange
    for i in range(4):
        floats[i, row] = numbers[i]
    state[QUOTES] = row + 1
    return DONE


@inner_kernel
def elsewhere(state: Array, counter: int, setting: int) -> int:
    """A message of another symbol or book: counted, or odd where there may be only one."""
    if state[setting] == 1:
        return ODD
    state[counter] += 1
    return DONE

"""What a message of Binance futures means whose members are known."""

from __future__ import annotations

from typing import Any

from halfspread.compiled import loop_kernel
from halfspread.datafeeds.books.wire.member_kernels import (
    END,
    START,
    has,
    is_text,
    take_flag,
    take_four,
    take_number,
    take_time,
    take_whole,
)
from halfspread.datafeeds.books.wire.name_kernels import (
    ASK_SIZE,
    ASKS,
    BID_SIZE,
    BIDS,
    DATA,
    EVENT,
    EVENT_TIME,
    FIRST_U,
    KIND,
    MAKER,
    PRICE_P,
    PU,
    SIZE_Q,
    STREAM,
    SYMBOL_S,
    TRADE_ID,
    TRADE_TIME,
    U,
)
from halfspread.datafeeds.books.wire.row_kernels import (
    NULL,
    ODD,
    ONE_SYMBOL,
    OTHER_SYMBOLS,
    SET,
    UPDATES,
    elsewhere,
    write_book,
    write_quote,
    write_trade,
)
from halfspread.datafeeds.books.wire.scan_kernels import OPEN_BRACE, OPEN_BRACKET, QUOTE, is_digit

Array = Any


@loop_kernel
def binance(
    data: Array, received: int, spans: Array, inner: Array, names: Any, state: Array, sheets: Any, scratch: Any
) -> int:
    """A message of Binance futures whose members are known; rows of its book are written already."""
    symbol, book, depth, ticker, trade, words = names
    first, number, whole, found = scratch[0][0], scratch[0][1], scratch[1], scratch[3]
    if has(spans, STREAM, number):
        if (
            not has(spans, DATA, number)
            or data[spans[DATA, START]] != OPEN_BRACE
            or data[spans[STREAM, START]] != QUOTE
        ):
            return ODD
        if has(spans, BIDS, number) or has(spans, ASKS, number):
            return ODD
        spans, number = inner, scratch[0][2]
    elif has(spans, DATA, number):
        return ODD
    if not has(spans, SYMBOL_S, number) or data[spans[SYMBOL_S, START]] != QUOTE:
        return ODD
    is_depth = is_text(data, spans, EVENT, number, depth)
    is_ticker = is_text(data, spans, EVENT, number, ticker)
    if not is_depth and not is_ticker and not is_text(data, spans, EVENT, number, trade):
        return ODD
    if not is_text(data, spans, SYMBOL_S, number, symbol):
        state[UPDATES] = first
        return elsewhere(state, OTHER_SYMBOLS, ONE_SYMBOL)
    exchange = take_time(data, spans, TRADE_TIME if has(spans, TRADE_TIME, number) else EVENT_TIME, number, whole)
    if exchange < 0:
        return ODD
    if is_depth:
        return _binance_depth(data, received, exchange, spans, number, book, state, sheets, scratch)
    if state[UPDATES] != first:
        return ODD
    if is_ticker:
        if not take_four(data, spans, number, (BIDS, BID_SIZE, ASKS, ASK_SIZE), found, scratch[4]):
            return ODD
        return write_quote(received, exchange, scratch[4], state, sheets[5], sheets[6])
    return _binance_trade(data, received, exchange, spans, number, words, state, sheets, scratch)


@loop_kernel
def _binance_depth(
    data: Array,
    received: int,
    exchange: int,
    spans: Array,
    number: int,
    book: Array,
    state: Array,
    sheets: Any,
    scratch: Any,
) -> int:
    whole, sequences = scratch[1], scratch[2]
    if len(book) == 0 or not has(spans, BIDS, number) or not has(spans, ASKS, number):
        return ODD
    if data[spans[BIDS, START]] != OPEN_BRACKET or data[spans[ASKS, START]] != OPEN_BRACKET:
        return ODD
    sequences[2] = NULL
    if has(spans, PU, number):
        if not take_whole(data, spans, PU, number, whole):
            return ODD
        sequences[2] = whole[0]
    if not take_whole(data, spans, FIRST_U, number, whole):
        return ODD
    sequences[0] = whole[0]
    if not take_whole(data, spans, U, number, whole):
        return ODD
    sequences[1] = whole[0]
    return write_book(scratch[0][0], received, exchange, SET, sequences, state, sheets[0], sheets[1])


@loop_kernel
def _binance_trade(
    data: Array,
    received: int,
    exchange: int,
    spans: Array,
    number: int,
    words: Any,
    state: Array,
    sheets: Any,
    scratch: Any,
) -> int:
    whole, found = scratch[1], scratch[3]
    block = 0
    if has(spans, KIND, number) and not is_text(data, spans, KIND, number, words[0]):
        return ODD
    maker = take_flag(data, spans, MAKER, number)
    if maker < 0 or not take_number(data, spans, PRICE_P, number, found):
        return ODD
    price = found[0]
    if not take_number(data, spans, SIZE_Q, number, found) or not take_whole(data, spans, TRADE_ID, number, whole):
        return ODD
    start, stop = spans[TRADE_ID, START], spans[TRADE_ID, END]
    if not is_digit(data[start]):
        return ODD
    return write_trade(
        data,
        (received, exchange),
        (-1 if maker == 1 else 1, block, NULL),
        price,
        found[0],
        start,
        stop,
        state,
        sheets[2],
        sheets[3],
        sheets[4],
    )

"""Reading the members of an object: places of the values of known names, and levels of a book written at once.

``spans`` (fields, 3): start, end and the number of the object in which a name was met last. ``ints`` and ``floats``:
the sheet of updates.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.datafeeds.books.wire.name_kernels import ASKS, BIDS, DATA, NOTHING, TIMESTAMP, code_of
from halfspread.datafeeds.books.wire.row_kernels import NULL, U_SIDE, UPDATES
from halfspread.datafeeds.books.wire.scan_kernels import (
    CLOSE_BRACE,
    CLOSE_BRACKET,
    COLON,
    COMMA,
    LETTER_F,
    LETTER_T,
    OPEN_BRACE,
    OPEN_BRACKET,
    QUOTE,
    after_plain,
    after_space,
    after_text,
    after_value,
    read_moment,
    read_number,
    read_whole,
)

Array = Any

START, END, OBJECT = 0, 1, 2
BAD, NESTED, NO_ROOM = -1, -2, -3
_FIRST_MS, _LAST_MS = 1_230_768_000_000, 4_102_444_800_000
_MS = 1_000_000


@loop_kernel
def _levels(data: Array, at: int, end: int, side: int, state: Array, ints: Array, floats: Array, found: Array) -> int:
    """Write the levels of a list that begins at ``at``, and return the place behind it."""
    at = after_space(data, at + 1, end)
    if at < end and data[at] == CLOSE_BRACKET:
        return at + 1
    row = state[UPDATES]
    while True:
        if row >= ints.shape[1]:
            return NO_ROOM
        at = after_space(data, at, end)
        if at >= end or data[at] != OPEN_BRACKET:
            return BAD
        at = read_number(data, after_space(data, at + 1, end), end, found)
        if at < 0:
            return BAD
        floats[0, row] = found[0]
        at = after_space(data, at, end)
        if at >= end or data[at] != COMMA:
            return BAD
        at = read_number(data, after_space(data, at + 1, end), end, found)
        if at < 0:
            return BAD
        floats[1, row] = found[0]
        at = after_space(data, at, end)
        if at >= end or data[at] != CLOSE_BRACKET:
            return BAD
        ints[U_SIDE, row] = side
        row += 1
        at = after_space(data, at + 1, end)
        if at >= end:
            return BAD
        if data[at] == CLOSE_BRACKET:
            state[UPDATES] = row
            return at + 1
        if data[at] != COMMA:
            return BAD
        at += 1


@loop_kernel
def members(
    data: Array,
    at: int,
    end: int,
    resumed: bool,
    number: int,
    spans: Array,
    state: Array,
    ints: Array,
    floats: Array,
    found: Array,
) -> int:
    """Note the members of the object at ``at`` as those of object ``number``, and return the place behind it; NESTED
    where its data is an object itself, whose place is in the span. ``resumed``: ``at`` is behind a value."""
    if not resumed:
        at = after_space(data, at + 1, end)
        if at < end and data[at] == CLOSE_BRACE:
            return at + 1
    while True:
        if resumed:
            at = after_space(data, at, end)
            if at >= end:
                return BAD
            if data[at] == CLOSE_BRACE:
                return at + 1
            if data[at] != COMMA:
                return BAD
            at = after_space(data, at + 1, end)
        resumed = True
        if at >= end or data[at] != QUOTE:
            return BAD
        start = at + 1
        at = after_text(data, at, end)
        if at < 0:
            return BAD
        code = code_of(data, start, at - 1)
        at = after_space(data, at, end)
        if at >= end or data[at] != COLON:
            return BAD
        at = after_space(data, at + 1, end)
        if at >= end:
            return BAD
        byte = data[at]
        if code == NOTHING:
            at = after_value(data, at, end) if byte in (OPEN_BRACE, OPEN_BRACKET) else after_plain(data, at, end)
            if at < 0:
                return BAD
            continue
        if spans[code, OBJECT] == number:
            return BAD
        spans[code, OBJECT] = number
        spans[code, START] = at
        if byte == OPEN_BRACE and code == DATA:
            return NESTED
        if byte == OPEN_BRACKET and (code in (BIDS, ASKS)):
            at = _levels(data, at, end, 1 if code == BIDS else -1, state, ints, floats, found)
        elif byte in (OPEN_BRACE, OPEN_BRACKET):
            at = after_value(data, at, end)
        else:
            at = after_plain(data, at, end)
        if at < 0:
            return at
        spans[code, END] = at


@loop_kernel
def next_row(data: Array, at: int, end: int, number: int, inner: Array, state: Array, sheets: Any, found: Array) -> int:
    """Read the object of a list that begins at or after ``at``, and return the place behind it."""
    at = after_space(data, at, end)
    if at >= end or data[at] != OPEN_BRACE:
        return BAD
    return members(data, at, end, False, number, inner, state, sheets[0], sheets[1], found)


@inner_kernel
def has(spans: Array, code: int, number: int) -> Any:
    return spans[code, OBJECT] == number


@loop_kernel
def is_text(data: Array, spans: Array, code: int, number: int, text: Array) -> bool:
    """Whether a member is this text."""
    if spans[code, OBJECT] != number:
        return False
    first, end = spans[code, START], spans[code, END]
    if data[first] != QUOTE or end - first - 2 != len(text):
        return False
    same = True
    for i in range(len(text)):
        same = same and data[first + 1 + i] == text[i]
    return same


@loop_kernel
def starts_with(data: Array, spans: Array, code: int, number: int, text: Array) -> bool:
    """Whether a member is text that begins with ``text``."""
    if spans[code, OBJECT] != number:
        return False
    first, end = spans[code, START], spans[code, END]
    if data[first] != QUOTE or end - first - 2 < len(text):
        return False
    same = True
    for i in range(len(text)):
        same = same and data[first + 1 + i] == text[i]
    return same


@loop_kernel
def take_whole(data: Array, spans: Array, code: int, number: int, whole: Array) -> Any:
    """Read a whole number into ``whole[0]``; whether there is one."""
    if spans[code, OBJECT] != number:
        return False
    end = spans[code, END]
    return read_whole(data, spans[code, START], end, whole) == end


@loop_kernel
def take_number(data: Array, spans: Array, code: int, number: int, found: Array) -> Any:
    """Read a number into ``found[0]``; whether there is one."""
    if spans[code, OBJECT] != number:
        return False
    end = spans[code, END]
    return read_number(data, spans[code, START], end, found) == end


@loop_kernel
def take_time(data: Array, spans: Array, code: int, number: int, whole: Array) -> Any:
    """Nanoseconds of a time in milliseconds, or -1."""
    if not take_whole(data, spans, code, number, whole) or whole[0] < _FIRST_MS or whole[0] >= _LAST_MS:
        return -1
    return whole[0] * _MS


@loop_kernel
def take_side(data: Array, spans: Array, code: int, number: int) -> int:
    """+1 for "Buy", -1 for "Sell", else 0."""
    if spans[code, OBJECT] != number:
        return 0
    start, length = spans[code, START], spans[code, END] - spans[code, START]
    if length == 5 and data[start] == QUOTE and data[start + 1] == 66 and data[start + 2] == 117:
        return 1 if data[start + 3] == 121 else 0
    if length == 6 and data[start] == QUOTE and data[start + 1] == 83 and data[start + 2] == 101:
        return -1 if data[start + 3] == 108 and data[start + 4] == 108 else 0
    return 0


@loop_kernel
def take_flag(data: Array, spans: Array, code: int, number: int) -> int:
    """1 for true, 0 for false, NULL where it is absent, -1 for anything else."""
    if spans[code, OBJECT] != number:
        return NULL
    byte = data[spans[code, START]]
    return 1 if byte == LETTER_T else 0 if byte == LETTER_F else -1


@loop_kernel
def take_four(data: Array, spans: Array, number: int, codes: Any, found: Array, numbers: Array) -> bool:
    """Read bid, bid size, ask and ask size; whether they are all there."""
    for i in range(4):
        if not take_number(data, spans, codes[i], number, found):
            return False
        numbers[i] = found[0]
    return True


@loop_kernel
def take_moment(data: Array, inner: Array, row: int) -> Any:
    """Nanoseconds of the timestamp of a row, or -1."""
    if not has(inner, TIMESTAMP, row):
        return -1
    return read_moment(data, inner[TIMESTAMP, START], inner[TIMESTAMP, END])

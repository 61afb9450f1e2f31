"""A compiled reader of JSON text: it finds where values stand, and checks that what it passes over is JSON.

``data``: uint8, the bytes. A function takes the place of the first byte of what it reads and returns the place behind
it, or -1 for anything that it does not understand: wrong JSON, but also escapes, bytes above 126 and more than 60
levels of nesting. Such a line is left to Python's own parser, which decides. White space is space, tab and return; a
line ends at the first byte 10. Numbers become float64, correctly rounded, or are not taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.compiled import inner_kernel, kernel, loop_kernel

Array = Any

# Bytes.
SPACE, TAB, RETURN, QUOTE, BACKSLASH, COMMA, COLON, DASH, PLUS, DOT, ZERO, NINE = (
    *(32, 9, 13, 34, 92, 44, 58),
    *(45, 43, 46, 48, 57),
)
OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET = 123, 125, 91, 93
LETTER_E, SMALL_E, LETTER_T, LETTER_F, LETTER_N, LETTER_U, LETTER_Z = 69, 101, 116, 102, 110, 117, 90

#: Powers of ten that a float64 holds exactly.
TENS = np.array([10.0**i for i in range(23)])
_EXACT = 1 << 53
_DEEPEST = 60


@inner_kernel
def after_space(data: Array, at: int, end: int) -> int:
    """The next byte that is no white space."""
    while at < end and (data[at] == SPACE or data[at] == TAB or data[at] == RETURN):
        at += 1
    return at


@inner_kernel
def is_digit(byte: int) -> bool:
    return ZERO <= byte <= NINE


@loop_kernel
def after_text(data: Array, at: int, end: int) -> int:
    """Behind the closing quote of plain text whose opening quote stands at ``at``; -1 where it has escapes."""
    at += 1
    while at < end:
        byte = data[at]
        if byte == QUOTE:
            return at + 1
        if byte < SPACE or byte == BACKSLASH or byte > 126:
            return -1
        at += 1
    return -1


@loop_kernel
def after_number(data: Array, at: int, end: int) -> int:
    """Behind a number of JSON's grammar."""
    if at < end and data[at] == DASH:
        at += 1
    if at >= end or not is_digit(data[at]):
        return -1
    if data[at] == ZERO:
        at += 1
    else:
        while at < end and is_digit(data[at]):
            at += 1
    if at < end and data[at] == DOT:
        at += 1
        if at >= end or not is_digit(data[at]):
            return -1
        while at < end and is_digit(data[at]):
            at += 1
    if at < end and (data[at] == SMALL_E or data[at] == LETTER_E):
        at += 1
        if at < end and (data[at] == DASH or data[at] == PLUS):
            at += 1
        if at >= end or not is_digit(data[at]):
            return -1
        while at < end and is_digit(data[at]):
            at += 1
    return at


@loop_kernel
def after_word(data: Array, at: int, end: int) -> int:
    """Behind true, false or null."""
    byte = data[at]
    if byte == LETTER_T:
        if at + 4 <= end and data[at + 1] == 114 and data[at + 2] == LETTER_U and data[at + 3] == SMALL_E:
            return at + 4
    elif byte == LETTER_F:
        if (
            at + 5 <= end
            and data[at + 1] == 97
            and data[at + 2] == 108
            and data[at + 3] == 115
            and data[at + 4] == SMALL_E
        ):
            return at + 5
    elif (
        byte == LETTER_N and at + 4 <= end and data[at + 1] == LETTER_U and data[at + 2] == 108 and data[at + 3] == 108
    ):
        return at + 4
    return -1


@inner_kernel
def after_plain(data: Array, at: int, end: int) -> int:
    """Behind a value that is neither an object nor an array."""
    byte = data[at]
    if byte == QUOTE:
        return after_text(data, at, end)
    if byte == DASH or is_digit(byte):
        return after_number(data, at, end)
    return after_word(data, at, end)


@loop_kernel
def after_value(data: Array, at: int, end: int) -> int:
    """Behind any value, all of which is checked."""
    kinds = 0  # bits: whether each of the levels above is an object
    depth = 0
    while True:
        at = after_space(data, at, end)
        if at >= end:
            return -1
        byte = data[at]
        if byte in (OPEN_BRACE, OPEN_BRACKET):
            depth += 1
            if depth > _DEEPEST:
                return -1
            kinds = 2 * kinds + (1 if byte == OPEN_BRACE else 0)
            at = after_space(data, at + 1, end)
            if at >= end:
                return -1
            if data[at] == (CLOSE_BRACE if byte == OPEN_BRACE else CLOSE_BRACKET):
                depth -= 1
                kinds //= 2
                at += 1
            elif byte == OPEN_BRACE:
                at = _after_name(data, at, end)
                if at < 0:
                    return -1
                continue
            else:
                continue
        else:
            at = after_plain(data, at, end)
            if at < 0:
                return -1
        while True:  # behind a value: close what ends here, or go on to the next one
            if depth == 0:
                return at
            at = after_space(data, at, end)
            if at >= end:
                return -1
            byte = data[at]
            if byte == COMMA:
                at += 1
                if kinds & 1 == 1:
                    at = _after_name(data, after_space(data, at, end), end)
                    if at < 0:
                        return -1
                break
            if byte != (CLOSE_BRACE if kinds & 1 == 1 else CLOSE_BRACKET):
                return -1
            depth -= 1
            kinds //= 2
            at += 1


@loop_kernel
def _after_name(data: Array, at: int, end: int) -> int:
    """Behind the colon after a name."""
    if at >= end or data[at] != QUOTE:
        return -1
    at = after_text(data, at, end)
    if at < 0:
        return -1
    at = after_space(data, at, end)
    if at >= end or data[at] != COLON:
        return -1
    return at + 1


@loop_kernel
def read_number(data: Array, at: int, end: int, found: Array) -> int:
    """Behind a number, or a string that holds nothing else, whose value goes to ``found[0]``.

    Digits of at most 2^53 times or over a power of ten of at most 22 are one rounding away from the right float64;
    others are not taken.
    """
    quoted = at < end and data[at] == QUOTE
    if quoted:
        at += 1
    negative = at < end and data[at] == DASH
    if negative:
        at += 1
    if at >= end or not is_digit(data[at]):
        return -1
    digits, power = 0, 0
    start = at
    while at < end and is_digit(data[at]):
        if digits >= _EXACT:
            return -1
        digits = digits * 10 + (data[at] - ZERO)
        at += 1
    if data[start] == ZERO and at - start > 1:
        return -1
    if at < end and data[at] == DOT:
        at += 1
        start = at
        while at < end and is_digit(data[at]):
            if digits >= _EXACT:
                return -1
            digits = digits * 10 + (data[at] - ZERO)
            at += 1
        power = start - at
        if power == 0:
            return -1
    if at < end and (data[at] == SMALL_E or data[at] == LETTER_E):
        at += 1
        down = at < end and data[at] == DASH
        if at < end and (data[at] == DASH or data[at] == PLUS):
            at += 1
        start, exponent = at, 0
        while at < end and is_digit(data[at]):
            exponent = min(exponent * 10 + (data[at] - ZERO), 1_000)
            at += 1
        if at == start:
            return -1
        power += -exponent if down else exponent
    if digits > _EXACT or power > 22 or power < -22:
        return -1
    number = float(digits)
    number = number * TENS[power] if power >= 0 else number / TENS[-power]
    found[0] = -number if negative else number
    if quoted:
        if at >= end or data[at] != QUOTE:
            return -1
        at += 1
    return at


@loop_kernel
def read_whole(data: Array, at: int, end: int, found: Array) -> int:
    """Behind a whole number of at most 18 digits, or a string that holds one, whose value goes to ``found[0]``."""
    quoted = at < end and data[at] == QUOTE
    if quoted:
        at += 1
    negative = at < end and data[at] == DASH
    if negative:
        at += 1
    start, number = at, 0
    while at < end and is_digit(data[at]):
        number = number * 10 + (data[at] - ZERO)
        at += 1
        if at - start > 18:
            return -1
    if at == start or (data[start] == ZERO and at - start > 1):
        return -1
    if at < end and (data[at] == DOT or data[at] == SMALL_E or data[at] == LETTER_E):
        return -1
    found[0] = -number if negative else number
    if quoted:
        if at >= end or data[at] != QUOTE:
            return -1
        at += 1
    return at


@inner_kernel
def _digits(data: Array, at: int, count: int) -> int:
    """The number that so many digits are, or -1."""
    number = 0
    for i in range(at, at + count):
        if not is_digit(data[i]):
            return -1
        number = number * 10 + (data[i] - ZERO)
    return number


@loop_kernel
def read_moment(data: Array, at: int, end: int) -> int:
    """Nanoseconds of "2021-07-22T22:36:10.014Z", quotes included, from ``at`` to ``end``; -1 for anything else."""
    if end - at < 22 or data[at] != QUOTE or data[end - 1] != QUOTE or data[end - 2] != LETTER_Z:
        return -1
    at += 1
    year, month, day = _digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute, second = _digits(data, at + 11, 2), _digits(data, at + 14, 2), _digits(data, at + 17, 2)
    if data[at + 4] != DASH or data[at + 7] != DASH or data[at + 10] != 84:
        return -1
    if data[at + 13] != COLON or data[at + 16] != COLON:
        return -1
    if year < 2009 or year >= 2100 or month < 1 or month > 12 or day < 1 or day > 28 + (3 if month != 2 else 0):
        return -1
    if day == 31 and month in (4, 6, 9, 11):
        return -1
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1
    nanoseconds = 0
    at += 19
    if data[at] == DOT:
        count = end - 2 - (at + 1)
        if count < 1 or count > 9:
            return -1
        nanoseconds = _digits(data, at + 1, count)
        if nanoseconds < 0:
            return -1
        for _ in range(9 - count):
            nanoseconds *= 10
    elif at != end - 2:
        return -1
    years = year - (1 if month <= 2 else 0)
    of_era = years % 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = years // 400 * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000_000 + nanoseconds


@kernel
def numbers_of(data: Array, ends: Array, found: Array) -> None:
    """Numbers that texts one after the other hold; NaN where a text is not taken. For tests."""
    at = 0
    one = np.empty(1)
    for i in range(len(ends)):
        found[i] = one[0] if read_number(data, at, ends[i], one) == ends[i] else np.nan
        at = ends[i]

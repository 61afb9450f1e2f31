"""Check rows of quotes, books and trades, and their times, in one pass each.

``rows``: float64, C-contiguous. Depth (n, 4 * levels): bid price, bid size, ask price, ask size per level, best first;
a level that is not shown has a NaN price. Trades (n, 3): price, size, side. Times: int64 nanoseconds (n,). ``codes``:
int8 (n,), what is wrong with each row. Prices are in quote currency, sizes in contracts.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, kernel

Array = Any

GOOD = 0
EMPTY = 1
ONE_SIDED = 2
CROSSED = 3
UNSORTED = 4
BAD_PRICE = 5
BAD_SIZE = 6
MISSING_LEVEL = 7
SIZE_WITHOUT_PRICE = 8
CODES = 9

# Faults of times.
EXCHANGE_BACK = 1
LOCAL_BACK = 2

# What `compare_with_book` counts.
COMPARED, OUTSIDE, FAR, WITHOUT_BOOK = range(4)


@inner_kernel
def _side_fault(rows: Array, i: int, first: int, down: float, unknown: bool) -> Any:
    """(code, column, levels shown) of one side of a row; sizes of levels that are not shown become 0.

    ``first``: column of the best price; ``down``: 1 where prices fall from level to level, else -1.
    """
    shown, before, missing = 0, 0.0, -1
    for column in range(first, rows.shape[1], 4):
        price, size = rows[i, column], rows[i, column + 1]
        if math.isnan(price):
            if column > first:  # a row without a best price is a fault, whatever its size
                if size > 0.0 or size < 0.0:
                    return SIZE_WITHOUT_PRICE, column, shown
                rows[i, column + 1] = 0.0
            if missing < 0:
                missing = column
            continue
        if missing >= 0:
            return MISSING_LEVEL, missing, shown
        if not (price > 0.0 and price < math.inf):
            return BAD_PRICE, column, shown
        if not (size > 0.0 and size < math.inf) and not (unknown and math.isnan(size)):
            return BAD_SIZE, column + 1, shown
        if shown > 0 and (before - price) * down <= 0.0:
            return UNSORTED, column, shown
        before = price
        shown += 1
    return GOOD, 0, shown


@inner_kernel
def _is_plain(rows: Array, i: int) -> bool:
    """Whether a row has every price and size and nothing wrong: a quick look that most rows pass."""
    bid_before, ask_before = math.inf, 0.0
    for column in range(0, rows.shape[1], 4):
        bid, bid_size, ask, ask_size = rows[i, column], rows[i, column + 1], rows[i, column + 2], rows[i, column + 3]
        if not (
            bid < bid_before
            and ask > ask_before
            and bid_size > 0.0
            and ask_size > 0.0
            and bid_size < math.inf
            and ask_size < math.inf
        ):
            return False
        bid_before, ask_before = bid, ask
    return bid_before > 0.0 and ask_before < math.inf and rows[i, 0] < rows[i, 2]


@kernel
def check_depth(rows: Array, unknown: bool, codes: Array) -> Any:
    """Return (bad rows, first of them or -1, its column, good rows that show fewer levels than they could).

    ``unknown``: whether a NaN size is allowed, and means that it is not known. Changes sizes of levels not shown to 0.
    """
    bad, first, column, short = 0, -1, 0, 0
    levels = rows.shape[1] // 4
    for i in range(rows.shape[0]):
        if _is_plain(rows, i):
            codes[i] = GOOD
            continue
        code, where, bids = _side_fault(rows, i, 0, 1.0, unknown)
        asks = 0
        if code == GOOD:
            code, where, asks = _side_fault(rows, i, 2, -1.0, unknown)
        if code == GOOD:
            if bids == 0 and asks == 0:
                code = EMPTY
            elif bids == 0 or asks == 0:
                code, where = ONE_SIDED, 0 if bids == 0 else 2
            elif rows[i, 0] >= rows[i, 2]:
                code = CROSSED
        codes[i] = code
        if code != GOOD:
            if first < 0:
                first, column = i, where
            bad += 1
        elif bids < levels or asks < levels:
            short += 1
    return bad, first, column, short


@kernel
def check_trades(rows: Array, codes: Array) -> Any:
    """Return (bad rows, first of them or -1, its column, good rows without a side)."""
    bad, first, column, unknown = 0, -1, 0, 0
    for i in range(rows.shape[0]):
        price, size = rows[i, 0], rows[i, 1]
        code, where = GOOD, 0
        if not (price > 0.0 and price < math.inf):
            code = BAD_PRICE
        elif not (size > 0.0 and size < math.inf):
            code, where = BAD_SIZE, 1
        elif rows[i, 2] == 0.0:
            unknown += 1
        codes[i] = code
        if code != GOOD:
            if first < 0:
                first, column = i, where
            bad += 1
    return bad, first, column, unknown


@kernel
def check_times(times: Array, local: Array, before: int, local_before: int) -> Any:
    """Return (code, row) of the first time that steps back, code 0 where none does; then the rows whose local time is
    before the exchange time, the first of them, the row of the smallest latency, and that latency in nanoseconds.

    ``before``, ``local_before``: the times of the row before the first one, or 0. ``local`` may be empty.
    """
    early, first_early, least_row, least = 0, -1, -1, 0
    both = local.shape[0] == times.shape[0]
    for i in range(times.shape[0]):
        if times[i] < before:
            return EXCHANGE_BACK, i, early, first_early, least_row, least
        before = times[i]
        if both:
            if local[i] < local_before:
                return LOCAL_BACK, i, early, first_early, least_row, least
            local_before = local[i]
            latency = local[i] - times[i]
            if least_row < 0 or latency < least:
                least_row, least = i, latency
            if latency < 0:
                early += 1
                if first_early < 0:
                    first_early = i
    return 0, -1, early, first_early, least_row, least


@kernel
def compare_with_book(
    times: Array, rows: Array, book_times: Array, book: Array, gaps: Array, tick: float, out: Array
) -> Any:
    """Compare trades with the touch in force; counts go to ``out`` (see COMPARED and the others).

    ``gaps``: int64 (m, 2), sorted: spans of the book without a market. A trade is outside where it is below the lowest
    bid or above the highest ask among the book in force before its time and all books of its time: at one time the
    order of trades and books is not known. Far outside is by more than 10 ticks and 0.1 % of the price. Return (row of
    the largest distance as a fraction of the mid or -1, that distance, book row).
    """
    row, gap = 0, 0
    worst_row, worst, worst_book = -1, 0.0, -1
    last, bid, ask = 0, book[0, 0], book[0, 2]
    count = book_times.shape[0]
    for i in range(times.shape[0]):
        time = times[i]
        if i == 0 or time != times[i - 1]:
            while row + 1 < count and book_times[row + 1] < time:
                row += 1
            last, bid, ask = row, book[row, 0], book[row, 2]
            while last + 1 < count and book_times[last + 1] <= time:
                last += 1
                bid, ask = min(bid, book[last, 0]), max(ask, book[last, 2])
        while gap < gaps.shape[0] and gaps[gap, 1] <= time:
            gap += 1
        if book_times[0] > time or book_times[count - 1] < time or (gap < gaps.shape[0] and gaps[gap, 0] <= time):
            out[WITHOUT_BOOK] += 1
            continue
        price = rows[i, 0]
        out[COMPARED] += 1
        beyond = max(bid - price, price - ask)
        if beyond <= 0.0:
            continue
        out[OUTSIDE] += 1
        if beyond > max(10.0 * tick, 0.001 * price):
            out[FAR] += 1
        distance = beyond / (0.5 * (bid + ask))
        if worst_row < 0 or distance > worst:
            worst_row, worst, worst_book = i, distance, last
    return worst_row, worst, worst_book

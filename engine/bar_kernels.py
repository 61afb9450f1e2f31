"""Check bars in one pass and count their quirks.

``times``: open times, int64 nanoseconds (n,). ``rows``: (n, columns) float64 with open, high, low, close, volume first.
Prices must be finite and positive. NaN is allowed only in quote columns, where it means that there was no quote.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import kernel
from halfspread.engine.codes import CLOSE, HIGH, LOW, OPEN, VOLUME

Array = Any

GOOD = 0
NOT_FINITE = 1
NOT_POSITIVE = 2
HIGH_BELOW_LOW = 3
CLOSE_OUTSIDE = 4
BAD_VOLUME = 5
DUPLICATE = 6
UNSORTED = 7
OVERLAP = 8
OFF_GRID = 9
BAD_QUOTE = 10
CROSSED_QUOTE = 11

# Rows of the array of counts.
NO_TRADE_BARS, OPEN_OUTSIDE_RANGE, GAPS, MISSING_BARS, MISSING_QUOTES = range(5)
COUNTS = 5


@kernel
def check_bars(times: Array, rows: Array, interval: int, previous: int, quote_column: int, counts: Array) -> Any:
    """Return (code, row, column) of the first fault, code GOOD where there is none; add to ``counts``.

    ``previous`` is the open time of the bar before the first one, or a negative number where there is none.
    """
    for i in range(times.shape[0]):
        if i > 0:
            previous = times[i - 1]
        if previous >= 0:
            step = times[i] - previous
            if step == 0:
                return DUPLICATE, i, 0
            if step < 0:
                return UNSORTED, i, 0
            if step < interval:
                return OVERLAP, i, 0
            if step != interval:
                if step % interval != 0:
                    return OFF_GRID, i, 0
                counts[GAPS] += 1
                counts[MISSING_BARS] += step // interval - 1
        for column in range(4):
            price = rows[i, column]
            if not math.isfinite(price):
                return NOT_FINITE, i, column
            if price <= 0.0:
                return NOT_POSITIVE, i, column
        high, low = rows[i, HIGH], rows[i, LOW]
        if high < low:
            return HIGH_BELOW_LOW, i, HIGH
        if rows[i, CLOSE] > high or rows[i, CLOSE] < low:
            return CLOSE_OUTSIDE, i, CLOSE
        if not rows[i, VOLUME] >= 0.0 or not math.isfinite(rows[i, VOLUME]):
            return BAD_VOLUME, i, VOLUME
        if rows[i, VOLUME] == 0.0:
            counts[NO_TRADE_BARS] += 1
        if rows[i, OPEN] > high or rows[i, OPEN] < low:
            counts[OPEN_OUTSIDE_RANGE] += 1
        if quote_column >= 0:
            missing = False
            for first in (quote_column, quote_column + 2):
                bid, ask = rows[i, first], rows[i, first + 1]
                if math.isnan(bid) or math.isnan(ask):
                    missing = True
                elif not (bid > 0.0 and ask > 0.0 and math.isfinite(bid) and math.isfinite(ask)):
                    return BAD_QUOTE, i, first if not (bid > 0.0 and math.isfinite(bid)) else first + 1
                elif bid > ask:
                    return CROSSED_QUOTE, i, first
            if missing:
                counts[MISSING_QUOTES] += 1
    return GOOD, 0, 0


@kernel
def gap_rows(times: Array, interval: int, out: Array) -> int:
    """Write the indices of the first bars that follow a gap to ``out``, as many as it holds; return how many."""
    found = 0
    for i in range(1, times.shape[0]):
        if found == out.shape[0]:
            break
        if times[i] - times[i - 1] != interval:
            out[found] = i
            found += 1
    return found

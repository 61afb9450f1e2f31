"""Bars that carry quotes in some rows only: the last quote may be carried forward, counted, for a limited time.

Some sources write a quote only when it changes. A bar without one is then a bar in which the touch stood still, and the
last bid and ask are its quotes. That is for whoever knows the source to say; nothing is carried unless asked for.
"""

from __future__ import annotations

import numpy as np

from halfspread.engine.times import Floats, Integers

__all__ = ["QuoteCarry"]


class QuoteCarry:
    """Fill in the quotes that consecutive blocks of bars lack. ``limit``: the oldest quote that is carried, in ns.

    ``column``: position of bid_open in a row, with ask_open, bid_close and ask_close after it; -1 where there is none.
    """

    def __init__(self, interval: int, limit: int, column: int) -> None:
        self._interval = interval
        self._limit = limit
        self._column = column
        self._last = (np.nan, np.nan, 0)

    def fill(self, times: Integers, rows: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Carry quotes forward in ``rows`` (n, columns), in place; which bars (n,) were given one.

        ``times``: opens, int64 ns, ascending. A bar that quotes one side only at its open or close counts as without a
        quote there, and both sides are carried.
        """
        if self._column < 0 or not len(times):
            return np.zeros(len(times), bool)
        quotes = np.empty((2 * len(times) + 1, 2))
        quotes[0] = self._last[:2]
        block = rows[:, self._column : self._column + 4]
        quotes[1::2], quotes[2::2] = block[:, :2], block[:, 2:]
        moments = np.empty(len(quotes), np.int64)
        moments[0], moments[1::2], moments[2::2] = self._last[2], times, times + self._interval
        there = ~np.isnan(quotes).any(axis=1)
        source = np.maximum.accumulate(np.where(there, np.arange(len(quotes)), -1))
        young = (source >= 0) & (moments - moments[source] <= self._limit)
        carried = ~there & young
        quotes[carried] = quotes[source[carried]]
        block[:, :2], block[:, 2:] = quotes[1::2], quotes[2::2]
        if source[-1] >= 0:
            bid, ask = quotes[source[-1]]
            self._last = (float(bid), float(ask), int(moments[source[-1]]))
        given = carried[1::2] | carried[2::2]
        return np.asarray(given, bool)

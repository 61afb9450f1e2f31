"""Compiled aggregation of trades to bars. Times int64 ns, prices in quote currency, sizes in contracts; no NaN."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halfspread.compiled import kernel

__all__ = ["aggregate"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@kernel
def aggregate(times: Integers, prices: Floats, sizes: Floats, first: int, interval: int, bars: Floats) -> None:
    """Fill ``bars`` (n, 5): open, high, low, close, volume of the n intervals from ``first`` on.

    Times ascend, none is before ``first`` and one is in the first interval. A bar without trades has the close before
    it as its prices and no volume. Trades after the last bar are left out.
    """
    k = 0
    close = prices[0]
    for i in range(len(bars)):
        end = first + (i + 1) * interval
        if k < len(times) and times[k] < end:
            opened, high, low, volume = prices[k], prices[k], prices[k], 0.0
            while k < len(times) and times[k] < end:
                close = prices[k]
                high = max(high, close)
                low = min(low, close)
                volume += sizes[k]
                k += 1
        else:
            opened, high, low, volume = close, close, close, 0.0
        bars[i, 0] = opened
        bars[i, 1] = high
        bars[i, 2] = low
        bars[i, 3] = close
        bars[i, 4] = volume

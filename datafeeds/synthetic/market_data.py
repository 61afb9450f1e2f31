"""What a synthetic market consists of: arrays, and the same as tables.

Times are integer nanoseconds UTC, prices in quote currency, volume in base currency, rates and premium as fractions. No
value is ever NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.engine.times import HOUR

__all__ = ["Floats", "SyntheticData", "Times"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SyntheticData:
    """One synthetic market as arrays. Times are int64 ns UTC, everything else float64.

    Bars (n): ``open_times``, ``open high low close`` (trades), ``volume``, and the best quotes at the first and the
    last trade, ``bid_open ask_open bid_close ask_close``. Prices at an instant (m): ``price_times``, ``index``,
    ``mark``. Funding (k): ``funding_times`` (settlement), ``funding_rates``, ``funding_intervals``,
    ``funding_known_times``. Premium index (steps), from which the funding is computed: ``premium_times``, ``premium``.
    """

    interval_ns: int
    open_times: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    bid_open: Floats
    ask_open: Floats
    bid_close: Floats
    ask_close: Floats
    price_times: Times
    index: Floats
    mark: Floats
    funding_times: Times
    funding_rates: Floats
    funding_intervals: Times
    funding_known_times: Times
    premium_times: Times
    premium: Floats

    def bars_frame(self) -> pd.DataFrame:
        """Bars: ts (UTC open time), open, high, low, close, volume, bid_open, ask_open, bid_close, ask_close."""
        names = ("open", "high", "low", "close", "volume", "bid_open", "ask_open", "bid_close", "ask_close")
        return pd.DataFrame({"ts": _stamps(self.open_times), **{name: getattr(self, name) for name in names}})

    def funding_frame(self) -> pd.DataFrame:
        """Settlements: ts (UTC), rate (fraction, longs pay when positive), interval_h, known_ts (UTC)."""
        return pd.DataFrame(
            {
                "ts": _stamps(self.funding_times),
                "rate": self.funding_rates,
                "interval_h": self.funding_intervals // HOUR,
                "known_ts": _stamps(self.funding_known_times),
            }
        )

    def index_frame(self) -> pd.DataFrame:
        """Index prices: ts (the instant, UTC), price."""
        return pd.DataFrame({"ts": _stamps(self.price_times), "price": self.index})

    def mark_frame(self) -> pd.DataFrame:
        """Mark prices: ts (the instant, UTC), price."""
        return pd.DataFrame({"ts": _stamps(self.price_times), "price": self.mark})

    def premium_frame(self) -> pd.DataFrame:
        """Premium index: ts (the instant, UTC), premium (fraction)."""
        return pd.DataFrame({"ts": _stamps(self.premium_times), "premium": self.premium})


def _stamps(times: Times) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC")

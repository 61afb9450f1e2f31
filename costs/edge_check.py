"""A half-spread estimated from bars (EDGE), to hold beside an assumed one: a cross-check, never the cost of a run.

EDGE (Ardia, Guidotti and Kroencke, "Efficient estimation of bid-ask spreads from open, high, low, and close prices",
Journal of Financial Economics 161, 2024; package ``bidask``) needs opens that are trades of their own. BitMEX, and the
klines of Bybit, repeat the previous close as the open; there it returns 0, or the trace of the few bars that differ,
such as one jump across a gap. Prices in quote currency, NaN refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import numpy as np

from halfspread.costs.base import Floats
from halfspread.errors import DataError

__all__ = ["EdgeEstimate", "spread_from_bars"]

#: Share of bars whose open has to differ from the previous close.
LEAST_SHARE = 0.01

_WARNING = (
    "an estimate from bars is a cross-check and never a cost: on Bybit 5-minute bars EDGE gave a spread of 0.8 bp "
    "where quotes showed 0.3 bp (all of it from one jump across a gap), and on minute bars 0.2 and 0.4 bp beside the "
    "same quotes"
)


@dataclass(frozen=True)
class EdgeEstimate:
    """``half_spread_bps``: half of the estimated spread in basis points of the price; ``warning``: what to know before
    it is used; ``bars``: how many there were, and ``own_opens`` how many of them opened off the previous close."""

    half_spread_bps: float
    warning: str
    bars: int
    own_opens: int


def spread_from_bars(open: Floats, high: Floats, low: Floats, close: Floats, *, anyway: bool = False) -> EdgeEstimate:
    """EDGE on bars in time order, each array (n,).

    Raises DataError for arrays that do not fit, prices that are not finite and above zero, bars too few or too still to
    tell anything, and bars that open at the previous close in 99 % of cases or more; ``anyway`` lets these through with
    a warning of their own.
    """
    prices = [np.asarray(values, np.float64) for values in (open, high, low, close)]
    for name, values in zip(("open", "high", "low", "close"), prices, strict=True):
        if values.ndim != 1 or values.shape != prices[0].shape:
            raise DataError(f"{name}: expected one price for each of {prices[0].size} bars, got {values.shape}")
        bad = ~(np.isfinite(values) & (values > 0.0))
        if bad.any():
            raise DataError(f"{name}: row {int(bad.argmax())}: expected a price above zero, got {values[bad][0]:g}")
    bars = len(prices[0])
    own = int((prices[0][1:] != prices[3][:-1]).sum()) if bars else 0
    few = own < LEAST_SHARE * (bars - 1)
    told = (
        f"{own:,} of {bars:,} bars open off the previous close; the open of the others is that close (BitMEX and the "
        "klines of Bybit are made so), and EDGE tells nothing there"
    )
    if few and not anyway:
        raise DataError(f"{told}. Use bars made from trades, or quotes")
    spread = _edge(prices) if bars >= 3 else np.nan
    if not np.isfinite(spread):
        raise DataError(f"{bars:,} bars are too few, or too still, to estimate a spread from")
    warning = f"{told}; {_WARNING}" if few else _WARNING
    if spread < 0.0:
        warning += "; here the square of the spread came out negative, so that it cannot be told from noise"
    return EdgeEstimate(0.5e4 * abs(spread), warning, bars, own)


def _edge(prices: list[Floats]) -> float:
    """The spread as a fraction; negative where its square came out negative."""
    bidask = import_module("bidask")  # loads pandas
    return float(bidask.edge(*prices, sign=True))

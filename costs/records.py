"""Codes that the cost models hand to the compiled event loop."""

from __future__ import annotations

__all__ = ["HALF_SPREAD_BARS", "HALF_SPREAD_BPS", "HALF_SPREAD_NONE", "HALF_SPREAD_PRICE", "HALF_SPREAD_TICKS"]

HALF_SPREAD_NONE = 0
HALF_SPREAD_PRICE = 1  # quote currency
HALF_SPREAD_TICKS = 2  # width of the whole spread in ticks
HALF_SPREAD_BPS = 3  # 1/10,000 of the price
HALF_SPREAD_BARS = 4  # quotes that stand beside the bars

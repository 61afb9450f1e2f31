"""Codes that the cost models hand to the compiled event loop."""

from __future__ import annotations

__all__ = [
    "DELAY_DRAWN",
    "DELAY_FIXED",
    "DELAY_RECORDED",
    "HALF_SPREAD_BARS",
    "HALF_SPREAD_BPS",
    "HALF_SPREAD_HOURS",
    "HALF_SPREAD_NONE",
    "HALF_SPREAD_PRICE",
    "HALF_SPREAD_QUOTES",
    "HALF_SPREAD_TICKS",
    "IMPACT_NONE",
    "IMPACT_SQUARE_ROOT",
    "MARGIN_CROSS",
    "MARGIN_ISOLATED",
    "MARGIN_NONE",
    "MARGIN_ON_ENTRY",
    "MARGIN_ON_MARK",
]

HALF_SPREAD_NONE = 0
HALF_SPREAD_PRICE = 1  # quote currency
HALF_SPREAD_TICKS = 2  # width of the whole spread in ticks
HALF_SPREAD_BPS = 3  # 1/10,000 of the price
HALF_SPREAD_BARS = 4  # quotes that stand beside the bars
HALF_SPREAD_QUOTES = 5  # quotes and books on the tape
HALF_SPREAD_HOURS = 6  # 1/10,000 of the price by hour of the day (24 values) or of the week (168), UTC

IMPACT_NONE = 0
IMPACT_SQUARE_ROOT = 1

DELAY_FIXED = 0  # one delay
DELAY_DRAWN = 1  # delays drawn before the run, taken in turn
DELAY_RECORDED = 2  # the last delay at or before the time holds

MARGIN_NONE = 0
MARGIN_CROSS = 1
MARGIN_ISOLATED = 2

MARGIN_ON_MARK = 0  # what the maintenance margin is a fraction of: the value at mark, or at entry
MARGIN_ON_ENTRY = 1

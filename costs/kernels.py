"""Costs of one fill or one settlement, for the event loop: scalars in, scalars out.

Prices and half-spreads in quote currency, values and amounts in settle currency, rates as fractions, times in integer
nanoseconds UTC. An amount is a signed contribution to equity: a cost is negative, a rebate or a receipt positive, and
nothing is 0.0, never -0.0. NaN in, NaN out.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import kernel
from halfspread.costs.records import HALF_SPREAD_BPS, HALF_SPREAD_NONE, HALF_SPREAD_PRICE, HALF_SPREAD_TICKS

Array = Any


@kernel
def half_spread_at(kind: int, amount: float, price: float, tick: float) -> float:
    """Half-spread in quote currency at ``price``; NaN for a kind that needs quotes, or an unknown one."""
    if kind == HALF_SPREAD_NONE:
        return 0.0
    if kind == HALF_SPREAD_PRICE:
        return amount
    if kind == HALF_SPREAD_TICKS:
        return 0.5 * amount * tick
    if kind == HALF_SPREAD_BPS:
        return amount * 1e-4 * price
    return math.nan


@kernel
def schedule_index(starts: Array, time: int) -> int:
    """Row of the last of the sorted int64 ``starts`` that is not after ``time``; 0 before the first. Needs one row."""
    i: int = starts.shape[0] - 1
    while i > 0 and starts[i] > time:
        i -= 1
    return i


@kernel
def fee_amount(rate: float, value_abs: float) -> float:
    """Fee on a fill worth ``value_abs`` at its own price: negative for a cost, positive for a rebate."""
    return 0.0 - rate * value_abs


@kernel
def funding_amount(rate: float, contracts: float, contract_value_at_mark: float) -> float:
    """Funding on a position: longs pay and shorts receive at a positive rate. The value's own sign is ignored."""
    return 0.0 - rate * contracts * abs(contract_value_at_mark)

"""Margin tiers and fees in force, and what margin they ask of a position, by docs/margin.md.

Arrays and records of ``engine.records``; amounts in settle currency. Rows of the schedule are sorted by date and tier.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, once_kernel
from halfspread.costs.kernels import fee_row, schedule_index

Array = Any
Record = Any

# Columns of a margin tier in the schedule.
LIMIT_COLUMN, INITIAL, MAINTENANCE, DEDUCTION = range(4)

#: Limits for a look at the margin are this much on the safe side, so that rounding misses none.
SLACK = 1e-9


@inner_kernel
def fee_rate_of(state: Record, k: int, time: int, maker: int) -> float:
    """The fee of a taker (0) or maker (1) in force, without the discount of tiers."""
    first, end = state.contracts[k].fees[0], state.contracts[k].fees[1]
    return state.schedule[first + fee_row(state.starts[first:end], state.schedule[first:end, 2], time, 0.0), maker]


@inner_kernel
def taker_rate(state: Record, k: int, time: int) -> float:
    """The taker fee in force, without the discount of tiers."""
    return fee_rate_of(state, k, time, 0)


@inner_kernel
def first_tier(state: Record, k: int, time: int) -> int:
    """Row of the schedule with the lowest margin tier in force."""
    first, end = state.contracts[k].tiers[0], state.contracts[k].tiers[1]
    i = first + schedule_index(state.starts[first:end], time)
    while i > first and state.starts[i - 1] == state.starts[i]:
        i -= 1
    return i


@inner_kernel
def next_tier(state: Record, k: int, row: int) -> int:
    """Row of the tier above that of ``row``, -1 where there is none."""
    if row + 1 < state.contracts[k].tiers[1] and state.starts[row + 1] == state.starts[row]:
        return row + 1
    return -1


@inner_kernel
def tier_of(state: Record, k: int, worth: float, time: int) -> int:
    """Row of the tier that holds a position worth ``worth``; the last where it is beyond all."""
    row = first_tier(state, k, time)
    while worth > state.schedule[row, LIMIT_COLUMN]:
        above = next_tier(state, k, row)
        if above < 0:
            break
        row = above
    return row


@inner_kernel
def maintenance(state: Record, k: int, value: float, time: int) -> float:
    """Maintenance margin of the position held, when one contract is worth ``value``."""
    holding, contract = state.holdings[k], state.contracts[k]
    if holding.contracts == 0.0:
        return 0.0
    if contract.on_entry == 0:
        worth = abs(holding.contracts * value)
        tier = tier_of(state, k, worth, time)
        return worth * state.schedule[tier, MAINTENANCE] - state.schedule[tier, DEDUCTION]
    worth = abs(holding.contracts * holding.entry)
    tier = tier_of(state, k, worth, time)
    owed = state.schedule[tier, MAINTENANCE] + taker_rate(state, k, time) + funding_against(state, k)
    return worth * owed - state.schedule[tier, DEDUCTION]


@once_kernel
def funding_against(state: Record, k: int) -> float:
    """The funding rate that the position is going to pay, 0 where it receives or nothing is known."""
    context = state.context
    rate = context.next_funding_rate[k]
    if math.isnan(rate):
        rate = context.last_funding_rate[k]
    if math.isnan(rate):
        return 0.0
    return max(0.0, math.copysign(rate, rate * state.holdings[k].contracts))


@inner_kernel
def initial_rate(state: Record, k: int, worth: float, time: int) -> float:
    """Initial margin as a fraction of the value at entry; NaN where the tier does not allow the leverage asked for."""
    lowest = state.schedule[tier_of(state, k, worth, time), INITIAL]
    if state.run.leverage == 0.0:
        return lowest
    asked = 1.0 / state.run.leverage
    return asked if asked >= lowest * (1.0 - SLACK) else math.nan

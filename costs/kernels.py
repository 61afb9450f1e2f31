"""Costs of one fill or one settlement, for the event loop: scalars in, scalars out.

Prices and half-spreads in quote currency, values and amounts in settle currency, rates as fractions, times in integer
nanoseconds UTC. An amount is a signed contribution to equity: a cost is negative, a rebate or a receipt positive, and
nothing is 0.0, never -0.0. NaN in, NaN out.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import kernel
from halfspread.costs.records import (
    DELAY_DRAWN,
    DELAY_FIXED,
    HALF_SPREAD_BPS,
    HALF_SPREAD_NONE,
    HALF_SPREAD_PRICE,
    HALF_SPREAD_TICKS,
)

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
def hour_of_week(time: int) -> int:
    """Hours since Monday 00:00 UTC, 0 to 167; before 1970 too. The epoch was a Thursday."""
    return (time // 3_600_000_000_000 + 72) % 168


@kernel
def half_spread_of_hour(table: Array, price: float, time: int) -> float:
    """Half-spread in quote currency at ``price`` by ``HalfSpread.hours()``: float64 (168,), basis points."""
    half: float = table[hour_of_week(time)] * 1e-4 * price
    return half


@kernel
def schedule_index(starts: Array, time: int) -> int:
    """Row of the last of the sorted int64 ``starts`` that is not after ``time``; 0 before the first. Needs one row."""
    i: int = starts.shape[0] - 1
    while i > 0 and starts[i] > time:
        i -= 1
    return i


@kernel
def fee_row(starts: Array, volumes: Array, time: int, volume_30d: float) -> int:
    """Row of ``FeeSchedule.tier_arrays`` in force at ``time``: of the last period that has begun, the last tier whose
    volume is reached, its first for a NaN. ``starts`` int64 and ``volumes`` float64, each (rows,)."""
    i = schedule_index(starts, time)
    while i > 0 and starts[i - 1] == starts[i] and not volumes[i] <= volume_30d:
        i -= 1
    return i


@kernel
def roll_volume_days(days: Array, last_day: int, today: int) -> float:
    """Volume of the 30 days before ``today``; forgets the days that fell out and makes room for today.

    ``days`` float64 (31,): volume of UTC day d (whole days since 1970) in slot d % 31; ``last_day``: the day of the
    previous call. The loop adds what it trades to slot today % 31.
    """
    size = days.shape[0]
    for d in range(max(last_day + 1, today - size + 1), today + 1):
        days[d % size] = 0.0
    total = 0.0
    for d in range(today - size + 1, today):
        total += days[d % size]
    return total


@kernel
def fee_amount(rate: float, value_abs: float) -> float:
    """Fee on a fill worth ``value_abs`` at its own price: negative for a cost, positive for a rebate."""
    return 0.0 - rate * value_abs


@kernel
def funding_amount(rate: float, contracts: float, contract_value_at_mark: float) -> float:
    """Funding on a position: longs pay and shorts receive at a positive rate. The value's own sign is ignored."""
    return 0.0 - rate * contracts * abs(contract_value_at_mark)


@kernel
def square_root_impact(coefficient: float, sigma_day: float, contracts: float, volume_day: float) -> float:
    """Impact of an order as a fraction of the price, never negative: 0.0 for no contracts; NaN where the volume is
    not above zero or either estimate is NaN."""
    if contracts == 0.0:
        return 0.0
    if not volume_day > 0.0:
        return math.nan
    return coefficient * sigma_day * math.sqrt(abs(contracts) / volume_day)


@kernel
def ewm_weight(window_ns: int, interval_ns: int) -> float:
    """Weight of the newest bar for a mean whose weights have their centre of mass ``window_ns`` back:
    interval / (interval + window), which is pandas' 1 / (1 + com)."""
    return interval_ns / (interval_ns + window_ns)


@kernel
def ewm_step(accumulated: float, weight: float, value: float) -> float:
    """One more value: (1 - weight) x accumulated + weight x value, from 0.0 on. Stepped with value 1.0 it gives the sum
    of the weights; the mean is the one over the other (pandas' ``adjust=True``)."""
    return (1.0 - weight) * accumulated + weight * value


@kernel
def daily_estimates(squares: float, volumes: float, weights: float, interval_ns: int) -> tuple[float, float]:
    """Standard deviation of returns, and contracts traded, per day, from accumulated squared returns and volumes of
    bars of ``interval_ns`` and the sum of their weights; NaN before the first. Returns are taken to have mean zero."""
    if not weights > 0.0:
        return math.nan, math.nan
    bars_per_day = 86_400_000_000_000 / interval_ns
    return math.sqrt(squares / weights * bars_per_day), volumes / weights * bars_per_day


@kernel
def delay_at(mode: int, times: Array, delays: Array, counter: int, time: int) -> int:
    """Delay in nanoseconds of the message number ``counter`` (from 0) sent at ``time``, from a table of
    ``costs.latency``. A drawn table is taken in turn, and again from the start; a recorded one by binary search, where
    the first delay also holds before the first time."""
    if mode == DELAY_FIXED:
        fixed: int = delays[0]
        return fixed
    if mode == DELAY_DRAWN:
        drawn: int = delays[counter % delays.shape[0]]
        return drawn
    low, high = 0, times.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if times[middle] <= time:
            low = middle
        else:
            high = middle
    recorded: int = delays[low]
    return recorded

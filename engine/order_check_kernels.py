"""Why an order or an amendment cannot be sent, and prices and sizes on their grids.

Arrays and records of ``engine.records`` and ``engine.order_records``.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.account_kernels import scheduled
from halfspread.engine.order_records import (
    BAD_FLAGS,
    BAD_PRICE,
    BY_MARK,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    NO_INSTRUMENT,
    NO_REASON,
    NOT_A_NUMBER,
    OFF_LOT,
    OFF_TICK,
    POST_ONLY,
    STOP_LIMIT,
    TAKE_PROFIT,
    TOO_LARGE,
    TOO_SMALL,
)

Array = Any
Record = Any


@inner_kernel
def off_step(number: float, step: float) -> bool:
    """Whether ``number`` is no whole multiple of ``step``; a billionth is forgiven."""
    steps = abs(number) / step
    return abs(steps - math.floor(steps + 0.5)) > 1e-9 * max(steps, 1.0)


@inner_kernel
def snap(number: float, step: float) -> float:
    """The multiple of ``step`` that `off_step` accepted ``number`` for."""
    return math.floor(number / step + 0.5) * step


@loop_kernel
def fault_of(state: Record, order: Array) -> int:
    """Why an order cannot be sent, or NO_REASON."""
    kind, flags, k = order.kind, order.flags, order.instrument
    if not 0 <= k < state.run.instruments:
        return NO_INSTRUMENT
    if kind < MARKET or kind > TAKE_PROFIT:
        return BAD_FLAGS
    limited, triggered = kind in (LIMIT, STOP_LIMIT), kind > LIMIT
    if not math.isfinite(order.contracts):
        return NOT_A_NUMBER
    if (limited and not math.isfinite(order.price)) or (triggered and not math.isfinite(order.trigger)):
        return NOT_A_NUMBER
    contract, time = state.contracts[k], state.run.now
    tick = scheduled(state.starts, state.schedule, contract.ticks, time, 0)
    lot = scheduled(state.starts, state.schedule, contract.lots, time, 0)
    if (limited and off_step(order.price, tick)) or (triggered and off_step(order.trigger, tick)):
        return OFF_TICK
    if off_step(order.contracts, lot):
        return OFF_LOT
    if order.contracts == 0.0 or abs(order.contracts) < contract.min_contracts * (1.0 - 1e-9):
        return TOO_SMALL
    if abs(order.contracts) > contract.max_contracts * (1.0 + 1e-9):
        return TOO_LARGE
    if (limited and order.price <= 0.0) or (triggered and order.trigger <= 0.0):
        return BAD_PRICE
    if flags & POST_ONLY and (not limited or flags & (IOC | FOK)):
        return BAD_FLAGS
    if (flags & IOC and flags & FOK) or (flags & BY_MARK and not triggered):
        return BAD_FLAGS
    return NO_REASON


@loop_kernel
def snap_order(state: Record, order: Array) -> None:
    """Put size and prices of an order that `fault_of` accepted on their grids; what it has none of is NaN."""
    k, time = order.instrument, state.run.now
    tick = scheduled(state.starts, state.schedule, state.contracts[k].ticks, time, 0)
    order.contracts = snap(order.contracts, scheduled(state.starts, state.schedule, state.contracts[k].lots, time, 0))
    order.price = snap(order.price, tick) if math.isfinite(order.price) else math.nan
    order.trigger = snap(order.trigger, tick) if math.isfinite(order.trigger) else math.nan

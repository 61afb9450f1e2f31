"""Stops and take-profits: what they wait for, and what becomes of them when it happens.

Arrays and records of ``engine.records`` and ``engine.order_records``; prices in quote currency, a NaN mark is none.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.order_records import (
    ARMED,
    BY_MARK,
    LIMIT,
    MARKET,
    NOT_SEEN,
    SAME_PRICE,
    STOP_LIMIT,
    TAKE_PROFIT,
    TRIGGERED,
    WAITING,
)

Array = Any
Record = Any


@inner_kernel
def triggered_by(order: Array, buy_price: float, sell_price: float) -> bool:
    """Whether a stop or take-profit is reached, where a buyer pays ``buy_price`` and a seller gets ``sell_price``."""
    buy = order.contracts > 0.0
    price = buy_price if buy else sell_price
    rising = buy != (order.kind == TAKE_PROFIT)
    if rising:
        return price >= order.trigger * (1.0 - SAME_PRICE)
    return price <= order.trigger * (1.0 + SAME_PRICE)


@inner_kernel
def release(order: Array) -> None:
    """A triggered order goes on as a new market or limit order."""
    order.form = LIMIT if order.kind == STOP_LIMIT else MARKET
    order.state = WAITING
    if order.seen != NOT_SEEN:
        order.seen = TRIGGERED


@inner_kernel
def arm(order: Array) -> bool:
    """Whether an order that has arrived waits for its trigger."""
    if order.state == WAITING and order.form > LIMIT:
        order.state = ARMED
    return order.state == ARMED


@inner_kernel
def mark_triggers(state: Record, order: Array) -> bool:
    """Whether the last mark price reaches the trigger of an armed order that looks at it."""
    mark = state.holdings[order.instrument].mark
    return order.flags & BY_MARK != 0 and not math.isnan(mark) and triggered_by(order, mark, mark)


@loop_kernel
def arm_by_trade(state: Record, k: int, price: float, time: int) -> None:
    """Stops and take-profits that have arrived and that a trade at ``price`` reaches."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time or order.flags & BY_MARK:
            continue
        if arm(order) and triggered_by(order, price, price):
            release(order)


@once_kernel
def arm_by_mark(state: Record, k: int, time: int) -> None:
    """Stops and take-profits that look at the mark price, have arrived, and are reached by it."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time or not order.flags & BY_MARK:
            continue
        if arm(order) and mark_triggers(state, order):
            release(order)

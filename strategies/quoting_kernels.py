"""Decisions of a quoting market maker. Signature, shapes and units: ``halfspread.engine.agent_functions``.

Prices in quote currency, contracts signed. A price of NaN means that no order is wanted on that side.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK
from halfspread.engine.order_kernels import amend_order, cancel_order, limit_order

Array = Any

# Memory: parameters, then of each side the number of its order, the price asked for last and the order's whole size,
# then the distances by inventory from -steps to steps, of bids and of asks.
SIZE, LIMIT, LEAST_MOVE, FLAGS, SMALLEST, LARGEST, STEPS, IN_TICKS = range(8)
BIDS, ASKS, TABLE = 8, 11, 14

#: Fraction of a tick or lot that is taken for rounding of floats.
FORGIVEN = 1e-6


@compiled_agent
def market_maker(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: as above. One order on each side, amended rather than replaced."""
    bid, ask = wanted_price(context, memory, 1.0), wanted_price(context, memory, -1.0)
    quote_side(context, memory, BIDS, 1.0, bid)
    quote_side(context, memory, ASKS, -1.0, ask)
    return OK


@inner_kernel
def wanted_price(context: Array, memory: Array, side: float) -> float:
    """Where the order of a side (+1: the bid) should rest, on the grid of ticks, behind the other side's touch where
    it may not take."""
    steps, tick = int(memory[STEPS]), context.tick[0]
    inventory = context.contracts[0] / memory[SIZE]
    place = min(max(math.floor(inventory + 0.5), -steps), steps) + steps
    if side < 0.0:
        place += 2 * steps + 1
    distance = memory[TABLE + place]
    if memory[IN_TICKS] != 0.0:
        distance *= tick
    ticks = (0.5 * (context.bid[0] + context.ask[0]) - side * distance) / tick
    if not math.isfinite(ticks):
        return math.nan
    if side > 0.0:
        price = math.floor(ticks + FORGIVEN) * tick
        if memory[FLAGS] != 0.0:
            price = min(price, context.ask[0] - tick)
    else:
        price = math.ceil(ticks - FORGIVEN) * tick
        if memory[FLAGS] != 0.0:
            price = max(price, context.bid[0] + tick)
    return price if price > 0.5 * tick else math.nan


@inner_kernel
def quote_side(context: Array, memory: Array, at: int, side: float, price: float) -> None:
    """Place, move or withdraw the order of a side; moving makes it whole again.

    Its open part and the position together never pass the limit: a fill moves contracts from the one to the other, and
    a new size is asked for only when the one before is confirmed, so that it is known how much of the order is filled.
    """
    lot, tick, order = context.lot[0], context.tick[0], int(memory[at])
    room = min(memory[SIZE], memory[LIMIT] - side * context.contracts[0])
    size = math.floor(room / lot + FORGIVEN) * lot
    if math.isnan(price) or size < memory[SMALLEST]:
        size = 0.0
    left, known, asked = 0.0, 0.0, memory[at + 1]
    for i in range(context.open_orders):
        if context.open_ids[i] == order:
            left, known = abs(context.open_contracts[i]), context.open_prices[i]
    if left == 0.0:
        if size > 0.0:
            memory[at] = limit_order(context, 0, side * size, price, int(memory[FLAGS]))
            memory[at + 1], memory[at + 2] = price, size
    elif math.isnan(asked):  # being withdrawn
        return
    elif size <= 0.0:
        cancel_order(context, order)
        memory[at + 1] = math.nan
    elif abs(known - asked) < 0.5 * tick and abs(price - asked) > (memory[LEAST_MOVE] - FORGIVEN) * tick:
        whole = memory[at + 2] - left + size
        if whole > memory[LARGEST]:  # many fills later: begin a new one
            cancel_order(context, order)
            memory[at + 1] = math.nan
        else:
            memory[at + 1], memory[at + 2] = price, whole
            amend_order(context, order, side * whole, price)

"""Decisions of the breakout expert. Signature, shapes and units: ``halfspread.engine.agent_functions``; prices in quote
currency, contracts signed."""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import CLOSE, HIGH, LOW, OK
from halfspread.engine.order_kernels import amend_trigger, cancel_order, market_order, open_contracts, stop_order
from halfspread.engine.order_records import REDUCE_ONLY

Array = Any

# Memory: parameters, then the state.
CHANNEL, WINDOW, DISTANCE, CONTRACTS, TRAILING, SHORTS, RANGE, SIDE, ENTRY, STOP, TRIGGER = range(11)


@compiled_agent
def donchian_atr(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: as above. RANGE: average true range, 0 before the first bar; SIDE: of the position wanted."""
    average_range(memory, history, row)
    close = history[row, CLOSE]
    top, bottom = channel(history, row, int(memory[CHANNEL]))
    side = memory[SIDE]
    if side != 0.0 and context.contracts[0] == 0.0 and open_contracts(context, int(memory[ENTRY])) == 0.0:
        side = 0.0  # stopped out, or never let in
        withdraw_stop(context, memory)
    wanted = side
    if close > top:
        wanted = 1.0
    elif close < bottom:
        wanted = -1.0 if memory[SHORTS] != 0.0 else 0.0
    if wanted != side:
        withdraw_stop(context, memory)
        enter(context, memory, wanted, close)
    elif side != 0.0 and memory[TRAILING] != 0.0:
        trigger = stop_price(context, memory, side, close)
        if side * (trigger - memory[TRIGGER]) > 0.5 * context.tick[0]:
            amend_trigger(context, int(memory[STOP]), trigger)
            memory[TRIGGER] = trigger
    memory[SIDE] = wanted
    return OK


@inner_kernel
def true_range(history: Array, row: int) -> float:
    """Highest less lowest price since the close before."""
    before = history[row - 1, CLOSE]
    return max(history[row, HIGH], before) - min(history[row, LOW], before)  # type: ignore[no-any-return]


@inner_kernel
def average_range(memory: Array, history: Array, row: int) -> None:
    """Wilder's average: the mean of the first window, then a new range weighs 1 / window."""
    window = int(memory[WINDOW])
    if memory[RANGE] == 0.0:
        total = 0.0
        for i in range(row - window + 1, row + 1):
            total += true_range(history, i)
        memory[RANGE] = total / window
    else:
        memory[RANGE] += (true_range(history, row) - memory[RANGE]) / window


@inner_kernel
def channel(history: Array, row: int, count: int) -> tuple[float, float]:
    """Highest high and lowest low of the bars before this one."""
    top, bottom = history[row - 1, HIGH], history[row - 1, LOW]
    for i in range(row - count, row - 1):
        top, bottom = max(top, history[i, HIGH]), min(bottom, history[i, LOW])
    return top, bottom


@inner_kernel
def stop_price(context: Array, memory: Array, side: float, close: float) -> float:
    """So many average ranges behind the close, on the grid of ticks, at least one tick."""
    tick = context.tick[0]
    ticks = (close - side * memory[DISTANCE] * memory[RANGE]) / tick
    return max(math.floor(ticks + 0.5), 1.0) * tick  # type: ignore[no-any-return]


@inner_kernel
def enter(context: Array, memory: Array, wanted: float, close: float) -> None:
    """Close what is held, enter the side that is wanted, and protect it with a stop.

    Closing only ever reduces: where the old stop is filled while the orders are on their way, there is nothing left
    of it to do.
    """
    contracts = wanted * memory[CONTRACTS]
    held = context.contracts[0] + open_contracts(context, int(memory[ENTRY]))
    if held != 0.0:
        market_order(context, 0, -held, REDUCE_ONLY)
    if wanted != 0.0:
        memory[ENTRY] = market_order(context, 0, contracts, 0)
        memory[TRIGGER] = stop_price(context, memory, wanted, close)
        memory[STOP] = stop_order(context, 0, -contracts, memory[TRIGGER], REDUCE_ONLY)


@inner_kernel
def withdraw_stop(context: Array, memory: Array) -> None:
    """Cancel the stop where it is still open."""
    if open_contracts(context, int(memory[STOP])) != 0.0:
        cancel_order(context, int(memory[STOP]))
        memory[STOP] = 0.0

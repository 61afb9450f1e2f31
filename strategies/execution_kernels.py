"""Decisions of agents that execute a parent order in slices. Signature, shapes and units:
``halfspread.engine.agent_functions``; contracts signed, prices in quote currency."""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK, TIMER
from halfspread.engine.order_kernels import cancel_order, limit_order, market_order, open_contracts

Array = Any

# Memory: parameters, the state, then the contracts that should be done by the end of each slice, one after the other.
PARENT, PASSIVE, SLICES, SLICE, DONE, DUE, GOAL, PLACED, RESTING, TAKING, SCHEDULE = range(11)


@compiled_agent
def execute_parent(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: as above. DUE: what has to be done now, by taking; GOAL: what the present slice adds to it, by resting;
    PLACED: 1 once the orders of the slice are sent.

    A limit of the slice before has to be out of the market before anything else is sent, so that no more than the
    parent order can ever be filled.
    """
    memory[DONE] += context.filled[0]
    if context.kind & TIMER:
        begin_slice(context, memory)
    if memory[PLACED] == 0.0 and open_contracts(context, int(memory[RESTING])) == 0.0:
        memory[PLACED] = 1.0
        take_due(context, memory)
        rest_at_touch(context, memory)
    return OK


@inner_kernel
def whole_lots(contracts: float, lot: float) -> float:
    """The nearest whole number of lots."""
    return math.copysign(math.floor(abs(contracts) / lot + 0.5) * lot, contracts)


@inner_kernel
def begin_slice(context: Array, memory: Array) -> None:
    """What the slice before should have done is due, and the next one begins."""
    memory[DUE] = memory[GOAL]
    slice_ = int(memory[SLICE])
    if slice_ < memory[SLICES]:
        memory[GOAL] = whole_lots(memory[SCHEDULE + slice_], context.lot[0])
        memory[SLICE] += 1.0
    memory[PLACED] = 0.0
    if memory[PASSIVE] == 0.0:
        memory[DUE] = memory[GOAL]
    if open_contracts(context, int(memory[RESTING])) != 0.0:
        cancel_order(context, int(memory[RESTING]))


@inner_kernel
def take_due(context: Array, memory: Array) -> None:
    """A market order for what is due, not done and not on its way."""
    behind = memory[DUE] - memory[DONE] - open_contracts(context, int(memory[TAKING]))
    behind = whole_lots(behind, context.lot[0])
    if behind * memory[PARENT] > 0.0:
        memory[TAKING] = market_order(context, 0, behind, 0)


@inner_kernel
def rest_at_touch(context: Array, memory: Array) -> None:
    """A limit order for the slice, at the best price on its own side; a market order where none is known."""
    contracts = whole_lots(memory[GOAL] - max_towards(memory), context.lot[0])
    if contracts * memory[PARENT] <= 0.0:
        return
    price = context.bid[0] if contracts > 0.0 else context.ask[0]
    if math.isnan(price):
        memory[DUE] = memory[GOAL]
        take_due(context, memory)
    else:
        memory[RESTING] = limit_order(context, 0, contracts, price, 0)


@inner_kernel
def max_towards(memory: Array) -> float:
    """The further of what is due and what is done."""
    if memory[PARENT] > 0.0:
        return max(memory[DUE], memory[DONE])  # type: ignore[no-any-return]
    return min(memory[DUE], memory[DONE])  # type: ignore[no-any-return]

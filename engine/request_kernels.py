"""What an agent sends: orders, cancellations, amendments and targets, on their way to the exchange.

Arrays and records of ``engine.records`` and ``engine.order_records``. Times are integer nanoseconds UTC.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, once_kernel
from halfspread.costs.kernels import delay_at
from halfspread.costs.records import DELAY_FIXED
from halfspread.engine.codes import NEXT_CLOSE, ORDER_AT_NEXT_CLOSE, THIS_CLOSE, TOO_MANY_MESSAGES
from halfspread.engine.ledger_kernels import live_order, write_ledger
from halfspread.engine.order_check_kernels import fault_of, snap_order
from halfspread.engine.order_records import (
    LIMIT,
    MAX_MESSAGES,
    MAX_OPEN,
    NO_REASON,
    NOT_SEEN,
    NOWHERE,
    PLACE,
    REJECTED,
    TARGET,
    TOO_MANY_OPEN,
    WAITING,
)
from halfspread.engine.report_kernels import tell_rejection

Array = Any
Record = Any


@inner_kernel
def order_arrival(state: Record) -> int:
    """When a message sent now reaches the exchange; none overtakes the one before it."""
    run = state.run
    first, end = run.order_delays[0], run.order_delays[1]
    delay = delay_at(run.order_delay_mode, state.delays[first:end, 0], state.delays[first:end, 1], run.orders, run.now)
    run.orders += 1
    run.last_arrival = max(run.last_arrival, run.now + delay)
    if run.convention == THIS_CLOSE and run.next_arrival == 0 and run.last_arrival > run.now:
        run.next_arrival = run.last_arrival
    return run.last_arrival


@once_kernel
def arrives_at_once(state: Record) -> bool:
    """Whether messages take no time."""
    run = state.run
    return run.order_delay_mode == DELAY_FIXED and state.delays[run.order_delays[0], 1] == 0


@once_kernel
def place_order(state: Record, i: int) -> None:
    """Take request ``i`` for a new order: into the open orders, or to the ledger as rejected."""
    run, context = state.run, state.context
    full = run.live >= MAX_OPEN or context.open_orders >= MAX_OPEN  # the agent may not know yet that some are done
    order = state.ledger[run.ledger] if full else state.orders[run.live]
    order.id = context.request_order[i]
    order.instrument = context.request_instrument[i]
    order.kind = order.form = context.request_kind[i]
    order.flags = context.request_flags[i]
    order.state, order.reason = WAITING, NO_REASON
    order.contracts, order.filled = context.request_contracts[i], 0.0
    order.price, order.trigger = context.request_price[i], context.request_trigger[i]
    order.filled_value, order.average_price = 0.0, math.nan
    order.sent, order.arrives, order.done = run.now, run.now, 0
    order.ahead = order.ahead_other = math.inf
    order.shown = order.traded = 0.0
    order.seen, order.missed = NOT_SEEN, 0
    order.fills = order.maker_fills = 0
    reason = fault_of(state, order)
    if reason == NO_REASON and full:
        reason = TOO_MANY_OPEN
    if reason != NO_REASON:
        order.state, order.reason, order.done = REJECTED, reason, run.now
        run.rejections += 1
        tell_rejection(state, reason)
        if full:
            run.ledger += 1
        else:
            write_ledger(state, order)
        return
    k = order.instrument
    order.arrives = order_arrival(state)
    snap_order(state, order)
    run.live += 1
    state.holdings[k].live += 1
    state.holdings[k].triggers += order.kind > LIMIT
    at = context.open_orders
    context.open_ids[at], context.open_instruments[at] = order.id, k
    context.open_contracts[at], context.open_prices[at] = order.contracts, order.price
    context.open_orders += 1


@once_kernel
def change_order(state: Record, i: int) -> None:
    """Take request ``i`` for a cancellation or an amendment: it waits for the next event at or after its arrival, of
    its instrument, or of any one where the order is not open."""
    run, context = state.run, state.context
    arrives, number = order_arrival(state), context.request_order[i]
    at = live_order(state, number)
    if run.messages >= MAX_MESSAGES:
        run.error = TOO_MANY_MESSAGES
        return
    message = state.messages[run.messages]
    message.action, message.order = context.request_action[i], number
    message.instrument = state.orders[at].instrument if at >= 0 else NOWHERE
    message.sent, message.arrives = run.now, arrives
    message.contracts = context.request_contracts[i]
    message.price, message.trigger = context.request_price[i], context.request_trigger[i]
    run.messages += 1


@once_kernel
def send_target(state: Record, k: int, contracts: float) -> None:
    """A target is decided: in force at once, or a message on its way."""
    run, holding = state.run, state.holdings[k]
    arrives = order_arrival(state)
    if arrives > run.now:
        if run.messages >= MAX_MESSAGES:
            run.error = TOO_MANY_MESSAGES
            return
        message = state.messages[run.messages]
        message.action, message.order, message.instrument = TARGET, 0, k
        message.sent, message.arrives = run.now, arrives
        message.contracts, message.price, message.trigger = contracts, math.nan, math.nan
        run.messages += 1
        return
    holding.pending, holding.has_pending = contracts, 1
    holding.decided, holding.arrives = run.now, arrives


@once_kernel
def take_requests(state: Record) -> None:
    """Send what the agent has asked for in this decision; an error under `next_close`, which is for targets."""
    run, context = state.run, state.context
    if run.convention == NEXT_CLOSE:
        run.error = ORDER_AT_NEXT_CLOSE
        return
    for i in range(context.requests):
        if context.request_action[i] == PLACE:
            place_order(state, i)
        else:
            change_order(state, i)
    context.requests = 0

"""What arrives at the exchange after its latency: cancellations, amendments and targets.

Arrays and records of ``engine.records`` and ``engine.order_records``. Messages stand in ``state.messages``, oldest
first.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.ledger_kernels import finish, forget_place, live_order, refuse_request
from halfspread.engine.order_check_kernels import fault_of, snap_order
from halfspread.engine.order_records import (
    AMEND,
    BAD_FLAGS,
    BY_AGENT,
    CANCELLED,
    FILLED,
    LIMIT,
    MARKET,
    NO_REASON,
    NOWHERE,
    RESTING,
    STOP,
    TAKE_PROFIT,
    TARGET,
    UNKNOWN_ORDER,
    WAITING,
)
from halfspread.engine.report_kernels import report

Array = Any
Record = Any


@loop_kernel
def serve_messages(state: Record, k: int, time: int) -> None:
    """Cancellations, amendments and targets of instrument ``k`` that have arrived by ``time``."""
    run = state.run
    kept = 0
    for i in range(run.messages):
        message = state.messages[i]
        if message.arrives <= time and message.instrument in (k, NOWHERE):
            serve_message(state, message)
            continue
        if kept < i:
            state.messages[kept] = message
        kept += 1
    run.messages = kept


@once_kernel
def serve_targets(state: Record, time: int) -> None:
    """Under `next_close`, where only targets are sent: those that have arrived by ``time`` are in force."""
    run = state.run
    kept = 0
    for i in range(run.messages):
        message = state.messages[i]
        if message.arrives <= time:
            put_in_force(state, message)
            continue
        if kept < i:
            state.messages[kept] = message
        kept += 1
    run.messages = kept


@inner_kernel
def put_in_force(state: Record, message: Array) -> None:
    """A target has reached the exchange; it replaces the one before it."""
    holding = state.holdings[message.instrument]
    holding.pending, holding.has_pending = message.contracts, 1
    holding.decided, holding.arrives = message.sent, message.arrives


@once_kernel
def serve_message(state: Record, message: Array) -> None:
    """A message has reached the exchange."""
    k = message.instrument
    if message.action == TARGET:
        put_in_force(state, message)
        return
    at = live_order(state, message.order) if k != NOWHERE else -1
    if at < 0:
        refuse_request(state, message.order, k, UNKNOWN_ORDER, message.sent, message.arrives)
    elif message.action == AMEND:
        amend(state, state.orders[at], message)
    else:
        finish(state, state.orders[at], CANCELLED, BY_AGENT, 0.0, message.arrives)


@once_kernel
def amend(state: Record, order: Array, message: Array) -> None:
    """Apply an amendment; one that would not be accepted as a new order is refused and the order stays as it was."""
    k, at = order.instrument, message.arrives
    contracts, price, trigger = order.contracts, order.price, order.trigger
    to_price, to_trigger = message.price, message.trigger
    if order.kind in (STOP, TAKE_PROFIT) and math.isnan(to_trigger):
        to_price, to_trigger = math.nan, to_price
    if not math.isnan(message.contracts):
        order.contracts = message.contracts
    if not math.isnan(to_price):
        order.price = to_price
    if not math.isnan(to_trigger):
        order.trigger = to_trigger
    reason = fault_of(state, order)
    if reason == NO_REASON and (order.contracts * contracts < 0.0 or order.kind == MARKET):
        reason = BAD_FLAGS
    no_price, no_trigger = order.kind in (STOP, TAKE_PROFIT), order.kind == LIMIT
    if reason == NO_REASON and ((no_price and not math.isnan(to_price)) or (no_trigger and not math.isnan(to_trigger))):
        reason = BAD_FLAGS
    if reason != NO_REASON:
        order.contracts, order.price, order.trigger = contracts, price, trigger
        refuse_request(state, order.id, k, reason, message.sent, at)
        return
    snap_order(state, order)
    if abs(order.contracts) <= abs(order.filled):
        order.contracts = order.filled
        finish(state, order, FILLED, NO_REASON, 0.0, at)
        return
    if order.state == RESTING and order.price != price:
        order.state = WAITING  # it takes part anew, behind all others
    elif order.state == RESTING and abs(order.contracts) > abs(contracts):
        forget_place(state, order)
    report(state, order.id, k, order.contracts - order.filled, order.price, 0.0, NO_REASON, at)

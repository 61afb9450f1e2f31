"""The life of an order at the exchange, from its fills to the ledger.

Arrays and records of ``engine.records`` and ``engine.order_records``. Open orders stand in ``state.orders``, oldest
first; one that is done stays there until `sweep_orders` moves it to the ledger at the end of the event.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import contract_value, price_of_value, scheduled, snap_to_lots
from halfspread.engine.codes import ON_TRADES, OPTIMISTIC
from halfspread.engine.fill_kernels import enter_fill
from halfspread.engine.margin_kernels import may_hold_as
from halfspread.engine.order_records import (
    BY_AGENT,
    CANCEL_REQUEST,
    CANCELLED,
    FILLED,
    LIMIT,
    NO_REASON,
    NOTHING_TO_REDUCE,
    REDUCE_ONLY,
    REJECTED,
    RESTING,
    WAITING,
)
from halfspread.engine.report_kernels import report

Array = Any
Record = Any


@inner_kernel
def awaits(state: Record, k: int) -> bool:
    """Whether orders of instrument ``k``, or messages, may have to be served."""
    return state.holdings[k].live != 0 or state.run.messages != 0


@loop_kernel
def write_ledger(state: Record, order: Array) -> None:
    """Copy a finished order to the ledger."""
    run = state.run
    state.ledger[run.ledger] = order
    run.ledger += 1


@inner_kernel
def live_order(state: Record, number: int) -> int:
    """Where an order stands among the open ones; -1 where it is done or was never sent."""
    for i in range(state.run.live):
        if state.orders[i].id == number and state.orders[i].state < FILLED:
            return i
    return -1


@loop_kernel
def refuse_request(state: Record, number: int, k: int, reason: int, sent: int, done: int) -> None:
    """Record a cancellation or an amendment that the exchange refused."""
    run = state.run
    line = state.ledger[run.ledger]
    line.id, line.instrument = number, k
    line.kind, line.form, line.flags = CANCEL_REQUEST, CANCEL_REQUEST, 0
    line.state, line.reason = REJECTED, reason
    line.contracts, line.filled, line.filled_value = 0.0, 0.0, 0.0
    line.price = line.trigger = line.average_price = math.nan
    line.sent, line.arrives, line.done = sent, done, done
    line.ahead = line.ahead_other = math.inf
    line.shown = line.traded = 0.0
    line.seen = line.missed = 0
    line.fills = line.maker_fills = 0
    run.ledger += 1
    report(state, 0, max(k, 0), 0.0, math.nan, 0.0, reason, done)


@loop_kernel
def finish(state: Record, order: Array, result: int, reason: int, filled: float, time: int) -> None:
    """An order is done, ``filled`` contracts of it just now; `sweep_orders` moves it to the ledger."""
    order.state, order.reason, order.done = result, reason, time
    state.run.finished += 1
    if order.filled != 0.0:
        order.average_price = price_of_value(state.contracts[order.instrument], order.filled_value / order.filled)
    told = NO_REASON if reason == BY_AGENT else reason
    report(state, order.id, order.instrument, 0.0, order.price, filled, told, time)


@inner_kernel
def refuse(state: Record, order: Array, reason: int, time: int) -> None:
    """The venue ends an order: rejected where it is new and nothing of it was filled, else cancelled."""
    new = order.state == WAITING and order.filled == 0.0
    finish(state, order, REJECTED if new else CANCELLED, reason, 0.0, time)


@inner_kernel
def end_idle(state: Record, order: Array, time: int) -> None:
    """A reduce-only order at its first event, with nothing to reduce; one that was triggered counts as cancelled."""
    if order.kind > LIMIT:
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
    else:
        refuse(state, order, NOTHING_TO_REDUCE, time)


@inner_kernel
def note_missed(state: Record, order: Array) -> None:
    """The other rule of matching would have filled something of this order now."""
    if order.missed == 0 and order.fills == 0:
        state.run.choice_missed += 1
        order.missed = 1


@loop_kernel
def fill_order(state: Record, order: Array, traded: float, price: float, touch: float, time: int, maker: int) -> bool:
    """Fill ``traded`` contracts (signed) of an order; False where margin forbids it, which ends the order."""
    run, k = state.run, order.instrument
    holding, contract = state.holdings[k], state.contracts[k]
    lot = scheduled(state.starts, state.schedule, contract.lots, time, 0)
    after = snap_to_lots(holding.contracts + traded, lot)
    refused = may_hold_as(state, k, after, traded, price, maker, time)
    if refused != NO_REASON:
        refuse(state, order, refused, time)
        return False
    enter_fill(state, k, traded, after, price, touch, time, order.sent, order.id, maker)
    if holding.at_open * traded < 0.0:
        holding.at_open = math.copysign(max(abs(holding.at_open) - abs(traded), 0.0), holding.at_open)
    if order.missed != 0 and order.fills == 0:
        run.choice_missed -= 1
    order.filled_value += traded * contract_value(contract, price)
    order.filled = snap_to_lots(order.filled + traded, lot)
    order.fills += 1
    order.maker_fills += maker
    if abs(order.filled) >= abs(order.contracts) * (1.0 - 1e-12):
        finish(state, order, FILLED, NO_REASON, traded, time)
    else:
        report(state, order.id, k, order.contracts - order.filled, order.price, traded, NO_REASON, time)
    return True


@loop_kernel
def rest(state: Record, order: Array, ahead: float, time: int) -> None:
    """What is left of a limit waits at its price, where the account could carry it if it were filled there."""
    left = order.contracts - order.filled
    if not order.flags & REDUCE_ONLY:
        after = state.holdings[order.instrument].contracts + left
        refused = may_hold_as(state, order.instrument, after, left, order.price, 1, time)
        if refused != NO_REASON:
            refuse(state, order, refused, time)
            return
    order.state = RESTING
    order.ahead = order.ahead_other = order.shown = ahead
    order.traded = 0.0


@inner_kernel
def forget_place(state: Record, order: Array) -> None:
    """The place of a resting limit in the queue is not known; on trades alone that is so from the start, and then the
    optimistic rule has no one ahead."""
    run = state.run
    order.ahead = order.ahead_other = order.shown = math.inf
    order.traded = 0.0
    if state.contracts[order.instrument].market == ON_TRADES:
        if run.matching == OPTIMISTIC:
            order.ahead = 0.0
        else:
            order.ahead_other = 0.0


@inner_kernel
def reducible(holding: Array, order: Array, held: float) -> float:
    """Contracts (absolute) that a reduce-only order may still trade against ``held``."""
    if held * order.contracts >= 0.0:
        return 0.0
    return abs(held)


@inner_kernel
def open_size(order: Array) -> float:
    """Contracts (absolute) of an order that are not filled."""
    return abs(order.contracts) - abs(order.filled)


@inner_kernel
def idle_reduction(state: Record, order: Array) -> bool:
    """Whether an order may only reduce a position that is not there."""
    if not order.flags & REDUCE_ONLY:
        return False
    return reducible(state.holdings[order.instrument], order, state.holdings[order.instrument].contracts) == 0.0


@once_kernel
def drop_idle(state: Record, k: int, time: int) -> None:
    """At the end of an event: resting reduce-only limits of instrument ``k`` with nothing to reduce are cancelled."""
    state.holdings[k].moved = 0
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument == k and order.state == RESTING and idle_reduction(state, order):
            finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)


@loop_kernel
def sweep_orders(state: Record) -> None:
    """Move orders that are done to the ledger, and close the ranks of the others."""
    run = state.run
    kept = 0
    for i in range(run.live):
        order = state.orders[i]
        if order.state < FILLED:
            if kept < i:
                state.orders[kept] = order
            kept += 1
            continue
        state.holdings[order.instrument].live -= 1
        state.holdings[order.instrument].triggers -= order.kind > LIMIT
        write_ledger(state, order)
    run.live, run.finished = kept, 0

"""Orders and targets that meet what is in force when they arrive: the rule `this` of docs/fills.md.

Arrays and records of ``engine.records`` and ``engine.order_records``.
"""

from __future__ import annotations

from typing import Any

from halfspread.compiled import inner_kernel, once_kernel
from halfspread.engine.codes import ASK, BID, CLOSE, ON_BARS, ON_DEPTH, ON_TRADES, QUOTE
from halfspread.engine.depth_matching_kernels import take_from_book, trade_target
from halfspread.engine.fill_kernels import model_half_spread
from halfspread.engine.ledger_kernels import awaits, finish, sweep_orders
from halfspread.engine.message_kernels import serve_messages
from halfspread.engine.order_records import BY_MARK, FILLED, NO_MARKET, NOT_SEEN, REJECTED, SEEN, TRIGGERED, WAITING
from halfspread.engine.price_matching_kernels import enter_at_price, trade_target_at
from halfspread.engine.records import Data
from halfspread.engine.trigger_kernels import arm, mark_triggers, release, triggered_by

Array = Any
Record = Any


@once_kernel
def arrive_all(state: Record, data: Data) -> None:
    """Under `this`: whatever has arrived meets what is in force."""
    for k in range(state.run.instruments):
        there = state.contracts[k].market != ON_BARS or state.holdings[k].closed_now != 0
        if there and (awaits(state, k) or state.holdings[k].has_pending != 0):
            arrive(state, k, data)
    if state.run.finished != 0:
        sweep_orders(state)
    note_next_arrival(state)


@once_kernel
def arrive(state: Record, k: int, data: Data) -> None:
    """Orders and the target of instrument ``k`` that have arrived and not met the market yet."""
    run, holding, contract = state.run, state.holdings[k], state.contracts[k]
    time, market, half = run.now, contract.market, 0.0
    rows = data.books if contract.depth_kind != QUOTE else data.quotes
    there = market == ON_BARS or (
        holding.gap == 0 and (holding.book >= 0 or (market == ON_TRADES and holding.last > 0))
    )
    if there and market == ON_TRADES:
        half = model_half_spread(state, k, state.schedule, -1, 0, time)
    elif market == ON_BARS:
        half = model_half_spread(state, k, data.bars, holding.bar, CLOSE, time)
    if run.messages != 0:
        serve_messages(state, k, time)
    for i in range(run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time or order.state >= FILLED or order.seen == TRIGGERED:
            continue
        if not there and order.seen == NOT_SEEN:
            finish(state, order, REJECTED, NO_MARKET, 0.0, time)
        elif there and (order.seen == NOT_SEEN or order.state == WAITING):
            meet(state, order, rows, half, time)
    if there and holding.has_pending != 0 and holding.arrives <= time and run.error == 0:
        if market == ON_DEPTH:
            run.error = trade_target(state, k, rows, holding.book, time)
        else:
            run.error = trade_target_at(state, k, half, time)


@once_kernel
def meet(state: Record, order: Array, rows: Array, half: float, time: int) -> None:
    """An order that arrives, or whose price was amended, against what is in force."""
    k, first = order.instrument, order.seen == NOT_SEEN
    holding, contract = state.holdings[k], state.contracts[k]
    on_book = contract.market == ON_DEPTH
    order.seen = SEEN
    if arm(order) and first:
        reached = mark_triggers(state, order)
        if not order.flags & BY_MARK and contract.has_trades == 0:
            if on_book:
                reached = triggered_by(order, rows[holding.book, ASK], rows[holding.book, BID])
            else:
                reached = triggered_by(order, holding.reference, holding.reference)
        if reached:
            release(order)
            order.seen = SEEN
    if order.state == WAITING and on_book:
        take_from_book(state, order, rows, holding.book, time)
    elif order.state == WAITING:
        enter_at_price(state, order, half, time)


@once_kernel
def note_next_arrival(state: Record) -> None:
    """When the next of what is on its way arrives."""
    run = state.run
    run.next_arrival = 0
    for i in range(run.live):
        soonest(run, state.orders[i].arrives)
    for i in range(run.messages):
        soonest(run, state.messages[i].arrives)


@inner_kernel
def soonest(run: Array, arrives: int) -> None:
    """Keep the earlier of two arrivals that are still to come."""
    if arrives > run.now and (run.next_arrival == 0 or arrives < run.next_arrival):
        run.next_arrival = arrives

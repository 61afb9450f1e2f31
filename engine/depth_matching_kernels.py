"""Orders and targets against a quote or a book snapshot, by docs/fills.md.

Book rows as in ``engine.book_kernels``; ``side``: +1 a buyer, -1 a seller.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import loop_kernel, once_kernel
from halfspread.engine.account_kernels import scheduled, snap_to_lots, whole_lots
from halfspread.engine.book_kernels import (
    note_taken,
    offered,
    price_paid,
    queue_at,
    reaches,
    taken_of,
    touch_of,
    touch_paid,
)
from halfspread.engine.codes import ASK, BID
from halfspread.engine.fill_kernels import enter_fill
from halfspread.engine.ledger_kernels import (
    end_idle,
    fill_order,
    finish,
    idle_reduction,
    open_size,
    reducible,
    refuse,
    rest,
)
from halfspread.engine.margin_kernels import may_hold
from halfspread.engine.order_records import (
    BY_MARK,
    CANCELLED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    NO_DEPTH,
    NOT_ALL_AT_ONCE,
    NOT_FILLED_AT_ONCE,
    NOTHING_TO_REDUCE,
    POST_ONLY,
    REDUCE_ONLY,
    RESTING,
    SEEN,
    WAITING,
    WOULD_TAKE,
)
from halfspread.engine.queue_kernels import cross_resting
from halfspread.engine.trigger_kernels import arm, mark_triggers, release, triggered_by

Array = Any
Record = Any


@once_kernel
def limit_of(order: Array) -> float:
    """The price that an order may not go beyond; NaN for a market order."""
    return order.price if order.form == LIMIT else math.nan


@loop_kernel
def take_from_book(state: Record, order: Array, rows: Array, row: int, time: int) -> None:
    """The first event of an order: take what it may, then rest, or be done."""
    k = order.instrument
    holding = state.holdings[k]
    side = 1 if order.contracts > 0.0 else -1
    limit, left = limit_of(order), open_size(order)
    if order.flags & REDUCE_ONLY:
        left = min(left, reducible(holding, order, holding.contracts))
        if left <= 0.0:
            end_idle(state, order, time)
            return
    if order.flags & POST_ONLY and reaches(side, touch_of(rows, row, side), limit):
        refuse(state, order, WOULD_TAKE, time)
        return
    quantity = whole_lots(state, k, min(left, offered(rows, row, side, limit, taken_of(holding, side))), time)
    if order.flags & FOK and quantity < left * (1.0 - 1e-12):
        refuse(state, order, NOT_ALL_AT_ONCE, time)
        return
    if quantity > 0.0:
        price = price_paid(state, k, rows, row, side, quantity, time)
        touch = touch_paid(state, k, rows, row, side, price)
        if not fill_order(state, order, side * quantity, price, touch, time, 0):
            return
        note_taken(holding, side, quantity)
        if order.state >= FILLED:
            return
    if idle_reduction(state, order):
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
    elif order.flags & IOC:
        finish(state, order, CANCELLED, NOT_FILLED_AT_ONCE, 0.0, time)
    elif order.form == MARKET:
        finish(state, order, CANCELLED, NO_DEPTH, 0.0, time)
    else:
        rest(state, order, queue_at(rows, row, side > 0, order.price), time)


@once_kernel
def match_book(state: Record, k: int, rows: Array, row: int, time: int) -> None:
    """The orders of instrument ``k`` against a new book."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument == k and order.state == RESTING:
            cross_resting(state, order, rows, row, time)
    if state.holdings[k].triggers != 0:
        take_triggered(state, k, rows, row, time)
    take_waiting(state, k, rows, row, time)


@once_kernel
def take_triggered(state: Record, k: int, rows: Array, row: int, time: int) -> None:
    """Stops and take-profits of instrument ``k`` that the book in force or the mark price has reached take from it."""
    touch_up, touch_down = rows[row, ASK], rows[row, BID]
    by_touch = state.contracts[k].has_trades == 0
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time or order.kind <= LIMIT:
            continue
        order.seen = SEEN
        if not arm(order):
            continue
        touched = by_touch and not order.flags & BY_MARK and triggered_by(order, touch_up, touch_down)
        if touched or mark_triggers(state, order):
            release(order)
            order.seen = SEEN
            take_from_book(state, order, rows, row, time)


@once_kernel
def take_waiting(state: Record, k: int, rows: Array, row: int, time: int) -> None:
    """Orders of instrument ``k`` that have arrived by ``time`` take from the book in force."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument == k and order.state == WAITING and order.form <= LIMIT and order.arrives <= time:
            order.seen = SEEN
            take_from_book(state, order, rows, row, time)


@loop_kernel
def trade_target(state: Record, k: int, rows: Array, row: int, time: int) -> int:
    """Trade the pending target of instrument ``k`` from the book in force, as far as it is shown."""
    holding = state.holdings[k]
    wanted = holding.pending - holding.contracts
    if wanted == 0.0:
        holding.has_pending = 0
        return 0
    side = 1 if wanted > 0.0 else -1
    quantity = min(abs(wanted), offered(rows, row, side, math.nan, taken_of(holding, side)))
    quantity = whole_lots(state, k, quantity, time)
    if quantity <= 0.0:
        return 0
    price = price_paid(state, k, rows, row, side, quantity, time)
    after = holding.pending
    if quantity < abs(wanted):
        lot = scheduled(state.starts, state.schedule, state.contracts[k].lots, time, 0)
        after = snap_to_lots(holding.contracts + side * quantity, lot)
    else:
        holding.has_pending = 0
    if may_hold(state, k, after, side * quantity, price, time) != 0:
        holding.refused_targets += 1
        holding.has_pending = 0
        return 0
    touch = touch_paid(state, k, rows, row, side, price)
    enter_fill(state, k, side * quantity, after, price, touch, time, holding.decided, 0, 0)
    note_taken(holding, side, quantity)
    return 0

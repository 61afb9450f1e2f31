"""Resting limits: their places in the queue, and their fills by a book that reaches them and by trades.

Rows of books as in ``engine.book_kernels``; rows of trades: price, size, side of the aggressor. The queue ahead of an
order is estimated by both rules, that of the run in ``ahead`` and the other in ``ahead_other``; infinite where unknown.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import whole_lots
from halfspread.engine.book_kernels import note_taken, offered, queue_at, reaches, same, taken_of, touch_of
from halfspread.engine.codes import OPTIMISTIC, TRADE_PRICE, TRADE_SIDE, TRADE_SIZE
from halfspread.engine.ledger_kernels import (
    fill_order,
    finish,
    forget_place,
    idle_reduction,
    note_missed,
    open_size,
    reducible,
)
from halfspread.engine.order_records import (
    CANCELLED,
    FILLED,
    NO_MARKET,
    NOT_SEEN,
    NOTHING_TO_REDUCE,
    REDUCE_ONLY,
    REJECTED,
    RESTING,
)

Array = Any
Record = Any


@once_kernel
def follow_queue(state: Record, order: Array, rows: Array, row: int) -> None:
    """The estimate of the queue ahead of a resting limit after a new book, by both rules."""
    shown = queue_at(rows, row, order.contracts > 0.0, order.price)
    if math.isinf(shown):
        order.shown, order.traded = shown, 0.0
        return
    optimist, pessimist = order.ahead_other, order.ahead
    if state.run.matching == OPTIMISTIC:
        optimist, pessimist = pessimist, optimist
    pessimist = min(pessimist, shown)
    left = max(order.shown - order.traded - shown, 0.0) if math.isfinite(order.shown) else 0.0
    optimist = min(max(optimist - left, 0.0), shown)
    order.shown, order.traded = shown, 0.0
    if state.run.matching == OPTIMISTIC:
        order.ahead, order.ahead_other = optimist, pessimist
    else:
        order.ahead, order.ahead_other = pessimist, optimist


@inner_kernel
def lead_queue(order: Array) -> None:
    """The market has gone through the price of a resting limit: nobody is left ahead of it."""
    order.ahead = order.ahead_other = order.traded = 0.0
    order.shown = math.inf


@once_kernel
def cross_resting(state: Record, order: Array, rows: Array, row: int, time: int) -> None:
    """Fill a resting limit that the opposite side has reached, at its own price, or follow its queue."""
    holding = state.holdings[order.instrument]
    side = 1 if order.contracts > 0.0 else -1
    if not reaches(side, touch_of(rows, row, side), order.price):
        follow_queue(state, order, rows, row)
        return
    most = offered(rows, row, side, order.price, taken_of(holding, side))
    note_taken(holding, side, fill_resting(state, order, most, time))
    if order.state == RESTING:
        lead_queue(order)


@once_kernel
def trade_hits(order: Array, side: float) -> bool:
    """Whether a trade of an aggressor on ``side`` can meet a resting limit; an unknown side can."""
    return side == 0.0 or (side < 0.0) == (order.contracts > 0.0)


@loop_kernel
def match_trade(state: Record, k: int, trades: Array, row: int, time: int) -> None:
    """Resting limits of instrument ``k`` against one trade: first those at better prices than its own."""
    run = state.run
    price, size, aggressor = trades[row, TRADE_PRICE], trades[row, TRADE_SIZE], trades[row, TRADE_SIDE]
    left = size
    for through in (True, False):
        for i in range(run.live):
            order = state.orders[i]
            if order.instrument != k or order.state != RESTING:
                continue
            level = same(order.price, price)
            if through and not level and (order.price > price) == (order.contracts > 0.0):
                left -= fill_resting(state, order, left, time)
                if order.state == RESTING:
                    lead_queue(order)
            elif not through and level and trade_hits(order, aggressor):
                left -= fill_in_queue(state, order, size, left, time)


@once_kernel
def fill_in_queue(state: Record, order: Array, size: float, left: float, time: int) -> float:
    """A trade at the price of a resting limit, of which ``left`` remains for it and the queue ahead; the contracts
    filled."""
    mine, other, filled = left - order.ahead, left - order.ahead_other, 0.0
    order.ahead = max(order.ahead - size, 0.0)
    order.ahead_other = max(order.ahead_other - size, 0.0)
    order.traded += size
    if mine > 0.0:
        filled = fill_resting(state, order, mine, time)
        if filled > 0.0 and other <= 0.0:
            state.run.choice_fills += 1
    elif other > 0.0:
        note_missed(state, order)
    return filled


@loop_kernel
def fill_resting(state: Record, order: Array, most: float, time: int) -> float:
    """Fill a resting limit at its own price, at most ``most`` contracts; how many it was."""
    holding = state.holdings[order.instrument]
    quantity = min(open_size(order), most)
    quantity = whole_lots(state, order.instrument, quantity, time) if quantity > 0.0 else 0.0
    if quantity <= 0.0:
        return 0.0
    if order.flags & REDUCE_ONLY:
        quantity = min(quantity, reducible(holding, order, holding.contracts))
        if quantity <= 0.0:
            finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
            return 0.0
    traded = quantity if order.contracts > 0.0 else -quantity
    if not fill_order(state, order, traded, order.price, order.price, time, 1):
        return 0.0
    if order.state == RESTING and idle_reduction(state, order):
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
    return quantity


@once_kernel
def refuse_in_gap(state: Record, k: int, time: int) -> None:
    """The market is back: orders that came while it was away are rejected, places in the queue are unknown."""
    holding, run = state.holdings[k], state.run
    for i in range(run.live):
        order = state.orders[i]
        if order.instrument != k or order.state >= FILLED:
            continue
        if order.seen == NOT_SEEN and holding.gap <= order.arrives < time:
            finish(state, order, REJECTED, NO_MARKET, 0.0, time)
        else:
            forget_place(state, order)

"""Orders where the market shows prices without sizes, by docs/fills.md: bars, and trades alone.

Arrays and records of ``engine.records``; prices in quote currency. A half-spread or an impact that is not known (NaN)
leaves an error code in ``run.error``.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import mark_to
from halfspread.engine.book_kernels import reaches, same
from halfspread.engine.codes import (
    CLOSE,
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    HIGH,
    IMPACT_UNKNOWN,
    LOW,
    OPEN,
    OPTIMISTIC,
)
from halfspread.engine.fill_kernels import model_half_spread, model_impact, take_at_reference
from halfspread.engine.ledger_kernels import (
    end_idle,
    fill_order,
    finish,
    forget_place,
    idle_reduction,
    note_missed,
    open_size,
    reducible,
    refuse,
    rest,
)
from halfspread.engine.order_records import (
    ARMED,
    BY_MARK,
    CANCELLED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    NOT_ALL_AT_ONCE,
    NOT_FILLED_AT_ONCE,
    NOTHING_TO_REDUCE,
    POST_ONLY,
    REDUCE_ONLY,
    RESTING,
    SEEN,
    STOP_LIMIT,
    TAKE_PROFIT,
    WAITING,
    WOULD_TAKE,
)
from halfspread.engine.trigger_kernels import arm, arm_by_trade, mark_triggers, release, triggered_by

Array = Any
Record = Any


@once_kernel
def taker_price(state: Record, k: int, traded: float, base: float, half: float, limit: float) -> float:
    """What a taker pays around ``base``: half a spread and the modelled impact, at most its ``limit`` (NaN: none).

    NaN, and a code in ``run.error``, where it cannot be told.
    """
    run = state.run
    if math.isnan(half):
        run.error = HALF_SPREAD_MISSING
        return math.nan
    moved = model_impact(state, k, traded)
    if math.isnan(moved):
        run.error = IMPACT_UNKNOWN
        return math.nan
    if traded > 0.0:
        price = base + half + moved * base
        return price if math.isnan(limit) else max(min(price, limit), base + half)
    price = base - half - moved * base
    if not math.isnan(limit):
        price = min(max(price, limit), base - half)
    if not price > 0.0:
        run.error = HALF_SPREAD_TOO_WIDE
        return math.nan
    return price


@inner_kernel
def cut_to_position(state: Record, order: Array, held: float) -> float:
    """Contracts (absolute) that an order may trade now, where ``held`` may be reduced."""
    left = open_size(order)
    if order.flags & REDUCE_ONLY:
        return min(left, reducible(state.holdings[order.instrument], order, held))
    return left


@loop_kernel
def take_at(state: Record, order: Array, base: float, half: float, quantity: float, time: int) -> None:
    """Fill ``quantity`` of an order as a taker around ``base``; what has nothing to reduce any more is cancelled."""
    limit = order.price if order.form == LIMIT else math.nan
    traded = quantity if order.contracts > 0.0 else -quantity
    price = taker_price(state, order.instrument, traded, base, half, limit)
    if math.isnan(price):
        return
    touch = base + half if traded > 0.0 else base - half
    fill_order(state, order, traded, price, touch, time, 0)
    if order.state < FILLED and idle_reduction(state, order):
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)


@loop_kernel
def enter_at_price(state: Record, order: Array, half: float, time: int) -> None:
    """The first event of an order: all of it at the reference price and half a spread, or none; a limit then rests."""
    holding = state.holdings[order.instrument]
    buy = order.contracts > 0.0
    touch = holding.reference + (half if buy else -half)
    takes = order.form == MARKET or reaches(1 if buy else -1, touch, order.price)
    quantity = cut_to_position(state, order, holding.contracts)
    if quantity <= 0.0:
        end_idle(state, order, time)
    elif takes and order.flags & POST_ONLY:
        refuse(state, order, WOULD_TAKE, time)
    elif takes:
        take_at(state, order, holding.reference, half, quantity, time)
    elif order.flags & IOC:
        finish(state, order, CANCELLED, NOT_FILLED_AT_ONCE, 0.0, time)
    elif order.flags & FOK:
        refuse(state, order, NOT_ALL_AT_ONCE, time)
    else:
        rest(state, order, math.inf, time)
        forget_place(state, order)


@loop_kernel
def enter_waiting(state: Record, k: int, half: float, look: bool, time: int) -> None:
    """Orders of instrument ``k`` that have arrived take part at its reference price; with ``look`` that price pulls
    triggers."""
    reference = state.holdings[k].reference
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time:
            continue
        order.seen = SEEN
        if arm(order):
            reached = look and not order.flags & BY_MARK and triggered_by(order, reference, reference)
            if reached or mark_triggers(state, order):
                release(order)
                order.seen = SEEN
        if order.state == WAITING:
            enter_at_price(state, order, half, time)


@once_kernel
def take_trade_market(state: Record, k: int, time: int) -> int:
    """Where trades are the market: orders and targets that have arrived by the trade just marked to, then triggers; 0
    or an error code."""
    holding, run = state.holdings[k], state.run
    half = model_half_spread(state, k, state.schedule, -1, 0, time)
    if holding.live != 0:
        enter_waiting(state, k, half, False, time)
    if run.error == 0 and holding.has_pending != 0 and holding.arrives <= time:
        run.error = trade_target_at(state, k, half, time)
    if holding.triggers != 0:
        arm_by_trade(state, k, holding.reference, time)
    return run.error


@loop_kernel
def trade_target_at(state: Record, k: int, half: float, time: int) -> int:
    """Trade the target of instrument ``k`` at its reference price; 0 or an error code."""
    holding = state.holdings[k]
    holding.has_pending = 0
    traded = holding.pending - holding.contracts
    if traded == 0.0:
        return 0
    return take_at_reference(state, k, traded, holding.pending, half, time)


@once_kernel
def match_open(state: Record, k: int, bars: Array, row: int, time: int) -> None:
    """Orders at the open of a bar, which the instrument is marked to already."""
    enter_waiting(state, k, model_half_spread(state, k, bars, row, OPEN, time), True, time)


@once_kernel
def match_range(state: Record, k: int, bars: Array, row: int, time: int) -> None:
    """Orders within the range of a bar that has closed, in the three passes of docs/fills.md."""
    half = model_half_spread(state, k, bars, row, CLOSE, time)
    state.holdings[k].at_open = state.holdings[k].contracts
    low, high = bars[row, LOW], bars[row, HIGH]
    if state.run.matching == OPTIMISTIC:
        match_limits(state, k, low, high, half, time)
        match_stops(state, k, low, high, half, False, time)
    else:
        match_stops(state, k, low, high, half, False, time)
        match_limits(state, k, low, high, half, time)
    match_stops(state, k, low, high, half, True, time)


@inner_kernel
def reached(order: Array, low: float, high: float) -> bool:
    """Whether the range of a bar reaches the trigger of an order."""
    return triggered_by(order, high, low) if order.kind != TAKE_PROFIT else triggered_by(order, low, high)


@loop_kernel
def match_stops(state: Record, k: int, low: float, high: float, half: float, last: bool, time: int) -> None:
    """Stops that the range reaches; those with nothing to reduce wait for the ``last`` pass, which withdraws them."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.state != ARMED or order.kind == TAKE_PROFIT or order.flags & BY_MARK:
            continue
        if not reached(order, low, high):
            continue
        if order.kind == STOP_LIMIT:
            release(order)
            continue
        quantity = cut_to_position(state, order, state.holdings[k].contracts)
        if quantity > 0.0:
            price = max(order.trigger, low) if order.contracts > 0.0 else min(order.trigger, high)
            mark_to(state, k, price)
            order.form, order.state = MARKET, WAITING
            take_at(state, order, price, half, quantity, time)
        elif last:
            end_idle(state, order, time)


@loop_kernel
def match_limits(state: Record, k: int, low: float, high: float, half: float, time: int) -> None:
    """Limits and take-profits that the range reaches."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.state >= FILLED:
            continue
        quantity = in_bar(state, order)
        if quantity <= 0.0 and not idle_reduction(state, order):
            continue
        profit = order.state == ARMED and order.kind == TAKE_PROFIT and not order.flags & BY_MARK
        if profit and reached(order, low, high):
            match_profit(state, order, quantity, half, time)
        elif order.state == RESTING:
            match_limit(state, order, quantity, low, high, time)


@once_kernel
def match_limit(state: Record, order: Array, quantity: float, low: float, high: float, time: int) -> None:
    """A resting limit against the range of a bar: at its price, or at the worst price of a bar that lies beyond it."""
    run, buy = state.run, order.contracts > 0.0
    extreme = low if buy else high
    if not reaches(1 if buy else -1, extreme, order.price):
        return
    touched = same(extreme, order.price)
    if touched and run.matching != OPTIMISTIC:
        note_missed(state, order)
        return
    if quantity <= 0.0:
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
        return
    price = min(order.price, high) if buy else max(order.price, low)
    mark_to(state, order.instrument, price)
    filled = fill_order(state, order, quantity if buy else -quantity, price, price, time, 1)
    if filled and touched:
        run.choice_fills += 1
    if order.state < FILLED and idle_reduction(state, order):
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)


@once_kernel
def in_bar(state: Record, order: Array) -> float:
    """Contracts (absolute) that a limit or take-profit may trade within a bar: a reduce-only order at most what is left
    of what was held at the open, since the bar does not tell what came first."""
    holding = state.holdings[order.instrument]
    most = cut_to_position(state, order, holding.contracts)
    if state.run.matching == OPTIMISTIC or not order.flags & REDUCE_ONLY:
        return most
    return min(most, reducible(holding, order, holding.at_open))


@once_kernel
def match_profit(state: Record, order: Array, quantity: float, half: float, time: int) -> None:
    """A take-profit that the range has reached; what may not be closed in this bar goes on waiting."""
    if quantity <= 0.0:
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
        return
    mark_to(state, order.instrument, order.trigger)
    order.form, order.state = MARKET, WAITING
    take_at(state, order, order.trigger, half, quantity, time)
    if order.state < FILLED:
        order.form, order.state = TAKE_PROFIT, ARMED

"""Orders where the market shows prices without sizes, by docs/fills.md: bars, and trades alone.

Arrays and records of ``engine.records``; prices in quote currency. A half-spread or an impact that is not known (NaN)
leaves an error code in ``run.error``.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.account_kernels import mark_to
from halfspread.engine.depth_matching_kernels import reaches, release, same, triggered_by
from halfspread.engine.fill_kernels import model_half_spread, model_impact, take_at_reference
from halfspread.engine.ledger_kernels import fill_order, finish, open_size, reducible, refuse, serve_messages
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
    STOP_LIMIT,
    TAKE_PROFIT,
    WAITING,
    WOULD_TAKE,
)
from halfspread.engine.records import (
    CLOSE,
    HALF_SPREAD_MISSING,
    HALF_SPREAD_TOO_WIDE,
    HIGH,
    IMPACT_UNKNOWN,
    LOW,
    OPTIMISTIC,
    State,
)

Array = Any


@inner_kernel
def taker_price(state: State, k: int, traded: float, base: float, half: float, limit: float) -> float:
    """What a taker pays around ``base``: half a spread and the modelled impact, at most its ``limit`` (NaN: none).

    NaN, and a code in ``run.error``, where it cannot be told.
    """
    run = state.run[0]
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
def cut_to_position(state: State, order: Array, held: float) -> float:
    """Contracts (absolute) that an order may trade now, where ``held`` may be reduced."""
    left = open_size(order)
    if order.flags & REDUCE_ONLY:
        return min(left, reducible(state.holdings[order.instrument], order, held))
    return left


@loop_kernel
def take_at(state: State, order: Array, base: float, half: float, quantity: float, time: int, fills: Array) -> None:
    """Fill ``quantity`` of an order as a taker around ``base``; what reduce-only cut off is cancelled."""
    limit = order.price if order.form == LIMIT else math.nan
    traded = quantity if order.contracts > 0.0 else -quantity
    price = taker_price(state, order.instrument, traded, base, half, limit)
    if math.isnan(price):
        return
    touch = base + half if traded > 0.0 else base - half
    fill_order(state, order, traded, price, touch, time, 0, fills)
    if order.state < FILLED:
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)


@loop_kernel
def enter_at_price(state: State, order: Array, half: float, time: int, fills: Array) -> None:
    """The first event of an order: all of it at the reference price and half a spread, or none; a limit then rests."""
    k = order.instrument
    holding, run = state.holdings[k], state.run[0]
    buy = order.contracts > 0.0
    touch = holding.reference + (half if buy else -half)
    takes = order.form == MARKET or reaches(1 if buy else -1, touch, order.price)
    quantity = cut_to_position(state, order, holding.contracts)
    if quantity <= 0.0:
        refuse(state, order, NOTHING_TO_REDUCE, time)
    elif takes and order.flags & POST_ONLY:
        refuse(state, order, WOULD_TAKE, time)
    elif takes:
        take_at(state, order, holding.reference, half, quantity, time, fills)
    elif order.flags & IOC:
        refuse(state, order, NOT_FILLED_AT_ONCE, time)
    elif order.flags & FOK:
        refuse(state, order, NOT_ALL_AT_ONCE, time)
    else:
        order.state = RESTING
        optimist = run.matching == OPTIMISTIC
        order.ahead = 0.0 if optimist else math.inf
        order.ahead_other = math.inf if optimist else 0.0
        order.shown, order.traded = math.inf, 0.0


@loop_kernel
def enter_waiting(state: State, k: int, half: float, time: int, fills: Array) -> None:
    """Orders of instrument ``k`` that have arrived take part at its reference price; stops look at it."""
    holding = state.holdings[k]
    for i in range(state.run[0].live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time:
            continue
        if order.state == WAITING and order.form > LIMIT:
            order.state = ARMED
        if order.state == ARMED and not order.flags & BY_MARK:
            if triggered_by(order, holding.reference, holding.reference):
                release(order, time)
        if order.state == WAITING:
            enter_at_price(state, order, half, time, fills)


@loop_kernel
def take_trade_market(state: State, k: int, time: int, fills: Array) -> int:
    """Where trades are the market: orders and targets that have arrived by the trade just marked to; 0 or an error
    code."""
    holding, run = state.holdings[k], state.run[0]
    half = model_half_spread(state, k, state.schedule, -1, 0, time)
    if holding.live != 0:
        enter_waiting(state, k, half, time, fills)
    if run.error == 0 and holding.has_pending != 0 and holding.arrives <= time:
        holding.has_pending = 0
        traded = holding.pending - holding.contracts
        if traded != 0.0:
            return take_at_reference(state, k, traded, holding.pending, half, time, fills)
    return run.error


@loop_kernel
def match_open(state: State, k: int, bars: Array, row: int, column: int, time: int, fills: Array) -> None:
    """Orders at the price of ``column`` (OPEN or CLOSE), which the instrument is marked to already."""
    serve_messages(state, k, time)
    enter_waiting(state, k, model_half_spread(state, k, bars, row, column, time), time, fills)
    state.holdings[k].at_open = state.holdings[k].contracts


@loop_kernel
def match_range(state: State, k: int, bars: Array, row: int, time: int, fills: Array) -> None:
    """Orders within the range of a bar that has closed, in the three passes of docs/fills.md."""
    half = model_half_spread(state, k, bars, row, CLOSE, time)
    low, high = bars[row, LOW], bars[row, HIGH]
    if state.run[0].matching == OPTIMISTIC:
        match_limits(state, k, low, high, half, time, fills)
        match_stops(state, k, low, high, half, False, time, fills)
    else:
        match_stops(state, k, low, high, half, False, time, fills)
        match_limits(state, k, low, high, half, time, fills)
    match_stops(state, k, low, high, half, True, time, fills)


@inner_kernel
def reached(order: Array, low: float, high: float) -> bool:
    """Whether the range of a bar reaches the trigger of an order."""
    return triggered_by(order, high, low) if order.kind != TAKE_PROFIT else triggered_by(order, low, high)


@loop_kernel
def match_stops(
    state: State, k: int, low: float, high: float, half: float, last: bool, time: int, fills: Array
) -> None:
    """Stops that the range reaches; those with nothing to reduce wait for the ``last`` pass, which withdraws them."""
    for i in range(state.run[0].live):
        order = state.orders[i]
        if order.instrument != k or order.state != ARMED or order.kind == TAKE_PROFIT or order.flags & BY_MARK:
            continue
        if not reached(order, low, high):
            continue
        if order.kind == STOP_LIMIT:
            release(order, time)
            continue
        quantity = cut_to_position(state, order, state.holdings[k].contracts)
        if quantity > 0.0:
            mark_to(state, k, order.trigger)
            order.form = MARKET
            take_at(state, order, order.trigger, half, quantity, time, fills)
        elif last:
            refuse(state, order, NOTHING_TO_REDUCE, time)


@loop_kernel
def match_limits(state: State, k: int, low: float, high: float, half: float, time: int, fills: Array) -> None:
    """Limits and take-profits that the range reaches."""
    run, holding = state.run[0], state.holdings[k]
    for i in range(run.live):
        order = state.orders[i]
        if order.instrument != k:
            continue
        profit = order.state == ARMED and order.kind == TAKE_PROFIT and not order.flags & BY_MARK
        if profit and reached(order, low, high):
            match_profit(state, order, half, time, fills)
        elif order.state == RESTING:
            buy = order.contracts > 0.0
            extreme = low if buy else high
            if reaches(1 if buy else -1, extreme, order.price):
                touched = same(extreme, order.price)
                if touched and run.matching != OPTIMISTIC:
                    order.other_filled = open_size(order)
                    continue
                price = min(order.price, high) if buy else max(order.price, low)
                quantity = in_bar(state, order)
                if quantity <= 0.0:
                    lost_to_stop(state, order, time)
                    continue
                mark_to(state, k, price)
                filled = fill_order(state, order, quantity if buy else -quantity, price, price, time, 1, fills)
                if filled and touched:
                    run.choice_fills += 1
                if order.state < FILLED and order.flags & REDUCE_ONLY and holding.contracts == 0.0:
                    finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)


@inner_kernel
def in_bar(state: State, order: Array) -> float:
    """Contracts (absolute) that a limit or take-profit may trade within a bar: a reduce-only order at most what was
    held at the open, since the bar does not tell what came first."""
    holding = state.holdings[order.instrument]
    held = holding.contracts
    if state.run[0].matching != OPTIMISTIC:
        if holding.at_open * held <= 0.0:
            held = 0.0
        elif abs(holding.at_open) < abs(held):
            held = holding.at_open
    return cut_to_position(state, order, held)


@inner_kernel
def lost_to_stop(state: State, order: Array, time: int) -> None:
    """A reduce-only order reached with nothing left to reduce: withdrawn where a stop came first."""
    holding = state.holdings[order.instrument]
    if holding.contracts == 0.0:
        if holding.at_open != 0.0:
            state.run[0].choice_fills += 1
        refuse(state, order, NOTHING_TO_REDUCE, time)


@loop_kernel
def match_profit(state: State, order: Array, half: float, time: int, fills: Array) -> None:
    """A take-profit that the range has reached."""
    quantity = in_bar(state, order)
    if quantity <= 0.0:
        lost_to_stop(state, order, time)
        return
    mark_to(state, order.instrument, order.trigger)
    order.form = MARKET
    take_at(state, order, order.trigger, half, quantity, time, fills)

"""Orders against quotes, book snapshots and trades, by docs/fills.md.

Book rows: per level bid, bid size, ask, ask size; best first, a level that is not shown has a NaN price and size 0.
Sizes are in contracts; a NaN size is unknown. ``side``: +1 for what a buyer takes (asks), -1 for what a seller takes
(bids). Own limits that rest on the bid side are buys.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import contract_value, price_of_value, scheduled, snap_to_lots, whole_lots
from halfspread.engine.codes import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    LEVEL,
    OPTIMISTIC,
    QUOTES,
    TRADE_PRICE,
    TRADE_SIDE,
    TRADE_SIZE,
)
from halfspread.engine.fill_kernels import enter_fill, model_half_spread
from halfspread.engine.ledger_kernels import (
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
from halfspread.engine.margin_kernels import may_hold
from halfspread.engine.order_records import (
    ARMED,
    BY_MARK,
    CANCELLED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    NO_DEPTH,
    NO_MARKET,
    NOT_ALL_AT_ONCE,
    NOT_FILLED_AT_ONCE,
    NOT_SEEN,
    NOTHING_TO_REDUCE,
    POST_ONLY,
    REDUCE_ONLY,
    REJECTED,
    RESTING,
    SAME_PRICE,
    SEEN,
    STOP_LIMIT,
    TAKE_PROFIT,
    TRIGGERED,
    WAITING,
    WOULD_TAKE,
)

Array = Any
Record = Any


@inner_kernel
def same(price: float, other: float) -> bool:
    """Whether two prices are one, but for the rounding of floating point."""
    return abs(price - other) <= SAME_PRICE * other


@inner_kernel
def reaches(side: int, offered: float, limit: float) -> bool:
    """Whether what is offered to a buyer (side 1) or seller (-1) is at ``limit`` or better for them."""
    if side > 0:
        return offered <= limit * (1.0 + SAME_PRICE)
    return offered >= limit * (1.0 - SAME_PRICE)


@inner_kernel
def touch_of(rows: Array, row: int, side: int) -> float:
    """The best price that a taker of ``side`` is offered."""
    return rows[row, ASK if side > 0 else BID]


@loop_kernel
def offered(rows: Array, row: int, side: int, limit: float, taken: float) -> float:
    """Contracts shown to a taker of ``side`` up to ``limit`` (NaN: at any price), less what was ``taken`` already."""
    first = ASK if side > 0 else BID
    total = 0.0
    for level in range(rows.shape[1] // LEVEL):
        price = rows[row, level * LEVEL + first]
        if math.isnan(price) or (not math.isnan(limit) and not reaches(side, price, limit)):
            break
        size = rows[row, level * LEVEL + first + 1]
        total += math.inf if math.isnan(size) else size
    return max(total - taken, 0.0)


@once_kernel
def walk(contract: Array, rows: Array, row: int, side: int, want: float, taken: float) -> float:
    """Average value of one contract over the next ``want`` contracts shown beyond those ``taken`` already."""
    first = ASK if side > 0 else BID
    skip, left, value = taken, want, 0.0
    for level in range(rows.shape[1] // LEVEL):
        price = rows[row, level * LEVEL + first]
        if left <= 0.0 or math.isnan(price):
            break
        size = rows[row, level * LEVEL + first + 1]
        if math.isnan(size):
            size = math.inf
        if skip >= size:
            skip -= size
            continue
        here = min(left, size - skip)
        skip = 0.0
        value += here * contract_value(contract, price)
        left -= here
    return value / (want - max(left, 0.0))


@inner_kernel
def taken_of(holding: Array, side: int) -> float:
    """Contracts taken of the book in force on the side of a taker."""
    return holding.taken_ask if side > 0 else holding.taken_bid


@inner_kernel
def note_taken(holding: Array, side: int, contracts: float) -> None:
    """What one order takes is not there for the next."""
    if side > 0:
        holding.taken_ask += contracts
    else:
        holding.taken_bid += contracts


@inner_kernel
def price_paid(state: Record, k: int, rows: Array, row: int, side: int, quantity: float, time: int) -> float:
    """Average price of taking ``quantity`` from the book in force: what is shown, or mid and modelled half-spread."""
    holding, contract = state.holdings[k], state.contracts[k]
    if contract.half_spread_kind != QUOTES:
        half = model_half_spread(state, k, rows, -1, 0, time)
        return holding.reference + (half if side > 0 else -half)
    best = touch_of(rows, row, side)
    if quantity <= shown_at_best(rows, row, side) - taken_of(holding, side):
        return best
    return price_of_value(contract, walk(contract, rows, row, side, quantity, taken_of(holding, side)))


@once_kernel
def shown_at_best(rows: Array, row: int, side: int) -> float:
    """Size of the best level, unlimited where it is not known."""
    size = rows[row, ASK_SIZE if side > 0 else BID_SIZE]
    return math.inf if math.isnan(size) else size


@inner_kernel
def touch_paid(state: Record, k: int, rows: Array, row: int, side: int, price: float) -> float:
    """The price that splits the cost of a taker into half-spread and impact: the best of the book, if it is shown."""
    return touch_of(rows, row, side) if state.contracts[k].half_spread_kind == QUOTES else price


@inner_kernel
def queue_at(rows: Array, row: int, buy: bool, price: float) -> float:
    """Contracts shown at ``price`` on the side where a limit rests: 0 between levels or better than the best, infinite
    where the level is not shown or its size not known."""
    first = BID if buy else ASK
    for level in range(rows.shape[1] // LEVEL):
        at = rows[row, level * LEVEL + first]
        if math.isnan(at):
            break
        if same(at, price):
            size = rows[row, level * LEVEL + first + 1]
            return math.inf if math.isnan(size) else size
        if (price > at) == buy:
            return 0.0
    return math.inf


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


@inner_kernel
def end_idle(state: Record, order: Array, time: int) -> None:
    """A reduce-only order at its first event, with nothing to reduce; one that was triggered counts as cancelled."""
    if order.kind > LIMIT:
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
    else:
        refuse(state, order, NOTHING_TO_REDUCE, time)


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


@inner_kernel
def triggered_by(order: Array, buy_price: float, sell_price: float) -> bool:
    """Whether a stop or take-profit is reached, where a buyer pays ``buy_price`` and a seller gets ``sell_price``."""
    buy = order.contracts > 0.0
    price = buy_price if buy else sell_price
    rising = buy != (order.kind == TAKE_PROFIT)
    if rising:
        return price >= order.trigger * (1.0 - SAME_PRICE)
    return price <= order.trigger * (1.0 + SAME_PRICE)


@inner_kernel
def release(order: Array) -> None:
    """A triggered order goes on as a new market or limit order."""
    order.form = LIMIT if order.kind == STOP_LIMIT else MARKET
    order.state = WAITING
    if order.seen != NOT_SEEN:
        order.seen = TRIGGERED


@inner_kernel
def arm(order: Array) -> bool:
    """Whether an order that has arrived waits for its trigger."""
    if order.state == WAITING and order.form > LIMIT:
        order.state = ARMED
    return order.state == ARMED


@inner_kernel
def mark_triggers(state: Record, order: Array) -> bool:
    """Whether the last mark price reaches the trigger of an armed order that looks at it."""
    mark = state.holdings[order.instrument].mark
    return order.flags & BY_MARK != 0 and not math.isnan(mark) and triggered_by(order, mark, mark)


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


@once_kernel
def match_book(state: Record, k: int, rows: Array, row: int, time: int) -> None:
    """The orders of instrument ``k`` against a new book."""
    run = state.run
    touch_up, touch_down = rows[row, ASK], rows[row, BID]
    by_touch = state.contracts[k].has_trades == 0
    for i in range(run.live):
        order = state.orders[i]
        if order.instrument == k and order.state == RESTING:
            cross_resting(state, order, rows, row, time)
    for i in range(run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time:
            continue
        order.seen = SEEN
        if not arm(order):
            continue
        touched = by_touch and not order.flags & BY_MARK and triggered_by(order, touch_up, touch_down)
        if touched or mark_triggers(state, order):
            release(order)
            order.seen = SEEN
            take_from_book(state, order, rows, row, time)
    take_waiting(state, k, rows, row, time)


@once_kernel
def take_waiting(state: Record, k: int, rows: Array, row: int, time: int) -> None:
    """Orders of instrument ``k`` that have arrived by ``time`` take from the book in force."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument == k and order.state == WAITING and order.form <= LIMIT and order.arrives <= time:
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
    if order.flags & REDUCE_ONLY:
        quantity = min(quantity, reducible(holding, order, holding.contracts))
        if quantity <= 0.0 < most:
            finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
            return 0.0
    quantity = whole_lots(state, order.instrument, quantity, time) if quantity > 0.0 else 0.0
    if quantity <= 0.0:
        return 0.0
    traded = quantity if order.contracts > 0.0 else -quantity
    if not fill_order(state, order, traded, order.price, order.price, time, 1):
        return 0.0
    if order.state == RESTING and idle_reduction(state, order):
        finish(state, order, CANCELLED, NOTHING_TO_REDUCE, 0.0, time)
    return quantity


@loop_kernel
def arm_by_trade(state: Record, k: int, price: float, time: int) -> None:
    """Stops and take-profits that have arrived and that a trade at ``price`` reaches."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time or order.flags & BY_MARK:
            continue
        if arm(order) and triggered_by(order, price, price):
            release(order)


@once_kernel
def arm_by_mark(state: Record, k: int, time: int) -> None:
    """Stops and take-profits that look at the mark price, have arrived, and are reached by it."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.instrument != k or order.arrives > time or not order.flags & BY_MARK:
            continue
        if arm(order) and mark_triggers(state, order):
            release(order)

"""What a run needs beyond targets on bars: quotes, books and trades, orders, and reports to the agent.

The event loop reaches all of it through one function, `serve`, handed over as a first-class function: so a run without
orders neither compiles nor loads it. Arrays and records of ``engine.records``. Functions return 0 or an error code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import mark_to, reference_price
from halfspread.engine.codes import (
    ASK,
    ASK_SIZE,
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BID,
    BID_SIZE,
    CLOSE,
    NEXT_OPEN,
    NO_MARGIN,
    ON_BARS,
    ON_DEPTH,
    ON_TRADES,
    OPEN,
    QUOTE,
    SERVE_DEPTH,
    SERVE_IN_FORCE,
    SERVE_LIQUIDATED,
    SERVE_MARK,
    SERVE_OPEN,
    SERVE_RANGE,
    SERVE_REPORTS,
    SERVE_REQUESTS,
    SERVE_TRADE,
    TRADE,
    TRADE_PRICE,
    TRADE_SIDE,
    TRADE_SIZE,
)
from halfspread.engine.depth_matching_kernels import (
    arm,
    arm_by_mark,
    arm_by_trade,
    mark_triggers,
    match_book,
    match_trade,
    refuse_in_gap,
    release,
    take_from_book,
    trade_target,
    triggered_by,
)
from halfspread.engine.fill_kernels import execute, model_half_spread
from halfspread.engine.ledger_kernels import drop_idle, finish, serve_messages, sweep_orders, take_requests
from halfspread.engine.order_records import (
    BY_MARK,
    CANCELLED,
    FILLED,
    LIQUIDATED,
    NO_MARKET,
    NOT_SEEN,
    REJECTED,
    SEEN,
    TRIGGERED,
    WAITING,
)
from halfspread.engine.price_matching_kernels import (
    enter_at_price,
    match_open,
    match_range,
    take_trade_market,
    trade_target_at,
)
from halfspread.engine.records import Data
from halfspread.engine.report_kernels import deliver_reports

Array = Any
Record = Any


@inner_kernel
def awaits(state: Record, k: int) -> bool:
    """Whether orders of instrument ``k``, or messages, may have to be served."""
    return state.holdings[k].live != 0 or state.run.messages != 0


@loop_kernel
def end_event(state: Record, k: int, time: int) -> None:
    """At the end of an event of instrument ``k``: what has nothing left to do goes to the ledger."""
    drop_idle(state, k, time)
    sweep_orders(state)


@inner_kernel
def end_gap(state: Record, k: int, time: int) -> None:
    """The market of instrument ``k`` is there."""
    if state.holdings[k].gap != 0:
        refuse_in_gap(state, k, time)
        state.holdings[k].gap = 0


@once_kernel
def open_with_orders(state: Record, k: int, bars: Array, row: int, time: int) -> int:
    """Orders and then the target at the open of a bar; 0 or an error code."""
    run, holding = state.run, state.holdings[k]
    if holding.live != 0:
        mark_to(state, k, reference_price(state.contracts[k], bars, row, OPEN))
    serve_messages(state, k, time)
    end_gap(state, k, time)
    match_open(state, k, bars, row, time)
    if run.error == 0 and holding.has_pending != 0 and run.convention == NEXT_OPEN and holding.arrives <= time:
        run.error = execute(state, k, bars, row, OPEN, time)
    end_event(state, k, time)
    return run.error


@once_kernel
def range_with_orders(state: Record, k: int, bars: Array, row: int, time: int) -> None:
    """Orders within the range of a bar."""
    match_range(state, k, bars, row, time)
    end_event(state, k, time)


@once_kernel
def take_depth(state: Record, event: Array, data: Data) -> int:
    """A quote or a book snapshot: at the exchange it fills orders, at the agent it is seen."""
    run, k, row = state.run, event.instrument + 0, event.row
    contract = state.contracts[k]
    rows = data.quotes if event.kind == QUOTE else data.books
    if event.place & AT_EXCHANGE and contract.market == ON_DEPTH and event.kind == contract.depth_kind:
        error = new_book(state, k, rows, row, event.time)
        if error != 0:
            return error
    if event.place & AT_AGENT:
        see_depth(state, event.kind, k, rows, row)
    return run.error


@once_kernel
def see_depth(state: Record, kind: int, k: int, rows: Array, row: int) -> None:
    """Show the agent the best quotes."""
    run, context, holding = state.run, state.context, state.holdings[k]
    run.kinds |= kind
    context.bid[k], context.bid_size[k] = rows[row, BID], rows[row, BID_SIZE]
    context.ask[k], context.ask_size[k] = rows[row, ASK], rows[row, ASK_SIZE]
    if run.history_kinds & kind:
        context.rows[k] = row
        run.instrument = k
        holding.seen += 1


@once_kernel
def new_book(state: Record, k: int, rows: Array, row: int, time: int) -> int:
    """The market of instrument ``k`` has moved on to a new book."""
    run, holding = state.run, state.holdings[k]
    mid = 0.5 * (rows[row, BID] + rows[row, ASK])
    mark_to(state, k, mid)
    holding.last = mid
    holding.book = row
    holding.taken_bid = holding.taken_ask = 0.0
    run.started = 1
    if awaits(state, k):
        serve_messages(state, k, time)
        end_gap(state, k, time)
        match_book(state, k, rows, row, time)
    holding.gap = 0
    if holding.has_pending != 0 and holding.arrives <= time and run.error == 0:
        run.error = trade_target(state, k, rows, row, time)
    if holding.live != 0:
        end_event(state, k, time)
    look_at_price(state, k, mid)
    return run.error


@inner_kernel
def look_at_price(state: Record, k: int, price: float) -> None:
    """Note whether margin has to be looked at, where there is no mark price."""
    run, holding = state.run, state.holdings[k]
    looks = run.margin != NO_MARGIN and holding.contracts != 0.0 and math.isnan(holding.mark)
    if looks and not holding.low_limit < price < holding.high_limit:
        run.check = 1


@once_kernel
def take_trade(state: Record, event: Array, data: Data) -> int:
    """A trade: at the exchange it consumes queues and is the market where there is nothing finer; at the agent it is
    seen."""
    run, context, k, row = state.run, state.context, event.instrument + 0, event.row
    trades = data.trades
    if event.place & AT_EXCHANGE:
        market = state.contracts[k].market
        if market == ON_TRADES:
            new_trade(state, k, trades, row, event.time)
        elif market == ON_DEPTH and awaits(state, k):
            trade_beside_book(state, k, trades, row, event.time)
    if event.place & AT_AGENT:
        run.kinds |= TRADE
        context.trade_price[k], context.trade_size[k] = trades[row, TRADE_PRICE], trades[row, TRADE_SIZE]
        context.trade_side[k] = trades[row, TRADE_SIDE]
        if run.history_kinds & TRADE:
            context.rows[k] = row
            run.instrument = k
            state.holdings[k].seen += 1
    return run.error


@once_kernel
def new_trade(state: Record, k: int, trades: Array, row: int, time: int) -> None:
    """The market of instrument ``k``, which is one of trades alone, has moved on."""
    holding, price = state.holdings[k], trades[row, TRADE_PRICE]
    mark_to(state, k, price)
    holding.last = price
    state.run.started = 1
    if awaits(state, k):
        serve_messages(state, k, time)
        end_gap(state, k, time)
        match_trade(state, k, trades, row, time)
    holding.gap = 0
    if holding.live != 0 or holding.has_pending != 0:
        take_trade_market(state, k, time)
        end_event(state, k, time)
    look_at_price(state, k, price)


@once_kernel
def trade_beside_book(state: Record, k: int, trades: Array, row: int, time: int) -> None:
    """Messages, queues and triggers at a trade of an instrument whose market is a book."""
    serve_messages(state, k, time)
    match_trade(state, k, trades, row, time)
    arm_by_trade(state, k, trades[row, TRADE_PRICE], time)
    end_event(state, k, time)


@once_kernel
def arrive_all(state: Record, data: Data) -> None:
    """Under `this`: whatever has arrived meets what is in force."""
    for k in range(state.run.instruments):
        there = state.contracts[k].market != ON_BARS or state.holdings[k].closed_now != 0
        if there and (awaits(state, k) or state.holdings[k].has_pending != 0):
            arrive(state, k, data)
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


@loop_kernel
def serve_bars(what: int, state: Record, event: Array, data: Data) -> int:
    """Orders where bars are the market."""
    run, k = state.run, event.instrument + 0
    if what == SERVE_OPEN:
        opened = event.time - state.contracts[k].interval if event.kind & BAR_CLOSE else event.time
        open_with_orders(state, k, data.bars, event.row, opened)
    elif what == SERVE_RANGE:
        range_with_orders(state, k, data.bars, event.row, event.time)
    return run.error


@loop_kernel
def serve_all(what: int, state: Record, event: Array, data: Data) -> int:
    """What orders need whatever the market is."""
    run = state.run
    if what == SERVE_MARK:
        arm_by_mark(state, event.instrument + 0, event.time)
    elif what == SERVE_REQUESTS:
        take_requests(state)
    elif what == SERVE_REPORTS:
        deliver_reports(state)
    elif what == SERVE_IN_FORCE:
        arrive_all(state, data)
    elif what == SERVE_LIQUIDATED:
        drop_orders(state, run.checked)
        sweep_orders(state)
    return run.error


@once_kernel
def drop_orders(state: Record, time: int) -> None:
    """Cancel the orders of every instrument that was just liquidated."""
    for i in range(state.run.live):
        order = state.orders[i]
        if order.state < FILLED and state.holdings[order.instrument].taken_over != 0:
            finish(state, order, CANCELLED, LIQUIDATED, 0.0, time)


@loop_kernel
def serve_orders_on_bars(what: int, state: Record, event: Array, data: Data) -> int:
    """The service of a run whose markets are bars."""
    if what in (SERVE_OPEN, SERVE_RANGE):
        return serve_bars(what, state, event, data)
    return serve_all(what, state, event, data)


@loop_kernel
def serve(what: int, state: Record, event: Array, data: Data) -> int:
    """The service of any run."""
    if what == SERVE_DEPTH:
        return take_depth(state, event, data)
    if what == SERVE_TRADE:
        return take_trade(state, event, data)
    if what in (SERVE_OPEN, SERVE_RANGE):
        return serve_bars(what, state, event, data)
    return serve_all(what, state, event, data)

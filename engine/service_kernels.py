"""What a run needs beyond targets on bars: quotes, books and trades, orders, and reports to the agent.

The event loop reaches all of it through one function, `serve`, handed over as a first-class function: so a run without
orders neither compiles nor loads it. Arrays and records of ``engine.records``. Functions return 0 or an error code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.engine.account_kernels import mark_to, reference_price
from halfspread.engine.depth_matching_kernels import (
    arm_by_mark,
    arm_by_trade,
    match_book,
    match_trade,
    refuse_in_gap,
    take_from_book,
    trade_target,
)
from halfspread.engine.ledger_kernels import refuse, serve_messages, sweep_orders, take_requests
from halfspread.engine.order_records import ARMED, FILLED, LIMIT, LIQUIDATED, WAITING
from halfspread.engine.price_matching_kernels import match_open, match_range, take_trade_market
from halfspread.engine.records import (
    ASK,
    ASK_SIZE,
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BID,
    BID_SIZE,
    CLOSE,
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
    THIS_CLOSE,
    TRADE,
    TRADE_PRICE,
    TRADE_SIDE,
    TRADE_SIZE,
    Data,
    Output,
    State,
)
from halfspread.engine.report_kernels import deliver_reports

Array = Any


@loop_kernel
def open_with_orders(state: State, k: int, bars: Array, row: int, time: int, output: Output) -> None:
    """Orders at the open of a bar."""
    mark_to(state, k, reference_price(state.contracts[k], bars, row, OPEN))
    if state.holdings[k].gap != 0:
        refuse_in_gap(state, k, time)
        state.holdings[k].gap = 0
    match_open(state, k, bars, row, OPEN, time, output.fills)
    sweep_orders(state, output.orders)


@loop_kernel
def range_with_orders(state: State, k: int, bars: Array, row: int, time: int, output: Output) -> None:
    """Orders within the range of a bar."""
    match_range(state, k, bars, row, time, output.fills)
    sweep_orders(state, output.orders)


@loop_kernel
def take_depth(state: State, event: Array, data: Data, output: Output) -> int:
    """A quote or a book snapshot: at the exchange it fills orders, at the agent it is seen."""
    run, k, row = state.run[0], event.instrument + 0, event.row
    contract = state.contracts[k]
    rows = data.quotes if event.kind == QUOTE else data.books
    if event.place & AT_EXCHANGE and contract.market == ON_DEPTH and event.kind == contract.depth_kind:
        error = new_book(state, k, rows, row, event.time, output)
        if error != 0:
            return error
    if event.place & AT_AGENT:
        see_depth(state, event.kind, k, rows, row)
    return run.error


@inner_kernel
def see_depth(state: State, kind: int, k: int, rows: Array, row: int) -> None:
    """Show the agent the best quotes."""
    run, context, holding = state.run[0], state.context[0], state.holdings[k]
    run.kinds |= kind
    context.bid[k], context.bid_size[k] = rows[row, BID], rows[row, BID_SIZE]
    context.ask[k], context.ask_size[k] = rows[row, ASK], rows[row, ASK_SIZE]
    if run.history_kinds & kind:
        context.rows[k] = row
        run.instrument = k
        holding.seen += 1


@inner_kernel
def new_book(state: State, k: int, rows: Array, row: int, time: int, output: Output) -> int:
    """The market of instrument ``k`` has moved on to a new book."""
    run, holding = state.run[0], state.holdings[k]
    if run.convention == THIS_CLOSE and holding.book >= 0 and holding.gap == 0:
        late_orders(state, k, rows, time, output)
    mid = 0.5 * (rows[row, BID] + rows[row, ASK])
    mark_to(state, k, mid)
    holding.last = mid
    holding.book = row
    holding.taken_bid = holding.taken_ask = 0.0
    run.started = 1
    if holding.live != 0:
        book_with_orders(state, k, rows, row, time, output)
    holding.gap = 0
    if holding.has_pending != 0 and holding.arrives <= time:
        error = trade_target(state, k, rows, row, time, output.fills)
        if error != 0:
            return error
    if run.margin != NO_MARGIN and holding.contracts != 0.0 and math.isnan(holding.mark):
        if mid <= holding.low_limit or mid >= holding.high_limit:
            run.check = 1
    return run.error


@loop_kernel
def book_with_orders(state: State, k: int, rows: Array, row: int, time: int, output: Output) -> None:
    """Messages and orders at a new book."""
    serve_messages(state, k, time)
    if state.holdings[k].gap != 0:
        refuse_in_gap(state, k, time)
    match_book(state, k, rows, row, time, output.fills)
    sweep_orders(state, output.orders)


@loop_kernel
def late_orders(state: State, k: int, rows: Array, time: int, output: Output) -> None:
    """Under `this`: what has arrived since the last book trades with it before it is replaced."""
    holding = state.holdings[k]
    trade_in_force(state, k, rows, time - 1, output)
    sweep_orders(state, output.orders)
    if holding.has_pending != 0 and holding.arrives < time:
        trade_target(state, k, rows, holding.book, holding.arrives, output.fills)


@loop_kernel
def trade_in_force(state: State, k: int, rows: Array, until: int, output: Output) -> None:
    """Orders that have arrived by ``until`` take from the book in force, each when it arrived."""
    from_book = state.holdings[k].book
    serve_messages(state, k, until)
    for i in range(state.run[0].live):
        order = state.orders[i]
        if order.instrument == k and order.arrives <= until:
            take_one(state, order, rows, from_book, output.fills)


@inner_kernel
def take_one(state: State, order: Array, rows: Array, row: int, fills: Array) -> None:
    """The first event of an order, against the book in force at its arrival."""
    if order.state == WAITING and order.form > LIMIT:
        order.state = ARMED
    elif order.state == WAITING:
        take_from_book(state, order, rows, row, order.arrives, fills)


@loop_kernel
def take_trade(state: State, event: Array, data: Data, output: Output) -> int:
    """A trade: at the exchange it consumes queues and is the market where there is nothing finer; at the agent it is
    seen."""
    run, context, k, row = state.run[0], state.context[0], event.instrument + 0, event.row
    holding, contract, trades = state.holdings[k], state.contracts[k], data.trades
    if event.place & AT_EXCHANGE:
        price = trades[row, TRADE_PRICE]
        market = contract.market == ON_TRADES
        if market:
            mark_to(state, k, price)
            holding.last = price
            run.started = 1
        if holding.live != 0:
            trade_with_orders(state, k, trades, row, price, event.time, output)
        if market:
            if holding.live != 0 or holding.has_pending != 0:
                error = take_trade_market(state, k, event.time, output.fills)
                sweep_orders(state, output.orders)
                if error != 0:
                    return error
            holding.gap = 0
            if run.margin != NO_MARGIN and holding.contracts != 0.0 and math.isnan(holding.mark):
                if price <= holding.low_limit or price >= holding.high_limit:
                    run.check = 1
    if event.place & AT_AGENT:
        run.kinds |= TRADE
        context.trade_price[k], context.trade_size[k] = trades[row, TRADE_PRICE], trades[row, TRADE_SIZE]
        context.trade_side[k] = trades[row, TRADE_SIDE]
        if run.history_kinds & TRADE:
            context.rows[k] = row
            run.instrument = k
            holding.seen += 1
    return run.error


@loop_kernel
def trade_with_orders(state: State, k: int, trades: Array, row: int, price: float, time: int, output: Output) -> None:
    """Messages, queues and triggers at a trade."""
    serve_messages(state, k, time)
    if state.holdings[k].gap != 0 and state.contracts[k].market == ON_TRADES:
        refuse_in_gap(state, k, time)
    match_trade(state, k, trades, row, time, output.fills)
    if state.contracts[k].market == ON_DEPTH:
        arm_by_trade(state, k, price, time)
    sweep_orders(state, output.orders)


@loop_kernel
def serve_bars(what: int, state: State, event: Array, data: Data, output: Output) -> int:
    """Orders where bars are the market."""
    run, k = state.run[0], event.instrument + 0
    if what == SERVE_OPEN:
        opened = event.time - state.contracts[k].interval if event.kind & BAR_CLOSE else event.time
        open_with_orders(state, k, data.bars, event.row, opened, output)
    elif what == SERVE_RANGE:
        range_with_orders(state, k, data.bars, event.row, event.time, output)
    elif what == SERVE_IN_FORCE:
        close_with_orders(state, data, output)
    return run.error


@loop_kernel
def serve_all(what: int, state: State, event: Array, output: Output) -> int:
    """What orders need whatever the market is."""
    run = state.run[0]
    if what == SERVE_MARK:
        arm_by_mark(state, event.instrument + 0, event.value, event.time)
    elif what == SERVE_REQUESTS:
        take_requests(state, output.orders)
    elif what == SERVE_REPORTS:
        deliver_reports(state)
    elif what == SERVE_LIQUIDATED:
        drop_orders(state, run.now)
        sweep_orders(state, output.orders)
    return run.error


@loop_kernel
def close_with_orders(state: State, data: Data, output: Output) -> None:
    """Under `this`: orders at the close that they were decided on."""
    run, context = state.run[0], state.context[0]
    for k in range(state.holdings.shape[0]):
        holding = state.holdings[k]
        if state.contracts[k].market == ON_BARS and holding.closed_now != 0 and holding.live != 0:
            match_open(state, k, data.bars, context.rows[k], CLOSE, run.now, output.fills)
    sweep_orders(state, output.orders)


@loop_kernel
def books_in_force(state: State, data: Data, output: Output) -> None:
    """Under `this`: what was just decided, against the book in force."""
    run = state.run[0]
    for k in range(state.holdings.shape[0]):
        holding, contract = state.holdings[k], state.contracts[k]
        if contract.market == ON_DEPTH and holding.book >= 0 and holding.gap == 0:
            rows = data.quotes if contract.depth_kind == QUOTE else data.books
            if holding.live != 0:
                trade_in_force(state, k, rows, run.now, output)
            if holding.has_pending != 0 and holding.arrives <= run.now:
                trade_target(state, k, rows, holding.book, run.now, output.fills)
    sweep_orders(state, output.orders)


@loop_kernel
def drop_orders(state: State, time: int) -> None:
    """Cancel the orders of every instrument that was just liquidated."""
    for i in range(state.run[0].live):
        order = state.orders[i]
        if order.state < FILLED and state.holdings[order.instrument].taken_over != 0:
            refuse(state, order, LIQUIDATED, time)
    for k in range(state.holdings.shape[0]):
        state.holdings[k].taken_over = 0


@loop_kernel
def serve_orders_on_bars(what: int, state: State, event: Array, data: Data, output: Output) -> int:
    """The service of a run whose markets are bars."""
    if what == SERVE_OPEN or what == SERVE_RANGE or what == SERVE_IN_FORCE:
        return serve_bars(what, state, event, data, output)
    return serve_all(what, state, event, output)


@loop_kernel
def serve(what: int, state: State, event: Array, data: Data, output: Output) -> int:
    """The service of any run."""
    if what == SERVE_DEPTH:
        return take_depth(state, event, data, output)
    if what == SERVE_TRADE:
        return take_trade(state, event, data, output)
    if what == SERVE_OPEN or what == SERVE_RANGE:
        return serve_bars(what, state, event, data, output)
    if what == SERVE_IN_FORCE:
        books_in_force(state, data, output)
        return serve_bars(what, state, event, data, output)
    return serve_all(what, state, event, output)

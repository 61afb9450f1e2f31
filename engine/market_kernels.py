"""What one event does to the market, the account and the orders: called by the event loop, event by event.

Arrays and records of ``engine.records``. Functions return 0 or an error code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel
from halfspread.costs.kernels import ewm_step
from halfspread.engine.account_kernels import mark_to, observe_quotes, reference_price, set_rate, settle_funding
from halfspread.engine.depth_matching_kernels import (
    arm_by_mark,
    arm_by_trade,
    match_book,
    match_trade,
    refuse_in_gap,
    take_from_book,
    trade_target,
)
from halfspread.engine.fill_kernels import execute
from halfspread.engine.ledger_kernels import serve_messages, sweep_orders
from halfspread.engine.liquidation_kernels import check_margin
from halfspread.engine.order_records import ARMED, LIMIT, WAITING
from halfspread.engine.price_matching_kernels import match_open, match_range, take_trade_market
from halfspread.engine.records import (
    ASK,
    ASK_SIZE,
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BAR_OPEN,
    BID,
    BID_SIZE,
    BY_SERIES,
    CLOSE,
    FUNDING,
    GAP,
    HIGH,
    INDEX,
    LOW,
    MARK,
    NEXT_OPEN,
    NO_MARGIN,
    ON_BARS,
    ON_DEPTH,
    ON_TRADES,
    OPEN,
    QUOTE,
    THIS_CLOSE,
    TRADE,
    TRADE_PRICE,
    TRADE_SIDE,
    TRADE_SIZE,
    VOLUME,
    Data,
    Output,
    State,
)

Array = Any


@inner_kernel
def take_bar(state: State, event: Array, data: Data, output: Output) -> int:
    """The two moments of a bar: its open, where what was decided before is filled, and its close."""
    run, context = state.run[0], state.context[0]
    k, row, bars = event.instrument, event.row, data.bars
    holding, contract = state.holdings[k], state.contracts[k]
    market = contract.market == ON_BARS
    if event.kind & BAR_OPEN:
        opened = event.time - contract.interval if event.kind & BAR_CLOSE else event.time
        if market and holding.live != 0:
            open_with_orders(state, k, bars, row, opened, output)
        if holding.has_pending != 0 and market and run.convention == NEXT_OPEN and holding.arrives <= opened:
            error = execute(state, k, bars, row, OPEN, opened, output.fills)
            if error != 0:
                return error
        if not event.kind & BAR_CLOSE:  # else nothing can ask for a price before the close
            if market:
                holding.last = reference_price(contract, bars, row, OPEN)
        elif run.check != 0:
            check_margin(state, opened, output.fills, output.orders)
        if contract.quote_column >= 0:
            observe_quotes(contract, holding, bars, row, OPEN)
    if event.kind & BAR_CLOSE:
        if market:
            if holding.live != 0:
                range_with_orders(state, k, bars, row, event.time, output)
            holding.last = reference_price(contract, bars, row, CLOSE)
            mark_to(state, k, holding.last)
            look_at_margin(state, k, bars, row)
            if contract.impact_kind != 0:
                average_bar(contract, holding, bars, row)
        if contract.quote_column >= 0:
            observe_quotes(contract, holding, bars, row, CLOSE)
        context.gap[k] = event.time - contract.interval - holding.closed if holding.bars > 0 else 0
        if run.history_kinds & BAR_CLOSE:
            context.rows[k] = row
            run.instrument = k
            holding.seen += 1
        holding.bars += 1
        holding.closed = event.time
        holding.closed_now = 1
        run.started = 1
    return run.error


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


@inner_kernel
def look_at_margin(state: State, k: int, bars: Array, row: int) -> None:
    """Note the worst price of the bar where there is no mark, and whether margin has to be looked at."""
    run, holding = state.run[0], state.holdings[k]
    if run.margin == NO_MARGIN or holding.contracts == 0.0 or not math.isnan(holding.mark):
        return
    worst = holding.last
    if run.worst_price != 0:
        worst = bars[row, LOW] if holding.contracts > 0.0 else bars[row, HIGH]
    if worst <= holding.low_limit or worst >= holding.high_limit:
        holding.worst = worst
        run.check = 1


@inner_kernel
def average_bar(contract: Array, holding: Array, bars: Array, row: int) -> None:
    """Exponential averages of volume and squared return, for the impact model."""
    weight = contract.impact_weight
    if holding.averaged_close > 0.0:
        change = math.log(bars[row, CLOSE] / holding.averaged_close)
        holding.squares = ewm_step(holding.squares, weight, change * change)
        holding.volumes = ewm_step(holding.volumes, weight, bars[row, VOLUME])
        holding.weights = ewm_step(holding.weights, weight, 1.0)
    holding.averaged_close = bars[row, CLOSE]


@loop_kernel
def take_depth(state: State, event: Array, data: Data, output: Output) -> int:
    """A quote or a book snapshot: at the exchange it fills orders, at the agent it is seen."""
    run, k, row = state.run[0], event.instrument, event.row
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
    run, context, k, row = state.run[0], state.context[0], event.instrument, event.row
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


@inner_kernel
def take_price(state: State, event: Array, output: Output) -> None:
    """Mark and index prices, the price of a settle currency, and the beginning of a gap."""
    run, context, k = state.run[0], state.context[0], event.instrument
    holding = state.holdings[k]
    if event.kind == MARK:
        holding.mark = event.value
        context.mark[k] = event.value
        if holding.live != 0:
            arm_by_mark(state, k, event.value, event.time)
        if run.margin != NO_MARGIN and holding.contracts != 0.0:
            if event.value <= holding.low_limit or event.value >= holding.high_limit:
                run.check = 1
    elif event.kind == INDEX:
        context.index[k] = event.value
    elif event.kind == GAP:
        holding.gap = event.time
    else:
        for a in range(state.accounts.shape[0]):
            if state.accounts[a].rate_source == BY_SERIES and state.accounts[a].rate_instrument == k:
                set_rate(state, a, event.value)


@inner_kernel
def take_funding(state: State, event: Array) -> None:
    """A settlement, or the publication of the rate of a later one."""
    context, k = state.context[0], event.instrument
    context.next_funding_time[k] = event.row
    if event.kind == FUNDING:
        settle_funding(state, k, event.value)
        context.last_funding_rate[k] = event.value
        context.next_funding_rate[k] = math.nan
    else:
        context.next_funding_rate[k] = event.value
    if state.run[0].margin != NO_MARGIN and state.holdings[k].contracts != 0.0:
        state.run[0].check = 1

"""What a run needs beyond targets on bars: quotes, books and trades, orders, and reports to the agent.

The event loop reaches all of it through one function, `serve`, handed over as a first-class function: so a run without
orders neither compiles nor loads it. Arrays and records of ``engine.records``. Functions return 0 or an error code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, loop_kernel, once_kernel
from halfspread.engine.account_kernels import contract_value, mark_to, reference_price
from halfspread.engine.arrival_kernels import arrive_all
from halfspread.engine.codes import (
    ASK,
    ASK_SIZE,
    AT_AGENT,
    AT_EXCHANGE,
    BAR_CLOSE,
    BID,
    BID_SIZE,
    NEXT_OPEN,
    NO_MARGIN,
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
from halfspread.engine.depth_matching_kernels import match_book, trade_target
from halfspread.engine.fill_kernels import execute
from halfspread.engine.ledger_kernels import awaits, drop_idle, finish, sweep_orders
from halfspread.engine.message_kernels import serve_messages
from halfspread.engine.order_records import CANCELLED, FILLED, LIQUIDATED
from halfspread.engine.price_matching_kernels import match_open, match_range, take_trade_market
from halfspread.engine.queue_kernels import match_trade, refuse_in_gap
from halfspread.engine.records import Data
from halfspread.engine.report_kernels import deliver_reports
from halfspread.engine.request_kernels import take_requests
from halfspread.engine.trigger_kernels import arm_by_mark, arm_by_trade

Array = Any
Record = Any


@loop_kernel
def end_event(state: Record, k: int, time: int) -> None:
    """At the end of an event of instrument ``k``: what has nothing left to do goes to the ledger."""
    if state.holdings[k].moved != 0:
        drop_idle(state, k, time)
    if state.run.finished != 0:
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
    if run.messages != 0:
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
    if kind == state.contracts[k].depth_kind:
        holding.shown = contract_value(state.contracts[k], 0.5 * (rows[row, BID] + rows[row, ASK]))
    if run.history_kinds & kind:
        context.rows[k] = row
        run.instrument = k
        context.seen[k] += 1


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
    if run.messages != 0:
        serve_messages(state, k, time)
    if holding.live != 0:
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
        if trades[row, TRADE_SIDE] > 0.0:
            context.bought[k] += trades[row, TRADE_SIZE]
        elif trades[row, TRADE_SIDE] < 0.0:
            context.sold[k] += trades[row, TRADE_SIZE]
        if state.contracts[k].market == ON_TRADES:
            state.holdings[k].shown = contract_value(state.contracts[k], trades[row, TRADE_PRICE])
        if run.history_kinds & TRADE:
            context.rows[k] = row
            run.instrument = k
            context.seen[k] += 1
    return run.error


@once_kernel
def new_trade(state: Record, k: int, trades: Array, row: int, time: int) -> None:
    """The market of instrument ``k``, which is one of trades alone, has moved on."""
    run, holding, price = state.run, state.holdings[k], trades[row, TRADE_PRICE]
    mark_to(state, k, price)
    holding.last = price
    run.started = 1
    if run.messages != 0:
        serve_messages(state, k, time)
    if holding.live != 0:
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
    if state.run.messages != 0:
        serve_messages(state, k, time)
    match_trade(state, k, trades, row, time)
    if state.holdings[k].triggers != 0:
        arm_by_trade(state, k, trades[row, TRADE_PRICE], time)
    end_event(state, k, time)


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
    if what == SERVE_MARK and state.holdings[event.instrument + 0].triggers != 0:
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

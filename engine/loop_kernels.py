"""The event loop: one compiled function for every agent, wrapped in a generator that hands control to Python.

All state lives in the arrays handed in, so a run can stop after any event and go on with the next chunk of the tape
with the same bits. Order at one time: prices, market data (each with the orders it fills), bar closes, funding, due
fills, margin, the decision, fills at the bar's close, then bar opens with their fills. Shapes: events (n,), history
(rows, columns) float64, curve times (n,), curve values (n, 2 + instruments), one record per instrument in
``contracts`` and ``holdings``. A NaN target stops the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.engine.account_kernels import (
    contracts_of_full_target,
    round_to_lots,
    scheduled,
    update_equity,
)
from halfspread.engine.depth_matching_kernels import trade_target
from halfspread.engine.fill_kernels import execute
from halfspread.engine.ledger_kernels import order_arrival, sweep_orders, take_requests
from halfspread.engine.liquidation_kernels import check_margin
from halfspread.engine.market_kernels import (
    take_bar,
    take_depth,
    take_funding,
    take_price,
    take_trade,
    trade_in_force,
)
from halfspread.engine.order_records import MAX_REQUESTS
from halfspread.engine.price_matching_kernels import match_open
from halfspread.engine.records import (
    AGENT_STATUS,
    BAR_CLOSE,
    BAR_OPEN,
    CHUNK_DONE,
    CLOSE,
    DEPTH,
    FAILED,
    FILLS_FULL,
    FUNDING,
    FUNDING_KNOWN,
    NEXT_CLOSE,
    NO_REPORT_PRICE,
    NOT_FINITE,
    OK,
    ON_BARS,
    ON_DEPTH,
    ORDERS_FULL,
    PERIODS_FULL,
    PROGRESS,
    QUOTE,
    TARGET_RANGE,
    THIS_CLOSE,
    TIMER,
    TOO_MANY_REQUESTS,
    TRADE,
    Data,
    Output,
    State,
)
from halfspread.engine.report_kernels import deliver_reports

Array = Any

NEVER = 9223372036854775807


@inner_kernel
def fail(state: State, error: int, instrument: int, value: float) -> int:
    """Note what went wrong and where; the caller returns."""
    run = state.run[0]
    run.error = error
    run.error_instrument = instrument
    run.error_value = value
    return FAILED


@loop_kernel
def record_period(state: State, time: int, periods: Array) -> None:
    """Write the cumulative attribution of every instrument as it stands at ``time``."""
    run, holdings = state.run[0], state.holdings
    update_equity(state)
    for k in range(holdings.shape[0]):
        holding = holdings[k]
        account = state.accounts[state.contracts[k].account]
        line = periods[run.periods]
        line.time = time
        line.instrument = k
        line.equity = run.equity
        line.equity_settle = account.equity_settle
        line.collateral = 0.0
        for a in range(state.accounts.shape[0]):
            line.collateral += state.accounts[a].collateral
        line.reference = holding.reference
        line.position = holding.contracts
        line.position_value = holding.contracts * abs(holding.value) * account.rate
        line.price = holding.price_report
        line.half_spread = holding.half_spread_report
        line.fee = holding.fee_report
        line.impact = holding.impact_report
        line.funding = holding.funding_report
        line.liquidation = holding.liquidation_report
        line.price_settle = holding.price_settle
        line.half_spread_settle = holding.half_spread_settle
        line.fee_settle = holding.fee_settle
        line.impact_settle = holding.impact_settle
        line.funding_settle = holding.funding_settle
        line.liquidation_settle = holding.liquidation_settle
        line.turnover = holding.turnover
        run.periods += 1


@inner_kernel
def fill_due(state: State, data: Data, output: Output) -> int:
    """Fill pending targets at the close of their instrument's bar, where that bar has closed now; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    for k in range(state.holdings.shape[0]):
        holding = state.holdings[k]
        if holding.has_pending != 0 and holding.closed_now != 0 and holding.arrives <= run.now:
            if state.contracts[k].market == ON_BARS:
                error = execute(state, k, data.bars, context.rows[k], CLOSE, run.now, output.fills)
                if error != 0:
                    run.error_instrument = k
                    return error
    return 0


@loop_kernel
def fill_in_force(state: State, data: Data, output: Output) -> int:
    """Under `this`: fill what was just decided at the bar's close, or against the book in force; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    for k in range(state.holdings.shape[0]):
        holding, contract = state.holdings[k], state.contracts[k]
        if contract.market == ON_BARS and holding.closed_now != 0 and holding.live != 0:
            match_open(state, k, data.bars, context.rows[k], CLOSE, run.now, output.fills)
        if contract.market == ON_DEPTH and holding.book >= 0 and holding.gap == 0:
            rows = data.quotes if contract.depth_kind == QUOTE else data.books
            if holding.live != 0:
                trade_in_force(state, k, rows, run.now, output)
            if holding.has_pending != 0 and holding.arrives <= run.now:
                trade_target(state, k, rows, holding.book, run.now, output.fills)
    sweep_orders(state, output.orders)
    error = fill_due(state, data, output)
    return run.error if error == 0 else error


@inner_kernel
def show_account(state: State) -> None:
    """Bring the accounts' equity and the agent's context up to date."""
    run, context = state.run[0], state.context[0]
    update_equity(state)
    context.time = run.now
    context.kind = run.kinds
    context.instrument = run.instrument
    context.equity = run.equity
    if run.delayed_reports == 0:
        for k in range(state.holdings.shape[0]):
            context.contracts[k] = state.holdings[k].contracts
            context.positions[k] = state.holdings[k].position


@inner_kernel
def take_targets(state: State) -> int:
    """Turn the agent's targets into pending orders in whole lots; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    run.decisions += 1
    for k in range(state.holdings.shape[0]):
        holding = state.holdings[k]
        target = context.targets[k]
        if target == holding.target and run.resize == 0:
            continue
        if not (-1.0 <= target <= 1.0):
            run.error_instrument = k
            run.error_value = target
            return TARGET_RANGE
        holding.target = target
        full = contracts_of_full_target(state, k)
        lot = scheduled(state.starts, state.schedule, state.contracts[k].lots, run.now, 0)
        holding.pending = round_to_lots(target * full, lot)
        holding.has_pending = 1
        holding.decided = run.now
        holding.arrives = order_arrival(state)
        if target != 0.0 and holding.pending == 0.0:
            holding.below_one_lot += 1
        if full > 0.0:
            holding.sized = full
            holding.position = holding.contracts / full
    return 0


@inner_kernel
def all_warm(state: State) -> bool:
    """Whether every instrument has its lookback rows and the one that is decided on."""
    for k in range(state.holdings.shape[0]):
        if state.holdings[k].seen <= state.run[0].lookback:
            return False
    state.run[0].warm = 1
    return True


@inner_kernel
def make_room(state: State, event: Array, output: Output) -> int:
    """Close the recording period that ends before ``event``; the code of a buffer that is full, else 0."""
    run, count = state.run[0], state.holdings.shape[0]
    # a bar that opens where a period ends belongs to the next one
    moment = event.time + 1 if event.kind == BAR_OPEN else event.time
    if moment > run.next_period:
        if run.periods + count > output.periods.shape[0]:
            return PERIODS_FULL
        if run.started != 0:
            record_period(state, run.next_period, output.periods)
        run.next_period = -(-moment // run.period) * run.period
    if run.live != 0 and run.ledger + 2 * (run.live + MAX_REQUESTS) > output.orders.shape[0]:
        return ORDERS_FULL
    return FILLS_FULL if run.fills + 4 * count + run.live > output.fills.shape[0] else 0


@inner_kernel
def write_point(state: State, output: Output) -> None:
    """Add a point to the curve."""
    run = state.run[0]
    output.curve_times[run.points] = run.now
    run.lowest = min(run.lowest, run.equity)
    output.curve_values[run.points, 0] = run.equity
    collateral = 0.0
    for a in range(state.accounts.shape[0]):
        collateral += state.accounts[a].collateral
    output.curve_values[run.points, 1] = collateral
    for k in range(state.holdings.shape[0]):
        output.curve_values[run.points, 2 + k] = state.holdings[k].contracts
    run.points += 1


@inner_kernel
def close_time(state: State, output: Output) -> None:
    """A wanted time is over: add a point to the curve where one is due, and get ready for the next time."""
    run = state.run[0]
    if run.kinds & run.point_kinds and (run.point_step == 0 or run.now >= run.next_point):
        write_point(state, output)
        if run.point_step != 0:
            run.next_point = (run.now // run.point_step + 1) * run.point_step
    if run.kinds & BAR_CLOSE:
        for k in range(state.holdings.shape[0]):
            state.holdings[k].closed_now = 0
    run.kinds = 0


@inner_kernel
def take_event(state: State, event: Array, data: Data, output: Output) -> int:
    """Apply one event; 0 or an error code."""
    run = state.run[0]
    run.now = event.time
    run.events += 1
    if event.kind & (BAR_OPEN | BAR_CLOSE):
        run.kinds |= event.kind
        return take_bar(state, event, data, output)
    if event.kind & DEPTH:
        return take_depth(state, event, data, output)
    if event.kind == TRADE:
        return take_trade(state, event, data, output)
    run.kinds |= event.kind
    if event.kind & (FUNDING | FUNDING_KNOWN):
        take_funding(state, event)
    elif event.kind != TIMER:
        take_price(state, event, output)
    return 0


@loop_kernel
def show_steps(state: State) -> None:
    """Show the agent the ticks and lots in force, and note when one of them changes next."""
    run, context = state.run[0], state.context[0]
    run.next_change = NEVER
    for k in range(state.holdings.shape[0]):
        contract = state.contracts[k]
        context.tick[k] = scheduled(state.starts, state.schedule, contract.ticks, run.now, 0)
        context.lot[k] = scheduled(state.starts, state.schedule, contract.lots, run.now, 0)
        for row in range(contract.ticks[0], contract.lots[1]):
            if run.now < state.starts[row] < run.next_change:
                run.next_change = state.starts[row]


@inner_kernel
def end_time(state: State, data: Data, output: Output) -> int:
    """All events of this time are in: fill what is due and bring the account up to date; 0 or an error code."""
    run = state.run[0]
    run.error_instrument = run.instrument
    if run.convention == NEXT_CLOSE:
        error = fill_due(state, data, output)
        if error != 0:
            return error
    if run.now >= run.next_change:
        show_steps(state)
    show_account(state)
    if state.accounts[state.contracts[run.instrument].account].deposited == 0:
        return NO_REPORT_PRICE
    return 0 if math.isfinite(run.equity) else NOT_FINITE


@inner_kernel
def take_decision(state: State, data: Data, output: Output) -> int:
    """The agent has decided: orders from its targets and requests, filled at once under `this`; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    run.resume = 0
    context.rejected = 0
    for k in range(state.holdings.shape[0]):
        context.filled[k] = 0.0
    error = take_targets(state)
    if error == 0 and context.requests != 0:
        if context.requests > MAX_REQUESTS:
            run.error_value = context.requests
            return TOO_MANY_REQUESTS
        take_requests(state, output.orders)
    if error == 0 and run.convention == THIS_CLOSE:
        error = fill_in_force(state, data, output)
        if run.check != 0:
            check_margin(state, run.now, output.fills, output.orders)
        update_equity(state)
    return error


@inner_kernel
def decides_now(state: State) -> bool:
    """Whether the agent is to be asked."""
    run = state.run[0]
    return run.kinds & run.subscribed != 0 and (run.warm != 0 or all_warm(state))


@loop_kernel
def deliver(state: State) -> None:
    """Reports that reach the agent before the next event."""
    deliver_reports(state)
    state.run[0].between = 1
    show_account(state)


@loop_kernel
def advance(agent: Any, compiled: bool, state: State, history: Array, data: Data, events: Array, output: Output) -> int:
    """Run until Python is wanted; the reason, a code below zero, or the history row to decide on."""
    run, context = state.run[0], state.context[0]
    while run.cursor < run.count:
        if run.resume == 0:
            event = events[run.cursor]
            full = make_room(state, event, output)
            if full != 0:
                return full
            if run.reports != 0 and run.next_report <= event.time:
                deliver(state)
                if not decides_now(state):
                    run.between = 0
                    continue
            else:
                error = take_event(state, event, data, output)
                if error != 0:
                    return fail(state, error, event.instrument, 0.0)
                if run.check != 0 and (event.end_of_time != 0 or event.kind == BAR_OPEN):
                    check_margin(state, event.time, output.fills, output.orders)
                if event.end_of_time == 0 or not run.kinds & run.wanted:
                    run.cursor += 1
                    continue
                error = end_time(state, data, output)
                if error != 0:
                    return fail(state, error, run.error_instrument, run.equity)
            if decides_now(state):
                row = context.rows[run.instrument]
                run.resume = 1
                if not compiled:
                    return row
                status = agent(context, state.memory, history, row)
                if status != OK:
                    return fail(state, AGENT_STATUS, run.instrument, float(status))
        if run.resume != 0:
            error = take_decision(state, data, output)
            if error != 0:
                return fail(state, error, run.error_instrument, run.error_value)
        close_time(state, output)
        if run.between != 0:
            run.between = 0
        else:
            run.cursor += 1
        if run.events >= run.next_progress:
            run.next_progress = run.events + run.progress_every
            return PROGRESS
    return CHUNK_DONE


@kernel
def loop(
    agent: Any, compiled: bool, state: State, history: Array, data: Data, events: Array, output: Output
) -> Iterator[int]:
    """Yield every reason of ``advance``; after CHUNK_DONE the events are written anew. A negative count ends it.

    It has to be run to its end: numba keeps the arrays of a generator that was dropped before. Nothing but arrays may
    live across a yield: numba copies a record into the generator, and the copy goes stale.
    """
    while state.run[0].count >= 0:
        state.run[0].inside = 1
        reason = advance(agent, compiled, state, history, data, events, output)
        state.run[0].inside = 0
        yield reason

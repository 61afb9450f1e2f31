"""The event loop: one compiled function for every agent, wrapped in a generator that hands control to Python.

All state lives in the arrays handed in, so a run can stop after any event and go on with the next chunk of the tape
with the same bits. Order at one time: mark and index prices, bar closes, funding, due fills, the decision, fills at the
bar's close, then bar opens with their fills. Shapes: events (n,), history (rows, columns) float64, curve times (n,),
curve values (n, 2 + instruments), one record per instrument in ``contracts`` and ``holdings``. A NaN target stops the
run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.engine.account_kernels import (
    contracts_of_full_target,
    equity_settle,
    execute,
    mark_to,
    observe_quotes,
    reference_price,
    round_to_lots,
    scheduled,
    set_rate,
    settle_funding,
)
from halfspread.engine.records import (
    AGENT_STATUS,
    BAR_CLOSE,
    BAR_OPEN,
    BY_SERIES,
    CHUNK_DONE,
    CLOSE,
    FAILED,
    FILLS_FULL,
    FUNDING,
    FUNDING_KNOWN,
    INDEX,
    MARK,
    NEXT_CLOSE,
    NEXT_OPEN,
    NO_REPORT_PRICE,
    NOT_FINITE,
    OK,
    OPEN,
    PERIODS_FULL,
    PROGRESS,
    TARGET_RANGE,
    THIS_CLOSE,
    Output,
    State,
)

Array = Any


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
    run, account, holdings = state.run[0], state.account[0], state.holdings
    equity = equity_settle(account, holdings)
    for k in range(holdings.shape[0]):
        holding = holdings[k]
        line = periods[run.periods]
        line.time = time
        line.instrument = k
        line.equity = equity * account.rate
        line.equity_settle = equity
        line.collateral = account.collateral
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
def take_bar(state: State, event: Array, history: Array, fills: Array) -> int:
    """The two moments of a bar: its open, where orders of earlier decisions fill, and its close; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    k, row = event.instrument, event.row
    holding, contract = state.holdings[k], state.contracts[k]
    if event.kind & BAR_OPEN:
        if holding.has_pending != 0 and run.convention == NEXT_OPEN:
            opened = event.time - contract.interval if event.kind & BAR_CLOSE else event.time
            error = execute(state, k, history, row, OPEN, opened, fills)
            if error != 0:
                return error
        if not event.kind & BAR_CLOSE:  # else nothing can ask for a price before the close
            holding.last = reference_price(contract, history, row, OPEN)
        if contract.quote_column >= 0:
            observe_quotes(contract, holding, history, row, OPEN)
    if event.kind & BAR_CLOSE:
        holding.last = reference_price(contract, history, row, CLOSE)
        mark_to(state, k, holding.last)
        if contract.quote_column >= 0:
            observe_quotes(contract, holding, history, row, CLOSE)
        context.gap[k] = event.time - contract.interval - holding.closed if holding.bars > 0 else 0
        context.rows[k] = row
        holding.bars += 1
        holding.closed = event.time
        holding.closed_now = 1
        run.instrument = k
        run.started = 1
    return 0


@inner_kernel
def take_price(state: State, event: Array) -> None:
    """Mark and index prices, and the price of the settle currency."""
    context, account, k = state.context[0], state.account[0], event.instrument
    if event.kind == MARK:
        state.holdings[k].mark = event.value
        context.mark[k] = event.value
    elif event.kind == INDEX:
        context.index[k] = event.value
    elif account.rate_source == BY_SERIES and account.rate_instrument == k:
        set_rate(account, state.holdings, event.value)


@inner_kernel
def take_funding(state: State, event: Array) -> None:
    """A settlement, or the publication of the rate of a later one."""
    context, k = state.context[0], event.instrument
    context.next_funding_time[k] = event.row
    if event.kind == FUNDING:
        settle_funding(state.account[0], state.holdings[k], state.contracts[k], event.value)
        context.last_funding_rate[k] = event.value
        context.next_funding_rate[k] = math.nan
    else:
        context.next_funding_rate[k] = event.value


@inner_kernel
def fill_due(state: State, history: Array, fills: Array) -> int:
    """Fill pending orders at the close of their instrument's bar, where that bar has closed now; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    for k in range(state.holdings.shape[0]):
        if state.holdings[k].has_pending != 0 and state.holdings[k].closed_now != 0:
            error = execute(state, k, history, context.rows[k], CLOSE, run.now, fills)
            if error != 0:
                run.error_instrument = k
                return error
    return 0


@inner_kernel
def update_equity(state: State) -> None:
    """Equity in both currencies, from cash and positions."""
    account = state.account[0]
    account.equity_settle = equity_settle(account, state.holdings)
    account.equity_report = account.equity_settle * account.rate


@inner_kernel
def show_account(state: State) -> None:
    """Bring the account's equity and the agent's context up to date."""
    run, context = state.run[0], state.context[0]
    update_equity(state)
    context.time = run.now
    context.kind = run.kinds
    context.instrument = run.instrument
    context.equity = state.account[0].equity_report
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
        full = contracts_of_full_target(run, state.account[0], holding)
        lot = scheduled(state.starts, state.schedule, state.contracts[k].lots, run.now, 0)
        holding.pending = round_to_lots(target * full, lot)
        holding.has_pending = 1
        holding.decided = run.now
        if target != 0.0 and holding.pending == 0.0:
            holding.below_one_lot += 1
        if full > 0.0:
            holding.sized = full
            holding.position = holding.contracts / full
    return 0


@inner_kernel
def all_warm(state: State) -> bool:
    """Whether every instrument has its lookback rows and the bar that is decided on."""
    for k in range(state.holdings.shape[0]):
        if state.holdings[k].bars <= state.run[0].lookback:
            return False
    state.run[0].warm = 1
    return True


@inner_kernel
def make_room(state: State, event: Array, fills: Array, periods: Array) -> int:
    """Close the recording period that ends before ``event``; the code of a buffer that is full, else 0."""
    run, count = state.run[0], state.holdings.shape[0]
    # a bar that opens where a period ends belongs to the next one
    moment = event.time + 1 if event.kind == BAR_OPEN else event.time
    if moment > run.next_period:
        if run.periods + count > periods.shape[0]:
            return PERIODS_FULL
        if run.started != 0:
            record_period(state, run.next_period, periods)
        run.next_period = -(-moment // run.period) * run.period
    return FILLS_FULL if run.fills + 2 * count > fills.shape[0] else 0


@inner_kernel
def write_point(state: State, curve_times: Array, curve_values: Array) -> None:
    """Add a point to the curve and get ready for the next time."""
    run, account = state.run[0], state.account[0]
    curve_times[run.points] = run.now
    account.lowest = min(account.lowest, account.equity_report)
    curve_values[run.points, 0] = account.equity_report
    curve_values[run.points, 1] = account.collateral
    for k in range(state.holdings.shape[0]):
        curve_values[run.points, 2 + k] = state.holdings[k].contracts
        state.holdings[k].closed_now = 0
    run.points += 1
    run.kinds = 0


@inner_kernel
def take_event(state: State, event: Array, history: Array, fills: Array) -> int:
    """Apply one event; 0 or an error code."""
    run = state.run[0]
    run.now = event.time
    run.kinds |= event.kind
    run.events += 1
    if event.kind & (BAR_OPEN | BAR_CLOSE):
        return take_bar(state, event, history, fills)
    if event.kind & (FUNDING | FUNDING_KNOWN):
        take_funding(state, event)
    else:
        take_price(state, event)
    return 0


@inner_kernel
def end_time(state: State, history: Array, fills: Array) -> int:
    """All events of this time are in: fill what is due and bring the account up to date; 0 or an error code."""
    run, account = state.run[0], state.account[0]
    run.error_instrument = run.instrument
    if account.deposited == 0:
        return NO_REPORT_PRICE
    if run.convention == NEXT_CLOSE:
        error = fill_due(state, history, fills)
        if error != 0:
            return error
    show_account(state)
    return 0 if math.isfinite(account.equity_report) else NOT_FINITE


@inner_kernel
def take_decision(state: State, history: Array, fills: Array) -> int:
    """The agent has decided: orders from its targets, filled at once under `this_close`; 0 or an error code."""
    state.run[0].resume = 0
    error = take_targets(state)
    if error == 0 and state.run[0].convention == THIS_CLOSE:
        error = fill_due(state, history, fills)
        update_equity(state)
    return error


@loop_kernel
def advance(agent: Any, compiled: bool, state: State, history: Array, events: Array, output: Output) -> int:
    """Run until Python is wanted; the reason, a code below zero, or the history row to decide on."""
    run, context, fills = state.run[0], state.context[0], output.fills
    while run.cursor < run.count:
        if run.resume == 0:
            event = events[run.cursor]
            full = make_room(state, event, fills, output.periods)
            if full != 0:
                return full
            error = take_event(state, event, history, fills)
            if error != 0:
                return fail(state, error, event.instrument, 0.0)
            if event.end_of_time == 0 or not run.kinds & BAR_CLOSE:
                run.cursor += 1
                continue
            error = end_time(state, history, fills)
            if error != 0:
                return fail(state, error, run.error_instrument, state.account[0].equity_report)
            if run.warm != 0 or all_warm(state):
                row = context.rows[run.instrument]
                run.resume = 1
                if not compiled:
                    return row
                status = agent(context, state.memory, history, row)
                if status != OK:
                    return fail(state, AGENT_STATUS, run.instrument, float(status))
        if run.resume != 0:
            error = take_decision(state, history, fills)
            if error != 0:
                return fail(state, error, run.error_instrument, run.error_value)
        write_point(state, output.curve_times, output.curve_values)
        run.cursor += 1
        if run.events >= run.next_progress:
            run.next_progress = run.events + run.progress_every
            return PROGRESS
    return CHUNK_DONE


@kernel
def loop(agent: Any, compiled: bool, state: State, history: Array, events: Array, output: Output) -> Iterator[int]:
    """Yield every reason of ``advance``; after CHUNK_DONE the events are written anew. A negative count ends it.

    It has to be run to its end: numba keeps the arrays of a generator that was dropped before. Nothing but arrays may
    live across a yield: numba copies a record into the generator, and the copy goes stale.
    """
    while state.run[0].count >= 0:
        state.run[0].inside = 1
        reason = advance(agent, compiled, state, history, events, output)
        state.run[0].inside = 0
        yield reason

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
    update_equity,
)
from halfspread.engine.market_kernels import (
    take_bar,
    take_price,
)
from halfspread.engine.order_records import MAX_REQUESTS
from halfspread.engine.records import (
    AGENT_STATUS,
    BAR_CLOSE,
    BAR_OPEN,
    CHUNK_DONE,
    DEPTH,
    FAILED,
    FILLS_FULL,
    FUNDING,
    FUNDING_KNOWN,
    NEXT_CLOSE,
    NO_REPORT_PRICE,
    NOT_FINITE,
    OK,
    ORDERS_FULL,
    PERIODS_FULL,
    PROGRESS,
    SERVE_DEPTH,
    SERVE_DUE,
    SERVE_FUNDING,
    SERVE_IN_FORCE,
    SERVE_MARGIN,
    SERVE_PERIOD,
    SERVE_REPORTS,
    SERVE_REQUESTS,
    SERVE_STEPS,
    SERVE_TARGETS,
    SERVE_TRADE,
    SERVICE_WANTED,
    THIS_CLOSE,
    TIMER,
    TOO_MANY_REQUESTS,
    TRADE,
    Data,
    Output,
    State,
)

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
def all_warm(state: State) -> bool:
    """Whether every instrument has its lookback rows and the one that is decided on."""
    for k in range(state.holdings.shape[0]):
        if state.holdings[k].seen <= state.run[0].lookback:
            return False
    state.run[0].warm = 1
    return True


@inner_kernel
def make_room(service: Any, state: State, event: Array, data: Data, output: Output) -> int:
    """Close the recording period that ends before ``event``; the code of a buffer that is full, else 0."""
    run, count = state.run[0], state.holdings.shape[0]
    # a bar that opens where a period ends belongs to the next one
    moment = event.time + 1 if event.kind == BAR_OPEN else event.time
    if moment > run.next_period:
        if run.periods + count > output.periods.shape[0]:
            return PERIODS_FULL
        if run.started != 0:
            service(SERVE_PERIOD, state, event, data, output)
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
def take_event(service: Any, state: State, event: Array, data: Data, output: Output) -> int:
    """Apply one event; 0 or an error code."""
    run = state.run[0]
    run.now = event.time
    run.events += 1
    if event.kind & (BAR_OPEN | BAR_CLOSE):
        run.kinds |= event.kind
        return take_bar(service, state, event, data, output)
    if event.kind & DEPTH:
        return service(SERVE_DEPTH, state, event, data, output)
    if event.kind == TRADE:
        return service(SERVE_TRADE, state, event, data, output)
    run.kinds |= event.kind
    if event.kind & (FUNDING | FUNDING_KNOWN):
        service(SERVE_FUNDING, state, event, data, output)
    elif event.kind != TIMER:
        take_price(service, state, event, data, output)
    return 0


@inner_kernel
def end_time(service: Any, state: State, event: Array, data: Data, output: Output) -> int:
    """All events of this time are in: fill what is due and bring the account up to date; 0 or an error code."""
    run = state.run[0]
    run.error_instrument = run.instrument
    if run.convention == NEXT_CLOSE:
        error = service(SERVE_DUE, state, event, data, output)
        if error != 0:
            return error
    if run.now >= run.next_change:
        service(SERVE_STEPS, state, event, data, output)
    show_account(state)
    if run.unvalued != 0 and state.accounts[state.contracts[run.instrument].account].deposited == 0:
        return NO_REPORT_PRICE
    return 0 if math.isfinite(run.equity) else NOT_FINITE


@inner_kernel
def targets_change(state: State) -> bool:
    """Whether the agent wants anything else than before, a NaN included."""
    context = state.context[0]
    for k in range(state.holdings.shape[0]):
        if context.targets[k] != state.holdings[k].target:
            return True
    return state.run[0].resize != 0


@inner_kernel
def take_decision(service: Any, state: State, event: Array, data: Data, output: Output) -> int:
    """The agent has decided: orders from its targets and requests, filled at once under `this`; 0 or an error code."""
    run, context = state.run[0], state.context[0]
    run.resume = 0
    context.rejected = 0
    for k in range(state.holdings.shape[0]):
        context.filled[k] = 0.0
    run.decisions += 1
    error = 0
    if targets_change(state):
        error = service(SERVE_TARGETS, state, event, data, output)
    if error == 0 and context.requests != 0:
        if context.requests > MAX_REQUESTS:
            run.error_value = context.requests
            return TOO_MANY_REQUESTS
        error = service(SERVE_REQUESTS, state, event, data, output)
    if error == 0 and run.convention == THIS_CLOSE:
        if run.served != 0:
            error = service(SERVE_IN_FORCE, state, event, data, output)
        if error == 0:
            error = service(SERVE_DUE, state, event, data, output)
        if run.check != 0:
            service(SERVE_MARGIN, state, event, data, output)
        update_equity(state)
    return error


@inner_kernel
def decides_now(state: State) -> bool:
    """Whether the agent is to be asked."""
    run = state.run[0]
    return run.kinds & run.subscribed != 0 and (run.warm != 0 or all_warm(state))


@loop_kernel
def advance(
    agent: Any, service: Any, compiled: bool, state: State, history: Array, data: Data, events: Array, output: Output
) -> int:
    """Run until Python is wanted; the reason, a code below zero, or the history row to decide on."""
    run, context = state.run[0], state.context[0]
    while run.cursor < run.count:
        if run.resume == 0:
            event = events[run.cursor]
            full = make_room(service, state, event, data, output)
            if full != 0:
                return full
            if run.reports != 0 and run.next_report <= event.time:
                service(SERVE_REPORTS, state, event, data, output)
                run.between = 1
                show_account(state)
                if not decides_now(state):
                    run.between = 0
                    continue
            else:
                error = take_event(service, state, event, data, output)
                if error != 0:
                    return fail(state, error, event.instrument + 0, 0.0)
                if run.check != 0 and (event.end_of_time != 0 or event.kind == BAR_OPEN):
                    service(SERVE_MARGIN, state, event, data, output)
                if event.end_of_time == 0 or not run.kinds & run.wanted:
                    run.cursor += 1
                    continue
                error = end_time(service, state, event, data, output)
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
            if context.requests != 0 and run.served == 0:
                return SERVICE_WANTED
            error = take_decision(service, state, events[run.cursor], data, output)
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
    agent: Any, service: Any, compiled: bool, state: State, history: Array, data: Data, events: Array, output: Output
) -> Iterator[int]:
    """Yield every reason of ``advance``; after CHUNK_DONE the events are written anew. A negative count ends it.

    It has to be run to its end: numba keeps the arrays of a generator that was dropped before. Nothing but arrays may
    live across a yield: numba copies a record into the generator, and the copy goes stale.
    """
    while state.run[0].count >= 0:
        state.run[0].inside = 1
        reason = advance(agent, service, compiled, state, history, data, events, output)
        state.run[0].inside = 0
        yield reason

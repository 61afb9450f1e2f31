"""The steps of the event loop in full: any event, the end of a time, and what an agent has decided.

The loop itself passes bars that nothing waits for; whatever else comes up it hands to `serve_core`, a first-class
function, so that the code it runs at every bar stays small (inlined, it took half as long again and ten times as long
to compile). ``extra`` is a function of ``engine.service_kernels``: quotes, books, trades and orders. Arrays and records
of ``engine.records``. Functions return 0 or an error code unless they say otherwise.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import loop_kernel, once_kernel
from halfspread.engine.account_kernels import (
    contracts_of_full_target,
    round_to_lots,
    scheduled,
    update_equity,
)
from halfspread.engine.codes import (
    BAR_OPEN,
    CLOSE,
    CORE_COSTS,
    CORE_EVENT,
    CORE_MARGIN,
    NEXT_CLOSE,
    NEXT_OPEN,
    NO_REPORT_PRICE,
    NOT_FINITE,
    ON_BARS,
    SERVE_IN_FORCE,
    SERVE_REPORTS,
    SERVE_REQUESTS,
    SERVICE_MISSING,
    STEP_AGAIN,
    STEP_DECIDE,
    STEP_ON,
    TARGET_RANGE,
    THIS_CLOSE,
    TOO_MANY_REQUESTS,
)
from halfspread.engine.event_kernels import look_after_margin, take_event
from halfspread.engine.fill_kernels import execute, show_costs
from halfspread.engine.message_kernels import serve_targets
from halfspread.engine.order_records import MAX_REQUESTS
from halfspread.engine.period_kernels import make_room
from halfspread.engine.records import Data
from halfspread.engine.request_kernels import arrives_at_once, send_target
from halfspread.engine.step_kernels import decides_now, fail, show_account, targets_change

Array = Any
Record = Any

NEVER = 9223372036854775807

#: Bars pass in a hurry only while so few lines of the ledger wait to be taken away.
ROOM_WHEN_CALM = 1024


@once_kernel
def show_steps(state: Record) -> None:
    """Show the agent the ticks and lots in force, and note when one of them changes next."""
    run, context = state.run, state.context
    run.next_change = NEVER
    for k in range(state.run.instruments):
        contract = state.contracts[k]
        context.tick[k] = scheduled(state.starts, state.schedule, contract.ticks, run.now, 0)
        context.lot[k] = scheduled(state.starts, state.schedule, contract.lots, run.now, 0)
        for row in range(contract.ticks[0], contract.lots[1]):
            if run.now < state.starts[row] < run.next_change:
                run.next_change = state.starts[row]


@loop_kernel
def fill_due(state: Record, data: Data) -> int:
    """Fill pending targets at the close of their instrument's bar where that has closed now; 0 or an error code."""
    run = state.run
    for k in range(state.run.instruments):
        holding = state.holdings[k]
        there = holding.closed_now != 0 and state.contracts[k].market == ON_BARS
        if there and holding.has_pending != 0 and holding.arrives <= run.now:
            error = execute(state, k, data.bars, holding.bar, CLOSE, run.now)
            if error != 0:
                run.error_instrument = k
                return error
    return 0


@once_kernel
def size_targets(state: Record) -> int:
    """Turn the agent's targets into pending orders in whole lots; 0 or an error code."""
    run, context = state.run, state.context
    for k in range(state.run.instruments):
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
        wanted = round_to_lots(target * full, lot)
        send_target(state, k, wanted)
        if target != 0.0 and wanted == 0.0:
            holding.below_one_lot += 1
        if full > 0.0:
            holding.sized = full
            holding.position = holding.contracts / full
            context.positions[k] = context.contracts[k] / full
    return 0


@once_kernel
def end_time(extra: Any, state: Record, event: Array, data: Data) -> int:
    """All events of this time are in: fill what is due and bring the account up to date; 0 or an error code."""
    run = state.run
    run.error_instrument = run.instrument
    if run.convention == NEXT_CLOSE:
        if run.messages != 0:
            serve_targets(state, run.now)
        error = fill_due(state, data)
        if error != 0:
            return error
        if run.check != 0:
            look_after_margin(extra, state, event, data, run.now, False)
    if run.now >= run.next_change:
        show_steps(state)
    show_account(state)
    if run.unvalued != 0 and state.accounts[state.contracts[run.instrument].account].deposited == 0:
        return NO_REPORT_PRICE
    return 0 if math.isfinite(run.equity) else NOT_FINITE


@once_kernel
def note_calm(state: Record) -> None:
    """Up to when bars may pass without a look at orders, messages, reports, margin, periods and dated terms."""
    run = state.run
    calm = run.live == 0 and run.messages == 0 and run.reports == 0 and run.check == 0 and run.unvalued == 0
    calm = calm and run.ledger < ROOM_WHEN_CALM
    calm = calm and run.convention == NEXT_OPEN and run.resize == 0
    run.calm_until = min(run.next_period, run.next_change) if calm else 0


@loop_kernel
def meet_arrivals(extra: Any, state: Record, event: Array, data: Data, time: int) -> int:
    """Under `this`, what arrives after its latency meets what is in force at ``time``; STEP_AGAIN, or below zero why to
    stop."""
    run = state.run
    run.now = time
    error = extra(SERVE_IN_FORCE, state, event, data)
    if error != 0:
        return fail(state, error, run.instrument, 0.0)
    if run.check != 0:
        look_after_margin(extra, state, event, data, time, False)
    return STEP_AGAIN


@once_kernel
def take_one(extra: Any, state: Record, event: Array, data: Data) -> int:
    """One event in full. STEP_ON: go on with the next; STEP_AGAIN: with this one; STEP_DECIDE: the time is over and is
    wanted; below zero: why to stop."""
    run = state.run
    full = make_room(state, event)
    if full != 0:
        return full
    arrival_first = run.reports == 0 or run.next_arrival <= run.next_report
    if run.next_arrival != 0 and run.next_arrival < event.time and arrival_first:
        return meet_arrivals(extra, state, event, data, run.next_arrival)
    if run.reports != 0 and run.next_report <= event.time:
        extra(SERVE_REPORTS, state, event, data)
        show_account(state)
        run.between = 1
        if decides_now(state):
            return STEP_DECIDE
        run.between = 0
        return STEP_AGAIN
    error = take_event(extra, state, event, data)
    if error != 0:
        return fail(state, error, event.instrument + 0, 0.0)
    if run.check != 0 and (event.end_of_time != 0 or event.kind == BAR_OPEN):
        look_after_margin(extra, state, event, data, run.now, event.end_of_time != 0)
    if event.end_of_time != 0 and run.next_arrival != 0 and run.next_arrival <= run.now:
        step = meet_arrivals(extra, state, event, data, run.now)
        if step < 0:
            return step
    if event.end_of_time == 0 or not run.kinds & run.wanted:
        return STEP_ON
    error = end_time(extra, state, event, data)
    if error != 0:
        return fail(state, error, run.error_instrument, run.equity)
    return STEP_DECIDE


@once_kernel
def take_decision(extra: Any, state: Record, event: Array, data: Data) -> int:
    """The agent has decided: orders from its targets and requests, filled at once under `this`; 0 or an error code."""
    run, context = state.run, state.context
    error = 0
    if targets_change(state):
        error = size_targets(state)
    if error == 0 and context.requests != 0:
        if context.requests > MAX_REQUESTS:
            run.error_value = context.requests
            return TOO_MANY_REQUESTS
        error = extra(SERVE_REQUESTS, state, event, data)
    if error == 0 and run.convention == THIS_CLOSE:
        if run.served != 0 and arrives_at_once(state):
            error = extra(SERVE_IN_FORCE, state, event, data)
        if error == 0:
            error = fill_due(state, data)
        if run.check != 0:
            look_after_margin(extra, state, event, data, run.now, False)
        update_equity(state)
    return error


@loop_kernel
def serve_core(what: int, extra: Any, state: Record, event: Array, data: Data) -> int:
    """Do what the loop leaves to its core: the code of `take_one`, 0, or below zero why to stop."""
    run = state.run
    result: int = 0
    if what == CORE_EVENT:
        result = take_one(extra, state, event, data)
    elif what == CORE_MARGIN:
        look_after_margin(extra, state, event, data, run.now, event.end_of_time != 0)
    elif what == CORE_COSTS:
        show_costs(state, data.bars)
    else:
        error = take_decision(extra, state, event, data)
        if error != 0:
            result = fail(state, error, run.error_instrument, run.error_value)
    note_calm(state)
    return result


@loop_kernel
def serve_nothing(what: int, state: Record, event: Array, data: Data) -> int:
    """The extra of a run that has not needed one yet."""
    return SERVICE_MISSING

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
    set_rate,
    settle_funding,
    update_equity,
)
from halfspread.engine.codes import (
    BAR_CLOSE,
    BAR_OPEN,
    BY_SERIES,
    CLOSE,
    CORE_EVENT,
    CORE_MARGIN,
    DEPTH,
    FILLS_FULL,
    FUNDING,
    FUNDING_KNOWN,
    GAP,
    INDEX,
    MARK,
    MAX_FILLS,
    MAX_LEDGER,
    MAX_PERIODS,
    NEXT_CLOSE,
    NEXT_OPEN,
    NO_MARGIN,
    NO_REPORT_PRICE,
    NOT_FINITE,
    ON_BARS,
    OPEN,
    ORDERS_FULL,
    PERIODS_FULL,
    SERVE_DEPTH,
    SERVE_IN_FORCE,
    SERVE_LIQUIDATED,
    SERVE_MARK,
    SERVE_OPEN,
    SERVE_RANGE,
    SERVE_REPORTS,
    SERVE_REQUESTS,
    SERVE_TRADE,
    SERVICE_MISSING,
    STEP_AGAIN,
    STEP_DECIDE,
    STEP_ON,
    TARGET_RANGE,
    THIS_CLOSE,
    TIMER,
    TOO_MANY_REQUESTS,
    TRADE,
)
from halfspread.engine.fill_kernels import execute
from halfspread.engine.ledger_kernels import arrives_at_once, send_target
from halfspread.engine.liquidation_kernels import check_margin
from halfspread.engine.margin_kernels import pay_from_margin
from halfspread.engine.market_kernels import close_bar, open_bar
from halfspread.engine.order_records import MAX_REQUESTS
from halfspread.engine.records import Data
from halfspread.engine.step_kernels import decides_now, fail, show_account, targets_change

Array = Any
Record = Any

NEVER = 9223372036854775807

#: Bars pass in a hurry only while so few lines of the ledger wait to be taken away.
ROOM_WHEN_CALM = 1024


@loop_kernel
def record_period(state: Record, time: int) -> None:
    """Write the cumulative attribution of every instrument as it stands at ``time``."""
    run, holdings = state.run, state.holdings
    update_equity(state)
    for k in range(run.instruments):
        holding = holdings[k]
        account = state.accounts[state.contracts[k].account]
        line = state.periods[run.periods]
        line.time = time
        line.instrument = k
        line.equity = run.equity
        line.equity_settle = account.equity_settle
        line.collateral = 0.0
        for a in range(state.run.accounts):
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
def take_funding(state: Record, event: Array) -> None:
    """A settlement, or the publication of the rate of a later one."""
    context, k = state.context, event.instrument + 0
    context.next_funding_time[k] = event.row
    if event.kind == FUNDING:
        account = state.accounts[state.contracts[k].account]
        before = account.cash
        settle_funding(state, k, event.value)
        pay_from_margin(state, k, before - account.cash)
        context.last_funding_rate[k] = event.value
        context.next_funding_rate[k] = math.nan
    else:
        context.next_funding_rate[k] = event.value
    if state.run.margin != NO_MARGIN and state.holdings[k].contracts != 0.0:
        state.run.check = 1


@once_kernel
def take_price(extra: Any, state: Record, event: Array, data: Data) -> None:
    """Mark and index prices, the price of a settle currency, and the beginning of a gap."""
    run, context, k = state.run, state.context, event.instrument + 0
    holding = state.holdings[k]
    if event.kind == MARK:
        holding.mark = event.value
        context.mark[k] = event.value
        if holding.live != 0:
            extra(SERVE_MARK, state, event, data)
        looks = run.margin != NO_MARGIN and holding.contracts != 0.0
        if looks and not holding.low_limit < event.value < holding.high_limit:
            run.check = 1
    elif event.kind == INDEX:
        context.index[k] = event.value
    elif event.kind == GAP:
        if holding.gap == 0:
            holding.gap = event.time
    else:
        for a in range(state.run.accounts):
            if state.accounts[a].rate_source == BY_SERIES and state.accounts[a].rate_instrument == k:
                set_rate(state, a, event.value)


@once_kernel
def take_bar(extra: Any, state: Record, event: Array, data: Data) -> int:
    """The two moments of a bar: its open, where what was decided before is filled, and its close."""
    run, k, row = state.run, event.instrument + 0, event.row
    holding, contract = state.holdings[k], state.contracts[k]
    market = contract.market == ON_BARS
    if event.kind & BAR_OPEN:
        opened = event.time - contract.interval if event.kind & BAR_CLOSE else event.time
        if market and (holding.live != 0 or run.messages != 0):
            error = extra(SERVE_OPEN, state, event, data)
            if error != 0:
                return error
        if holding.has_pending != 0 and market and run.convention == NEXT_OPEN and holding.arrives <= opened:
            error = execute(state, k, data.bars, row, OPEN, opened)
            if error != 0:
                return error
        if event.kind & BAR_CLOSE and run.check != 0:
            look_after_margin(extra, state, event, data, opened, False)
        open_bar(state, k, event.kind, data.bars, row)
    if event.kind & BAR_CLOSE:
        if market and holding.live != 0:
            error = extra(SERVE_RANGE, state, event, data)
            if error != 0:
                return error
        close_bar(state, k, event.time, data.bars, row)
        holding.closed_now = 1
    return run.error


@loop_kernel
def look_after_margin(extra: Any, state: Record, event: Array, data: Data, time: int, closing: bool) -> None:
    """Liquidate at ``time`` what the margin does not carry, and cancel its orders; ``closing``: at the end of a time,
    when the worst prices of the bars that close then count."""
    run = state.run
    if not closing:
        for k in range(state.run.instruments):
            state.holdings[k].worst = math.nan
    check_margin(state, time)
    if run.live != 0:
        extra(SERVE_LIQUIDATED, state, event, data)


@once_kernel
def make_room(state: Record, event: Array) -> int:
    """Close the recording period that ends before ``event``; the code of a buffer that is full, else 0."""
    run, count = state.run, state.run.instruments
    # a bar that opens where a period ends belongs to the next one
    moment = event.time + 1 if event.kind == BAR_OPEN else event.time
    if run.next_arrival != 0:
        moment = min(moment, run.next_arrival)
    if run.next_period == 0 and not event.kind & (BAR_OPEN | BAR_CLOSE):
        if event.kind & (DEPTH | TRADE):
            run.next_period = (moment // run.period + 1) * run.period
    elif moment > run.next_period:
        if run.periods + count > MAX_PERIODS:
            return PERIODS_FULL
        if run.started != 0:
            record_period(state, run.next_period)
        run.next_period = -(-moment // run.period) * run.period
    if run.ledger + 2 * (run.live + MAX_REQUESTS) + run.messages > MAX_LEDGER:
        return ORDERS_FULL
    return FILLS_FULL if run.fills + 4 * count + run.live > MAX_FILLS else 0


@once_kernel
def take_event(extra: Any, state: Record, event: Array, data: Data) -> int:
    """Apply one event; 0 or an error code."""
    run = state.run
    run.now = event.time
    run.events += 1
    if event.kind & (BAR_OPEN | BAR_CLOSE):
        run.kinds |= event.kind
        return take_bar(extra, state, event, data)
    if event.kind & DEPTH:
        return extra(SERVE_DEPTH, state, event, data)
    if event.kind == TRADE:
        return extra(SERVE_TRADE, state, event, data)
    run.kinds |= event.kind
    if event.kind & (FUNDING | FUNDING_KNOWN):
        take_funding(state, event)
    elif event.kind != TIMER:
        take_price(extra, state, event, data)
    return 0


@once_kernel
def end_time(extra: Any, state: Record, event: Array, data: Data) -> int:
    """All events of this time are in: fill what is due and bring the account up to date; 0 or an error code."""
    run = state.run
    run.error_instrument = run.instrument
    if run.convention == NEXT_CLOSE:
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

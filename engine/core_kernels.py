"""What every run needs now and then, but not at every bar: fills of targets, margin, funding, the attribution by period.

The event loop reaches it through one first-class function, so that the code it runs at every bar stays small: with this
inlined, that took half as long again. Arrays and records of ``engine.records``. Functions return 0 or an error code.
"""

from __future__ import annotations

import math
from typing import Any

from halfspread.compiled import inner_kernel, kernel, loop_kernel
from halfspread.engine.account_kernels import (
    contracts_of_full_target,
    round_to_lots,
    scheduled,
    settle_funding,
    update_equity,
)
from halfspread.engine.fill_kernels import execute
from halfspread.engine.ledger_kernels import order_arrival
from halfspread.engine.liquidation_kernels import check_margin
from halfspread.engine.records import (
    BAR_CLOSE,
    CLOSE,
    CORE_SERVICES,
    FUNDING,
    NO_MARGIN,
    ON_BARS,
    OPEN,
    SERVE_DUE,
    SERVE_EXECUTE,
    SERVE_FUNDING,
    SERVE_MARGIN,
    SERVE_PERIOD,
    SERVE_STEPS,
    SERVE_TARGETS,
    SERVICE_MISSING,
    TARGET_RANGE,
    Data,
    Output,
    State,
)

Array = Any

NEVER = 9223372036854775807


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


@loop_kernel
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
def size_targets(state: State) -> int:
    """Turn the agent's targets into pending orders in whole lots; 0 or an error code."""
    run, context = state.run[0], state.context[0]
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


@loop_kernel
def take_funding(state: State, event: Array) -> None:
    """A settlement, or the publication of the rate of a later one."""
    context, k = state.context[0], event.instrument + 0
    context.next_funding_time[k] = event.row
    if event.kind == FUNDING:
        settle_funding(state, k, event.value)
        context.last_funding_rate[k] = event.value
        context.next_funding_rate[k] = math.nan
    else:
        context.next_funding_rate[k] = event.value
    if state.run[0].margin != NO_MARGIN and state.holdings[k].contracts != 0.0:
        state.run[0].check = 1


@inner_kernel
def opened_at(state: State, event: Array) -> int:
    """When the bar of an event opened, its close being possibly in the same event."""
    if event.kind & BAR_CLOSE:
        return event.time - state.contracts[event.instrument].interval
    return event.time


@inner_kernel
def margin_time(state: State, event: Array) -> int:
    """When margin is looked at: between open and close of a bar in one event, at its open."""
    return opened_at(state, event) if state.run[0].opening != 0 else state.run[0].now


@inner_kernel
def serve_core(what: int, state: State, event: Array, data: Data, output: Output) -> int:
    """One of the services that every run needs."""
    if what == SERVE_EXECUTE:
        k = event.instrument + 0
        return execute(state, k, data.bars, event.row, OPEN, opened_at(state, event), output.fills)
    if what == SERVE_DUE:
        return fill_due(state, data, output)
    if what == SERVE_TARGETS:
        return size_targets(state)
    if what == SERVE_MARGIN:
        check_margin(state, margin_time(state, event), output.fills)
    elif what == SERVE_FUNDING:
        take_funding(state, event)
    elif what == SERVE_PERIOD:
        record_period(state, state.run[0].next_period, output.periods)
    elif what == SERVE_STEPS:
        show_steps(state)
    return 0


@kernel
def serve_targets(what: int, state: State, event: Array, data: Data, output: Output) -> int:
    """The service of a run of targets on bars."""
    if what < CORE_SERVICES:
        return serve_core(what, state, event, data, output)
    return SERVICE_MISSING
